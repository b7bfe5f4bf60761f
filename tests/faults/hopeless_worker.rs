//! Workers in the background that can't do their work, and programs that are gone.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{Gate, Home, Run, Wanted, eventually};

/// A run whose workers all end at once says so and ends too, and the job is still there.
fn gives_up(home: &Home, run: &Run, why: &str) {
    assert_eq!(run.code, 125, "{}", run.stderr);
    assert!(
        run.stderr.contains("error: 3 workers in a row ended before they took the job\nhint: `"),
        "{}",
        run.stderr
    );
    let log = fs::read_to_string(home.state().join("workers/background.log")).expect("a log");
    let ends = log.lines().filter(|line| line.contains(why)).count();
    assert_eq!(ends, 4, "one for the submit and three for the wait: {log}");
    assert_eq!(home.status("last")["state"], "queued");
    eventually("the last worker ends", || home.processes(Wanted::Home).is_empty().then_some(()));
}

#[test]
fn one_that_ends_after_it_signed_on_is_not_started_for_ever() {
    let home = Home::new();
    let first = home.run(["run", "--", "true"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    home.end_workers(Signal::TERM);
    // What looks as if it had been left behind, and can't be removed as a file.
    let left = home.state().join("secrets/019a9f3e-5b7c-7d11-8f0a-3f9c2a71b0de");
    fs::create_dir(&left).expect("a directory");

    gives_up(&home, &home.run(["run", "--limit", "60s", "--", "true"]), "sweep away the secrets");

    fs::remove_dir(&left).expect("it is there");
    let wait = home.run(["wait", "--limit", "60s", "last"]);
    assert_eq!(wait.code, 0, "{}", wait.stderr);
}

#[test]
fn one_that_ends_before_it_can_ring_is_noticed() {
    let home = Home::new().with("XDG_CONFIG_HOME", "/nonexistent");
    // The worker is given no XDG_CONFIG_HOME: it looks here.
    let config = home.path().join(".config/computes");
    fs::create_dir_all(&config).expect("a directory");
    fs::write(config.join("computes.toml"), "[local").expect("a broken file");

    gives_up(&home, &home.run(["run", "--limit", "60s", "--", "true"]), "computes.toml");
}

#[test]
fn a_program_that_was_replaced_still_starts_its_worker() {
    let home = Home::new();
    let program = home.path().join("computes");
    fs::copy(env!("CARGO_BIN_EXE_computes"), &program).expect("a copy of the program");
    let mut gate = Gate::new(&home);
    let mut worker = home.worker([] as [&str; 0]);
    let script = format!("test $AWS_BATCH_JOB_ATTEMPT = 2 || {{ {}; }}", Gate::STOP);
    let run = home
        .command_of(&program, ["run", "--limit", "60s", "--", "sh", "-c", &script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    gate.wait_for(1);
    fs::remove_file(&program).expect("it is there");
    worker.signal(Signal::KILL);
    worker.wait();
    let run = home.finish(&run.wait_with_output().expect("it ends"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let worker = home.workers()[0];
    let name = fs::read_to_string(format!("/proc/{worker}/comm")).expect("it lives");
    assert_eq!(name, "computes\n", "as people look for it");
}
