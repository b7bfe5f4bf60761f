//! `computes prune`: jobs that have been over for long go, with all that is kept of them.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Home, eventually};

/// What there is in a folder of the state directory.
fn names(home: &Home, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(home.state().join(folder)).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

fn ledger(home: &Home) -> Connection {
    Connection::open(home.state().join("ledger.db")).expect("a database")
}

/// Has all jobs be over for two hours longer than they are.
fn age(home: &Home) {
    let sql = "UPDATE jobs SET finished_at = finished_at - 2 * 60 * 60 * 1000";
    ledger(home).execute(sql, []).expect("rows");
}

#[test]
fn all_that_is_kept_of_jobs_that_are_over_goes() {
    let home = Home::new();
    let script = "echo log; echo file >/files/it; exit 1";
    let retried = ["--quiet", "--attempts", "2", "--retry-on", "any"];
    assert_eq!(home.run_script(&retried, script).code, 1);
    let run =
        home.command(["run", "--secret", "TOKEN", "--", "true"]).env("TOKEN", "hidden").status();
    assert!(run.expect("the program starts").success());
    let on = home.running();
    // Of a job that takes longer it is written how its log grew.
    for name in names(&home, "logs").iter().filter(|name| name.ends_with(".growth")) {
        fs::remove_file(home.state().join("logs").join(name)).expect("a file");
    }
    home.write("it", "it");
    home.run(["files", "put", &on, "it"]);
    fs::create_dir(home.state().join(format!("sources/{on}.1"))).expect("a folder");
    age(&home);

    insta::assert_snapshot!(home.run(["prune", "--older-than", "3h"]).snapshot(), @"
    exit code 0
    --- stderr
    nothing to remove
    ");
    insta::assert_snapshot!(home.run(["prune", "--older-than", "1h", "--dry-run"]).snapshot(), @"
    exit code 0
    --- stderr
    would remove 2 jobs with logs and files, 13 bytes in all
    ");
    assert_eq!((home.jobs().len(), names(&home, "logs").len()), (3, 4));
    let pruned = home.run(["prune", "--older-than", "1h"]).stderr;
    assert!(pruned.starts_with("removed 2 jobs with logs and files, 13 bytes in all"), "{pruned}");
    for folder in ["logs", "sources"] {
        assert_eq!(names(&home, folder), [format!("{on}.1")], "{folder}");
    }
    for folder in ["files", "puts"] {
        assert_eq!(names(&home, folder), [on.as_str()], "{folder}");
    }
    assert_eq!(names(&home, "secrets"), [""; 0]);
    for table in ["jobs", "plans", "attempts", "events"] {
        let what = if table == "jobs" { "seq" } else { "job" };
        let left = format!("SELECT count(DISTINCT {what}) FROM {table}");
        let left: u32 = ledger(&home).query_row(&left, [], |row| row.get(0)).expect("a count");
        assert_eq!(left, 1, "{table}");
    }
    assert_eq!(home.status("last")["id"], json!(on));
    assert_eq!(home.status(&on[24..28])["state"], "running");
    assert_eq!(home.run(["cancel", &on]).code, 0);
}

#[test]
fn the_number_of_a_job_that_is_gone_is_no_other_jobs() {
    let home = Home::new();
    let highest = "SELECT max(seq) FROM jobs";
    let highest =
        || -> u32 { ledger(&home).query_row(highest, [], |row| row.get(0)).expect("a number") };
    home.run(["run", "--", "true"]);
    home.run(["run", "--", "true"]);
    let before = highest();
    assert_eq!(home.run(["prune", "--older-than", "0s"]).code, 0);
    assert_eq!(home.jobs().len(), 0);
    assert_eq!(home.run(["status", "last"]).code, 2);
    home.run(["run", "--", "true"]);
    assert!(highest() > before);
    assert_eq!(home.status("last")["state"], "succeeded");
}

#[test]
fn only_the_files() {
    let home = Home::new();
    home.run_script(&["--quiet"], "echo log; echo file >/files/it");
    let pruned = home.run(["prune", "--older-than", "0s", "--only", "files", "--json"]);
    insta::assert_snapshot!(pruned.snapshot(), @r#"
    exit code 0
    --- stdout
    {"jobs":1,"kept":0,"bytes":5,"ledger_bytes":0,"only_files":true,"removed":true}
    "#);
    assert_eq!(home.run(["files", "ls", "last"]).stdout, "");
    assert_eq!(home.run(["logs", "last"]).stdout, "log\n");
    assert_eq!(home.status("last")["state"], "succeeded");
}

#[test]
fn whoever_was_killed_in_the_middle_left_nothing_for_ever() {
    let home = Home::new();
    for _ in 0..2 {
        home.run_script(&["--quiet"], "echo log; mkdir -p /files/a; chmod 555 /files/a");
    }
    let over = home.status("last")["id"].as_str().expect("an id").to_owned();
    // What the first part of a job's end is: its files are gone, and its rows are there.
    fs::remove_file(home.state().join(format!("logs/{over}.1"))).expect("a log");
    // And what was left by a ledger that is gone, and what a submit is about to name.
    let old = "019a0000-5b7c-7d11-8f0a-3f9c2a71b0de";
    let new = format!("{}{}", &home.submit(["--", "true"])[..30], &old[30..]);
    for id in [old, new.as_str()] {
        fs::write(home.state().join(format!("logs/{id}.1")), "log").expect("written");
        fs::create_dir(home.state().join(format!("files/{id}"))).expect("a folder");
    }
    home.run(["wait", "last"]);
    assert_eq!(home.run(["prune", "--older-than", "0s"]).code, 0);
    assert_eq!(home.jobs().len(), 0);
    assert_eq!(
        (names(&home, "logs"), names(&home, "files")),
        (vec![format!("{new}.1")], vec![new])
    );
}

#[test]
fn what_no_job_needs_is_told_without_jobs() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    assert_eq!(home.run(["prune", "--older-than", "0s"]).code, 0);
    let left = "logs/019a0000-5b7c-7d11-8f0a-3f9c2a71b0de.1";
    fs::write(home.state().join(left), "log").expect("written");
    let prune = |more: &[&str]| home.run([&["prune", "--older-than", "0s"], more].concat()).stderr;
    assert_eq!(prune(&["--dry-run"]), "would remove 3 bytes that no job needs\n");
    assert_eq!(prune(&[]), "removed 3 bytes that no job needs\n");
    assert_eq!(prune(&[]), "nothing to remove\n");
}

#[test]
fn a_job_that_is_tried_once_more_stays_until_that_is_over() {
    let home = Home::new();
    home.run(["run", "--", "true"]);
    let first = home.status("last")["id"].as_str().expect("an id").to_owned();
    home.end_workers(Signal::TERM);
    let (_worker, _) = home.busy();
    assert_eq!(home.run(["retry", &first]).code, 0);
    home.until("last", "queued");
    let pruned = home.run(["prune", "--older-than", "0s"]);
    let told = "note: 1 job as old stays: it is being tried once more, or AWS Batch may have it\n";
    assert!(pruned.stderr.contains("that no job needs\n"), "{}", pruned.stderr);
    assert!(pruned.stderr.ends_with(told), "{}", pruned.stderr);
    assert_eq!(home.status(&first)["state"], "succeeded");
    home.run(["cancel", "last"]);
    assert_eq!(home.run(["prune", "--older-than", "0s", "--json"]).json()[0]["jobs"], 2);
    assert_eq!(home.run(["status", &first]).code, 2);
}

#[test]
fn the_ledger_gives_the_room_back() {
    let home = Home::new();
    let (worker, _) = home.busy();
    let job = json!({"command": ["true"], "env": {"A": "a".repeat(2000)}}).to_string();
    let submit = home.run_with_stdin(&["submit", "--from", "-"], &format!("{job}\n").repeat(200));
    assert_eq!(submit.code, 0, "{}", submit.stderr);
    let cancelled = home.sh("computes list --all --json --state queued | sed 's/.*\"id\":\"\\([^\"]*\\).*/\\1/' | xargs computes cancel --quiet", &[]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    // It says now and then that it lives, which is written.
    drop(worker);
    let bytes = |name: &str| fs::metadata(home.state().join(name)).expect("a file").len();
    let pruned = home.run(["prune", "--older-than", "0s", "--json"]);
    assert_eq!(pruned.json()[0]["jobs"], 200, "{}", pruned.stderr);
    let freed = pruned.json()[0]["ledger_bytes"].as_u64().expect("a number");
    assert!(freed > 500_000, "{freed}");
    assert!(bytes("ledger.db") < 300_000, "{}", bytes("ledger.db"));
    assert_eq!(bytes("ledger.db-wal"), 0);
}

#[test]
fn a_worker_with_nothing_to_do_removes_what_is_older_than_the_history() {
    let home = Home::new().with("COMPUTES_HISTORY", "1h");
    let run = |name: &str| assert_eq!(home.run(["run", "--name", name, "--", "true"]).code, 0);
    let names = || home.jobs().iter().map(|job| job["name"].to_string()).collect::<Vec<_>>();
    // This one is the first to be idle, and there is nothing yet.
    run("old");
    eventually("the first look", || {
        let at = "SELECT at FROM pruned WHERE at IS NOT NULL";
        ledger(&home).query_row(at, [], |_| Ok(())).ok()
    });
    age(&home);
    run("new");
    assert_eq!(names().len(), 2, "once a day is enough");
    let a_day = "UPDATE pruned SET at = at - 24 * 60 * 60 * 1000";
    ledger(&home).execute(a_day, []).expect("rows");
    // It may still be at the last time's when the first of these is over.
    eventually("the old one to go", || {
        run("newer");
        let names = names();
        assert!(names.contains(&"\"new\"".to_owned()), "{names:?}");
        (!names.contains(&"\"old\"".to_owned())).then_some(())
    });
}

#[test]
fn what_is_no_age() {
    insta::assert_snapshot!(Home::new().refuses(&["prune", "--older-than", "abc"]), @"
    exit code 2
    --- stderr
    error: --older-than: `abc` is no duration
    hint: say how long, as in 30d or 12h
    ");
    insta::assert_snapshot!(Home::new().refuses(&["prune", "--older-than", "30"]), @"
    exit code 2
    --- stderr
    error: --older-than: `30` has no unit
    hint: say how long, as in 30d or 12h
    ");
    insta::assert_snapshot!(Home::new().refuses(&["prune", "--older-than", "long"]), @"
    exit code 2
    --- stderr
    error: --older-than: `long` is no duration
    hint: say how long, as in 30d or 12h
    ");
    insta::assert_snapshot!(Home::new().looks(&["prune"]), @"
    exit code 0
    --- stderr
    nothing to remove
    ");
    let home = Home::new().with("COMPUTES_HISTORY", "10m");
    insta::assert_snapshot!(home.refuses(&["list"]), @"
    exit code 2
    --- stderr
    error: COMPUTES_HISTORY: `10m` is too short: `history` is at least 1h
    ");
    assert!(!Path::new(&home.state()).exists());
}
