"""AWS on the loopback interface, for the tests of the AWS engine.

One process serves moto's AWS (Batch, CloudWatch Logs, EFS, IAM, STS and the rest) and, on the
same port below /computes-test/, what a test needs to set a scene (see `control`). A job of an
account made with `"run": true` really runs, as a local process in a mount and a process id
namespace of its own, with `/mnt/efs` shared by all jobs of this server.

    python server.py        prints {"port": …, "efs": …} when ready, ends when stdin closes

What moto leaves out of AWS Batch, and this file adds:
* Running jobs without Docker, with their variables, exit codes, reasons, retries, timeouts and
  dependency kinds, logs while they run, the states of arrays, and all that SubmitJob takes and
  moto forgets (`BatchJob`).
* ListJobs as documented, GetJobQueueSnapshot, cancelling arrays (`BatchApi`).
* URLs of the layers of images (`layer_url`).
* Calls that IAM denies (`Front`), connections that stay open (`Handler`).

Still missing: memory limits, secrets, multi-node jobs, disabled queues, fair share, limits on
sizes and rates, and waiting for capacity: a job starts as soon as its dependencies allow.
"""

import collections
import contextlib
import fnmatch
import functools
import inspect
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from datetime import datetime, timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # they would double the time to make an account

from moto.batch import models, urls
from moto.batch.exceptions import ClientException
from moto.batch.responses import BatchResponse
from moto.core.request import Request
from moto.core.responses import ActionResult
from moto.core.routing import get_service_router
from moto.ec2.models import ec2_backends
from moto.ecr.responses import ECRResponse
from moto.efs.models import efs_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sts.models import sts_backends
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

import iam

REGION = "us-east-1"
LOG_GROUP = "/aws/batch/job"
ENDED = {"SUCCEEDED", "FAILED"}

ACCOUNTS = {}  # by account id
KEYS = {}  # the same, by access key id
PROCESSES = set()  # of the jobs that run
PORT = []  # of this server
CLOSED = threading.Event()  # no more of them
LAUNCHER = []  # what starts a job's command
CALL = threading.local()  # .request: the SubmitJob request that this thread answers


# Containers


def enter(root, efs, *command):
    """Become `command`, in a root that is the machine's but for what must be the job's own.

    A program by itself (see `launcher`), run in new namespaces: a fresh tmpfs gets every entry
    of the real root bound into it, so that `/files` can be made and no other job sees it.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source, target, kind=None, flags=0, data=None):
        if libc.mount(os.fsencode(source), os.fsencode(target), kind, flags, data) != 0:
            sys.exit(f"cannot mount {source} on {target}: {os.strerror(ctypes.get_errno())}")

    bind, recursive = 4096, 16384
    mount("root", root, b"tmpfs", 0, b"mode=755")
    os.makedirs(root + "/mnt/efs")
    os.mkdir(root + "/proc")
    for entry in [*os.scandir("/"), *os.scandir("/mnt")]:
        target = root + entry.path
        if entry.path in ("/mnt", "/mnt/efs", "/proc", "/files"):
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
            continue
        os.mkdir(target) if entry.is_dir() else open(target, "w").close()
        mount(entry.path, target, None, bind | recursive)
    mount(efs, root + "/mnt/efs", None, bind)
    mount("proc", root + "/proc", b"proc")
    os.chroot(root)
    os.chdir("/")
    os.execvp(command[0], command)


def launcher(directory):
    """The arguments that come before a job's `env` command, or none where there are no namespaces."""
    program = "import os, sys\n" + inspect.getsource(enter) + "\nenter(*sys.argv[1:])"
    # No job outlives this process: it dies with its thread, and the namespace with its first process.
    words = "setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child".split()
    words += [sys.executable, "-IS", "-c", program, f"{directory}/root", f"{directory}/efs"]
    try:
        trial = subprocess.run([*words, "env", "true"], capture_output=True, text=True)
        problem = trial.returncode and (trial.stderr.strip() or trial.returncode)
    except OSError as error:
        problem = error
    if problem:
        print(f"server.py: jobs run without namespaces, so `/files` is the machine's own: {problem}", file=sys.stderr)
    return [] if problem else words


def put_log(backend, group, stream, events):
    """Add (milliseconds, message) pairs to a log stream, however old they are."""
    backend.ensure_log_group(group)
    backend.ensure_log_stream(group, stream)
    events = [{"timestamp": moment, "message": message} for moment, message in events]
    backend.groups[group].put_log_events(stream, events)


class LateLog:
    """A log that shows its events after a while, in their order."""

    def __init__(self, place, lag):
        self.place, self.lag, self.events, self.lock = place, lag, collections.deque(), threading.Lock()

    def put(self, message):
        self.events.append((int(time.time() * 1000), message))
        later(self.lag, self.show) if self.lag else self.show()

    def show(self):
        with self.lock:
            put_log(*self.place, [self.events.popleft()])


def start(command, environment):
    """Start a job's command with exactly this environment; the caller's thread must outlive it."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    words = [*LAUNCHER, "env", "-i", "--default-signal", *variables, *command]
    output = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(words, env={}, start_new_session=True, **output)


def send(process, number):
    pid = process.pid
    if process.returncode is not None:
        return
    with contextlib.suppress(OSError, IndexError):  # it has just ended
        if not LAUNCHER:
            os.killpg(pid, number)
        elif number == signal.SIGKILL:
            os.kill(pid, number)  # `unshare`, and with it the namespace
        else:  # the namespace's first process, as `unshare` does not pass signals on
            with open(f"/proc/{pid}/task/{pid}/children") as children:
                os.kill(int(children.read().split()[0]), number)


def later(seconds, function, *arguments):
    timer = threading.Timer(seconds, function, arguments)
    timer.daemon = True
    timer.start()
    return timer


def stop(process, grace):
    """SIGTERM, and SIGKILL after some seconds, for which Batch takes 30."""
    send(process, signal.SIGTERM)
    later(grace, send, process, signal.SIGKILL)


def sweep(process):
    """Where no namespace does it, end what a command leaves behind."""
    process.wait()
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


# AWS Batch


def milliseconds(moment):
    return models.datetime2int_milliseconds(moment)


def matches(pattern, text):
    """As AWS Batch matches: exactly, or by the beginning where the pattern ends with `*`."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def retries(rules, outcome):
    """Whether evaluateOnExit says that a failed attempt is repeated; no rule that fits says yes."""
    for rule in rules:
        if all(matches(rule[name], text) for name, text in outcome.items() if name in rule):
            return rule["action"].lower() == "retry"
    return True


def whole(method):
    """What changes of a job by one of these is described whole, or not yet."""

    @functools.wraps(method)
    def locked(self, *arguments, **named):
        with self.lock:
            return method(self, *arguments, **named)

    return locked


class BatchJob(models.Job):
    """moto's job, whose life is led here: moto's needs Docker, shows logs at the end, and has no retries."""

    __module__ = models.__name__  # moto takes a model's service from it

    def __init__(self, *arguments, **named):
        self.lock = threading.RLock()
        self.request = getattr(CALL, "request", {})
        self.process = self.container_reason = self.staged = None
        self.more = {}  # what the test says of it beside that
        super().__init__(*arguments, **named)
        self.index = self.array_properties.get("index")
        self.seconds = self._get_attempt_duration()
        self.retry_strategy = self.request.get("retryStrategy") or self.job_definition.retry_strategy or {}
        properties = self.job_definition.container_properties or {}
        options = properties.get("logConfiguration", {}).get("options", {})
        self._log_group = options.get("awslogs-group", LOG_GROUP)
        if region := options.get("awslogs-region"):
            self._log_backend = logs_backends[self.backend.account_id][region]
        self.stream_prefix = options.get("awslogs-stream-prefix", self.job_definition.name[:200])

    @property
    def status(self):
        """moto's goes to RUNNING by itself, and an array's never follows its children."""
        states = {child.status for child in self._child_jobs or []}
        if self.staged or not states:
            return self._status
        if states - ENDED:
            return "PENDING"
        return "SUCCEEDED" if states == {"SUCCEEDED"} else "FAILED"

    @status.setter
    def status(self, status):
        self._status = status

    def start(self):
        account = ACCOUNTS.get(self.backend.account_id)
        if account is None or account.run:
            super().start()
        elif not account.hold:
            self.begin()
            line = " ".join(self._get_container_property("command", []))
            if first := re.search(r'echo "(computes: job [^$]*)\$AWS_BATCH_JOB_ATTEMPT"', line):
                event = int(time.time() * 1000), f"{first[1]}1"
                put_log(self._log_backend, self._log_group, self.log_stream_name, [event])
            self.conclude(0)

    def run(self):
        self.status = "PENDING"
        if not self.dependencies_succeed():
            return self.end("FAILED")
        while not self.job_stopped and not CLOSED.is_set():
            self.status = "STARTING"
            self.begin()
            self.execute()

    def dependencies_succeed(self):
        for dependency in self.depends_on or []:
            job_id = dependency.get("jobId")
            if dependency.get("type") == "N_TO_N":
                job_id = f"{job_id}:{self.index}"
            elif dependency.get("type") == "SEQUENTIAL":
                if self.index == 0:
                    continue
                job_id = f"{self.job_id.split(':')[0]}:{self.index - 1}"
            while (status := self.all_jobs[job_id].status) != "SUCCEEDED" and not self.stop:
                if status == "FAILED":
                    self.job_stopped_reason = "Dependent Job failed"
                    return False
                time.sleep(0.02)
        return not self.stop

    def begin(self):
        self.job_started_at = datetime.now()
        self.log_stream_name = f"{self.stream_prefix}/default/{uuid.uuid4().hex}"
        self.exit_code = self.container_reason = None

    def variables(self):
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        given = {variable["name"]: variable["value"] for variable in self._get_container_property("environment", [])}
        batch = {"JOB_ID": self.job_id, "JOB_ATTEMPT": len(self.attempts) + 1, "JQ_NAME": self.job_queue.name}
        batch["CE_NAME"] = self.job_queue.environments[0].name
        if self.index is not None:
            parent = self.all_jobs[self.job_id.split(":")[0]]
            batch |= {"JOB_ARRAY_INDEX": self.index, "JOB_ARRAY_SIZE": parent.array_properties["size"]}
        account = ACCOUNTS.get(self.backend.account_id)
        image = {"PATH": path, "HOME": "/root"}
        if account and account.program:
            # The program in the image, the role of the job, and the way to AWS.
            image["PATH"] = f"{account.program}:{path}"
            image["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{account.port or PORT[0]}"
            role = f"http://127.0.0.1:{PORT[0]}/computes-test/role?accountId={account.id}"
            image["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = role
        return {**image, **given} | {f"AWS_BATCH_{name}": batch[name] for name in batch}

    def execute(self):
        """One attempt, its output put into the log line by line."""
        log = self._log_backend, self._log_group, self.log_stream_name
        command = self._add_parameters_to_command(self._get_container_property("command", [])) or ["sh"]
        account = ACCOUNTS[self.backend.account_id]
        command = account.entrypoint + command
        variables, late = self.variables(), threading.Event()
        if not shutil.which(command[0], path=variables["PATH"]):
            exists = os.path.exists(command[0])
            code, why = (126, "permission denied") if exists else (127, "executable file not found in $PATH")
            return self.conclude(code, f'CannotStartContainerError: exec: "{command[0]}": {why}: unknown')
        process = self.process = start(command, variables)
        PROCESSES.add(process)
        if not LAUNCHER:
            later(0, sweep, process)
        late_log = LateLog(log, account.log_lag)
        put_log(*log, [])  # Docker makes the stream before there is any output
        self.status = "RUNNING"
        timer = self.seconds and later(self.seconds, lambda: (late.set(), stop(process, account.grace)))
        if self.stop or CLOSED.is_set():
            stop(process, account.grace)  # what asked for it saw no process
        for line in process.stdout:
            if message := line.decode(errors="replace").rstrip("\n"):
                late_log.put(message)
        code = process.wait()
        PROCESSES.discard(process)
        if timer:
            timer.cancel()
        self.conclude(code if code >= 0 else 128 - code, timed_out=late.is_set())

    @whole
    def conclude(self, exit_code, container_reason=None, timed_out=False):
        """The end of an attempt, in Batch's words, and of the job if it is not retried."""
        self.exit_code, self.container_reason, self.job_stopped_at = exit_code, container_reason, datetime.now()
        reason = "Task failed to start" if container_reason else "Essential container in task exited"
        if timed_out:
            reason = "Job attempt duration exceeded timeout"
        self.job_stopped_reason = reason = self.job_stopped_reason if self.stop else reason
        times = {"startedAt": milliseconds(self.job_started_at), "stoppedAt": milliseconds(self.job_stopped_at)}
        container = {"logStreamName": self.log_stream_name, **self.ending()}
        self.attempts = [*self.attempts, {"container": container, "statusReason": reason, **times}]
        outcome = {"onStatusReason": reason, "onReason": container_reason or "", "onExitCode": str(exit_code)}
        ended = self.stop or timed_out
        final = ended or exit_code == 0 or len(self.attempts) >= self.retry_strategy.get("attempts", 1)
        if not final and retries(self.retry_strategy.get("evaluateOnExit") or [], outcome):
            self.status = "RUNNABLE"
        else:
            self.end("SUCCEEDED" if exit_code == 0 and not ended else "FAILED")

    @whole
    def end(self, status):
        self.job_stopped_at, self.job_stopped = datetime.now(), True
        self.status = status

    def terminate(self, reason):
        for child in self._child_jobs or []:
            child.terminate(reason)
        if self.job_stopped:
            return
        super().terminate(reason)
        if self.process:
            stop(self.process, ACCOUNTS[self.backend.account_id].grace)
        elif not self.is_alive() and not self._child_jobs:
            self.end("FAILED")

    @whole
    def stage(self, status=None, statusReason=None, startedAt=None, stoppedAt=None, container={}, attempts=None, **more):
        """Make DescribeJobs and ListJobs say so."""
        now = time.time() * 1000
        if status:
            self.status = self.staged = status
            self.job_stopped = status in ENDED
            if status in ("RUNNING", "SUCCEEDED") and self.job_started_at.year == 1970:
                startedAt = startedAt or now
            if self.job_stopped:
                stoppedAt = stoppedAt or now
        if startedAt:
            self.job_started_at = datetime.fromtimestamp((startedAt + 0.5) / 1000)
        if stoppedAt:
            self.job_stopped_at = datetime.fromtimestamp((stoppedAt + 0.5) / 1000)
        self.job_stopped_reason = self.job_stopped_reason if statusReason is None else statusReason
        self.exit_code = container.get("exitCode", self.exit_code)
        self.container_reason = container.get("reason", self.container_reason)
        self.log_stream_name = container.get("logStreamName", self.log_stream_name)
        self.attempts = self.attempts if attempts is None else attempts
        self.more = more

    # Description

    def _get_container_property(self, name, default):
        if name != "environment":
            return super()._get_container_property(name, default)
        # moto adds AWS_BATCH_JOB_ID to the submitted list at every look, one list for a whole array.
        lists = [self.job_definition.container_properties.get(name, []), self.container_overrides.get(name, [])]
        values = {variable["name"]: variable.get("value", "") for variable in itertools.chain(*lists)}
        return [{"name": name, "value": value} for name, value in values.items()]

    def _container_details(self):
        properties = self.job_definition.container_properties
        details = super()._container_details()
        details |= {name: properties[name] for name in properties if name not in details}
        requirements = properties["resourceRequirements"] + self.container_overrides.get("resourceRequirements", [])
        requirements = {requirement["type"]: requirement for requirement in requirements}
        details["resourceRequirements"] = list(requirements.values())
        for name, kind in (("vcpus", "VCPU"), ("memory", "MEMORY")):
            if kind in requirements:
                details[name] = int(float(requirements[kind]["value"]))
        return details | self.ending()

    def ending(self):
        ending = {"exitCode": self.exit_code, "reason": self.container_reason}
        return {name: value for name, value in ending.items() if value is not None}

    @whole
    def describe_short(self):
        if self._child_jobs and not self.staged and self.status in ENDED:
            self.job_stopped = True
            self.job_stopped_at = max(child.job_stopped_at for child in self._child_jobs)
            if self.status == "FAILED" and not self.job_stopped_reason:
                self.job_stopped_reason = "Array Child Job failed"
        result = super().describe_short()
        if self.job_started_at.year == 1970:
            result.pop("startedAt", None)  # moto's word for never
        if ending := self.ending():
            result["container"] = ending
        if self.stop:
            result["isTerminated"] = True  # moto does not say so
        result |= {name: self.more[name] for name in ("isTerminated", "isCancelled") if name in self.more}
        if self.index is not None:
            result["arrayProperties"] = {"index": self.index}
        elif self._child_jobs:
            result["arrayProperties"] = {"size": len(self._child_jobs)}
        return result

    @whole
    def describe(self):
        result = super().describe()
        result["retryStrategy"] = {"attempts": 1, "evaluateOnExit": [], **self.retry_strategy}
        if self.seconds:
            result["timeout"] = {"attemptDurationSeconds": self.seconds}
        names = {"propagateTags": "propagateTags", "shareIdentifier": "shareIdentifier"}
        names["schedulingPriorityOverride"] = "schedulingPriority"
        if {"ecsProperties", "eksProperties"} & self.more.keys():
            del result["container"]  # such a job has none of its own
        return result | {names[name]: self.request[name] for name in names if name in self.request} | self.more


class BatchApi(BatchResponse):
    """moto's Batch calls, corrected."""

    @property
    def params(self):
        return json.loads(self.body)

    def find_job(self, job_id):
        return self.batch_backend.get_job_by_id(job_id.split(":job/")[-1])

    def find_queue(self, name):
        queue = self.batch_backend.get_job_queue(name)
        if queue is None:
            raise ClientException(f"Job queue {name} does not exist")
        return queue

    def submitjob(self):
        CALL.request = self.params
        if self.current_account in ACCOUNTS:
            ACCOUNTS[self.current_account].requests.append(CALL.request)
        return super().submitjob()

    def describejobs(self):
        """moto looks at every job, and fails when one is submitted meanwhile."""
        jobs = map(self.find_job, self.params["jobs"])
        return json.dumps({"jobs": [job.describe() for job in jobs if job]})

    def canceljob(self):
        """moto cancels an array's parent only. Like AWS, leave what has started alone, silently."""
        job = self.find_job(self.params["jobId"])
        for one in (job and job._child_jobs) or [job]:
            if one:
                self.batch_backend.cancel_job(one.job_id, self.params["reason"])
        return ""

    def listjobs(self):
        """moto lists array children among a queue's jobs, and knows one filter, no default and no pages."""
        params = self.params
        if "arrayJobId" in params:
            jobs, filters = self.find_job(params["arrayJobId"])._child_jobs or [], []
        else:
            queue = self.find_queue(params.get("jobQueue", ""))
            jobs, filters = [job for job in reversed(queue.jobs) if job.index is None], params.get("filters", [])
            lag = timedelta(seconds=ACCOUNTS[self.batch_backend.account_id].list_lag)
            jobs = [job for job in jobs if job.job_created_at + lag <= datetime.now()]
        tests = {
            "JOB_NAME": lambda job, value: matches(value.lower(), job.job_name.lower()),
            "JOB_DEFINITION": lambda job, value: matches(value, job.job_definition.name)
            or value == job.job_definition.arn,
            "AFTER_CREATED_AT": lambda job, value: milliseconds(job.job_created_at) > int(value),
            "BEFORE_CREATED_AT": lambda job, value: milliseconds(job.job_created_at) < int(value),
        }
        for one in filters:
            jobs = [job for job in jobs if any(tests[one["name"]](job, value) for value in one["values"])]
        if not filters:
            jobs = [job for job in jobs if job.status == params.get("jobStatus", "RUNNING")]
        first = int(params.get("nextToken") or 0)
        last = first + (params.get("maxResults") or 100)
        result = {"jobSummaryList": [job.describe_short() for job in jobs[first:last]]}
        if last < len(jobs):
            result["nextToken"] = str(last)
        return json.dumps(result)

    def getjobqueuesnapshot(self):
        jobs = [job for job in self.find_queue(self.params["jobQueue"]).jobs if job.status == "RUNNABLE"]
        front = [{"jobArn": job.arn, "earliestTimeAtPosition": milliseconds(job.job_created_at)} for job in jobs]
        return json.dumps({"frontOfQueue": {"jobs": front[:100], "lastUpdatedAt": int(time.time() * 1000)}})


def patch_moto():
    models.Job = BatchJob
    models.JOB_NAME_REGEX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")  # moto refuses a single character
    ECRResponse.get_download_url_for_layer = layer_url
    urls.url_paths = dict.fromkeys([*urls.url_paths, "{0}/v1/getjobqueuesnapshot"], BatchApi.dispatch)


# Accounts and the control endpoint


def create_account(
    run=False, hold=False, bare=False, program=None, port=None, scene={}, _ids=itertools.count(200000000001)
):
    """A fresh AWS account, with what jobs need unless it is to be bare."""
    account_id = str(next(_ids))
    role = iam_backends[account_id]["aws"].create_role("computes", "{}", "/", None, "", [], "3600")
    session = sts_backends[account_id]["aws"].assume_role(REGION, "test", role.arn, "", 3600, "")
    account = SimpleNamespace(id=account_id, run=run, hold=hold, requests=[], denied=[], policy=None, arn=session.arn)
    account.program, account.port = program, port
    account.entrypoint, account.log_lag, account.list_lag, account.grace = [], 0, 0, 1
    vars(account).update(scene)
    ACCOUNTS[account_id] = KEYS[session.access_key_id] = account
    # A job has its own role, and its own rights.
    role_of_jobs = iam_backends[account_id]["aws"].create_role("computes-job", "{}", "/", None, "", [], "3600")
    account.job = sts_backends[account_id]["aws"].assume_role(REGION, "job", role_of_jobs.arn, "", 3600, "")
    account.jobs = SimpleNamespace(id=account_id, denied=[], policy=None, arn=account.job.arn)
    KEYS[account.job.access_key_id] = account.jobs
    keys = {"accessKeyId": session.access_key_id, "secretAccessKey": session.secret_access_key}
    keys |= {"accountId": account_id, "region": REGION, "sessionToken": session.session_token, "role": role.arn}
    return keys if bare else {**keys, **furnish(account_id, role)}


def furnish(account_id, role):
    """Queues, compute environments, a job definition, a file system and a log group."""
    iam, ec2 = iam_backends[account_id]["aws"], ec2_backends[account_id][REGION]
    batch, efs = models.batch_backends[account_id][REGION], efs_backends[account_id][REGION]
    profile = iam.create_instance_profile("computes", "/", [role.name])
    vpc = ec2.create_vpc("10.0.0.0/16")
    subnets = [ec2.create_subnet(vpc.id, f"10.0.{i}.0/24", availability_zone=f"{REGION}{'ab'[i]}").id for i in (0, 1)]
    group = ec2.create_security_group("computes", "computes", vpc_id=vpc.id).id
    resources = {"minvCpus": 0, "maxvCpus": 256, "instanceTypes": ["optimal"], "instanceRole": profile.arn}
    resources |= {"subnets": subnets, "securityGroupIds": [group]}
    for environment, kind, suffix in (("spot", "SPOT", ""), ("ondemand", "EC2", "-uninterruptible")):
        resources = {**resources, "type": kind}
        made = batch.create_compute_environment(environment, "MANAGED", "ENABLED", resources, role.arn)
        for queue, priority in (("default", 1), ("asap", 10)):
            order = [{"order": 1, "computeEnvironment": made.arn}]
            batch.create_job_queue(queue + suffix, priority, None, "ENABLED", order)
    sizes = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]
    properties = {"image": "busybox", "command": ["./build.sh", "--help"], "resourceRequirements": sizes}
    batch.register_job_definition("default", {}, "container", {}, {}, properties, None, None, {}, ["EC2"], False)
    files = efs.create_file_system("computes", "generalPurpose", True, "", "bursting", 0, "", False, [])
    for subnet in subnets:
        efs.create_mount_target(files.file_system_id, subnet, None, [group])
    logs_backends[account_id][REGION].ensure_log_group(LOG_GROUP)
    bucket = s3_backends[account_id]["aws"].create_bucket(f"builds-{account_id}", REGION).name
    return {"bucket": bucket, "vpc": vpc.id, "subnets": subnets, "securityGroup": group, "efs": files.file_system_id}


def layer_url(response):
    return ActionResult({"downloadUrl": f"http://127.0.0.1:{PORT[0]}/computes-test/image?accountId={response.current_account}"})


def control(method, action, params):
    """What a test can do to the scene, and ask of it.

    POST account  run, hold, bare      a new account, whose jobs run, or stay SUBMITTED, or succeed at once;
                                       bare: it has nothing that jobs need
                  program, port        the folder of computes in the image; where jobs find AWS, if not here
                  scene                entrypoint of the image; log_lag, list_lag: seconds until a line, and
                                       a job in ListJobs, is shown
    GET role      accountId            credentials of the role of jobs, as ECS gives them
    POST job      accountId, jobId, …  the job becomes what the rest says, see `BatchJob.stage`
    POST log      accountId, stream, events [[milliseconds, message], …], group
    POST deny     accountId, actions   as IAM would, from now on; ["batch:*"] works, [] ends it
    POST allow    accountId, policy, jobs  as IAM would, from now on: what the policy does not allow is denied
    POST age      accountId, days      every object of its buckets is so much older
    GET image     accountId            what every image in ECR starts with: nothing
    GET requests  accountId            every SubmitJob request that was not denied, in order
    GET jobs      accountId            every job, array children too
    """
    if (method, action) == ("POST", "account"):
        return create_account(**params)
    account = ACCOUNTS[params.pop("accountId")]
    jobs = models.batch_backends[account.id][REGION]._jobs
    match method, action:
        case "POST", "job":
            jobs[params.pop("jobId")].stage(**params)
        case "POST", "log":
            logs = logs_backends[account.id][REGION]
            put_log(logs, params.get("group", LOG_GROUP), params["stream"], params["events"])
        case "POST", "deny":
            account.denied = params["actions"]
        case "POST", "allow":
            (account.jobs if params.get("jobs") else account).policy = params["policy"]
        case "POST", "age":
            for bucket in s3_backends[account.id]["aws"].buckets.values():
                for key in bucket.keys.values():
                    key.last_modified -= timedelta(days=params["days"])
        case "GET", "role":
            keys = account.job
            names = {"AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key}
            return {**names, "Token": keys.session_token, "Expiration": "2099-01-01T00:00:00Z"}
        case "GET", "image":
            return {"config": {}}
        case "GET", "requests":
            return account.requests
        case "GET", "jobs":
            return [
                {"jobId": job.job_id, "jobName": job.job_name, "status": job.status, "queue": job.job_queue.name}
                for job in list(jobs.values())
            ]
        case _:
            raise KeyError(action)
    return {}


class Front:
    """Stands before moto: the control endpoint, the account of each access key, and denied calls."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        response = self.moto
        path, body = environ["PATH_INFO"], environ["wsgi.input"].getvalue()
        # In a header, or in a URL that was signed.
        signed = environ.get("HTTP_AUTHORIZATION") or unquote(environ["QUERY_STRING"])
        credential = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", signed)
        if path.startswith("/computes-test/"):
            try:
                query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
                result = control(environ["REQUEST_METHOD"], path.split("/", 2)[2], json.loads(body) if body else query)
                response = Response(json.dumps(result), mimetype="application/json")
            except (KeyError, TypeError, ValueError) as error:
                response = Response(json.dumps({"message": repr(error)}), 400, mimetype="application/json")
        elif credential and credential[1] in KEYS:
            account = KEYS[credential[1]]
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = account.id
            if account.denied or account.policy:
                response = self.denial(account, credential[2], environ, body) or response
        return response(environ, start_response)

    def denial(self, account, service, environ, body):
        """AWS's answer to a call that is denied, in the protocol of the call, or none if it is allowed."""
        target = environ.get("HTTP_X_AMZ_TARGET")
        form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if target:
            names = [target.split(".")[-1]]
        elif form:
            names = parse_qs(body.decode())["Action"]
        elif service == "s3":
            return self.denial_of_s3(account, environ, body)
        else:
            router = get_service_router({"elasticfilesystem": "efs"}.get(service, service))
            names = [router.match(Request(environ))[0].name]
        actions = [f"{service}:{name}" for name in names]
        request = json.loads(body) if body.startswith(b"{") else {}
        place = (REGION, account.id)
        denied = [
            action
            for action, resource in iam.rights(actions, request, place)
            if any(fnmatch.fnmatch(action, rule) for rule in account.denied)
            or (account.policy and not iam.allows(account.policy, action, resource))
        ]
        if not denied:
            return None
        message = f"User: {account.arn} is not authorized to perform: {denied[0]} on resource: * "
        message += f"because no identity-based policy allows the {denied[0]} action"
        kind, headers = "AccessDeniedException", {"x-amzn-ErrorType": "AccessDeniedException"}
        if target:
            text = json.dumps({"__type": kind, "Message": message})
            return Response(text, 400, headers, content_type="application/x-amz-json-1.1")
        if form:
            error = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error>"
            return Response(f"<ErrorResponse>{error}</ErrorResponse>", 403, mimetype="text/xml")
        return Response(json.dumps({"message": message}), 403, headers, mimetype="application/json")


    def denial_of_s3(self, account, environ, body):
        denied = [
            action
            for action, resource, prefix in iam.of_s3(environ, body)
            if any(fnmatch.fnmatch(action, rule) for rule in account.denied)
            or (account.policy and not iam.allows(account.policy, action, resource, prefix))
        ]
        if not denied:
            return None
        message = f"User: {account.arn} is not authorized to perform: {denied[0]} on resource: *"
        error = f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>"
        return Response(error, 403, mimetype="application/xml")


class Handler(MotoRequestHandler):
    """werkzeug closes the connection after each answer; with whole requests and answers it can stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self):
        environ = self.make_environ()
        chunked = environ.get("wsgi.input_terminated")
        length = -1 if chunked else int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        response = Response.from_app(self.server.app, environ, buffered=True)
        # What S3 calls it, and moto does not.
        body = response.get_data().replace(b"ListPartsResponse", b"ListPartsResult")
        if self.command != "HEAD":  # whose answer says how long the body would be
            response.headers["Content-Length"] = str(len(body))
        self.send_response(response.status_code)
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_):
        pass


def main():
    patch_moto()
    os.chdir("/")  # where a container starts
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory(prefix="computes-aws-", ignore_cleanup_errors=True) as directory:
        os.mkdir(f"{directory}/root")
        os.mkdir(f"{directory}/efs")
        LAUNCHER.extend(launcher(directory))
        server = make_server("127.0.0.1", 0, Front(), threaded=True, request_handler=Handler)
        PORT.append(server.port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"port": server.port, "efs": f"{directory}/efs", "isolated": bool(LAUNCHER)}), flush=True)
        with contextlib.suppress(SystemExit):
            while os.read(0, 65536):
                pass
        CLOSED.set()
        for process in list(PROCESSES):
            send(process, signal.SIGKILL)
            process.wait(5)
    os._exit(0)  # Python would take half a second to take moto apart


if __name__ == "__main__":
    main()
