# A VPC of its own, fair shares, mails, and pipelines of GitHub.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.14, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

module "computes" {
  source = "../.."

  max_vcpus = {
    spot      = 512
    on_demand = 128
  }

  # The team that releases gets four times as much as the others.
  fair_share = {
    weights = {
      build   = 1
      release = 0.25
    }
  }

  image            = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/computes:1"
  readable_secrets = ["arn:aws:ssm:eu-west-1:123456789012:parameter/team/*"]

  submitters = ["arn:aws:iam::123456789012:role/developer"]
  operators  = ["arn:aws:iam::123456789012:role/on-call"]
  github = {
    repositories = ["example/shop", "example/site:ref:refs/heads/main"]
  }

  # Jobs may read the packages that this configuration makes the policy for.
  job_policies = { packages = aws_iam_policy.packages.arn }

  failure_emails = ["builds@example.com"]
  tags           = { team = "build" }
}

resource "aws_iam_policy" "packages" {
  name = "read-packages"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["arn:aws:s3:::example-packages/*"]
    }]
  })
}

output "computes_toml" {
  value = module.computes.computes_toml
}

output "ci_role_arn" {
  value = module.computes.ci_role_arn
}

output "repository_url" {
  value = module.computes.repository_url
}
