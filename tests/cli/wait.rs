//! `computes wait`: until jobs are over.

use rustix::process::Signal;

use super::stage::Following;
use crate::support::Home;

#[test]
fn jobs_that_are_over() {
    let home = Home::new();
    let good = home.submit(["--name", "good", "--", "true"]);
    let bad = home.submit(["--name", "bad", "--", "sh", "-c", "exit 7"]);
    let worse = home.submit(["--name", "worse", "--", "sh", "-c", "exit 8"]);
    // While one goes on, others are told first.
    for (job, state) in [(&good, "succeeded"), (&bad, "failed"), (&worse, "failed")] {
        home.until(job, state);
    }
    insta::assert_snapshot!(home.run(["wait", &good, &bad, &worse]).snapshot(), @"
    exit code 7
    --- stderr
    [short] good succeeded after [took]
    [short] bad failed after [took] : exit code 7
    [short] worse failed after [took] : exit code 8
    ");
    assert_eq!(home.run(["wait", &good]).code, 0);
    assert_eq!(home.run(["wait", &worse, &bad]).code, 8);
}

/// A line goes above the bar, and not behind it.
#[test]
fn at_a_terminal_a_bar_shows_how_many_are_over() {
    let home = Home::new();
    let gates = ["one", "two"].map(|name| {
        let script = format!("mkfifo {name}; read x <{name}");
        (home.work().join(name), home.submit(["--name", name, "--", "sh", "-c", &script]))
    });
    let ids: Vec<_> = gates.iter().map(|(_, id)| id.as_str()).collect();
    let mut run = Following::at_terminal(&home, &[&["wait"][..], &ids].concat());
    run.until_it_shows("0/2 over");
    for (gate, id) in &gates {
        home.until(id, "running");
        crate::support::eventually("it waits", || gate.exists().then_some(()));
        std::fs::write(gate, "go\n").expect("somebody reads");
    }
    let shown = run.end(&home).stdout;
    let lines: Vec<_> = shown.lines().filter(|line| line.contains("succeeded after")).collect();
    assert_eq!(lines.len(), 2, "{shown:?}");
    for line in lines {
        // The line that the bar was on was cleared before.
        let before = line.split(" one succ").next().and_then(|it| it.split(" two succ").next());
        let before = before.unwrap_or_default();
        assert!(before.len() < 10 || before[..before.len() - 8].ends_with("\x1b[2K"), "{line:?}");
    }
    // Of one there is none.
    let shown = Following::at_terminal(&home, &["wait", ids[0]]).end(&home).stdout;
    assert!(!shown.contains(" over "), "{shown:?}");
}

#[test]
fn a_job_named_twice_is_waited_for_once() {
    let home = Home::new();
    let id = home.submit(["--name", "once", "--", "true"]);
    insta::assert_snapshot!(home.run(["wait", &id, "last", &id]).snapshot(), @r"
    exit code 0
    --- stderr
    [short] once succeeded after [took]
    ");
}

#[test]
fn a_job_that_goes_on() {
    let home = Home::new();
    let mut gate = home.gate();
    let id = home.submit(["--name", "gated", "--", "sh", "-c", "read x < gate; exit 6"]);
    let wait = super::stage::Following::start(&home, &["wait", &id]);
    gate.open();
    insta::assert_snapshot!(wait.end(&home).snapshot(), @"
    exit code 6
    --- stderr
    [short] gated failed after [took] : exit code 6
    ");
}

#[test]
fn each_end_is_told_when_it_comes() {
    let home = Home::new();
    let mut gate = home.gate();
    let slow = home.submit(["--name", "slow", "--", "sh", "-c", "read x < gate; exit 6"]);
    let quick = home.submit(["--name", "quick", "--", "sh", "-c", "exit 7"]);
    let mut wait = super::stage::Following::start(&home, &["wait", &slow, &quick]);
    wait.until_it_says("quick failed");
    gate.open();
    // The code is that of the first in the order given.
    insta::assert_snapshot!(wait.end(&home).snapshot(), @"
    exit code 6
    --- stderr
    [short] quick failed after [took] : exit code 7
    [short] slow failed after [took] : exit code 6
    ");
}

#[test]
fn the_limit() {
    let home = Home::new();
    let one = home.running();
    insta::assert_snapshot!(home.run(["wait", "--limit", "0", &one]).snapshot(), @r"
    exit code 124
    --- stderr
    warning: the limit was reached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    let two = home.submit(["--name", "endless", "--", "sleep", "1000"]);
    insta::assert_snapshot!(home.run(["wait", "--limit", "0", &one, &two]).snapshot(), @"
    exit code 124
    --- stderr
    warning: the limit was reached; the jobs go on. To come back: computes wait [short] [short]
    ");
    let mut json = home.run(["wait", "--json", "--limit", "0", &one, &two]);
    // The states that are seen depend on who is faster.
    let lines: Vec<_> = json.stdout.lines().filter(|line| !line.contains("\"state\"")).collect();
    json.stdout = lines.join("\n") + "\n";
    insta::assert_snapshot!(json.snapshot(), @r#"
    exit code 124
    --- stdout
    {"type":"limit_reached","ids":["[id]","[id]"],"resume":"computes wait [short] [short]"}
    "#);
}

#[test]
fn the_limit_is_no_matter_for_jobs_that_are_over() {
    let home = Home::new();
    let id = home.submit(["--", "false"]);
    home.run(["wait", &id]);
    assert_eq!(home.run(["wait", "--limit", "0", &id]).code, 1);
}

#[test]
fn all() {
    let home = Home::new();
    let mut gate = home.gate();
    home.submit(["--name", "before", "--", "false"]);
    home.run(["wait", "last"]);
    home.submit(["--name", "gated", "--", "sh", "-c", "read x < gate; exit 6"]);
    let wait = super::stage::Following::start(&home, &["wait", "--all"]);
    wait.until_it_listens();
    gate.open();
    // A job that failed before doesn't count.
    insta::assert_snapshot!(wait.end(&home).snapshot(), @"
    exit code 6
    --- stderr
    [short] gated failed after [took] : exit code 6
    ");
    insta::assert_snapshot!(home.run(["wait", "--all"]).snapshot(), @"exit code 0");
}

#[test]
fn all_of_none() {
    insta::assert_snapshot!(Home::new().looks(&["wait", "--all"]), @"exit code 0");
}

#[test]
fn in_json() {
    let home = Home::new();
    let (good, bad) = (home.submit(["--", "true"]), home.submit(["--", "false"]));
    home.until(&good, "succeeded");
    home.until(&bad, "failed");
    let run = home.run(["wait", "--json", &good, &bad]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let lines = run.json();
    let ended: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "ended")
        .map(|line| (line["job"]["id"].clone(), line["job"]["run_exit_code"].clone()))
        .collect();
    assert_eq!(ended, [(good.into(), 0.into()), (bad.into(), 1.into())]);
}

#[test]
fn the_codes_of_other_ends() {
    let home = Home::new();
    let cancelled = home.running();
    home.run(["cancel", &cancelled]);
    assert_eq!(home.run(["wait", &cancelled]).code, 120);
    let absent = home.submit(["--", "no-such-program"]);
    assert_eq!(home.run(["wait", &absent]).code, 127);
}

#[test]
fn all_and_names_at_once() {
    insta::assert_snapshot!(Home::new().refuses(&["wait", "--all", "last"]), @r"
    exit code 2
    --- stderr
    error: the argument '--all' cannot be used with '[JOB]...'

    Usage: computes wait --all [JOB]...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Home::new().refuses(&["wait", "--limit", "soon", "last"]), @r"
    exit code 2
    --- stderr
    error: --limit: `soon` is no duration
    hint: give seconds, or units as in 90s, 50m or 1h
    ");
}

#[test]
fn an_interrupt_that_cancels_is_meant_for_all_of_them() {
    let home = Home::new();
    let jobs: Vec<_> = (0..3).map(|_| home.submit(["--", "sleep", "600"])).collect();
    let mut arguments = vec!["wait", "--cancel-on-interrupt"];
    arguments.extend(jobs.iter().map(String::as_str));
    let wait = Following::start(&home, &arguments);
    wait.until_it_listens();
    wait.signal(Signal::TERM);
    let wait = wait.end(&home);
    assert_eq!(wait.code, 120, "{}", wait.stderr);
    for job in jobs {
        assert_eq!(home.status(&job)["state"], "cancelled");
    }
}

#[test]
fn a_limit_beyond_all_clocks_is_none() {
    let home = Home::new();
    let limit = u64::MAX.to_string();
    let run = home.run(["run", "--limit", &limit, "--", "sh", "-c", "exit 3"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
}
