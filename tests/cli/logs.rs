//! `computes logs`: what a job wrote, while it runs and after.

use super::stage::Following;
use crate::support::Home;

#[test]
fn of_a_job_that_is_over() {
    let home = Home::new();
    home.run_script(&["--quiet"], "echo out; echo err >&2; printf end");
    insta::assert_snapshot!(home.run(["logs", "last"]).snapshot(), @r"
    exit code 0
    --- stdout
    out
    err
    end⏎ missing
    ");
    insta::assert_snapshot!(home.run(["logs", "--follow", "last"]).snapshot(), @r"
    exit code 0
    --- stdout
    out
    err
    end⏎ missing
    ");
}

#[test]
fn in_json() {
    let home = Home::new();
    home.run_script(&["--quiet"], "echo one; printf two");
    insta::assert_snapshot!(home.run(["logs", "--json", "last"]).snapshot(), @r#"
    exit code 0
    --- stdout
    {"type":"log","attempt":1,"line":"one"}
    {"type":"log","attempt":1,"line":"two"}
    "#);
    let follow = home.run(["logs", "--json", "--follow", "last"]);
    assert_eq!(follow.stdout, home.run(["logs", "--json", "last"]).stdout);
}

#[test]
fn while_the_job_runs() {
    let home = Home::new();
    let mut gate = home.gate();
    let id = home.submit(["--", "sh", "-c", "echo early; read x < gate; echo late; exit 4"]);
    let mut logs = Following::start(&home, &["logs", "--follow", &id]);
    logs.until_it_prints("early");
    insta::assert_snapshot!(home.run(["logs", &id]).snapshot(), @r"
    exit code 0
    --- stdout
    early
    ");
    gate.open();
    insta::assert_snapshot!(logs.end(&home).snapshot(), @r"
    exit code 0
    --- stdout
    late
    ");
}

#[test]
fn each_attempt_by_itself() {
    let home = Home::new();
    home.run_script(
        &["--quiet", "--attempts", "2", "--retry-on", "any"],
        "echo $AWS_BATCH_JOB_ATTEMPT; exit 1",
    );
    assert_eq!(home.run(["logs", "last", "--attempt", "1"]).stdout, "1\n");
    assert_eq!(home.run(["logs", "last", "--attempt", "2"]).stdout, "2\n");
    assert_eq!(home.run(["logs", "last"]).stdout, "2\n");
    assert_eq!(home.run(["logs", "last", "--follow"]).stdout, "1\n2\n");
    insta::assert_snapshot!(home.run(["logs", "last", "--attempt", "3"]).snapshot(), @r"
    exit code 2
    --- stderr
    error: there is no attempt 3: the newest is 2
    ");
    insta::assert_snapshot!(home.run(["logs", "last", "--attempt", "0"]).snapshot(), @r"
    exit code 2
    --- stderr
    error: there is no attempt 0: the newest is 2
    ");
}

#[test]
fn of_a_job_that_has_not_started() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let id = home.submit(["--", "true"]);
    insta::assert_snapshot!(home.run(["logs", &id]).snapshot(), @r"
    exit code 0
    --- stderr
    note: [short] has not started, so it wrote nothing yet
    ");
    insta::assert_snapshot!(home.run(["logs", &id, "--attempt", "1"]).snapshot(), @r"
    exit code 2
    --- stderr
    error: there is no attempt 1: the job has not started
    ");
    home.run(["cancel", &id]);
    insta::assert_snapshot!(home.run(["logs", "--follow", &id]).snapshot(), @"exit code 0");
}

#[test]
fn of_a_job_that_wrote_nothing() {
    let home = Home::new();
    home.run(["run", "--", "true"]);
    insta::assert_snapshot!(home.run(["logs", "last"]).snapshot(), @"exit code 0");
}

#[test]
fn a_large_log_is_whole() {
    let home = Home::new();
    let run = home.run_script(&["--quiet"], "seq 1 50000");
    assert!(run.stdout.lines().map(str::parse).eq((1..=50000).map(Ok)));
    assert!(home.run(["logs", "last"]).stdout == run.stdout);
}

#[test]
fn an_attempt_and_all_of_them_at_once() {
    insta::assert_snapshot!(Home::new().refuses(&["logs", "a", "--follow", "--attempt", "1"]), @r"
    exit code 2
    --- stderr
    error: the argument '--follow' cannot be used with '--attempt <N>'

    Usage: computes logs --follow <JOB>

    For more information, try '--help'.
    ");
}

#[test]
fn following_ends_when_nobody_reads_any_more() {
    let home = Home::new();
    let job = home.submit(["--", "sh", "-c", "while echo line; do sleep 0.05; done"]);
    let run = home.sh(&format!("computes logs --follow {job} | head -n 1"), &[]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "line\n"), "{}", run.stderr);
    assert_eq!(home.status(&job)["state"], "running");
}

#[test]
fn lines_in_json_are_whole_however_they_are_read() {
    let home = Home::new();
    // Longer than what is read at a time, an empty one, and one without an end.
    let script = "head -c 200000 /dev/zero | tr '\\0' x; echo; echo; printf end";
    assert_eq!(home.run(["run", "--quiet", "--", "sh", "-c", script]).code, 0);
    let logs = home.run(["logs", "--json", "last"]).stdout;
    let lines: Vec<_> = logs
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("json"))
        .map(|line| line["line"].as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(lines, ["x".repeat(200_000), String::new(), "end".to_owned()]);
}
