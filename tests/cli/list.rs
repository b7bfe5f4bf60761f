//! `computes list`: jobs, newest first.

use crate::support::{Home, Run};

/// Three jobs in three states and two queues, with a worker that is busy.
fn three(home: &Home) -> crate::support::Worker {
    let (worker, _) = home.busy();
    home.submit(["--name", "waits for room", "--queue", "asap", "--", "true"]);
    let cancelled = home.submit(["--name", "Unwanted", "--", "true"]);
    assert_eq!(home.run(["cancel", &cancelled, "--reason", "a mistake"]).code, 0);
    worker
}

fn names(run: &Run) -> Vec<String> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.json().iter().map(|job| job["name"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn as_a_table() {
    let home = Home::new();
    let _worker = three(&home);
    insta::assert_snapshot!(home.run(["list"]).snapshot(), @r"
    exit code 0
    --- stdout
    JOB       NAME                          STATE       QUEUE                    TRY    AGE           TOOK          WHY
    [short]  Unwanted                      cancelled   default                  0/1    [took] a mistake
    [short]  waits-for-room                queued      asap                     0/1    [took]
    [short]  endless                       running     default                  1/1    [took] [took]
    ");
}

#[test]
fn what_is_chosen() {
    let home = Home::new();
    let _worker = three(&home);
    let list = |options: &[&str]| names(&home.run(["list", "--json"].iter().chain(options)));
    assert_eq!(list(&[]), ["Unwanted", "waits-for-room", "endless"]);
    assert_eq!(list(&["--all"]), list(&[]));
    assert_eq!(list(&["-n", "1"]), ["Unwanted"]);
    assert_eq!(list(&["--limit", "2"]), ["Unwanted", "waits-for-room"]);
    assert_eq!(list(&["--queue", "asap"]), ["waits-for-room"]);
    assert_eq!(list(&["--state", "running"]), ["endless"]);
    assert_eq!(list(&["--state", "unfinished"]), ["waits-for-room", "endless"]);
    assert_eq!(list(&["--state", "running", "--state", "cancelled"]), ["Unwanted", "endless"]);
    assert_eq!(list(&["--state", "running,cancelled"]), ["Unwanted", "endless"]);
    assert_eq!(list(&["--queue", "asap,default", "--state", "queued"]), ["waits-for-room"]);
    assert_eq!(list(&["--name", "unW"]), ["Unwanted"]);
    assert_eq!(list(&["--name", "%"]), [""; 0]);
}

#[test]
fn by_when_they_were_submitted() {
    let home = Home::new();
    let _worker = three(&home);
    let list = |options: &[&str]| names(&home.run(["list", "--json"].iter().chain(options)));
    let jobs = home.jobs();
    let middle = jobs[1]["accepted_at"].as_str().expect("a time");
    assert_eq!(list(&["--since", middle]), ["Unwanted", "waits-for-room"]);
    assert_eq!(list(&["--before", middle]), ["endless"]);
    assert_eq!(list(&["--since", "1h"]), list(&[]));
    assert_eq!(list(&["--before", "1h"]), [""; 0]);
    assert_eq!(list(&["--since", "2000-01-01", "--before", "3000-01-01 12:00"]), list(&[]));
    insta::assert_snapshot!(home.run(["list", "--since", "yesterday"]).snapshot(), @"
    exit code 2
    --- stderr
    error: --since: `yesterday` is no time
    hint: say how long ago, as in 2h or 7d, or when, as in 2026-03-01 or 2026-03-01T14:30
    ");
}

#[test]
fn twenty_unless_asked_otherwise() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let job = "{\"command\": [\"true\"]}\n";
    assert_eq!(home.run_with_stdin(&["submit", "--from", "-"], &job.repeat(25)).code, 0);
    assert_eq!(home.run(["list", "--json"]).stdout.lines().count(), 20);
    assert_eq!(home.run(["list", "--all", "--json"]).stdout.lines().count(), 26);
}

#[test]
fn jobs_that_nobody_will_run() {
    let home = Home::new();
    let (mut worker, _) = home.busy();
    home.submit(["--name", "waits", "--", "true"]);
    worker.signal(rustix::process::Signal::KILL);
    worker.wait();
    insta::assert_snapshot!(home.run(["list", "--state", "queued"]).snapshot(), @r"
    exit code 0
    --- stdout
    JOB       NAME                          STATE       QUEUE                    TRY    AGE           TOOK          WHY
    [short]  waits                         queued      default                  0/1    [took]
    --- stderr
    note: no worker runs; `computes wait --all` or `computes worker` starts one
    ");
}

#[test]
fn no_job_at_all() {
    insta::assert_snapshot!(Home::new().looks(&["list"]), @r"
    exit code 0
    --- stderr
    note: no job was ever submitted
    ");
    insta::assert_snapshot!(Home::new().looks(&["list", "--json"]), @"exit code 0");
}

#[test]
fn no_job_that_fits() {
    let home = Home::new();
    home.run(["run", "--", "true"]);
    insta::assert_snapshot!(home.run(["list", "--state", "failed"]).snapshot(), @r"
    exit code 0
    --- stdout
    JOB       NAME                          STATE       QUEUE                    TRY    AGE           TOOK          WHY
    ");
}

#[test]
fn states_and_queues_that_are_none() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["list", "--state", "done"]), @r"
    exit code 2
    --- stderr
    error: there is no state `done`
    hint: the states are unfinished, accepted, submitting, queued, starting, running, blocked, succeeded, failed, cancelled, lost
    ");
    insta::assert_snapshot!(home.refuses(&["list", "--queue", "fast"]), @r"
    exit code 2
    --- stderr
    error: there is no queue `fast`
    hint: the queues are default, asap, default-uninterruptible, asap-uninterruptible
    ");
    insta::assert_snapshot!(home.refuses(&["list", "--all", "--limit", "3"]), @r"
    exit code 2
    --- stderr
    error: the argument '--all' cannot be used with '--limit <N>'

    Usage: computes list --all

    For more information, try '--help'.
    ");
}
