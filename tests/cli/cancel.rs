//! `computes cancel`: in every state.

use crate::support::Home;

#[test]
fn a_job_that_waits_is_over_at_once() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let id = home.submit(["--name", "waits", "--", "true"]);
    insta::assert_snapshot!(home.run(["cancel", &id, "--reason", "a mistake"]).snapshot(), @r"
    exit code 0
    --- stderr
    [short] cancelled
    ");
    insta::assert_snapshot!(home.run(["status", &id]).snapshot(), @r"
    exit code 0
    --- stdout
    job          [id]
    name         waits
    state        cancelled
    reason       a mistake
    queue        default
    command      true
    asks for     1 vCPU, 1024 MiB, 1 attempt
    directory    [home]/here
    files        [home]/.local/state/computes/files/[id]
    accepted     [time]
    finished     [time]
    to cancel    [time]
    ");
    insta::assert_snapshot!(home.run(["cancel", &id]).snapshot(), @r"
    exit code 0
    --- stderr
    [short] is over already: cancelled
    ");
    insta::assert_snapshot!(home.run(["wait", &id]).snapshot(), @r"
    exit code 120
    --- stderr
    [short] waits cancelled: a mistake
    ");
}

#[test]
fn a_job_that_runs_is_ended() {
    let home = Home::new();
    let id = home.running();
    insta::assert_snapshot!(home.run(["cancel", &id]).snapshot(), @r"
    exit code 0
    --- stderr
    [short] is being ended
    ");
    insta::assert_snapshot!(home.run(["wait", &id]).snapshot(), @r"
    exit code 120
    --- stderr
    [short] endless cancelled after [took] : cancelled by the user
    ");
    let job = home.status(&id);
    assert_eq!(
        (&job["state"], &job["reason"]),
        (&"cancelled".into(), &"cancelled by the user".into())
    );
}

#[test]
fn twice_while_it_takes_its_time() {
    let home = Home::new();
    let mut gate = home.gate();
    let script = "trap 'read x < gate; exit 0' TERM; echo up; sleep 600 & wait";
    let mut run = super::stage::Following::start(&home, &["run", "--", "sh", "-c", script]);
    run.until_it_prints("up");
    assert_eq!(home.run(["cancel", "last", "--reason", "first"]).code, 0);
    insta::assert_snapshot!(home.run(["cancel", "last", "--reason", "second"]).snapshot(), @r"
    exit code 0
    --- stderr
    [short] is being ended
    ");
    assert_eq!(home.status("last")["reason"], "first");
    gate.open();
    assert_eq!(run.end(&home).code, 120);
    assert_eq!(home.status("last")["reason"], "first");
}

#[test]
fn a_job_that_is_over() {
    let home = Home::new();
    home.run(["run", "--", "false"]);
    insta::assert_snapshot!(home.run(["cancel", "last"]).snapshot(), @r"
    exit code 0
    --- stderr
    [short] is over already: failed
    ");
    assert_eq!(home.status("last")["state"], "failed");
}

#[test]
fn several() {
    let home = Home::new();
    let (_worker, running) = home.busy();
    let waiting = home.submit(["--name", "waits", "--", "true"]);
    insta::assert_snapshot!(home.run(["cancel", &waiting, &running]).snapshot(), @r"
    exit code 0
    --- stderr
    [short] cancelled
    [short] is being ended
    ");
}

#[test]
fn one_that_is_not_there_and_none_is_cancelled() {
    let home = Home::new();
    let id = home.running();
    insta::assert_snapshot!(home.run(["cancel", &id, "nonesuch"]).snapshot(), @"
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job
    ");
    assert!(home.status(&id)["cancel_requested_at"].is_null());
}

#[test]
fn in_json() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let id = home.submit(["--", "true"]);
    let run = home.run(["cancel", "--json", &id, "--reason", "a mistake"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let job = &run.json()[0];
    assert_eq!((&job["id"], &job["state"]), (&id.into(), &"cancelled".into()));
    assert_eq!((&job["reason"], &job["run_exit_code"]), (&"a mistake".into(), &120.into()));
}

#[test]
fn the_whole_tree_of_processes_ends() {
    let home = Home::new();
    // A daemon of its own session, which holds the pipe's other end as long as it lives.
    let script = "setsid sh -c 'exec 3>gate; sleep 600' & echo up; wait";
    let gate = home.gate();
    drop(gate);
    let mut run = super::stage::Following::start(&home, &["run", "--", "sh", "-c", script]);
    run.until_it_prints("up");
    let reader = std::fs::File::open(home.work().join("gate")).expect("the daemon opens it");
    assert_eq!(home.run(["cancel", "last"]).code, 0);
    // Ends when the last writer has.
    assert_eq!(std::io::read_to_string(reader).expect("readable"), "");
    assert_eq!(run.end(&home).code, 120);
}

#[test]
fn a_reason_that_is_too_long() {
    let reason = "x".repeat(1025);
    insta::assert_snapshot!(Home::new().refuses(&["cancel", "last", "--reason", &reason]), @r"
    exit code 2
    --- stderr
    error: the reason is longer than 1024 characters
    hint: AWS Batch takes no more; shorten it
    ");
}

/// A job that runs and two that wait, one in another queue.
fn three(home: &Home) -> (crate::support::Worker, [String; 3]) {
    let (worker, running) = home.busy();
    let waits = home.submit(["--name", "waits", "--", "true"]);
    let urgent = home.submit(["--name", "waits-too", "--queue", "asap", "--", "true"]);
    (worker, [running, waits, urgent])
}

#[test]
fn those_of_a_state_or_name_or_queue() {
    let home = Home::new();
    let (_worker, [running, waits, urgent]) = three(&home);
    let states = || [&running, &waits, &urgent].map(|id| home.status(id)["state"].clone());
    let call = ["cancel", "--state", "queued", "--name", "WAITS", "--queue", "asap"];
    insta::assert_snapshot!(home.run(call).snapshot(), @"
    exit code 0
    --- stderr
    [short] waits-too cancelled
    ");
    assert_eq!(states(), ["running", "queued", "cancelled"]);
    // Nobody starts the one that waits because the one that runs ends.
    insta::assert_snapshot!(home.run(["cancel", "--all", "--wait"]).snapshot(), @"
    exit code 0
    --- stderr
    [short] waits cancelled
    [short] endless is being ended
    [short] endless cancelled after [took] : cancelled by the user
    ");
    assert_eq!(states(), ["cancelled"; 3]);
    assert_eq!(home.status(&waits)["attempt"], 0);
    insta::assert_snapshot!(home.run(["cancel", "--all", "--wait"]).snapshot(), @"
    exit code 0
    --- stderr
    note: nothing to cancel: no such job waits or runs
    ");
    insta::assert_snapshot!(Home::new().looks(&["cancel", "--name", "x"]), @"
    exit code 0
    --- stderr
    note: no job was ever submitted
    ");
}

#[test]
fn what_does_not_say_which_jobs_are_meant() {
    let calls = [
        "cancel",
        "cancel last --all",
        "cancel last --name x",
        "cancel --state failed",
        "cancel --name=",
        "cancel last --limit 5s",
    ];
    let refused = |call: &&str| Home::new().refuses(&super::stage::words(call));
    insta::assert_snapshot!(super::stage::each(&calls, refused), @"
    > cancel
    exit code 2
    --- stderr
    error: no job is named
    hint: name some, or say which are meant: --all, --state running, --name test

    > cancel last --all
    exit code 2
    --- stderr
    error: some jobs are named, and others are meant by what they are
    hint: cancel those that are named by a call of their own

    > cancel last --name x
    exit code 2
    --- stderr
    error: some jobs are named, and others are meant by what they are
    hint: cancel those that are named by a call of their own

    > cancel --state failed
    exit code 2
    --- stderr
    error: a job in state `failed` is over
    hint: jobs that are not over are unfinished, or else accepted, submitting, queued, starting, running, blocked

    > cancel --name=
    exit code 2
    --- stderr
    error: --name is empty, and every name holds that
    hint: say --all if every job is meant

    > cancel last --limit 5s
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      --wait

    Usage: computes cancel --wait --limit <DURATION> <JOB>...

    For more information, try '--help'.
    ");
}

#[test]
fn of_many_it_is_told_how_many() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let jobs = "{\"command\": [\"true\"]}\n".repeat(30);
    home.write("jobs.jsonl", &jobs);
    assert_eq!(home.run(["submit", "--from", "jobs.jsonl"]).code, 0);
    insta::assert_snapshot!(home.run(["cancel", "--all"]).snapshot(), @"
    exit code 0
    --- stderr
    30 cancelled, 1 being ended
    ");
}

/// A job that is told to end, and takes its time.
fn slow(home: &Home) -> super::stage::Gate {
    let gate = home.gate();
    let script = "trap 'read x < gate; exit 0' TERM; echo up >up; sleep 600 & wait";
    home.submit(["--name", "slow", "--", "sh", "-c", script]);
    crate::support::eventually("it is up", || home.work().join("up").exists().then_some(()));
    home.until("last", "running");
    gate
}

#[test]
fn to_wait_has_its_limit_and_can_be_left() {
    let home = Home::new();
    let mut gate = slow(&home);
    assert_eq!(home.run(["cancel", "last"]).code, 0);
    insta::assert_snapshot!(home.run(["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] slow running
    reason   cancelled by the user
    why      it is being ended: by SIGTERM, and by SIGKILL after local.grace
    ");
    insta::assert_snapshot!(home.run(["cancel", "last", "--wait", "--limit", "0"]).snapshot(), @"
    exit code 124
    --- stderr
    [short] is being ended
    warning: the limit was reached; the job is being ended all the same. To come back: computes wait [short]
    ");
    let mut cancel = super::stage::Following::start(&home, &["cancel", "last", "--wait"]);
    cancel.until_it_says("is being ended");
    cancel.signal(rustix::process::Signal::INT);
    insta::assert_snapshot!(cancel.end(&home).snapshot(), @"
    exit code 130
    --- stderr
    [short] is being ended
    warning: detached; the job is being ended all the same. To come back: computes wait [short]
    ");
    gate.open();
    assert_eq!(home.run(["wait", "last"]).code, 120);
}
