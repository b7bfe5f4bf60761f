//! Following a job on AWS: its states, its log, its end.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli::stage::Following;
use crate::support::{Account, Gate, Home, Jobs};

/// A job that stays as it is, and its id on Batch.
fn staged(account: &Account, options: &[&str]) -> (Home, String, String) {
    let home = account.home();
    let id = home.submit([options, &["--name", "staged", "--", "true"]].concat());
    let job = home.engine_id_of(&id);
    (home, id, job)
}

pub fn ended(status_reason: &str, container: &Value) -> Value {
    let attempt = json!({"startedAt": 1_700_000_000_000_u64, "stoppedAt": 1_700_000_060_000_u64,
        "statusReason": status_reason, "container": container});
    json!({"status": "FAILED", "statusReason": status_reason, "startedAt": 1_700_000_000_000_u64,
        "stoppedAt": 1_700_000_060_000_u64, "container": container, "attempts": [attempt]})
}

#[test]
fn ends_give_the_exit_codes_that_are_documented() {
    let account = Account::new(Jobs::Stay);
    let oom = "OutOfMemoryError: Container killed due to memory usage";
    for (says, code, class) in [
        (ended("Essential container in task exited", &json!({"exitCode": 7})), 7, "exit_code"),
        (ended("Host EC2 (instance i-0a1b2c) terminated.", &json!({})), 122, "interrupted"),
        (ended("Your Spot Task was interrupted.", &json!({"exitCode": 137})), 122, "interrupted"),
        (
            ended("Job attempt duration exceeded timeout", &json!({"exitCode": 137})),
            121,
            "timed_out",
        ),
        (
            ended("Essential container in task exited", &json!({"exitCode": 137, "reason": oom})),
            123,
            "out_of_memory",
        ),
        (
            ended(
                "Task failed to start",
                &json!({"reason": "CannotPullContainerError: not found"}),
            ),
            125,
            "image_pull",
        ),
        (
            ended("Task failed to start", &json!({"reason": "DockerTimeoutError: timed out"})),
            125,
            "start_failed",
        ),
        (ended("Essential container in task exited", &json!({"exitCode": 139})), 139, "signal"),
    ] {
        let (home, id, job) = staged(&account, &[]);
        account.stage(&job, says);
        let run = home.run(["wait", "--limit", "30s", &id]);
        assert_eq!(run.code, code, "{class}: {}", run.stderr);
        assert_eq!(home.status(&id)["class"], class);
    }
    let (home, id, job) = staged(&account, &[]);
    account.stage(&job, json!({"status": "SUCCEEDED", "attempts": [{"container": {}}]}));
    assert_eq!(home.run(["wait", "--limit", "30s", &id]).code, 0);
    assert_eq!(home.status(&id)["exit_code"], 0);
}

/// Batch marks what it ends itself as it marks what somebody ended.
#[test]
fn ends_that_batch_brought_about_are_nobodys_wish() {
    let account = Account::new(Jobs::Stay);
    let limit = "Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY";
    let late = ended("Job attempt duration exceeded timeout", &json!({"exitCode": 137}));
    let reclaimed = ended("Host EC2 (instance i-0a1b2c) terminated.", &json!({"exitCode": 137}));
    let never_ran = json!({"status": "FAILED", "statusReason": limit, "isCancelled": true});
    let waited_again = json!({"status": "FAILED", "statusReason": limit, "isCancelled": true,
        "attempts": [{"startedAt": 1, "stoppedAt": 2, "container": {"exitCode": 1},
            "statusReason": "Essential container in task exited"}]});
    let wish = ended("not needed", &json!({"exitCode": 143}));
    for (mut says, code, state, explained) in [
        (late, 121, "failed", "it failed: timed"),
        (reclaimed, 122, "failed", "it failed: interrupted"),
        (never_ran, 125, "failed", "it failed: refused"),
        (waited_again, 125, "failed", "it failed: refused"),
        (wish, 120, "cancelled", "its end was asked for"),
    ] {
        let (home, id, job) = staged(&account, &[]);
        if says["isCancelled"].is_null() {
            says["isTerminated"] = true.into();
        }
        account.stage(&job, says);
        // Whoever looks on from another machine sees the same.
        let listed = account.home().run(["list", "--all", "--json"]).json();
        assert_eq!(listed[0]["state"], state, "{}", listed[0]);
        let run = home.run(["wait", "--limit", "30s", &id]);
        assert_eq!(run.code, code, "{}", run.stderr);
        let told = home.run(["explain", &id]).stdout;
        assert!(told.contains(explained), "{explained}: {told}");
        let reason = home.status(&id)["reason"].as_str().expect("a reason").to_owned();
        assert!(told.contains(&reason), "{reason}: {told}");
    }
}

#[test]
fn the_log_of_every_attempt_is_shown_and_the_story_told() {
    let account = Account::new(Jobs::Run);
    let home = account.home();
    let script = "echo attempt $AWS_BATCH_JOB_ATTEMPT; test $AWS_BATCH_JOB_ATTEMPT = 3";
    let run = home.run([
        "run",
        "--name",
        "thrice",
        "--attempts",
        "3",
        "--retry-on",
        "any",
        "--",
        "sh",
        "-c",
        script,
    ]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "attempt 1\nattempt 2\nattempt 3\n"),
        "{}",
        run.stderr
    );
    let status = home.status("last");
    assert_eq!(status["attempt_history"].as_array().map(Vec::len), Some(3));
    for (index, text) in ["attempt 1\n", "attempt 2\n", "attempt 3\n"].iter().enumerate() {
        let number = (index + 1).to_string();
        assert_eq!(home.run(["logs", "--attempt", &number, "last"]).stdout, *text);
    }
}

#[test]
fn a_log_that_is_not_there_hides_no_end() {
    let account = Account::new(Jobs::Stay);
    let (home, id, job) = staged(&account, &[]);
    let container = json!({"exitCode": 3, "logStreamName": "default/default/gone"});
    account.stage(&job, ended("Essential container in task exited", &container));
    let run = home.run(["logs", "--follow", &id]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stderr
    warning: no more of the log: the log of attempt 1 is not there: stream `default/default/gone` in group `/aws/batch/job`
    ");
    assert_eq!(home.run(["wait", &id]).code, 3);
    insta::assert_snapshot!(home.run(["logs", &id]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot show the log of [short]: the log of attempt 1 is not there: stream `default/default/gone` in group `/aws/batch/job`
    ");
}

#[test]
fn a_log_that_may_not_be_read_hides_no_end() {
    let account = Account::new(Jobs::Run);
    account.deny(&["logs:*"]);
    let run = account.home().run(["run", "--name", "mute", "--", "sh", "-c", "echo hi; exit 5"]);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 5
    --- stderr
    [short] mute submitted to default
    warning: no more of the log: AWS logs:GetLogEvents: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: logs:GetLogEvents on resource: * because no identity-based policy allows the logs:GetLogEvents action (400)
    [short] mute failed after [took] : exit code 5
    ");
}

/// More than a page, and lines that are longer than any.
#[test]
fn long_logs_come_whole() {
    let account = Account::new(Jobs::Run);
    let script = "i=0; while [ $i -lt 12000 ]; do echo line $i; i=$((i+1)); done; exit 2";
    let run = account.home().run(["run", "--quiet", "--", "sh", "-c", script]);
    let lines: Vec<_> = run.stdout.lines().map(str::to_owned).collect();
    assert_eq!((run.code, lines.len()), (2, 12_000), "{}", run.stderr);
    assert_eq!(lines.last().map(String::as_str), Some("line 11999"));
}

#[test]
fn a_job_that_waits_says_why() {
    let account = Account::new(Jobs::Stay);
    let (home, id, job) = staged(&account, &[]);
    let reason =
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested";
    account.stage(&job, json!({"status": "RUNNABLE", "statusReason": reason}));
    let mut wait = Following::start(&home, &["wait", &id]);
    wait.until_it_says(" tells more");
    wait.signal(Signal::TERM);
    insta::assert_snapshot!(wait.end(&home).snapshot(), @"
    exit code 143
    --- stderr
    [short] waits since [time], RUNNABLE: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested; it could start, and waits for a machine; AWS has no such machines to give just now; it is the next to start
    computes explain [short] tells more
    warning: detached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    insta::assert_snapshot!(home.run(["list"]).snapshot(), @"
    exit code 0
    --- stdout
    JOB       NAME    STATE   QUEUE    TRY  AGE    TOOK  WHY
    [short]  staged  queued  default  0    [took] CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested
    ");
}

#[test]
fn what_it_waits_for_is_told_when_it_changes() {
    let account = Account::new(Jobs::Stay);
    let (home, id, job) = staged(&account, &[]);
    let mut wait = Following::start(&home, &["wait", "--limit", "30s", &id]);
    wait.until_it_says(", SUBMITTED: ");
    account.stage(&job, json!({"status": "RUNNABLE"}));
    wait.until_it_says(", RUNNABLE: ");
    let reason = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job is larger than any instance";
    account.stage(&job, json!({"status": "RUNNABLE", "statusReason": reason}));
    wait.until_it_says("MISCONFIGURATION");
    account.stage(&job, json!({"status": "SUCCEEDED"}));
    insta::assert_snapshot!(wait.end(&home).snapshot(), @"
    exit code 0
    --- stderr
    [short] waits since [time], SUBMITTED: Batch has it and looks at it first
    [short] waits since [time], RUNNABLE: it could start, and waits for a machine; it is the next to start
    [short] waits since [time], RUNNABLE: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job is larger than any instance; it could start, and waits for a machine; no instance type of the queue's compute environments is as large as the job; it is the next to start
    computes explain [short] tells more
    [short] staged succeeded after [took]
    warning: [short]: nobody could see whether the command ran: AWS Batch names no log of it
    ");
}

#[test]
fn who_may_not_see_the_queue_is_told_the_rest() {
    let account = Account::new(Jobs::Stay);
    account.deny(&["batch:GetJobQueueSnapshot"]);
    let (home, id, job) = staged(&account, &[]);
    account.stage(&job, json!({"status": "RUNNABLE"}));
    let mut wait = Following::start(&home, &["wait", "--limit", "30s", &id]);
    wait.until_it_says(", RUNNABLE: ");
    account.stage(&job, json!({"status": "SUCCEEDED"}));
    insta::assert_snapshot!(wait.end(&home).snapshot(), @"
    exit code 0
    --- stderr
    [short] waits since [time], RUNNABLE: it could start, and waits for a machine
    computes explain [short] tells more
    [short] staged succeeded after [took]
    warning: [short]: nobody could see whether the command ran: AWS Batch names no log of it
    ");
}

#[test]
fn sigterm_detaches_and_the_job_goes_on() {
    let account = Account::new(Jobs::Run);
    let home = account.home();
    let mut gate = Gate::new(&home);
    let script = home.in_work(Gate::STOP);
    let mut following =
        Following::start(&home, &["run", "--name", "on", "--", "sh", "-c", &script]);
    following.until_it_says("running");
    gate.wait_for(1);
    following.signal(Signal::TERM);
    let run = following.end(&home);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @r"
    exit code 143
    --- stderr
    [short] on submitted to default
    warning: detached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    gate.open();
    assert_eq!(home.run(["wait", "--limit", "30s", "last"]).code, 0);
}

#[test]
fn in_ci_an_interrupt_cancels() {
    let account = Account::new(Jobs::Run);
    let home = account.home();
    let mut following = Following::start(
        &home,
        &["run", "--cancel-on-interrupt", "--name", "ci", "--", "sleep", "1000"],
    );
    following.until_it_says("running");
    following.signal(Signal::INT);
    let run = following.end(&home);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @r"
    exit code 120
    --- stderr
    [short] ci submitted to default
    cancelling the job
    [short] ci cancelled after [took] : interrupted while following
    ");
    assert_eq!(account.jobs()[0]["status"], "FAILED");
}

#[test]
fn json_tells_batchs_own_words() {
    let account = Account::new(Jobs::Run);
    let run = account.home().run([
        "run",
        "--json",
        "--name",
        "told",
        "--",
        "sh",
        "-c",
        "echo hi; exit 1",
    ]);
    let lines = run.json();
    let kinds: Vec<_> =
        lines.iter().map(|line| line["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds.first(), Some(&"submitted"));
    assert_eq!(kinds.last(), Some(&"ended"));
    let last = &lines[lines.len() - 1]["job"];
    assert_eq!((&last["engine"], &last["engine_status"]), (&json!("aws"), &json!("FAILED")));
    assert!(last["engine_id"].is_string());
}
