//! Why a job waits or why it ended.

use serde_json::{Value, json};

use crate::cli::stage::each;
use crate::support::{Account, Home, Jobs};

const ESSENTIAL: &str = "Essential container in task exited";

/// What is said of a job of which Batch says this.
fn explained(account: &Account, home: &Home, says: &Value) -> String {
    let id = home.submit(["--name", "staged", "--", "true"]);
    account.stage(&home.engine_id_of(&id), says.clone());
    let run = home.run(["explain", &id]);
    // Its place depends on the cases before.
    account.stage(&home.engine_id_of(&id), json!({"status": "SUCCEEDED"}));
    run.snapshot()
}

#[test]
fn jobs_that_wait() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let stuck = |reason: &str| json!({"status": "RUNNABLE", "statusReason": reason});
    let cases = [
        json!({"status": "SUBMITTED"}),
        json!({"status": "PENDING"}),
        json!({"status": "RUNNABLE"}),
        stuck(
            "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested",
        ),
        stuck("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement is higher"),
        stuck(
            "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS – Batch service role has a permission issue.",
        ),
        json!({"status": "STARTING"}),
        json!({"status": "RUNNING"}),
    ];
    insta::assert_snapshot!(each(&cases, |says| explained(&account, &home, says)), @r#"
    > {"status":"SUBMITTED"}
    exit code 0
    --- stdout
    [short] staged queued (SUBMITTED)
    since    [time]
    why      Batch has it and looks at it first

    > {"status":"PENDING"}
    exit code 0
    --- stdout
    [short] staged queued (PENDING)
    since    [time]
    why      it waits for jobs that it depends on, or for its children

    > {"status":"RUNNABLE"}
    exit code 0
    --- stdout
    [short] staged queued (RUNNABLE)
    since    [time]
    why      it could start, and waits for a machine
    why      it is the next to start

    > {"status":"RUNNABLE","statusReason":"CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested"}
    exit code 0
    --- stdout
    [short] staged queued (RUNNABLE)
    reason   CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested
    since    [time]
    why      it could start, and waits for a machine
    why      AWS has no such machines to give just now
    why      it is the next to start
    hint     wait, allow more instance types in the compute environment, or submit to an uninterruptible queue

    > {"status":"RUNNABLE","statusReason":"MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement is higher"}
    exit code 0
    --- stdout
    [short] staged queued (RUNNABLE)
    reason   MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement is higher
    since    [time]
    why      it could start, and waits for a machine
    why      no instance type of the queue's compute environments is as large as the job
    why      it is the next to start
    hint     ask for less with --vcpus, --memory and --gpus, or allow larger instance types

    > {"status":"RUNNABLE","statusReason":"MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS – Batch service role has a permission issue."}
    exit code 0
    --- stdout
    [short] staged queued (RUNNABLE)
    reason   MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS – Batch service role has a permission issue.
    since    [time]
    why      it could start, and waits for a machine
    why      the service role of the compute environment may not do what it has to
    why      it is the next to start
    hint     give it the policy AWSBatchServiceRole

    > {"status":"STARTING"}
    exit code 0
    --- stdout
    [short] staged starting (STARTING)
    why      a machine has it and fetches the image

    > {"status":"RUNNING"}
    exit code 0
    --- stdout
    [short] staged running (RUNNING)
    why      it runs
    "#);
}

#[test]
fn jobs_that_ended() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let failed = |reason: &str, container: Value| {
        json!({"status": "FAILED", "statusReason": reason, "container": container,
            "attempts": [{"statusReason": reason, "container": container}]})
    };
    let cases = [
        json!({"status": "SUCCEEDED"}),
        failed(ESSENTIAL, json!({"exitCode": 1})),
        failed(ESSENTIAL, json!({"exitCode": 127})),
        failed(ESSENTIAL, json!({"exitCode": 137})),
        failed(
            ESSENTIAL,
            json!({"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}),
        ),
        failed("Host EC2 (instance i-0a1b2c) terminated.", json!({})),
        failed(
            "Task failed to start",
            json!({"reason": "CannotPullContainerError: manifest for x not found"}),
        ),
        failed("Job attempt duration exceeded timeout", json!({})),
        json!({"status": "FAILED", "statusReason": "Dependent Job failed"}),
    ];
    insta::assert_snapshot!(each(&cases, |says| explained(&account, &home, says)), @r#"
    > {"status":"SUCCEEDED"}
    exit code 0
    --- stdout
    [short] staged succeeded (SUCCEEDED)
    why      it succeeded
    unknown  nobody could see whether the command ran: AWS Batch names no log of it

    > {"attempts":[{"container":{"exitCode":1},"statusReason":"Essential container in task exited"}],"container":{"exitCode":1},"status":"FAILED","statusReason":"Essential container in task exited"}
    exit code 0
    --- stdout
    [short] staged failed (FAILED)
    reason   Essential container in task exited
    why      it failed: exit code 1
    hint     the command ended by itself: its log says why

    > {"attempts":[{"container":{"exitCode":127},"statusReason":"Essential container in task exited"}],"container":{"exitCode":127},"status":"FAILED","statusReason":"Essential container in task exited"}
    exit code 0
    --- stdout
    [short] staged failed (FAILED)
    reason   Essential container in task exited
    why      it failed: start failed, Essential container in task exited
    hint     `true` is not in the image, or can't be executed there; or what it runs is not, which its log names

    > {"attempts":[{"container":{"exitCode":137},"statusReason":"Essential container in task exited"}],"container":{"exitCode":137},"status":"FAILED","statusReason":"Essential container in task exited"}
    exit code 0
    --- stdout
    [short] staged failed (FAILED)
    reason   Essential container in task exited
    why      it failed: ended by signal 9
    hint     somebody killed it: most often it was out of memory; try --memory

    > {"attempts":[{"container":{"exitCode":137,"reason":"OutOfMemoryError: Container killed due to memory usage"},"statusReason":"Essential container in task exited"}],"container":{"exitCode":137,"reason":"OutOfMemoryError: Container killed due to memory usage"},"status":"FAILED","statusReason":"Essential container in task exited"}
    exit code 0
    --- stdout
    [short] staged failed (FAILED)
    reason   OutOfMemoryError: Container killed due to memory usage
    why      it failed: out of memory
    hint     it used more memory than it asked for: raise --memory

    > {"attempts":[{"container":{},"statusReason":"Host EC2 (instance i-0a1b2c) terminated."}],"container":{},"status":"FAILED","statusReason":"Host EC2 (instance i-0a1b2c) terminated."}
    exit code 0
    --- stdout
    [short] staged failed (FAILED)
    reason   Host EC2 (instance i-0a1b2c) terminated.
    why      it failed: interrupted, Host EC2 (instance i-0a1b2c) terminated.
    hint     the host was taken away (spot capacity, or a fault of the machine): give the job more --attempts, or a queue that is never interrupted

    > {"attempts":[{"container":{"reason":"CannotPullContainerError: manifest for x not found"},"statusReason":"Task failed to start"}],"container":{"reason":"CannotPullContainerError: manifest for x not found"},"status":"FAILED","statusReason":"Task failed to start"}
    exit code 0
    --- stdout
    [short] staged failed (FAILED)
    reason   CannotPullContainerError: manifest for x not found
    why      it failed: image pull, CannotPullContainerError: manifest for x not found
    hint     the image of the job definition can't be had: does it exist, for this architecture, and may the execution role (or the instance) pull it?

    > {"attempts":[{"container":{},"statusReason":"Job attempt duration exceeded timeout"}],"container":{},"status":"FAILED","statusReason":"Job attempt duration exceeded timeout"}
    exit code 0
    --- stdout
    [short] staged failed (FAILED)
    reason   Job attempt duration exceeded timeout
    why      it failed: timed out, Job attempt duration exceeded timeout
    hint     the attempt ran longer than its timeout; Batch never retries that: raise --timeout, or split the work

    > {"status":"FAILED","statusReason":"Dependent Job failed"}
    exit code 0
    --- stdout
    [short] staged failed (FAILED)
    reason   Dependent Job failed
    why      it failed: dependency failed, Dependent Job failed
    hint     a job that this one waited for failed: look at that one
    "#);
}

#[test]
fn what_may_not_be_asked_takes_nothing_from_the_rest() {
    let account = Account::new(Jobs::Stay);
    account.deny(&["batch:DescribeJobQueues", "batch:GetJobQueueSnapshot"]);
    let home = account.home();
    insta::assert_snapshot!(explained(&account, &home, &json!({"status": "RUNNABLE"})), @"
    exit code 0
    --- stdout
    [short] staged queued (RUNNABLE)
    since    [time]
    why      it could start, and waits for a machine
    unknown  the queue: AWS batch:DescribeJobQueues: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:DescribeJobQueues on resource: * because no identity-based policy allows the batch:DescribeJobQueues action (403)
    unknown  its place in the queue: AWS batch:GetJobQueueSnapshot: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:GetJobQueueSnapshot on resource: * because no identity-based policy allows the batch:GetJobQueueSnapshot action (403)
    hint     the policy of the caller has to allow batch:DescribeJobQueues: `computes policy` prints it
    hint     the policy of the caller has to allow batch:GetJobQueueSnapshot: `computes policy` prints it
    ");
}

#[test]
fn a_queue_that_is_off_and_a_job_that_is_too_large() {
    let account = Account::new(Jobs::Stay);
    account.aws(&["batch", "update-job-queue", "--job-queue", "default", "--state", "DISABLED"]);
    account.aws(&[
        "batch",
        "update-compute-environment",
        "--compute-environment",
        "spot",
        "--state",
        "DISABLED",
    ]);
    let home = account.home();
    let id = home.submit(["--name", "huge", "--vcpus", "1000", "--", "true"]);
    account.stage(&home.engine_id_of(&id), json!({"status": "RUNNABLE"}));
    insta::assert_snapshot!(home.run(["explain", &id]).snapshot(), @"
    exit code 0
    --- stdout
    [short] huge queued (RUNNABLE)
    since    [time]
    why      it could start, and waits for a machine
    why      the queue `default` is DISABLED and VALID
    why      it asks for 1000 vCPUs, and the largest compute environment of `default` may have 256
    why      the compute environment `spot` is DISABLED and VALID: Compute environment is available
    why      it is the next to start
    hint     aws batch update-job-queue --job-queue default --state ENABLED
    hint     raise the maximum of vCPUs, or ask for less with --vcpus
    hint     aws batch update-compute-environment --compute-environment spot --state ENABLED
    ");
    let json = home.run(["explain", "--json", &id]).json().remove(0);
    assert_eq!((&json["engine_status"], &json["position"]), (&json!("RUNNABLE"), &json!(1)));
}

#[test]
fn jobs_of_this_machine() {
    let home = Home::new();
    let (_worker, running) = home.busy();
    home.submit(["--name", "before", "--", "true"]);
    let waits = home.submit(["--name", "waits", "--", "true"]);
    insta::assert_snapshot!(home.run(["explain", &waits]).snapshot(), @"
    exit code 0
    --- stdout
    [short] waits queued
    since    [time]
    why      it asks for 1 vCPU, 1 GiB; free: 0 vCPU, 3 GiB
    why      taken by [short] endless (1 vCPU, 1 GiB)
    why      one job is to start before it
    ");
    insta::assert_snapshot!(home.run(["explain", &running]).snapshot(), @r"
    exit code 0
    --- stdout
    [short] endless running
    why      it runs
    ");
}
