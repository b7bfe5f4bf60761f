//! A success counts once the log shows that the command ran, and a log is read to its end.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::cli::stage::Following;
use crate::support::{Account, Aws, Fault, Home, Jobs, Proxy, Run};

/// Nobody who reads a log waits so long, unless there is no other way.
const LONG: (&str, &str) = ("COMPUTES_AWS_LOG_SETTLE", "60s");
const SOON: Duration = Duration::from_secs(45);

fn through_a_shell() -> Account {
    Account::in_scene(Jobs::Run, &json!({"entrypoint": ["sh", "-c"]}))
}

#[test]
fn where_the_image_starts_a_shell_the_job_fails_and_says_why() {
    let account = through_a_shell();
    let home = account.home();
    let run = home.run(["run", "--name", "unrun", "--", "sh", "-c", "echo ran"]);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 125
    --- stderr
    [short] unrun submitted to default
    [short] unrun failed after [took] : start failed, the container ended with exit code 0, and the command never began: its log lacks the line that precedes it
    ");
    assert_eq!(account.jobs()[0]["status"], "SUCCEEDED");
    let status = home.status("last");
    assert_eq!((&status["class"], &status["exit_code"]), (&json!("start_failed"), &json!(0)));
    insta::assert_snapshot!(home.run(["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] unrun failed (SUCCEEDED)
    reason   Essential container in task exited
    why      it failed: start failed, the container ended with exit code 0, and the command never began: its log lacks the line that precedes it
    hint     the image has an ENTRYPOINT that does not run what it is given, a shell most often: use an image without one (`computes doctor` looks), or send the command as it is with --no-files
    ");
    // Whoever looks from elsewhere sees the same, and no success before that.
    insta::assert_snapshot!(account.home().run(["list"]).snapshot(), @"
    exit code 0
    --- stdout
    JOB       NAME   STATE    QUEUE    TRY  AGE    TOOK   WHY
    [short]  unrun  running  default       [took] [took] AWS Batch has its end, and its log is to show that its command ran
    ");
    let there = account.home();
    let job = account.jobs()[0]["jobId"].as_str().expect("an id").to_owned();
    // Its end is there, if not how it was.
    insta::assert_snapshot!(there.run(["cancel", &job]).snapshot(), @"
    exit code 0
    --- stderr
    [short] is over already: SUCCEEDED on AWS Batch, and its log is to show how it was
    ");
    insta::assert_snapshot!(there.run(["logs", &job]).snapshot(), @"
    exit code 0
    --- stderr
    note: [short] is over on AWS Batch (SUCCEEDED), and more of its log may come
    ");
    assert_eq!(there.run(["wait", "--limit", "30s", &job]).code, 125);
    // What is not preceded by a line of ours is what the image makes of it.
    let run = home.run(["run", "--quiet", "--no-files", "--", "echo as it is"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "as it is\n"), "{}", run.stderr);
}

/// It takes the line for the name of a file.
#[test]
fn a_failure_before_the_command_is_told_as_one() {
    let account = Account::in_scene(Jobs::Run, &json!({"entrypoint": ["cat"]}));
    let home = account.home();
    let run = home.run(["run", "--name", "unrun", "--", "echo", "ran"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    insta::assert_snapshot!(home.run(["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] unrun failed (FAILED)
    reason   Essential container in task exited
    why      it failed: exit code 1
    why      its command never began: its log lacks the line that precedes it
    hint     the image has an ENTRYPOINT that does not run what it is given, a shell most often: use an image without one (`computes doctor` looks), or send the command as it is with --no-files
    ");
    // One that ran and failed is told as before.
    let home = Account::new(Jobs::Run).home();
    assert_eq!(home.run(["run", "--", "sh", "-c", "exit 3"]).code, 3);
    assert!(!home.run(["explain", "last"]).stdout.contains("never began"));
}

#[test]
fn where_the_log_can_not_be_read_the_success_stays_and_the_doubt_is_told() {
    let account = through_a_shell();
    account.deny(&["logs:*"]);
    let home = account.home();
    home.submit(["--name", "unseen", "--", "true"]);
    let run = home.run(["wait", "--limit", "30s", "last"]);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 0
    --- stderr
    [short] unseen succeeded after [took]
    warning: [short]: nobody could see whether the command ran: AWS logs:GetLogEvents: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: logs:GetLogEvents on resource: * because no identity-based policy allows the logs:GetLogEvents action (400)
    ");
    insta::assert_snapshot!(home.run(["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] unseen succeeded (SUCCEEDED)
    reason   Essential container in task exited
    why      it succeeded
    unknown  nobody could see whether the command ran: AWS logs:GetLogEvents: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: logs:GetLogEvents on resource: * because no identity-based policy allows the logs:GetLogEvents action (400)
    ");
}

#[test]
fn an_image_that_greets_first_runs_what_it_is_given() {
    let greets = ["sh", "-c", "echo hello; echo; exec \"$@\"", "greets"];
    let account = Account::in_scene(Jobs::Run, &json!({"entrypoint": greets}));
    let run = account.home().run(["run", "--quiet", "--", "echo", "ran"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "hello\nran\n"), "{}", run.stderr);
}

/// One job speaks for all that were made of the same definition.
#[test]
fn many_jobs_do_not_cost_many_looks_at_logs() {
    let account = Account::new(Jobs::Succeed);
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let home = account.home_through(proxy.port());
    let lines = vec![r#"{"command":["true"]}"#; 30].join("\n");
    std::fs::write(home.work().join("jobs.jsonl"), lines).expect("written");
    assert_eq!(home.run(["submit", "--from", "jobs.jsonl"]).code, 0);
    let run = home.run(["wait", "--all", "--limit", "60s"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(home.jobs().iter().all(|job| job["state"] == "succeeded" && job["reason"].is_null()));
    let reads = |it: &&crate::support::Request| it.header("x-amz-target").is_some();
    let reads = proxy.requests().iter().filter(reads).count();
    assert_eq!(reads, 1);
}

#[test]
fn what_is_shown_late_is_waited_for() {
    let account = Account::in_scene(Jobs::Run, &json!({"log_lag": 0.8}));
    let home = account.home().with("COMPUTES_AWS_LOG_SETTLE", "3s");
    let run = home.run(["run", "--quiet", "--", "sh", "-c", "echo first; echo last"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "first\nlast\n"), "{}", run.stderr);
    let run = home.run(["run", "--quiet", "--", "sh", "-c", "echo why; exit 3"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, "why\n"), "{}", run.stderr);
}

#[test]
fn a_log_that_is_late_as_a_whole_is_waited_for_longer() {
    let account = Account::in_scene(Jobs::Run, &json!({"log_lag": 7}));
    let home = account.home().with("COMPUTES_AWS_LOG_SETTLE", "3s");
    let run = home.run(["run", "--name", "late", "--", "sh", "-c", "echo first; echo last"]);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 0
    --- stdout
    first
    last
    --- stderr
    [short] late submitted to default
    [short] late succeeded after [took]
    ");
    assert!(run.stderr.contains(" waits: AWS Batch has its end, and its log"), "{}", run.stderr);
}

/// However its command ended, an empty one is waited for; and how late it is, its own lines tell.
#[test]
fn a_log_that_goes_on_being_late_is_read_to_its_end() {
    let late = |log_lag: f64, settle: &str, script: &str| {
        let account = Account::in_scene(Jobs::Run, &json!({"log_lag": log_lag}));
        let home = account.home().with("COMPUTES_AWS_LOG_SETTLE", settle);
        home.run(["run", "--quiet", "--", "sh", "-c", script])
    };
    let is_whole = |run: &Run| {
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (3, "a\nb\n", ""));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| is_whole(&late(7.5, "3s", "echo a; sleep 2; echo b; exit 3")));
        // Lines that came while the job ran tell it, too.
        scope.spawn(|| is_whole(&late(4.5, "3s", "echo a; sleep 7; echo b; exit 3")));
    });
    // Later than anybody waits for, which its own lines tell too.
    let run = late(6.5, "1s", "echo a; sleep 7; echo b");
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 0
    --- stdout
    a
    --- stderr
    warning: the log of attempt 1 may lack its end: its lines were shown later than it is waited for
    ");
}

/// A line of ours tells how late a log is, as any other does.
#[test]
fn a_quiet_job_loses_no_line_of_a_late_log() {
    let account = Account::in_scene(Jobs::Run, &json!({"log_lag": 7}));
    let home = account.home().with("COMPUTES_AWS_LOG_SETTLE", "4s");
    let run = home.run(["run", "--quiet", "--", "sh", "-c", "sleep 5; echo end; exit 3"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (3, "end\n", ""));
    let id = home.submit(["--", "sh", "-c", "sleep 5; echo end; exit 3"]);
    home.until(&id, "failed");
    assert_eq!(home.run(["logs", &id]).stdout, "end\n");
}

/// Where no line of ours precedes the command, nothing tells whether it wrote nothing.
#[test]
fn an_empty_log_without_a_line_of_ours_is_told() {
    let account = Account::in_scene(Jobs::Run, &json!({"log_lag": 5}));
    let home = account.home().with("COMPUTES_AWS_LOG_SETTLE", "1s");
    let run = home.run(["run", "--quiet", "--no-files", "--", "sh", "-c", "echo a"]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 0
    --- stderr
    warning: the log of attempt 1 is empty: the job wrote nothing, or that is not shown yet
    ");
}

/// A failure is not taken back. But whoever reads its log hears of it.
#[test]
fn a_log_that_comes_after_all_is_told() {
    let account = Account::new(Jobs::Stay);
    let home = account.home().with("COMPUTES_AWS_LOG_SETTLE", "100ms");
    let id = home.submit(["--name", "late", "--", "echo", "hello"]);
    account.log("late", &[]);
    let now = jiff::Timestamp::now().as_millisecond();
    let container = json!({"exitCode": 0, "logStreamName": "late"});
    let attempt = json!({"startedAt": now, "stoppedAt": now, "container": container});
    let ended = json!({"status": "SUCCEEDED", "startedAt": now, "stoppedAt": now,
        "container": container, "attempts": [attempt]});
    account.stage(&home.engine_id_of(&id), ended);
    let wait = home.run(["wait", "--limit", "30s", &id]);
    assert!(wait.code == 125 && wait.stderr.contains("never began"), "{}", wait.stderr);
    assert!(home.run(["explain", &id]).stdout.contains("ENTRYPOINT"));
    account.log("late", &[&format!("computes: job {id} attempt 1"), "hello"]);
    insta::assert_snapshot!(home.run(["logs", &id]).snapshot(), @"
    exit code 0
    --- stdout
    hello
    --- stderr
    warning: attempt 1: its log, which came too late, shows that the command began after all, and so that it succeeded
    ");
    insta::assert_snapshot!(home.run(["explain", &id]).snapshot(), @"
    exit code 0
    --- stdout
    [short] late failed (SUCCEEDED)
    why      it failed: start failed, the container ended with exit code 0, and the command never began: its log lacks the line that precedes it
    why      its log, which came too late, shows that the command began after all, and so that it succeeded
    ");
}

fn with_source(account: &Account) -> Home {
    let home = super::files::carrying(account);
    home.write("input", "input\n");
    home
}

#[test]
fn where_the_job_writes_a_last_line_nothing_more_is_waited_for() {
    let account = Account::with_program(Jobs::Run, Aws::server().port());
    let home = with_source(&account).with(LONG.0, LONG.1);
    let start = Instant::now();
    let run = home.run(["run", "--quiet", "--input", "input", "--", "cat", "/files/input"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "input\n"), "{}", run.stderr);
    let run = home.run(["run", "--quiet", "--input", "input", "--", "sh", "-c", "exit 4"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (4, "", ""));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_log_that_may_lack_its_end_says_so() {
    let account = Account::with_program(Jobs::Run, Aws::server().port());
    let home = with_source(&account);
    let script = "trap '' TERM; echo deaf; while :; do sleep 0.1; done";
    let mut following = Following::start(
        &home,
        &["run", "--cancel-on-interrupt", "--quiet", "--input", "input", "--", "sh", "-c", script],
    );
    following.until_it_prints("deaf");
    following.signal(Signal::INT);
    let run = following.end(&home);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 120
    --- stderr
    warning: the log of attempt 1 may lack its end: the line that the job writes last is not there
    ");
    let logs = home.run(["logs", "last"]);
    assert_eq!((logs.code, logs.stdout.as_str(), logs.stderr), (0, "deaf\n", run.stderr));
    // Its log shows nothing at all in time.
    let account = Account::in_scene(Jobs::Run, &json!({"log_lag": 30}));
    let run = account.home().run(["run", "--quiet", "--", "sh", "-c", "echo why; exit 3"]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 3
    --- stderr
    warning: the log of attempt 1 lacks the line that precedes the command: more may be missing, or the command never began
    ");
}

#[test]
fn the_log_of_a_job_that_ended_long_ago_is_not_waited_for() {
    let account = Account::new(Jobs::Stay);
    let home = account.home().with(LONG.0, LONG.1);
    let id = home.submit(["--", "true"]);
    let job = home.engine_id_of(&id);
    let container = json!({"exitCode": 3, "logStreamName": "default/default/old"});
    account.log("default/default/old", &["old"]);
    account.stage(&job, super::follow::ended("Essential container in task exited", &container));
    let start = Instant::now();
    assert_eq!(home.run(["logs", &id]).stdout, "old\n");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn who_does_not_wait_for_the_end_of_a_log_learns_where_it_is() {
    let account = Account::new(Jobs::Run);
    let home = account.home().with(LONG.0, LONG.1);
    home.submit(["--", "echo", "hi"]);
    crate::support::eventually("its end", || {
        (home.status("last")["state"] == "succeeded").then_some(())
    });
    let mut following = Following::start(&home, &["logs", "--follow", "last"]);
    following.until_it_prints("hi");
    following.until_it_says("the end of its log is awaited");
    following.signal(Signal::INT);
    insta::assert_snapshot!(following.end(&home).snapshot_of_the_end(), @"
    exit code 0
    --- stderr
    [short]: the end of its log is awaited
    note: interrupted: the end of the log may be missing; computes logs [short] shows it
    ");
}

/// How the job ended is known by then, and that is what the exit code tells.
#[test]
fn a_limit_that_cuts_the_end_of_a_log_changes_no_exit_code() {
    let account = Account::in_scene(Jobs::Run, &json!({"log_lag": 60}));
    let home = account.home().with(LONG.0, LONG.1);
    let run = home.run(["run", "--limit", "8s", "--", "sh", "-c", "exit 7"]);
    // Whether that is told before the limit comes depends on who is faster.
    let awaited = "[short]: the end of its log is awaited\n";
    insta::assert_snapshot!(run.snapshot_of_the_end().replace(awaited, ""), @"
    exit code 7
    --- stderr
    [short] sh--c-exit-7 submitted to default
    note: the limit is reached: the end of the log may be missing; computes logs [short] shows it
    [short] sh--c-exit-7 failed after [took] : exit code 7
    ");
}

/// It knows no id of ours, and the line in its log neither.
#[test]
fn the_log_of_what_a_dry_run_printed_is_read_as_any() {
    let account = Account::new(Jobs::Run);
    let home = account.home().with("COMPUTES_AWS_LOG_SETTLE", "1s");
    let dry = ["submit", "--dry-run", "--json", "--", "sh", "-c", "echo why; exit 3"];
    let request = home.run(dry).json().remove(0);
    let sent = account.aws(&["batch", "submit-job", "--cli-input-json", &request.to_string()]);
    let job = sent["jobId"].as_str().expect("an id");
    account.until(job, "FAILED");
    let logs = home.run(["logs", job]);
    assert_eq!((logs.code, logs.stdout.as_str(), logs.stderr.as_str()), (0, "why\n", ""));
}

#[test]
fn a_log_in_another_region_is_read_there() {
    let account = Account::new(Jobs::Run);
    let options = json!({"awslogs-group": "builds", "awslogs-region": "eu-west-1",
        "awslogs-stream-prefix": "ci"});
    let logs = json!({"logConfiguration": {"logDriver": "awslogs", "options": options}});
    account.register("elsewhere", &logs);
    let home = account.home();
    let run = home.run(["run", "--quiet", "--job-definition", "elsewhere", "--", "echo", "hi"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "hi\n", ""));
    assert_eq!(home.run(["logs", "last"]).stdout, "hi\n");
}
