# In a VPC that is there: the least that has to be said.

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
  region = var.region
}

variable "region" {
  description = "Where the VPC is."
  type        = string
  default     = "us-east-1"
}

variable "vpc_id" {
  description = "The VPC in which jobs run."
  type        = string
}

variable "subnet_ids" {
  description = "One subnet for each zone in which jobs may run, from where the internet can be reached."
  type        = list(string)
}

module "computes" {
  source = "../.."

  network = {
    vpc_id     = var.vpc_id
    subnet_ids = var.subnet_ids
  }
}

output "computes_toml" {
  value = module.computes.computes_toml
}
