# Who runs jobs, and who may submit them.

locals {
  # Roles are those of the account, in whatever region.
  global_name = "${var.name}-${local.region}"

  # What each verb takes, as `computes policy VERB` prints it. A test keeps the file current.
  verbs = jsondecode(templatefile("${path.module}/policies.json", {
    partition      = local.partition
    region         = local.region
    account        = local.account
    job_definition = local.job_definition
    log_group      = aws_cloudwatch_log_group.jobs.name
    job_role       = aws_iam_role.job.name
    execution_role = aws_iam_role.execution.name
    bucket         = aws_s3_bucket.objects.id
  }))

  # Who may do what, by verbs.
  callers = {
    submitter = ["submit", "source"]
    operator  = [for word in keys(local.verbs) : word if word != "inside"] # which is for jobs
    ci        = var.ci_verbs
  }

  # As text, because statements with a condition and without one are of two types.
  statements = {
    for caller, verbs in local.callers :
    caller => distinct(flatten([for verb in verbs : [for it in lookup(local.verbs, verb, []) : jsonencode(it)]]))
  }
  policies = {
    for caller, statements in local.statements :
    caller => "{\"Version\":\"2012-10-17\",\"Statement\":[${join(",", statements)}]}"
  }

  # A role that names its account lets in whom the account's own policies let in.
  everybody = ["arn:${local.partition}:iam::${local.account}:root"]
}

# People and programs with credentials of AWS

resource "aws_iam_role" "caller" {
  for_each = {
    submitter = var.submitters
    operator  = var.operators
  }

  name        = "${local.global_name}-${each.key}"
  description = each.key == "submitter" ? "Submits jobs with their sources, and nothing else" : "Every verb of computes"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = coalescelist(each.value, local.everybody) }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "caller" {
  for_each = aws_iam_role.caller

  name   = "computes"
  role   = each.value.name
  policy = local.policies[each.key]
}

# Pipelines, which have no credentials but a token that says which repository they are of

locals {
  issuers = merge(
    var.github == null ? {} : {
      github = {
        host     = "token.actions.githubusercontent.com"
        audience = "sts.amazonaws.com"
        provider = var.github.provider
        subjects = [for it in var.github.repositories : strcontains(it, ":") ? "repo:${it}" : "repo:${it}:*"]
      }
    },
    var.gitlab == null ? {} : {
      gitlab = {
        host     = var.gitlab.host
        audience = "https://${var.gitlab.host}"
        provider = var.gitlab.provider
        subjects = [for it in var.gitlab.projects : strcontains(it, ":") ? "project_path:${it}" : "project_path:${it}:*"]
      }
    },
  )
}

resource "aws_iam_openid_connect_provider" "ci" {
  for_each = { for name, issuer in local.issuers : name => issuer if issuer.provider == null }

  url            = "https://${each.value.host}"
  client_id_list = [each.value.audience]
  tags           = var.tags
}

resource "aws_iam_role" "ci" {
  count = length(local.issuers) == 0 ? 0 : 1

  name                 = "${local.global_name}-ci"
  description          = "Pipelines of named repositories"
  max_session_duration = 21600 # seconds; a pipeline that follows a job for as long
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for name, issuer in local.issuers : {
      Effect    = "Allow"
      Principal = { Federated = issuer.provider == null ? aws_iam_openid_connect_provider.ci[name].arn : issuer.provider.arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = { "${issuer.host}:aud" = issuer.audience }
        StringLike   = { "${issuer.host}:sub" = issuer.subjects }
      }
    }]
  })
}

resource "aws_iam_role_policy" "ci" {
  count = length(aws_iam_role.ci)

  name   = "computes"
  role   = aws_iam_role.ci[0].name
  policy = local.policies.ci

  lifecycle {
    precondition {
      condition     = alltrue([for verb in var.ci_verbs : contains(keys(local.verbs), verb)])
      error_message = "ci_verbs has a word that `computes policy` does not know."
    }
  }
}

# Jobs themselves

locals {
  # Only tasks of this account.
  task = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role" "job" {
  name               = "${local.global_name}-job"
  description        = "What a job may do"
  assume_role_policy = local.task
  tags               = var.tags
}

resource "aws_iam_role_policy" "job" {
  name = "files"
  role = aws_iam_role.job.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = local.file_actions
      Resource  = aws_efs_file_system.files.arn
      Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.files.arn } }
    }]
  })
}

# What `computes` does in a job: fetch what it brings along, and keep what it leaves.
resource "aws_iam_role_policy" "job_objects" {
  name = "objects"
  role = aws_iam_role.job.name

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.verbs.inside
  })
}

resource "aws_iam_role_policy_attachment" "job" {
  for_each = var.job_policies

  role       = aws_iam_role.job.name
  policy_arn = each.value
}

resource "aws_iam_role" "execution" {
  name               = "${local.global_name}-execution"
  description        = "Starts jobs: pulls the image, reads secrets, writes the log"
  assume_role_policy = local.task
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "execution" {
  for_each = var.execution_policies

  role       = aws_iam_role.execution.name
  policy_arn = each.value
}

locals {
  readable = {
    "ssm:GetParameters"             = [for arn in var.readable_secrets : arn if can(regex("^arn:[^:]+:ssm:", arn))]
    "secretsmanager:GetSecretValue" = [for arn in var.readable_secrets : arn if can(regex("^arn:[^:]+:secretsmanager:", arn))]
  }
}

resource "aws_iam_role_policy" "execution" {
  name = "start"
  role = aws_iam_role.execution.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = ["*"] # IAM can't narrow it
        },
        {
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = [aws_ecr_repository.image.arn]
        },
        {
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.jobs.arn}:*"]
        },
      ],
      [for action, arns in local.readable : { Effect = "Allow", Action = [action], Resource = arns } if length(arns) > 0],
    )
  })
}

# Instances

resource "aws_iam_role" "instance" {
  name        = "${local.global_name}-instance"
  description = "Instances that run jobs"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# AWS keeps what the agent of ECS needs up to date.
resource "aws_iam_role_policy_attachment" "instance" {
  role       = aws_iam_role.instance.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "instance" {
  name = "${local.global_name}-instance"
  role = aws_iam_role.instance.name
  tags = var.tags
}
