# Lets cloudigrade meter Red Hat Enterprise Linux in this account, by a role that only your external ID opens.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id  = data.aws_caller_identity.current.account_id
  partition   = data.aws_partition.current.partition
  tells       = var.event_bus_arn != ""
  events_role = "${var.role_name}-events"
}

resource "aws_iam_role" "cloudigrade" {
  count = var.makes_role ? 1 : 0

  name               = var.role_name
  description        = "Lets cloudigrade meter Red Hat Enterprise Linux in this account."
  assume_role_policy = jsonencode(local.trust_policy)
}

resource "aws_iam_role_policy" "metering" {
  count = var.makes_role ? 1 : 0

  name   = "metering"
  role   = aws_iam_role.cloudigrade[0].name
  policy = jsonencode(local.metering_policy)
}

resource "aws_iam_role_policy" "inspection" {
  count = var.makes_role && var.inspection == "direct" ? 1 : 0

  name   = "inspection"
  role   = aws_iam_role.cloudigrade[0].name
  policy = jsonencode(local.inspection_policy)
}

resource "aws_iam_role_policy" "copying" {
  count = var.makes_role && var.inspection == "copy" ? 1 : 0

  name   = "copying"
  role   = aws_iam_role.cloudigrade[0].name
  policy = jsonencode(local.copying_policy)
}

resource "aws_iam_role" "events" {
  count = var.makes_role && local.tells ? 1 : 0

  name        = local.events_role
  description = "Lets EventBridge tell cloudigrade of instances going on and off."
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
    ]
  })
}

resource "aws_iam_role_policy" "tell" {
  count = var.makes_role && local.tells ? 1 : 0

  name = "tell"
  role = aws_iam_role.events[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "events:PutEvents"
        Resource = var.event_bus_arn
      },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "instance_states" {
  count = local.tells ? 1 : 0

  name        = "${var.role_name}-instance-states"
  description = "Tells cloudigrade of instances going on and off."
  event_pattern = jsonencode({
    source        = ["aws.ec2"]
    "detail-type" = ["EC2 Instance State-change Notification"]
  })
}

resource "aws_cloudwatch_event_target" "cloudigrade" {
  count = local.tells ? 1 : 0

  rule      = aws_cloudwatch_event_rule.instance_states[0].name
  target_id = "cloudigrade"
  arn       = var.event_bus_arn
  role_arn  = var.makes_role ? aws_iam_role.events[0].arn : "arn:${local.partition}:iam::${local.account_id}:role/${local.events_role}"
}
