output "computes_toml" {
  description = "The settings of computes for this account: terraform output -raw computes_toml > computes.toml."
  value = join("\n", concat(
    [
      "# Written by terraform. `computes doctor` looks whether everything is there.",
      "engine = \"aws\"",
      "job_definition = \"${aws_batch_job_definition.default.name}\"",
      "efs_mount = \"${local.efs_mount}\"",
      "bucket = \"${aws_s3_bucket.objects.id}\"",
    ],
    var.fair_share == null ? [] : [
      "# The queues take no job without a share; `--share` names another.",
      "share = \"${sort([for share in keys(var.fair_share.weights) : share if !endswith(share, "*")])[0]}\"",
    ],
    [""],
  ))
}

output "region" {
  description = "For AWS_REGION."
  value       = local.region
}

output "job_queues" {
  description = "The queues by name, as ARNs."
  value       = { for name, queue in aws_batch_job_queue.this : name => queue.arn }
}

output "job_definition" {
  description = "The ARN of the newest revision."
  value       = aws_batch_job_definition.default.arn
}

output "repository_url" {
  description = "Where your own image goes: ./build.sh image --push URL:TAG."
  value       = aws_ecr_repository.image.repository_url
}

output "log_group" {
  description = "Where jobs log: for `computes policy --log-group`."
  value       = aws_cloudwatch_log_group.jobs.name
}

output "file_system_id" {
  description = "The file system of /files."
  value       = aws_efs_file_system.files.id
}

output "bucket" {
  description = "Where sources, inputs and results are kept."
  value       = aws_s3_bucket.objects.id
}

output "failures_topic_arn" {
  description = "Who subscribes to it hears of each job that failed."
  value       = aws_sns_topic.failures.arn
}

output "submitter_role_arn" {
  description = "The role that may submit, with sources, and nothing else."
  value       = aws_iam_role.caller["submitter"].arn
}

output "operator_role_arn" {
  description = "The role for every verb."
  value       = aws_iam_role.caller["operator"].arn
}

output "ci_role_arn" {
  description = "The role of pipelines; null without any."
  value       = one(aws_iam_role.ci[*].arn)
}

output "execution_role_arn" {
  description = "What starts jobs."
  value       = aws_iam_role.execution.arn
}

output "job_role_arn" {
  description = "What a job may do."
  value       = aws_iam_role.job.arn
}
