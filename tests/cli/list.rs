//! `computes list`: jobs, newest first.

use super::stage::Following;
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
    insta::assert_snapshot!(home.run(["list"]).snapshot(), @"
    exit code 0
    --- stdout
    JOB       NAME            STATE      QUEUE    TRY  AGE    TOOK   WHY
    [short]  Unwanted        cancelled  default  0/1  [took] a mistake
    [short]  waits-for-room  queued     asap     0/1  [took]
    [short]  endless         running    default  1/1  [took] [took]
    ");
}

/// Three jobs as a terminal of so many columns shows them.
fn at_width(home: &Home, columns: &str, options: &[&str]) -> String {
    let run = home.run_with_env(&[("COLUMNS", columns)], &[&["list"], options].concat());
    let columns: usize = columns.parse().expect("a number");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= columns), "{}", run.stdout);
    run.snapshot()
}

#[test]
fn one_line_a_job_however_narrow_the_terminal() {
    let home = Home::new();
    let _worker = three(&home);
    let name = "a-name-that-is-longer-than-most-names-that-people-think-of";
    let id = home.submit(["--name", name, "--queue", "asap-uninterruptible", "--", "true"]);
    home.run(["cancel", &id, "--reason", "a reason that takes as much room as the name does"]);
    insta::assert_snapshot!(at_width(&home, "120", &[]), @"
    exit code 0
    --- stdout
    JOB       NAME                          STATE      QUEUE                 TRY  AGE    TOOK   WHY
    [short]  a-name-that-is-longer-than-…  cancelled  asap-uninterruptible  0/1  [took] a reason that takes as much…
    [short]  Unwanted                      cancelled  default               0/1  [took] a mistake
    [short]  waits-for-room                queued     asap                  0/1  [took]
    [short]  endless                       running    default               1/1  [took] [took]
    ");
    insta::assert_snapshot!(at_width(&home, "80", &[]), @"
    exit code 0
    --- stdout
    JOB       NAME                    STATE      AGE    WHY
    [short]  a-name-that-is-longer…  cancelled  [took] a reason that takes as much…
    [short]  Unwanted                cancelled  [took] a mistake
    [short]  waits-for-room          queued     [took]
    [short]  endless                 running    [took]
    ");
    insta::assert_snapshot!(at_width(&home, "40", &[]), @"
    exit code 0
    --- stdout
    JOB       NAME                 STATE
    [short]  a-name-that-is-lon…  cancelled
    [short]  Unwanted             cancelled
    [short]  waits-for-room       queued
    [short]  endless              running
    ");
    assert!(home.run(["list"]).stdout.contains(name), "without a terminal nothing is cut");
}

#[test]
fn dates_in_the_place_of_ages() {
    let home = Home::new().with("TZ", "UTC");
    home.run(["run", "--", "true"]);
    let submitted = home.status("last")["accepted_at"].as_str().expect("a time").to_owned();
    let list = home.run(["list", "--dates"]).stdout;
    let date = submitted[..16].replace('T', " ");
    assert!(list.contains(&date), "{list}");
    assert!(list.starts_with("JOB       NAME  STATE      QUEUE    TRY  SUBMITTED"), "{list}");
    // Two hours east of Greenwich, and what is shown can be said.
    let east = home.run_with_env(&[("TZ", "UTC-2")], &["list", "--dates"]).stdout;
    assert_ne!(east, list);
    assert_eq!(names(&home.run(["list", "--json", "--since", &date])), ["true"]);
}

#[test]
fn what_is_left_out_is_said() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let job = "{\"command\": [\"true\"]}\n";
    assert_eq!(home.run_with_stdin(&["submit", "--from", "-"], &job.repeat(25)).code, 0);
    let told = "note: 20 of 26 jobs; --all or -n N shows more\n";
    assert_eq!(home.run(["list"]).stderr, told);
    assert_eq!(home.run(["list", "--json"]).stderr, told);
    assert_eq!(home.run(["list", "--quiet"]).stderr, "");
    assert_eq!(home.run(["list", "--state", "running"]).stderr, "");
    assert_eq!(home.run(["list", "--all"]).stderr, "");
}

#[test]
fn at_a_terminal_states_have_colours_unless_nobody_wants_them() {
    let home = Home::new();
    home.run(["run", "--", "false"]);
    let shown = |home: &Home| Following::at_terminal(home, &["list"]).end(home).stdout;
    assert!(shown(&home).contains("\x1b[31mfailed\x1b[0m"), "{}", shown(&home));
    let home = home.with("NO_COLOR", "1");
    assert!(!shown(&home).contains('\x1b'), "{}", shown(&home));
}

#[test]
fn watch_draws_anew_when_something_changes_and_leaves_the_terminal_whole() {
    let home = Home::new();
    let mut gate = home.gate();
    home.submit(["--name", "watched", "--", "sh", "-c", "read x < gate; exit 3"]);
    home.until("last", "running");
    let mut watch = Following::at_terminal(&home, &["list", "--watch"]);
    watch.until_it_prints("running");
    gate.open();
    watch.until_it_prints("failed");
    watch.type_in("\x03");
    let run = watch.end(&home);
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert!(run.stdout.ends_with("\x1b[?25h\x1b[?1049l"), "{:?}", run.stdout);
}

/// What was on the terminal is there again while it is stopped.
#[test]
fn watch_is_stopped_and_goes_on_and_is_left_by_a_key() {
    let home = Home::new();
    home.run(["run", "--name", "watched", "--", "true"]);
    let mut watch = Following::at_terminal(&home, &["list", "--watch"]);
    watch.until_it_prints("watched");
    watch.type_in("\x1a");
    watch.until_it_shows("\x1b[?25h\x1b[?1049l");
    watch.go_on_when_stopped();
    watch.until_it_prints("watched");
    watch.type_in("xq");
    let run = watch.end(&home);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.ends_with("\x1b[?25h\x1b[?1049l"), "{:?}", run.stdout);
    assert!(!run.stdout.contains('q'), "keys are not shown: {:?}", run.stdout);
}

#[test]
fn watch_without_a_terminal_is_refused() {
    insta::assert_snapshot!(Home::new().refuses(&["list", "--watch"]), @"
    exit code 2
    --- stderr
    error: --watch draws at a terminal, as text
    hint: leave it out to print the list once; `computes wait --all` waits for all jobs
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
    assert_eq!(list(&["--queue", "asap,", "--state", "running, queued,"]), ["waits-for-room"]);
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
fn jobs_that_nobody_will_run() {
    let home = Home::new();
    let (mut worker, _) = home.busy();
    home.submit(["--name", "waits", "--", "true"]);
    worker.signal(rustix::process::Signal::KILL);
    worker.wait();
    insta::assert_snapshot!(home.run(["list", "--state", "queued"]).snapshot(), @"
    exit code 0
    --- stdout
    JOB       NAME   STATE   QUEUE    TRY  AGE    TOOK  WHY
    [short]  waits  queued  default  0/1  [took]
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
    insta::assert_snapshot!(home.run(["list", "--state", "failed"]).snapshot(), @"
    exit code 0
    --- stdout
    JOB  NAME  STATE  QUEUE  TRY  AGE  TOOK  WHY
    --- stderr
    note: none of 1 job is so
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
    insta::assert_snapshot!(home.refuses(&["list", "--state", "failed,succeded"]), @"
    exit code 2
    --- stderr
    error: there is no state `succeded`
    hint: did you mean `succeeded`?
    ");
    insta::assert_snapshot!(home.refuses(&["list", "--queue", "asapp"]), @"
    exit code 2
    --- stderr
    error: there is no queue `asapp`
    hint: did you mean `asap`?
    ");
    insta::assert_snapshot!(home.refuses(&["list", "--state", ""]), @"
    exit code 2
    --- stderr
    error: --state is empty
    hint: name at least one, as in --state failed
    ");
    insta::assert_snapshot!(home.refuses(&["list", "--queue", ","]), @"
    exit code 2
    --- stderr
    error: --queue is empty
    hint: name at least one, as in --queue asap
    ");
    insta::assert_snapshot!(home.refuses(&["list", "--all", "--limit", "3"]), @r"
    exit code 2
    --- stderr
    error: the argument '--all' cannot be used with '--limit <N>'

    Usage: computes list --all

    For more information, try '--help'.
    ");
}
