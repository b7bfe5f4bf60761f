variable "name" {
  description = "What everything is called whose name computes does not fix, or begins with."
  type        = string
  default     = "computes"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) >= 3 && length(var.name) <= 24 && !startswith(var.name, "sg-")
    error_message = "3 to 24 small letters, digits and single dashes between them, with a letter first: what repositories, buckets and security groups all take."
  }
}

variable "tags" {
  description = "Tags for everything that takes some."
  type        = map(string)
  default     = {}
  nullable    = false
}

# Where jobs run

variable "network" {
  description = "A VPC of yours with one subnet for each zone in which jobs may run; null makes one. It resolves names of its own (enableDnsSupport, enableDnsHostnames), and the internet can be reached from it; the README says what it takes without."
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })
  default = null

  validation {
    condition     = try(length(var.network.subnet_ids) > 0, true)
    error_message = "Name at least one subnet."
  }
}

variable "vpc_cidr" {
  description = "The addresses of the VPC that is made; unused with a network of yours."
  type        = string
  default     = "10.64.0.0/16"
  nullable    = false
}

variable "zones" {
  description = "In how many zones the VPC that is made has a subnet."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = contains([1, 2, 3, 4, 5, 6], var.zones)
    error_message = "From 1 to 6."
  }
}

variable "instance_types" {
  description = "The instances to choose from: types, families, or optimal. The image has to be built for their architecture."
  type        = list(string)
  default     = ["optimal"]
  nullable    = false

  validation {
    condition     = length(var.instance_types) > 0
    error_message = "Name at least one, or optimal."
  }
}

variable "max_vcpus" {
  description = "How many vCPUs run at once, at the most, for jobs that may be interrupted and for those that may not."
  type = object({
    spot      = optional(number, 256)
    on_demand = optional(number, 64)
  })
  default  = {}
  nullable = false
}

variable "disk_gib" {
  description = "The disk of an instance, which all jobs on it share: images, and what jobs write outside of /files."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.disk_gib >= 30
    error_message = "At least 30, as large as what the instance starts from."
  }
}

variable "fair_share" {
  description = "Fair-share scheduling: each share by its weight (0.0001 to 999.9999), where a smaller weight gets more. Every job then needs a share. To begin or end it makes the queues anew, which ends all jobs in them."
  type = object({
    weights       = map(number)
    decay_seconds = optional(number, 3600)
    reservation   = optional(number, 0)
  })
  default = null

  validation {
    condition     = try(length([for share in keys(var.fair_share.weights) : share if !endswith(share, "*")]) > 0, true)
    error_message = "Name at least one share that is none of many (`team*`)."
  }
}

variable "stuck_after" {
  description = "After how many seconds a job is cancelled that no compute environment can ever hold and that keeps all behind it from starting; null never does that."
  type        = number
  default     = 3600

  validation {
    condition     = try(var.stuck_after >= 600 && var.stuck_after <= 86400, var.stuck_after == null)
    error_message = "From 600 to 86400, or null."
  }
}

# What jobs find there

variable "image" {
  description = "The image of the job definition. It has sh, mkdir, ln and rmdir, and no ENTRYPOINT. The output repository_url is where your own goes; to pull from another repository of ECR takes a policy in execution_policies. For sources, inputs and outputs it also has computes and the certificates of authorities, or, with fetch = \"urls\" in computes.toml, tar, gzip, sha256sum, and curl or GNU wget."
  type        = string
  default     = "public.ecr.aws/docker/library/debian:bookworm-slim"
  nullable    = false
}

variable "readable_secrets" {
  description = "ARNs of parameters (SSM) and secrets (Secrets Manager) that jobs may ask for with --secret NAME=ssm:…; a * at the end is allowed."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.readable_secrets : can(regex("^arn:[^:]+:(ssm|secretsmanager):", arn))])
    error_message = "Each begins with arn:aws:ssm: or arn:aws:secretsmanager:."
  }
}

variable "execution_policies" {
  description = "ARNs of policies for what starts jobs, by names of yours: kms:Decrypt for secrets with a key of yours, pulls from other repositories."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "job_policies" {
  description = "ARNs of policies that say what jobs may do on AWS besides, by names of yours."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "log_retention_days" {
  description = "For how long logs are kept, in days: one of those that CloudWatch knows."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "One of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653."
  }
}

variable "infrequent_access_after_days" {
  description = "After how many days without a reader a file of /files moves to where it costs less."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 7, 14, 30, 60, 90, 180, 270, 365], var.infrequent_access_after_days)
    error_message = "One of 1, 7, 14, 30, 60, 90, 180, 270 and 365."
  }
}

variable "objects_expire_after_days" {
  description = "After how many days sources and results are removed from the bucket."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.objects_expire_after_days >= 14 && floor(var.objects_expire_after_days) == var.objects_expire_after_days
    error_message = "A whole number from 14 on: a source is sent again after a week, and its job may wait for long."
  }
}

# Who may use it

variable "submitters" {
  description = "ARNs of who may take the role that only submits; those of your account whose own policies let them, if none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "operators" {
  description = "ARNs of who may take the role for every verb; those of your account whose own policies let them, if none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "github" {
  description = "Repositories of GitHub whose pipelines may take the CI role: owner/name, or owner/name:ref:refs/heads/main and the like for some of them; with ids, owner@1234/name@5678, where their tokens have them. provider is the account's OIDC provider for GitHub, if it has one already."
  type = object({
    repositories = list(string)
    provider     = optional(object({ arn = string }))
  })
  default = null

  validation {
    condition     = alltrue([for it in try(var.github.repositories, []) : can(regex("^[A-Za-z0-9_.-]+(@[0-9]+)?/[A-Za-z0-9_.-]+(@[0-9]+)?(:[^*?]+)?$", it))])
    error_message = "Each is owner/name, with what narrows it behind a colon, and no wildcard."
  }

  validation {
    condition     = try(length(var.github.repositories) > 0, true)
    error_message = "Name at least one repository."
  }
}

variable "gitlab" {
  description = "Projects of GitLab whose pipelines may take the CI role: group/project, or group/project:ref_type:branch:ref:main. provider is the account's OIDC provider for that host, if it has one already."
  type = object({
    projects = list(string)
    host     = optional(string, "gitlab.com")
    provider = optional(object({ arn = string }))
  })
  default = null

  validation {
    condition     = alltrue([for it in try(var.gitlab.projects, []) : can(regex("^[A-Za-z0-9_./-]+/[A-Za-z0-9_.-]+(:[^*?]+)?$", it))])
    error_message = "Each is group/project, with what narrows it behind a colon, and no wildcard."
  }

  validation {
    condition     = try(length(var.gitlab.projects) > 0, true)
    error_message = "Name at least one project."
  }

  validation {
    condition     = try(regex("^[a-z0-9.-]+$", var.gitlab.host) != "", var.gitlab == null)
    error_message = "The host is a name, as gitlab.com is, without https:// before it."
  }
}

variable "ci_verbs" {
  description = "What the CI role is for: words that `computes policy` takes."
  type        = list(string)
  default     = ["submit", "run", "wait", "status", "logs", "list", "cancel", "retry", "explain", "once", "tags", "source", "files"]
  nullable    = false

  validation {
    condition     = length(var.ci_verbs) > 0
    error_message = "Name at least one."
  }
}

variable "failure_emails" {
  description = "Who gets a mail for each job that failed. Each has to confirm the first."
  type        = list(string)
  default     = []
  nullable    = false
}
