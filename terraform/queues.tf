resource "aws_batch_scheduling_policy" "this" {
  count = var.fair_share == null ? 0 : 1

  name = var.name
  tags = var.tags

  fair_share_policy {
    compute_reservation = var.fair_share.reservation
    share_decay_seconds = var.fair_share.decay_seconds

    dynamic "share_distribution" {
      for_each = var.fair_share.weights

      content {
        share_identifier = share_distribution.key
        weight_factor    = share_distribution.value
      }
    }
  }
}

# AWS gives no policy to a queue that was made without one, and takes none away.
resource "terraform_data" "fair_share" {
  input = var.fair_share != null
}

resource "aws_batch_job_queue" "this" {
  for_each = local.queues

  name                  = each.key
  priority              = each.value.priority
  state                 = "ENABLED"
  scheduling_policy_arn = one(aws_batch_scheduling_policy.this[*].arn)
  tags                  = var.tags

  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.this[each.value.environment].arn
  }

  # A job that fits nowhere would stand at the head of its queue for ever, and all others behind it.
  dynamic "job_state_time_limit_action" {
    for_each = var.stuck_after == null ? [] : ["MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"]

    content {
      action           = "CANCEL"
      state            = "RUNNABLE"
      reason           = job_state_time_limit_action.value
      max_time_seconds = var.stuck_after
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.fair_share]
  }
}
