resource "aws_batch_job_definition" "default" {
  name                  = local.job_definition
  type                  = "container"
  platform_capabilities = ["EC2"]
  tags                  = var.tags

  container_properties = jsonencode({
    image   = var.image
    command = ["./build.sh", "--help"]
    resourceRequirements = [
      { type = "VCPU", value = "1" },
      { type = "MEMORY", value = "512" },
    ]

    jobRoleArn       = aws_iam_role.job.arn
    executionRoleArn = aws_iam_role.execution.arn

    # The command is no init: as the first process it would not notice SIGTERM, and be killed 30 s
    # later in the place of ending by itself.
    linuxParameters = { initProcessEnabled = true }

    mountPoints = [{ sourceVolume = "files", containerPath = local.efs_mount, readOnly = false }]
    volumes = [{
      name = "files"
      efsVolumeConfiguration = {
        fileSystemId      = aws_efs_file_system.files.id
        rootDirectory     = "/" # of the access point
        transitEncryption = "ENABLED"
        authorizationConfig = {
          accessPointId = aws_efs_access_point.files.id
          iam           = "ENABLED"
        }
      }
    }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group  = aws_cloudwatch_log_group.jobs.name
        awslogs-region = local.region
        # No line is lost when many are written at once: the job waits for them.
        mode = "blocking"
      }
    }
  })

  # A definition whose file system can't be mounted yet fails every job.
  depends_on = [aws_efs_mount_target.files, aws_efs_file_system_policy.files]
}

resource "aws_cloudwatch_log_group" "jobs" {
  name              = "/aws/batch/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
