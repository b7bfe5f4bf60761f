# Where jobs run. Without a service role, Batch uses the role linked to it, and makes that itself.

resource "aws_launch_template" "jobs" {
  name_prefix = "${var.name}-"
  description = "Instances that run jobs"
  tags        = var.tags

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = var.disk_gib
      volume_type           = "gp3"
      encrypted             = "true"
      delete_on_termination = "true"
    }
  }

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }
}

resource "aws_batch_compute_environment" "this" {
  for_each = local.environments

  name  = "${var.name}-${each.key}"
  type  = "MANAGED"
  state = "ENABLED"
  tags  = var.tags

  compute_resources {
    type                = each.value.type
    allocation_strategy = each.value.strategy
    min_vcpus           = 0 # nothing runs, nothing is paid
    max_vcpus           = each.value.max_vcpus
    instance_type       = var.instance_types
    instance_role       = aws_iam_instance_profile.instance.arn
    security_group_ids  = [aws_security_group.jobs.id]
    subnets             = local.subnet_ids
    tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })

    launch_template {
      launch_template_id = aws_launch_template.jobs.id
      version            = aws_launch_template.jobs.latest_version
    }
  }

  # A change of the instances, their tags among it, lets the jobs that run go on for so long, and
  # then ends them. The provider takes no more.
  update_policy {
    terminate_jobs_on_update      = false
    job_execution_timeout_minutes = 360
  }

  # On the way out the network goes last: instances say goodbye through it.
  depends_on = [
    aws_iam_role_policy_attachment.instance,
    aws_route.internet,
    aws_route_table_association.jobs,
    aws_vpc_security_group_egress_rule.jobs,
  ]
}
