"""What IAM would say of a call: which rights it takes, and whether a policy gives them.

As AWS's Service Authorization Reference has it, for the calls of this program. Conditions are not
looked at.
"""

import fnmatch

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


def to_all(action, request, place):
    yield action, "*"


RIGHTS = {
    "batch:SubmitJob": submit,
    "batch:TerminateJob": to_job,
    "batch:GetJobQueueSnapshot": to_queue,
    "batch:RegisterJobDefinition": register,
    "logs:GetLogEvents": read_log,
}


def allows(policy, action, resource):
    return action in FREE or any(
        any(fnmatch.fnmatchcase(action, rule) for rule in listed(statement["Action"]))
        and any(fnmatch.fnmatchcase(resource, rule) for rule in listed(statement["Resource"]))
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
    )


def listed(one_or_many):
    return one_or_many if isinstance(one_or_many, list) else [one_or_many]
