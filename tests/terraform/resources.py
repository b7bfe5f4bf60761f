"""The calls of AWS that make what the module asks for, one function a type.

Each gets what Terraform planned, and gives what AWS told of it, in Terraform's words.
"""

import functools
import json
import os
import threading
import uuid

import boto3


@functools.cache
def client(service):
    return boto3.client(service, region_name=os.environ["AWS_REGION"])


@functools.cache
def account():
    return client("sts").get_caller_identity()["Account"]


def given(**arguments):
    """Without what nobody set."""
    return {name: value for name, value in arguments.items() if value not in (None, [], {})}


def only(blocks):
    """A block that there is at most once."""
    return blocks[0] if blocks else {}


def named(planned):
    return planned["name"] if isinstance(planned.get("name"), str) else f"{planned['name_prefix']}{uuid.uuid4().hex[:12]}"


def create(type, planned):
    make = globals()[type.removeprefix("aws_")]
    return make({name: value for name, value in planned.items() if value is not None})


def look(type):
    return globals()[type.removeprefix("aws_")]()


# Network


def vpc(it):
    vpc = client("ec2").create_vpc(CidrBlock=it["cidr_block"])["Vpc"]["VpcId"]
    return {"id": vpc}


def internet_gateway(it):
    gateway = client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client("ec2").attach_internet_gateway(InternetGatewayId=gateway, VpcId=it["vpc_id"])
    return {"id": gateway}


def subnet(it):
    made = client("ec2").create_subnet(VpcId=it["vpc_id"], AvailabilityZone=it["availability_zone"], CidrBlock=it["cidr_block"])
    return {"id": made["Subnet"]["SubnetId"]}


def route_table(it):
    return {"id": client("ec2").create_route_table(VpcId=it["vpc_id"])["RouteTable"]["RouteTableId"]}


def route(it):
    client("ec2").create_route(
        RouteTableId=it["route_table_id"], DestinationCidrBlock=it["destination_cidr_block"], GatewayId=it["gateway_id"]
    )
    return {"id": f"r-{it['route_table_id']}"}


def route_table_association(it):
    made = client("ec2").associate_route_table(RouteTableId=it["route_table_id"], SubnetId=it["subnet_id"])
    return {"id": made["AssociationId"]}


def vpc_endpoint(it):
    made = client("ec2").create_vpc_endpoint(VpcId=it["vpc_id"], ServiceName=it["service_name"], RouteTableIds=it["route_table_ids"])
    return {"id": made["VpcEndpoint"]["VpcEndpointId"]}


def security_group(it):
    name = named(it)
    made = client("ec2").create_security_group(GroupName=name, Description=it["description"], VpcId=it["vpc_id"])
    # As the real provider does: AWS lets a new group reach out to everywhere.
    everywhere = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    client("ec2").revoke_security_group_egress(GroupId=made["GroupId"], IpPermissions=everywhere)
    return {"id": made["GroupId"], "name": name}


def rule(authorize, it):
    ranges = given(
        IpRanges=[{"CidrIp": it["cidr_ipv4"]}] if "cidr_ipv4" in it else None,
        UserIdGroupPairs=[{"GroupId": it["referenced_security_group_id"]}] if "referenced_security_group_id" in it else None,
    )
    ports = given(IpProtocol=it["ip_protocol"], FromPort=it.get("from_port"), ToPort=it.get("to_port"))
    made = authorize(GroupId=it["security_group_id"], IpPermissions=[{**ports, **ranges}])
    return {"id": made["SecurityGroupRules"][0]["SecurityGroupRuleId"]}


def vpc_security_group_ingress_rule(it):
    return rule(client("ec2").authorize_security_group_ingress, it)


def vpc_security_group_egress_rule(it):
    return rule(client("ec2").authorize_security_group_egress, it)


# Compute


def launch_template(it):
    disk = only(only(it["block_device_mappings"])["ebs"])
    metadata = only(it["metadata_options"])
    data = {
        "BlockDeviceMappings": [
            {
                "DeviceName": only(it["block_device_mappings"])["device_name"],
                "Ebs": {
                    "VolumeSize": disk["volume_size"],
                    "VolumeType": disk["volume_type"],
                    "Encrypted": disk["encrypted"] == "true",
                    "DeleteOnTermination": disk["delete_on_termination"] == "true",
                },
            }
        ],
        "MetadataOptions": {"HttpEndpoint": metadata["http_endpoint"], "HttpTokens": metadata["http_tokens"]},
    }
    name = named(it)
    made = client("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"]
    return {"id": made["LaunchTemplateId"], "name": name, "latest_version": made["LatestVersionNumber"]}


ONCE = threading.Lock()


def service_role():
    """AWS makes it with the first compute environment."""
    name = "AWSServiceRoleForBatch"
    with ONCE:
        known = [role["Arn"] for role in client("iam").list_roles()["Roles"] if role["RoleName"] == name]
        return known[0] if known else client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]


def batch_compute_environment(it):
    resources = only(it["compute_resources"])
    template = only(resources["launch_template"])
    made = client("batch").create_compute_environment(
        computeEnvironmentName=it["name"],
        type=it["type"],
        state=it["state"],
        serviceRole=service_role(),
        computeResources=given(
            type=resources["type"],
            allocationStrategy=resources["allocation_strategy"],
            minvCpus=resources["min_vcpus"],
            maxvCpus=resources["max_vcpus"],
            instanceTypes=resources["instance_type"],
            instanceRole=resources["instance_role"],
            subnets=resources["subnets"],
            securityGroupIds=resources["security_group_ids"],
            launchTemplate={"launchTemplateId": template["launch_template_id"], "version": template["version"]},
        ),
    )
    return {"id": it["name"], "arn": made["computeEnvironmentArn"]}


def batch_scheduling_policy(it):
    policy = only(it["fair_share_policy"])
    shares = [
        {"shareIdentifier": one["share_identifier"], "weightFactor": one["weight_factor"]} for one in policy["share_distribution"]
    ]
    made = client("batch").create_scheduling_policy(
        name=it["name"],
        fairsharePolicy=given(
            shareDecaySeconds=policy["share_decay_seconds"],
            computeReservation=policy["compute_reservation"],
            shareDistribution=shares,
        ),
    )
    return {"id": made["arn"], "arn": made["arn"]}


def batch_job_queue(it):
    order = [{"order": one["order"], "computeEnvironment": one["compute_environment"]} for one in it["compute_environment_order"]]
    limits = [
        {"action": one["action"], "state": one["state"], "reason": one["reason"], "maxTimeSeconds": one["max_time_seconds"]}
        for one in it["job_state_time_limit_action"]
    ]
    made = client("batch").create_job_queue(
        jobQueueName=it["name"],
        priority=it["priority"],
        state=it["state"],
        computeEnvironmentOrder=order,
        **given(schedulingPolicyArn=it.get("scheduling_policy_arn"), jobStateTimeLimitActions=limits),
    )
    return {"id": made["jobQueueArn"], "arn": made["jobQueueArn"]}


def batch_job_definition(it):
    made = client("batch").register_job_definition(
        jobDefinitionName=it["name"],
        type=it["type"],
        platformCapabilities=it["platform_capabilities"],
        containerProperties=json.loads(it["container_properties"]),
    )
    return {"id": made["jobDefinitionArn"], "arn": made["jobDefinitionArn"], "revision": made["revision"]}


# Files, logs, images, objects


def efs_file_system(it):
    made = client("efs").create_file_system(
        CreationToken=it["creation_token"], Encrypted=it["encrypted"], ThroughputMode=it["throughput_mode"]
    )
    words = {"transition_to_ia": "TransitionToIA", "transition_to_primary_storage_class": "TransitionToPrimaryStorageClass"}
    policies = [{words[name]: value for name, value in one.items() if value} for one in it["lifecycle_policy"]]
    client("efs").put_lifecycle_configuration(FileSystemId=made["FileSystemId"], LifecyclePolicies=policies)
    return {"id": made["FileSystemId"], "arn": made["FileSystemArn"]}


def efs_mount_target(it):
    made = client("efs").create_mount_target(
        FileSystemId=it["file_system_id"], SubnetId=it["subnet_id"], SecurityGroups=it["security_groups"]
    )
    return {"id": made["MountTargetId"]}


def efs_access_point(it):
    root = only(it["root_directory"])
    owner = only(root["creation_info"])
    info = {"OwnerUid": owner["owner_uid"], "OwnerGid": owner["owner_gid"], "Permissions": owner["permissions"]}
    made = client("efs").create_access_point(
        ClientToken=uuid.uuid4().hex,
        FileSystemId=it["file_system_id"],
        RootDirectory={"Path": root["path"], "CreationInfo": info},
    )
    return {"id": made["AccessPointId"], "arn": made["AccessPointArn"]}


def efs_file_system_policy(it):
    client("efs").put_file_system_policy(FileSystemId=it["file_system_id"], Policy=it["policy"])
    return {"id": it["file_system_id"]}


def cloudwatch_log_group(it):
    client("logs").create_log_group(logGroupName=it["name"])
    client("logs").put_retention_policy(logGroupName=it["name"], retentionInDays=it["retention_in_days"])
    return {"id": it["name"], "arn": f"arn:aws:logs:{region()['id']}:{account()}:log-group:{it['name']}"}


def ecr_repository(it):
    made = client("ecr").create_repository(
        repositoryName=it["name"],
        imageTagMutability=it["image_tag_mutability"],
        imageScanningConfiguration={"scanOnPush": only(it["image_scanning_configuration"])["scan_on_push"]},
        encryptionConfiguration={"encryptionType": only(it["encryption_configuration"])["encryption_type"]},
    )["repository"]
    return {"id": it["name"], "arn": made["repositoryArn"], "repository_url": made["repositoryUri"]}


def ecr_lifecycle_policy(it):
    client("ecr").put_lifecycle_policy(repositoryName=it["repository"], lifecyclePolicyText=it["policy"])
    return {"id": it["repository"]}


def s3_bucket(it):
    client("s3").create_bucket(Bucket=it["bucket"])
    return {"id": it["bucket"], "arn": f"arn:aws:s3:::{it['bucket']}"}


def s3_bucket_public_access_block(it):
    words = {"block_public_acls": "BlockPublicAcls", "ignore_public_acls": "IgnorePublicAcls"}
    words |= {"block_public_policy": "BlockPublicPolicy", "restrict_public_buckets": "RestrictPublicBuckets"}
    settings = {words[name]: it[name] for name in words}
    client("s3").put_public_access_block(Bucket=it["bucket"], PublicAccessBlockConfiguration=settings)
    return {"id": it["bucket"]}


def s3_bucket_ownership_controls(it):
    rules = [{"ObjectOwnership": only(it["rule"])["object_ownership"]}]
    client("s3").put_bucket_ownership_controls(Bucket=it["bucket"], OwnershipControls={"Rules": rules})
    return {"id": it["bucket"]}


def s3_bucket_server_side_encryption_configuration(it):
    default = only(only(it["rule"])["apply_server_side_encryption_by_default"])
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": default["sse_algorithm"]}}]
    client("s3").put_bucket_encryption(Bucket=it["bucket"], ServerSideEncryptionConfiguration={"Rules": rules})
    return {"id": it["bucket"]}


def s3_bucket_lifecycle_configuration(it):
    rules = [
        {
            "ID": one["id"],
            "Status": one["status"],
            "Filter": {"Prefix": ""},
            "Expiration": {"Days": only(one["expiration"])["days"]},
            "AbortIncompleteMultipartUpload": {
                "DaysAfterInitiation": only(one["abort_incomplete_multipart_upload"])["days_after_initiation"]
            },
        }
        for one in it["rule"]
    ]
    client("s3").put_bucket_lifecycle_configuration(Bucket=it["bucket"], LifecycleConfiguration={"Rules": rules})
    return {"id": it["bucket"]}


def s3_bucket_policy(it):
    client("s3").put_bucket_policy(Bucket=it["bucket"], Policy=it["policy"])
    return {"id": it["bucket"]}


# Failures


def sns_topic(it):
    topic = client("sns").create_topic(Name=it["name"])["TopicArn"]
    return {"id": topic, "arn": topic}


def sns_topic_policy(it):
    client("sns").set_topic_attributes(TopicArn=it["arn"], AttributeName="Policy", AttributeValue=it["policy"])
    return {"id": it["arn"]}


def sns_topic_subscription(it):
    made = client("sns").subscribe(TopicArn=it["topic_arn"], Protocol=it["protocol"], Endpoint=it["endpoint"])
    return {"id": made["SubscriptionArn"], "arn": made["SubscriptionArn"]}


def cloudwatch_event_rule(it):
    made = client("events").put_rule(Name=it["name"], Description=it["description"], EventPattern=it["event_pattern"])
    return {"id": it["name"], "arn": made["RuleArn"]}


def cloudwatch_event_target(it):
    transformer = only(it["input_transformer"])
    text = {"InputPathsMap": transformer["input_paths"], "InputTemplate": transformer["input_template"]}
    client("events").put_targets(Rule=it["rule"], Targets=[{"Id": "target", "Arn": it["arn"], "InputTransformer": text}])
    return {"id": f"{it['rule']}-target"}


# Roles


def iam_role(it):
    made = client("iam").create_role(
        RoleName=it["name"],
        AssumeRolePolicyDocument=it["assume_role_policy"],
        **given(Description=it.get("description"), MaxSessionDuration=it.get("max_session_duration")),
    )["Role"]
    return {"id": it["name"], "arn": made["Arn"]}


def iam_policy(it):
    made = client("iam").create_policy(PolicyName=it["name"], PolicyDocument=it["policy"])["Policy"]
    return {"id": made["Arn"], "arn": made["Arn"]}


def iam_role_policy(it):
    client("iam").put_role_policy(RoleName=it["role"], PolicyName=it["name"], PolicyDocument=it["policy"])
    return {"id": f"{it['role']}:{it['name']}"}


def iam_role_policy_attachment(it):
    # The server has none of AWS's own policies.
    if ":iam::aws:policy/" not in it["policy_arn"]:
        client("iam").attach_role_policy(RoleName=it["role"], PolicyArn=it["policy_arn"])
    return {"id": f"{it['role']}-{it['policy_arn']}"}


def iam_instance_profile(it):
    made = client("iam").create_instance_profile(InstanceProfileName=it["name"])["InstanceProfile"]
    client("iam").add_role_to_instance_profile(InstanceProfileName=it["name"], RoleName=it["role"])
    return {"id": it["name"], "arn": made["Arn"]}


def iam_openid_connect_provider(it):
    made = client("iam").create_open_id_connect_provider(Url=it["url"], ClientIDList=it["client_id_list"])
    return {"id": made["OpenIDConnectProviderArn"], "arn": made["OpenIDConnectProviderArn"]}


# What there is already


def caller_identity():
    return {"id": account(), "account_id": account()}


def partition():
    return {"id": "aws", "partition": "aws", "dns_suffix": "amazonaws.com"}


def region():
    name = client("batch").meta.region_name
    return {"id": name, "region": name}


def availability_zones():
    found = client("ec2").describe_availability_zones()["AvailabilityZones"]
    return {"id": region()["id"], "names": [one["ZoneName"] for one in found]}
