//! `computes run --rehearse-interruption`: what a job makes of a host that goes away.

use crate::support::{Home, Run};

/// Takes a moment at SIGTERM to tidy up.
fn answering(on_term: &str) -> String {
    format!("trap 'kill $!; sleep 0.1; {on_term}' TERM; sleep 600 & wait")
}

/// Rehearses when a shell has had the time to start, also where much else goes on.
fn rehearse(home: &Home, options: &[&str], script: &str) -> Run {
    let rehearse = ["--rehearse-interruption=4s", "--name", "rehearsed"];
    home.run_script(&[&rehearse, options].concat(), script)
}

#[test]
fn a_job_that_answers_with_0_has_succeeded() {
    let run = rehearse(&Home::new(), &[], &answering("exit 0"));
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stderr
    [short] rehearsed submitted to default
    rehearsal: [took] after SIGTERM: the job ended with exit code 0 after SIGTERM, which AWS Batch counts as success: exit with another code if there was work left
    [short] rehearsed succeeded after [took]
    ");
}

#[test]
fn a_job_that_has_no_other_attempt() {
    let run = rehearse(&Home::new(), &["--attempts", "1"], &answering("exit 143"));
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 122
    --- stderr
    [short] rehearsed submitted to default
    rehearsal: [took] after SIGTERM: the attempt was lost with its host, and there was no other: give it more with --attempts
    [short] rehearsed failed after [took] : interrupted, Host EC2 (instance i-rehearsal) terminated.
    ");
}

#[test]
fn a_job_that_is_tried_again() {
    let home = Home::new();
    let script = format!("test $AWS_BATCH_JOB_ATTEMPT = 2 && exit 0; {}", answering("exit 143"));
    let run = rehearse(&home, &["--attempts", "2", "--quiet"], &script);
    insta::assert_snapshot!(run.snapshot(), @"exit code 0");
    let job = home.status("last");
    assert_eq!((&job["state"], &job["attempt"]), (&"succeeded".into(), &2.into()));
    assert_eq!(job["attempt_history"][0]["class"], "interrupted");
}

#[test]
fn a_job_that_is_tried_again_tells_so() {
    let script = format!("test $AWS_BATCH_JOB_ATTEMPT = 2 && exit 0; {}", answering("exit 143"));
    let run = rehearse(&Home::new(), &["--attempts", "2"], &script);
    // Whether the states in between are seen depends on who is faster.
    let snapshot = run.snapshot_without(r"(?m)^.* running, attempt 2.*\n", "");
    insta::assert_snapshot!(snapshot, @"
    exit code 0
    --- stderr
    [short] rehearsed submitted to default
    [short] attempt 1 of 2 failed: interrupted, Host EC2 (instance i-rehearsal) terminated.; another follows: retry rule 1 matches, onStatusReason `Host EC2*`
    rehearsal: [took] after SIGTERM: the attempt was lost with its host, and the job was tried again
    [short] rehearsed succeeded in attempt 2 of 2 after [took]
    ");
}

#[test]
fn a_job_that_answers_at_once() {
    let home = Home::new();
    for _ in 0..2 {
        let run = rehearse(&home, &[], "trap 'exit 0' TERM; while :; do :; done");
        assert!(
            run.stderr.contains("the job ended with exit code 0 after SIGTERM"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_job_that_ignores_it_is_killed() {
    let home = Home::new().with("COMPUTES_LOCAL_GRACE", "200ms");
    let run = rehearse(&home, &[], "trap '' TERM; sleep 600 & wait; sleep 600");
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 122
    --- stderr
    [short] rehearsed submitted to default
    rehearsal: [took] after SIGTERM: the attempt was lost with its host, and there was no other: give it more with --attempts
    [short] rehearsed failed after [took] : interrupted, Host EC2 (instance i-rehearsal) terminated.
    ");
    assert_eq!(home.status("last")["signal"], 9);
}

#[test]
fn a_job_that_is_over_before() {
    let run = Home::new().run_script(&["--rehearse-interruption", "--name", "quick"], "exit 0");
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stderr
    [short] quick submitted to default
    rehearsal: the job was over before its host was taken away
    [short] quick succeeded after [took]
    ");
}

#[test]
fn in_json() {
    let run = rehearse(&Home::new(), &["--json"], &answering("exit 143"));
    let lines = run.json();
    let rehearsed = lines.iter().find(|line| line["type"] == "rehearsed").expect("a line");
    assert!(rehearsed["seconds_to_end"].as_f64().expect("a number") < 30.0);
    assert_eq!(lines.last().expect("a line")["job"]["class"], "interrupted");
    assert_eq!(run.code, 122);
}

#[test]
fn a_queue_that_is_never_interrupted() {
    let arguments =
        ["run", "--queue", "asap-uninterruptible", "--rehearse-interruption", "--", "true"];
    insta::assert_snapshot!(Home::new().refuses(&arguments), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: queue `asap-uninterruptible` is never interrupted, so there is nothing to rehearse
    hint: rehearse it in the queue `default` or `asap`
    ");
}

#[test]
fn a_time_that_is_none() {
    let arguments = ["run", "--rehearse-interruption=soon", "--", "true"];
    insta::assert_snapshot!(Home::new().refuses(&arguments), @r"
    exit code 2
    --- stderr
    error: --rehearse-interruption: `soon` is no duration
    hint: give seconds, or units as in 90s, 50m or 1h
    ");
}
