# A VPC of its own, unless there is one. Its subnets are public, because instances that may only
# reach out need no NAT gateway that costs money while nothing runs; nobody can reach in.

data "aws_availability_zones" "available" {
  count = var.network == null ? 1 : 0

  state = "available"

  # No local zones: Batch and EFS are not in all of them.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zones      = var.network == null ? slice(data.aws_availability_zones.available[0].names, 0, var.zones) : []
  vpc_id     = var.network == null ? aws_vpc.jobs[0].id : var.network.vpc_id
  subnet_ids = var.network == null ? aws_subnet.jobs[*].id : var.network.subnet_ids
}

resource "aws_vpc" "jobs" {
  count = var.network == null ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # the names of mount targets
  tags                 = merge(var.tags, { Name = var.name })
}

resource "aws_internet_gateway" "jobs" {
  count = var.network == null ? 1 : 0

  vpc_id = aws_vpc.jobs[0].id
  tags   = merge(var.tags, { Name = var.name })
}

resource "aws_subnet" "jobs" {
  count = length(local.zones)

  vpc_id                  = aws_vpc.jobs[0].id
  availability_zone       = local.zones[count.index]
  cidr_block              = cidrsubnet(var.vpc_cidr, 4, count.index)
  map_public_ip_on_launch = true
  tags                    = merge(var.tags, { Name = "${var.name}-${local.zones[count.index]}" })
}

resource "aws_route_table" "jobs" {
  count = var.network == null ? 1 : 0

  vpc_id = aws_vpc.jobs[0].id
  tags   = merge(var.tags, { Name = var.name })
}

resource "aws_route" "internet" {
  count = var.network == null ? 1 : 0

  route_table_id         = aws_route_table.jobs[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.jobs[0].id
}

resource "aws_route_table_association" "jobs" {
  count = length(local.zones)

  route_table_id = aws_route_table.jobs[0].id
  subnet_id      = aws_subnet.jobs[count.index].id
}

# Images of ECR come from S3: this way they cost nothing to carry.
resource "aws_vpc_endpoint" "s3" {
  count = var.network == null ? 1 : 0

  vpc_id          = aws_vpc.jobs[0].id
  service_name    = "com.amazonaws.${local.region}.s3"
  route_table_ids = [aws_route_table.jobs[0].id]
  tags            = merge(var.tags, { Name = "${var.name}-s3" })
}

resource "aws_security_group" "jobs" {
  name_prefix = "${var.name}-jobs-"
  description = "Instances that run jobs: out to everywhere, in from nowhere"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-jobs" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "jobs" {
  security_group_id = aws_security_group.jobs.id
  description       = "Anywhere"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
  tags              = var.tags
}

resource "aws_security_group" "files" {
  name_prefix = "${var.name}-files-"
  description = "The file system of /files: in from instances that run jobs"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-files" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "files" {
  security_group_id            = aws_security_group.files.id
  referenced_security_group_id = aws_security_group.jobs.id
  description                  = "NFS from jobs"
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  tags                         = var.tags
}
