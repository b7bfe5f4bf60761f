"""What IAM would say of a call: which rights it takes, and whether a policy gives them.

As AWS's Service Authorization Reference has it, for the calls of this program. Of conditions only
`s3:prefix` is looked at.
"""

import fnmatch
import re
from urllib.parse import parse_qs

# Everybody may ask who they are.
FREE = {"sts:GetCallerIdentity"}


def rights(actions, request, place):
    """Every action that a call takes, with what it is done to. `place` is region and account."""
    for action in actions:
        yield from RIGHTS.get(action, to_all)(action, request, place)


def batch(place, rest):
    region, account = place
    return f"arn:aws:batch:{region}:{account}:{rest}"


def submit(action, request, place):
    definition = request["jobDefinition"].split("job-definition/")[-1]
    # A request by name is judged by the revision that it gets (AWS Batch User Guide, "Accounting for
    # job definition revisions").
    yield action, batch(place, f"job-definition/{definition if ':' in definition else definition + ':1'}")
    yield action, batch(place, f"job-queue/{request['jobQueue'].split('/')[-1]}")
    yield action, batch(place, "job/any")
    if "tags" in request:
        yield "batch:TagResource", batch(place, "job/any")


def to_job(action, request, place):
    yield action, batch(place, f"job/{request['jobId'].split('/')[-1]}")


def to_queue(action, request, place):
    yield action, batch(place, f"job-queue/{request['jobQueue']}")


def register(action, request, place):
    yield action, batch(place, f"job-definition/{request['jobDefinitionName']}")
    for role in ("jobRoleArn", "executionRoleArn"):
        if role in request["containerProperties"]:
            yield "iam:PassRole", request["containerProperties"][role]


def read_log(action, request, place):
    region, account = place
    group, stream = request["logGroupName"], request["logStreamName"]
    yield action, f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}"


def read_image(action, request, place):
    region, account = place
    yield action, f"arn:aws:ecr:{region}:{request.get('registryId', account)}:repository/{request['repositoryName']}"


def to_all(action, request, place):
    yield action, "*"


RIGHTS = {
    "batch:SubmitJob": submit,
    "batch:TerminateJob": to_job,
    "batch:GetJobQueueSnapshot": to_queue,
    "batch:RegisterJobDefinition": register,
    "logs:GetLogEvents": read_log,
    "ecr:BatchGetImage": read_image,
    "ecr:GetDownloadUrlForLayer": read_image,
}


# By what a call of S3 is told from others: the method, and a word of its query.
OF_BUCKETS = {
    ("GET", "list-type"): "s3:ListBucket",
    ("GET", "encryption"): "s3:GetEncryptionConfiguration",
    ("GET", "publicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("GET", "lifecycle"): "s3:GetLifecycleConfiguration",
    ("POST", "delete"): "s3:DeleteObject",
}
OF_OBJECTS = {
    ("GET", "uploadId"): "s3:ListMultipartUploadParts",
    ("DELETE", "uploadId"): "s3:AbortMultipartUpload",
    ("GET", ""): "s3:GetObject",
    ("HEAD", ""): "s3:GetObject",
    ("PUT", ""): "s3:PutObject",
    ("POST", ""): "s3:PutObject",
    ("DELETE", ""): "s3:DeleteObject",
}


def of_s3(environ, body):
    """Every right that a call of S3 takes: the action, to what, and the prefix of a list."""
    method, query = environ["REQUEST_METHOD"], parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    names = OF_OBJECTS if key else OF_BUCKETS
    action = next(action for (verb, word), action in names.items() if verb == method and (word in query or not word))
    keys = [key] if key else re.findall("<Key>(.*?)</Key>", body.decode()) if action == "s3:DeleteObject" else [""]
    for key in keys:
        yield action, f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else ""), query.get("prefix", [""])[0]


def allows(policy, action, resource, prefix=""):
    return action in FREE or any(
        any(fnmatch.fnmatchcase(action, rule) for rule in listed(statement["Action"]))
        and any(fnmatch.fnmatchcase(resource, rule) for rule in listed(statement["Resource"]))
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow" and fits(statement, prefix)
    )


def fits(statement, prefix):
    rules = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
    return rules is None or any(fnmatch.fnmatchcase(prefix, rule) for rule in listed(rules))


def listed(one_or_many):
    return one_or_many if isinstance(one_or_many, list) else [one_or_many]
