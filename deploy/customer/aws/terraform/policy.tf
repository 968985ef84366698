# What the role allows, and whom: the same as in ../cloudformation.yaml.

locals {
  log_accounts = compact(["$${aws:PrincipalAccount}", var.log_account_id])

  trust_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyWithTheExternalId"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${var.trusted_account_id}:root" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
      },
    ]
  }

  metering_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "cloudtrail:DescribeTrails",
          "cloudtrail:ListPublicKeys",
          "ec2:DescribeImages",
          "ec2:DescribeInstances",
          "ec2:DescribeRegions",
        ]
        Resource = "*"
      },
      {
        Sid      = "LookAtTrails"
        Effect   = "Allow"
        Action   = ["cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus"]
        Resource = "arn:${local.partition}:cloudtrail:*:*:trail/*"
      },
      {
        Sid    = "KeepOurTrail"
        Effect = "Allow"
        Action = [
          "cloudtrail:CreateTrail",
          "cloudtrail:DeleteTrail",
          "cloudtrail:PutEventSelectors",
          "cloudtrail:StartLogging",
          "cloudtrail:UpdateTrail",
        ]
        Resource = "arn:${local.partition}:cloudtrail:*:${local.account_id}:trail/${var.environment}-${local.account_id}"
      },
      {
        Sid      = "ListLogFiles"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = "arn:${local.partition}:s3:::*"
        Condition = {
          StringLike   = { "s3:prefix" = ["AWSLogs/*", "*/AWSLogs/*"] }
          StringEquals = { "aws:ResourceAccount" = local.log_accounts }
        }
      },
      {
        Sid    = "ReadLogFiles"
        Effect = "Allow"
        Action = ["s3:GetObject"]
        Resource = [
          "arn:${local.partition}:s3:::*/AWSLogs/*/CloudTrail/*",
          "arn:${local.partition}:s3:::*/AWSLogs/*/CloudTrail-Digest/*",
        ]
        Condition = { StringEquals = { "aws:ResourceAccount" = local.log_accounts } }
      },
      {
        Sid      = "DecryptLogFiles"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = "arn:${local.partition}:kms:*:*:key/*"
        Condition = {
          StringLike   = { "kms:ViaService" = "s3.*.amazonaws.com*" }
          StringEquals = { "aws:ResourceAccount" = local.log_accounts }
        }
      },
    ]
  }

  inspection_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LookAtSnapshots"
        Effect   = "Allow"
        Action   = ["ec2:DescribeSnapshots"]
        Resource = "*"
      },
      {
        Sid      = "ReadSnapshots"
        Effect   = "Allow"
        Action   = ["ebs:GetSnapshotBlock", "ebs:ListSnapshotBlocks"]
        Resource = "arn:${local.partition}:ec2:*::snapshot/*"
      },
      {
        Sid       = "DecryptSnapshots"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = "arn:${local.partition}:kms:*:*:key/*"
        Condition = { StringLike = { "kms:ViaService" = ["ebs.*.amazonaws.com*", "ec2.*.amazonaws.com*"] } }
      },
    ]
  }

  copying_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LookAtSnapshots"
        Effect   = "Allow"
        Action   = ["ec2:DescribeSnapshots"]
        Resource = "*"
      },
      {
        Sid      = "LookAtShares"
        Effect   = "Allow"
        Action   = ["ec2:DescribeSnapshotAttribute"]
        Resource = "arn:${local.partition}:ec2:*::snapshot/*"
      },
      {
        Sid       = "ShareWithUs"
        Effect    = "Allow"
        Action    = ["ec2:ModifySnapshotAttribute"]
        Resource  = "arn:${local.partition}:ec2:*::snapshot/*"
        Condition = { StringEquals = { "ec2:Add/userId" = var.trusted_account_id } }
      },
      {
        Sid       = "ShareNoMore"
        Effect    = "Allow"
        Action    = ["ec2:ModifySnapshotAttribute"]
        Resource  = "arn:${local.partition}:ec2:*::snapshot/*"
        Condition = { StringEquals = { "ec2:Remove/userId" = var.trusted_account_id } }
      },
      {
        Sid       = "CopyImages"
        Effect    = "Allow"
        Action    = ["ec2:CopyImage"]
        Resource  = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
        Condition = { StringEquals = { "aws:RequestTag/cloudigrade-owner" = var.environment } }
      },
      {
        Sid       = "TagCopies"
        Effect    = "Allow"
        Action    = ["ec2:CreateTags"]
        Resource  = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
        Condition = { StringEquals = { "ec2:CreateAction" = "CopyImage" } }
      },
      {
        Sid       = "DeleteCopies"
        Effect    = "Allow"
        Action    = ["ec2:DeleteSnapshot", "ec2:DeregisterImage"]
        Resource  = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]
        Condition = { StringEquals = { "aws:ResourceTag/cloudigrade-owner" = var.environment } }
      },
    ]
  }
}
