//! `computes run`: the outcomes of a job, and what is seen of it.

use rustix::process::Signal;

use super::stage::Following;
use crate::support::Home;

#[test]
fn a_job_that_succeeds() {
    let run = Home::new().run(["run", "--name", "hello", "--", "echo", "hello", "world"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stdout
    hello world
    --- stderr
    [short] hello submitted to default
    [short] hello succeeded after [took]
    ");
}

#[test]
fn the_exit_code_is_the_jobs_own() {
    let run = Home::new().run_script(&["--name", "fails"], "echo out; echo err >&2; exit 3");
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 3
    --- stdout
    out
    err
    --- stderr
    [short] fails submitted to default
    [short] fails failed after [took] : exit code 3
    ");
}

#[test]
fn a_signal_is_128_and_its_number() {
    let home = Home::new();
    let command = ["--name", "killed", "--", "sh", "-c", "echo up; exec sleep 600"];
    let mut run = Following::start(&home, &[&["run"][..], &command].concat());
    run.until_it_prints("up");
    let pid =
        home.until("last", "running")["attempt_history"][0]["pid"].as_u64().expect("a number");
    crate::support::send(u32::try_from(pid).expect("a process id"), Signal::KILL);
    insta::assert_snapshot!(run.end(&home).snapshot(), @"
    exit code 137
    --- stderr
    [short] killed submitted to default
    [short] killed failed after [took] : ended by SIGKILL
    ");
    let job = home.status("last");
    assert_eq!((&job["class"], &job["signal"]), (&"signal".into(), &9.into()));
}

#[test]
fn a_crash_is_a_signal_too() {
    let script = "import ctypes; ctypes.string_at(0)";
    let run = Home::new().run(["run", "--name", "crash", "--", "python3", "-c", script]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 139
    --- stderr
    [short] crash submitted to default
    [short] crash failed after [took] : ended by SIGSEGV
    ");
}

#[test]
fn a_job_that_ends_itself_by_a_signal() {
    let home = Home::new().with("COMPUTES_LOCAL_MOUNT", "off");
    let run = home.run_script(&["--name", "gives-up"], "kill -TERM $$");
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 143
    --- stderr
    [short] gives-up submitted to default
    [short] gives-up failed after [took] : ended by SIGTERM
    ");
}

/// In a namespace a job is the first process, as it is in a container: a signal of its own
/// that it has no handler for does nothing to it.
#[test]
fn a_job_that_signals_itself() {
    let without = Home::new().with("COMPUTES_LOCAL_MOUNT", "off");
    assert_eq!(without.run_script(&[], "kill -TERM $$").code, 143);
    let home = Home::new();
    let run = home.run_script(&[], "kill -TERM $$");
    let mounted = home.status("last")["attempt_history"][0]["files_mounted"] == true;
    assert_eq!(run.code, if mounted { 0 } else { 143 }, "{}", run.stderr);
}

#[test]
fn a_command_that_is_not_there() {
    let run = Home::new().run(["run", "--", "no-such-program"]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 127
    --- stderr
    [short] no-such-program submitted to default
    [short] no-such-program failed: start failed, cannot execute `no-such-program`: it is not on the job's PATH, which is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    note: install `no-such-program`, or name it by its path
    ");
}

#[test]
fn a_command_that_is_no_program() {
    let home = Home::new();
    home.write("notes.txt", "no program");
    insta::assert_snapshot!(home.run(["run", "--", "./notes.txt"]).snapshot(), @"
    exit code 126
    --- stderr
    [short] notes-txt submitted to default
    [short] notes-txt failed: start failed, cannot execute `./notes.txt`: Permission denied (os error 13)
    note: may `./notes.txt` be executed? chmod +x makes it so
    ");
}

#[test]
fn more_memory_than_asked_for() {
    let script = "import time; much = b'x' * (200 << 20); time.sleep(600)";
    let options = ["run", "--name", "large", "--memory", "64", "--", "python3", "-c", script];
    insta::assert_snapshot!(Home::new().run(options).snapshot(), @"
    exit code 123
    --- stderr
    [short] large submitted to default
    [short] large failed after [took] : out of memory
    ");
}

#[test]
fn a_job_that_is_cancelled_by_another() {
    let home = Home::new();
    let mut run = Following::start(&home, &["run", "--", "sh", "-c", "echo up; exec sleep 600"]);
    run.until_it_prints("up");
    assert_eq!(home.run(["cancel", "last", "--reason", "not needed any more"]).code, 0);
    insta::assert_snapshot!(run.end(&home).snapshot(), @r"
    exit code 120
    --- stderr
    [short] sh--c-echo-up-exec-sleep-600 submitted to default
    [short] sh--c-echo-up-exec-sleep-600 cancelled after [took] : not needed any more
    ");
}

#[test]
fn the_limit_of_the_wait() {
    let home = Home::new();
    let run = home.run(["run", "--name", "long", "--limit", "0s", "--", "sleep", "600"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 124
    --- stderr
    [short] long submitted to default
    warning: the limit was reached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    let state = home.status("last")["state"].clone();
    assert!(state == "queued" || state == "starting" || state == "running", "{state}");
}

#[test]
fn the_resume_line_takes_the_job_up_again() {
    let home = Home::new();
    let mut gate = home.gate();
    let run = home.run_script(&["--name", "gated", "--limit", "0"], "read x < gate; exit 5");
    assert_eq!(run.code, 124);
    let line = run.stderr.split(", or ").last().expect("a resume line");
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words[..2], ["computes", "wait"]);
    gate.open();
    insta::assert_snapshot!(home.run(&words[1..]).snapshot(), @"
    exit code 5
    --- stderr
    [short] gated failed after [took] : exit code 5
    ");
}

#[test]
fn a_name_that_is_changed_is_told() {
    let run = Home::new().run(["run", "--name", "build & test: main", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stderr
    note: job name `build & test: main` became `build-test-main`
    [short] build-test-main submitted to default
    [short] build-test-main succeeded after [took]
    ");
}

#[test]
fn quiet_leaves_the_jobs_output_alone() {
    let run = Home::new().run_script(&["--quiet", "--name", "a b"], "echo out; exit 4");
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 4
    --- stdout
    out
    ");
}

#[test]
fn every_attempt_is_shown() {
    let home = Home::new();
    let script = "echo attempt $AWS_BATCH_JOB_ATTEMPT; test $AWS_BATCH_JOB_ATTEMPT = 2";
    let run = home.run_script(&["--attempts", "3", "--retry-on", "any", "--quiet"], script);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stdout
    attempt 1
    attempt 2
    ");
    assert_eq!(home.status("last")["attempt"], 2);
}

/// What an attempt wrote comes before its end, and that before what the next one writes.
#[test]
fn the_story_is_told_in_its_order() {
    let home = Home::new();
    let job = "echo attempt $AWS_BATCH_JOB_ATTEMPT; test $AWS_BATCH_JOB_ATTEMPT = 3 || exit 4";
    home.write("job", job);
    let script = "computes run --name thrice --attempts 3 --retry-on any -- sh job 2>&1";
    let told = home.sh(script, &[]);
    let told = told.snapshot_without(r"(?m)^.* running, attempt \d of 3\n", "");
    insta::assert_snapshot!(told, @"
    exit code 0
    --- stdout
    [short] thrice submitted to default
    attempt 1
    [short] attempt 1 of 3 failed: exit code 4; another follows: every failure is tried again
    attempt 2
    [short] attempt 2 of 3 failed: exit code 4; another follows: every failure is tried again
    attempt 3
    [short] thrice succeeded in attempt 3 of 3 after [took]
    ");
}

#[test]
fn bytes_pass_through_as_they_are() {
    let home = Home::new();
    let output = home
        .command(["run", "--", "printf", r"\377\000no newline"])
        .output()
        .expect("the program starts");
    assert_eq!(output.stdout, b"\xff\0no newline");
}

#[test]
fn several_jobs_are_not_followed() {
    let home = Home::new();
    home.write("jobs.json", r#"[{"command": ["true"]}, {"command": ["false"]}]"#);
    insta::assert_snapshot!(home.refuses(&["run", "--from", "jobs.json"]), @r"
    exit code 2
    --- stderr
    error: 2 jobs in one `run`, which follows one
    hint: submit them with `computes submit`, then `computes wait`
    ");
}

#[test]
fn a_limit_that_is_none() {
    insta::assert_snapshot!(Home::new().refuses(&["run", "--limit", "soon", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: --limit: `soon` is no duration
    hint: give seconds, or units as in 90s, 50m or 1h
    ");
}
