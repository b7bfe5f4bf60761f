//! Submitters that are killed at each step: the job is not in the ledger, or it runs.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Instant;

use super::random::Random;
use crate::support::{Home, eventually};

const KILLS: usize = 100;

#[test]
fn with_a_worker_there() {
    let home = Home::new();
    let _worker = home.worker([] as [&str; 0]);
    kill_submitters("submitters with a worker", &home);
}

#[test]
fn with_a_worker_that_each_would_have_to_start() {
    let home = Home::new().with("COMPUTES_LOCAL_IDLE_EXIT", "0s");
    kill_submitters("submitters without a worker", &home);
}

fn kill_submitters(test: &str, home: &Home) {
    let mut random = Random::seeded(test);
    // As long as one takes that is not killed, and somewhat longer.
    let start = Instant::now();
    home.submit(["--name", "first", "--", "true"]);
    let whole = u64::try_from(start.elapsed().as_micros()).expect("short") * 5 / 4;

    let mut survived = 0;
    let mut names: BTreeSet<String> = BTreeSet::new();
    for index in 0..KILLS {
        let name = format!("killed-{index}");
        let mut command = home.command(["submit", "--secret", "TOKEN", "--name", &name]);
        command.args(["--", "sh", "-c", "echo $1 >> ran", "sh", &name]).env("TOKEN", "hunter2");
        let mut submit = command.stdout(Stdio::piped()).spawn().expect("it starts");
        std::thread::sleep(random.micros(whole));
        submit.kill().expect("ours to kill");
        let printed = submit.wait_with_output().expect("it ends").stdout;
        if !printed.is_empty() {
            survived += 1;
            names.insert(name);
        }
    }
    let wait = home.run(["wait", "--all", "--limit", "60s"]);
    assert_eq!(wait.code, 0, "{}", wait.stderr);

    let jobs = home.jobs();
    let accepted: BTreeSet<String> =
        jobs.iter().map(|job| job["name"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(accepted.len(), jobs.len(), "one is there twice");
    assert!(names.is_subset(&accepted), "an id was printed of a job that is not there");
    for job in &jobs {
        assert_eq!((&job["state"], &job["attempt"]), (&"succeeded".into(), &1.into()), "{job}");
    }
    let ran = std::fs::read_to_string(home.work().join("ran")).unwrap_or_default();
    let mut ran: Vec<_> = ran.lines().map(str::to_owned).collect();
    ran.sort();
    let expected: Vec<_> = accepted.iter().filter(|name| *name != "first").cloned().collect();
    assert_eq!(ran, expected);
    println!("{test}: {KILLS} kills, {} jobs accepted, {survived} ids printed", expected.len());

    let _worker = home.worker([] as [&str; 0]);
    eventually("the next worker to clear away what secrets the killed left", || {
        let left = std::fs::read_dir(home.state().join("secrets")).expect("a directory");
        (left.count() == 0).then_some(())
    });
}
