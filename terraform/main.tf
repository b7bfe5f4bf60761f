# What `computes --engine aws` asks for: four queues, where their jobs run, the definition that jobs
# are made from, and who may do what. One page a subject; this one has what they share.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  # Where jobs run: those that may be interrupted on spot capacity, the others on demand.
  environments = {
    spot = {
      type      = "SPOT"
      strategy  = "SPOT_CAPACITY_OPTIMIZED"
      max_vcpus = var.max_vcpus.spot
    }
    on-demand = {
      type      = "EC2"
      strategy  = "BEST_FIT_PROGRESSIVE"
      max_vcpus = var.max_vcpus.on_demand
    }
  }

  # The names are those of `computes --queue`; the higher priority goes first.
  queues = {
    default                 = { environment = "spot", priority = 1 }
    asap                    = { environment = "spot", priority = 10 }
    default-uninterruptible = { environment = "on-demand", priority = 1 }
    asap-uninterruptible    = { environment = "on-demand", priority = 10 }
  }

  job_definition = "default"
  # Where the definition mounts the file system that jobs share, and the prefix of their command
  # looks for it: `efs_mount` in computes.toml.
  efs_mount = "/mnt/efs"
}
