# A message for each job that failed. A job that was cancelled counts as one, and so does each child
# of an array.

resource "aws_sns_topic" "failures" {
  name = "${var.name}-failures"
  tags = var.tags
}

resource "aws_sns_topic_policy" "failures" {
  arn = aws_sns_topic.failures.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Failures"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.failures.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.failures.arn } }
    }]
  })
}

resource "aws_sns_topic_subscription" "failures" {
  for_each = toset(var.failure_emails)

  topic_arn = aws_sns_topic.failures.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_event_rule" "failures" {
  name        = "${var.name}-failures"
  description = "Jobs of computes that failed"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.batch"]
    detail-type = ["Batch Job State Change"]
    detail = {
      status   = ["FAILED"]
      jobQueue = [for queue in aws_batch_job_queue.this : queue.arn]
    }
  })
}

resource "aws_cloudwatch_event_target" "failures" {
  rule = aws_cloudwatch_event_rule.failures.name
  arn  = aws_sns_topic.failures.arn

  # The event has the job's environment in it, and with it the values of its secrets. Only these
  # are passed on.
  input_transformer {
    input_paths = {
      name   = "$.detail.jobName"
      id     = "$.detail.jobId"
      queue  = "$.detail.jobQueue"
      reason = "$.detail.statusReason"
    }
    # Without quotes of ours: EventBridge puts texts in with their own, whatever is in them.
    input_template = "{\"job\": <name>, \"reason\": <reason>, \"queue\": <queue>, \"id\": <id>}"
  }
}
