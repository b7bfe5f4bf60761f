# The file system below which each job has its directory, as /files.

resource "aws_efs_file_system" "files" {
  creation_token  = var.name
  encrypted       = true
  throughput_mode = "elastic"
  tags            = merge(var.tags, { Name = var.name })

  lifecycle_policy {
    transition_to_ia = "AFTER_${var.infrequent_access_after_days}_${var.infrequent_access_after_days == 1 ? "DAY" : "DAYS"}"
  }

  lifecycle_policy {
    transition_to_primary_storage_class = "AFTER_1_ACCESS"
  }
}

resource "aws_efs_mount_target" "files" {
  count = length(local.subnet_ids)

  file_system_id  = aws_efs_file_system.files.id
  subnet_id       = local.subnet_ids[count.index]
  security_groups = [aws_security_group.files.id]
}

# Jobs see this directory as the whole. Whoever a job runs as may make its own directory in it. Root,
# as which containers run unless their image says otherwise, may do the same with those of others.
resource "aws_efs_access_point" "files" {
  file_system_id = aws_efs_file_system.files.id
  tags           = merge(var.tags, { Name = var.name })

  root_directory {
    path = "/jobs"

    creation_info {
      owner_uid   = 0
      owner_gid   = 0
      permissions = "1777"
    }
  }
}

# Without a policy, whoever reaches a mount target may do everything.
resource "aws_efs_file_system_policy" "files" {
  file_system_id = aws_efs_file_system.files.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Jobs"
        Effect    = "Allow"
        Principal = { AWS = aws_iam_role.job.arn }
        Action    = local.file_actions
        Resource  = aws_efs_file_system.files.arn
        Condition = {
          StringEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.files.arn }
          Bool         = { "elasticfilesystem:AccessedViaMountTarget" = "true" }
        }
      },
      {
        Sid       = "NothingInTheClear"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "*"
        Resource  = aws_efs_file_system.files.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

locals {
  # Root within a container is root here: builds change owners of files.
  file_actions = [
    "elasticfilesystem:ClientMount",
    "elasticfilesystem:ClientRootAccess",
    "elasticfilesystem:ClientWrite",
  ]
}
