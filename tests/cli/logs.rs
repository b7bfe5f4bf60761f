//! `computes logs`: what a job wrote, while it runs and after.

use super::stage::Following;
use crate::support::{Home, eventually};

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
    {"type":"log","id":"[id]","attempt":1,"at":null,"line":"one"}
    {"type":"log","id":"[id]","attempt":1,"at":null,"line":"two"}
    "#);
    let follow = home.run(["logs", "--json", "--follow", "last"]);
    assert_eq!(follow.stdout, home.run(["logs", "--json", "last"]).stdout);
}

#[test]
fn the_last_lines() {
    let home = Home::new();
    home.run_script(&["--quiet"], "seq 1 50000; printf end");
    let last = |options: &[&str]| home.run([&["logs", "last"], options].concat()).stdout;
    assert_eq!(last(&["--tail", "2"]), "50000\nend");
    assert_eq!(last(&["-n", "1", "--json"]).lines().count(), 1);
    assert_eq!(last(&["--tail", "0"]), "");
    assert_eq!(last(&["--tail", "60000"]).lines().count(), 50_001);
    assert_eq!(last(&["--tail", "2", "--follow"]), "50000\nend");
}

#[test]
fn the_last_lines_and_all_that_follow() {
    let home = Home::new();
    let mut gate = home.gate();
    let script = "seq 1 9; read x < gate; seq 10 12; exit 1";
    let retried = ["--attempts", "2", "--retry-on", "any", "--", "sh", "-c", script];
    let id = home.submit(retried);
    let logs = || home.run(["logs", &id]).stdout;
    eventually("the first lines", || logs().ends_with("9\n").then_some(()));
    let mut follow = Following::start(&home, &["logs", "--follow", "--tail", "1", &id]);
    follow.until_it_prints("9");
    gate.open();
    follow.until_it_prints("12");
    // The second attempt is new as a whole.
    follow.until_it_prints("1\n");
    gate.open();
    let end = follow.end(&home);
    assert!(end.stdout.ends_with("9\n10\n11\n12\n"), "{}", end.stdout);
}

#[test]
fn when_each_line_was_written() {
    let home = Home::new();
    let mut gate = home.gate();
    let id = home.submit(["--", "sh", "-c", "echo early; read x < gate; echo late; printf end"]);
    let growth = home.state().join(format!("logs/{id}.1.growth"));
    // The worker has looked.
    eventually("a note", || {
        std::fs::metadata(&growth).is_ok_and(|growth| growth.len() > 0).then_some(())
    });
    let times = || -> Vec<(String, String)> {
        let lines = home.run(["logs", &id, "--timestamps"]).stdout;
        let both = lines.lines().filter_map(|line| line.split_once(' '));
        both.map(|(time, line)| (time.to_owned(), line.to_owned())).collect()
    };
    let early = times();
    gate.open();
    assert_eq!(home.run(["wait", &id]).code, 0);
    let job = home.status(&id);
    let all = times();
    assert_eq!(all[0], early[0]);
    let lines: Vec<_> = all.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines, ["early", "late", "end"]);
    let (from, to) = (job["started_at"].as_str(), job["finished_at"].as_str());
    let mut all_times = vec![from.expect("a time").to_owned()];
    all_times.extend(all.iter().map(|(time, _)| time.clone()));
    all_times.push(to.expect("a time").to_owned());
    assert!(all_times.is_sorted(), "{all_times:?}");
    assert!(all[0].0 < all[1].0, "{all:?}");
    let json = home.run(["logs", &id, "-t", "--json"]).json();
    assert_eq!((&json[0]["at"], &json[0]["id"]), (&all[0].0.as_str().into(), &id.as_str().into()));
    // It goes with the log.
    assert_eq!(home.run(["prune", "--older-than", "0s"]).code, 0);
    assert!(!growth.exists());
}

#[test]
fn of_several_jobs_with_their_names() {
    let home = Home::new();
    let job = |name: &str, script: &str| home.submit(["--name", name, "--", "sh", "-c", script]);
    let ids = [job("build", "echo one; printf two"), job("unit", "echo a"), job("unit", "echo b")];
    for id in &ids {
        assert_eq!(home.run(["wait", id]).code, 0);
    }
    let [one, two, three] = &ids;
    insta::assert_snapshot!(home.run(["logs", one, two, three]).snapshot(), @"
    exit code 0
    --- stdout
    build         | one
    build         | two
    unit [short] | a
    unit [short] | b
    ");
    insta::assert_snapshot!(home.run(["logs", one, two, "--tail", "1"]).snapshot(), @"
    exit code 0
    --- stdout
    build | two
    unit  | a
    ");
    let json = home.run(["logs", one, two, "--json"]).json();
    let of: Vec<_> = json.iter().map(|line| (&line["id"], &line["line"])).collect();
    let [one, two] = [one, two].map(|id| serde_json::json!(id));
    assert_eq!(of, [(&one, &"one".into()), (&one, &"two".into()), (&two, &"a".into())]);
}

#[test]
fn of_several_jobs_as_they_go_on() {
    let home = Home::new();
    let mut gate = home.gate();
    let first =
        home.submit(["--name", "first", "--", "sh", "-c", "echo up; read x < gate; echo on"]);
    home.until(&first, "running");
    let second = home.submit(["--name", "second", "--", "sh", "-c", "echo 2; exit 3"]);
    let mut logs = Following::start(&home, &["logs", "--follow", &first, &second]);
    logs.until_it_prints("second | 2\n");
    home.run(["wait", &second]);
    gate.open();
    logs.until_it_prints("first  | on\n");
    insta::assert_snapshot!(logs.end(&home).snapshot(), @"exit code 0");
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
    insta::assert_snapshot!(Home::new().refuses(&["logs", "a", "--follow", "--attempt", "1"]), @"
    exit code 2
    --- stderr
    error: the argument '--follow' cannot be used with '--attempt <N>'

    Usage: computes logs --follow <JOB>...

    For more information, try '--help'.
    ");
}

#[test]
fn following_ends_when_nobody_reads_any_more() {
    let home = Home::new();
    let job = home.submit(["--", "sh", "-c", "while echo line; do sleep 0.05; done"]);
    let run = home.sh(&format!("computes logs --follow {job} | head -n 1"), &[]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "line\n"), "{}", run.stderr);
    home.until(&job, "running");
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
