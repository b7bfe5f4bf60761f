//! A worker that hangs for longer than its lease, and then goes on as if nothing had been.

use std::time::{Duration, Instant};

use computes::job::Event;
use computes::ledger::{Detail, Durability, Ledger, StateDir};
use rustix::process::Signal;

use crate::support::{Gate, Home, Wanted, Worker, eventually};

/// A worker is stopped while it holds a job, and another takes the job after the lease.
/// Gives both workers, the job, whose second attempt stands at the gate, and when the first worker was stopped.
fn taken_over(home: &Home, gate: &mut Gate) -> (Worker, Worker, String, Instant) {
    let stopped = home.worker(["--vcpus", "1"]);
    let script = format!("echo $AWS_BATCH_JOB_ATTEMPT >> begun; {}", Gate::STOP);
    let job = home.submit(["--", "sh", "-c", &script]);
    gate.wait_for(1);
    eventually_runs(home, &job);
    let left = home.processes(Wanted::Job(&job));
    assert!(!left.is_empty(), "the first attempt runs");
    // It is there before the first one hangs, and has no reason to look but the lease.
    let other = home.worker(["--vcpus", "1"]);
    stopped.signal(Signal::STOP);
    let stopped_at = Instant::now();
    gate.wait_for(1);
    eventually_runs(home, &job);
    let now = home.processes(Wanted::Job(&job));
    assert!(left.iter().all(|pid| !now.contains(pid)), "the first attempt still runs");
    (stopped, other, job, stopped_at)
}

/// A start is in the ledger shortly after it was made.
fn eventually_runs(home: &Home, job: &str) {
    eventually("its start in the ledger", || {
        (home.status(job)["state"] == "running").then_some(())
    });
}

fn home() -> Home {
    Home::new().with("COMPUTES_LOCAL_LEASE", "3s")
}

/// The job and its history, once it is over.
fn assert_ended_once(home: &Home, job: &str) {
    assert_eq!(home.run(["wait", "--limit", "30s", job]).code, 0);
    let status = home.status(job);
    assert_eq!((&status["state"], &status["attempt"]), (&"succeeded".into(), &2.into()));
    let events = status["events"].as_array().expect("a list");
    let events: Vec<_> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let expected =
        ["handed_over", "claimed", "started", "worker_lost", "claimed", "started", "succeeded"];
    assert_eq!(events, expected);
    let begun = std::fs::read_to_string(home.work().join("begun")).expect("a file");
    assert_eq!(begun, "1\n2\n");
}

#[test]
fn one_that_is_busy_looks_after_the_others_too() {
    let home = home();
    let mut gate = Gate::new(&home);
    let stopped = home.worker(["--vcpus", "1", "--queue", "default"]);
    let _busy = home.worker(["--vcpus", "1", "--queue", "asap"]);
    home.submit(["--queue", "asap", "--", "sh", "-c", Gate::STOP]);
    gate.wait_for(1);
    let job = home.submit(["--", "sh", "-c", Gate::STOP]);
    gate.wait_for(1);
    eventually_runs(&home, &job);
    stopped.signal(Signal::STOP);
    eventually("its job is put back", || (home.status(&job)["losses"] == 1).then_some(()));
    stopped.signal(Signal::CONT);
}

#[test]
fn another_takes_its_job_and_it_records_nothing() {
    let home = home();
    let mut gate = Gate::new(&home);
    let (mut stopped, _other, job, _) = taken_over(&home, &mut gate);
    let before = home.status(&job);
    stopped.signal(Signal::CONT);
    // It finds out by itself, at the latest when it would have to renew its lease.
    assert_eq!(ends(&mut stopped), Some(125));
    assert_eq!(home.status(&job), before, "the late worker changed something");
    gate.open();
    assert_ended_once(&home, &job);
}

#[test]
fn it_takes_no_other_job_when_it_goes_on() {
    let home = home();
    let mut gate = Gate::new(&home);
    let (mut stopped, _other, job, _) = taken_over(&home, &mut gate);
    // The other worker is busy, so this one waits, and the late worker would have room.
    let next = home.submit(["--", "true"]);
    stopped.signal(Signal::CONT);
    assert_eq!(ends(&mut stopped), Some(125));
    gate.open();
    assert_ended_once(&home, &job);
    assert_eq!(home.run(["wait", "--limit", "30s", &next]).code, 0, "{}", home.status(&next));
}

#[test]
fn the_lease_is_waited_for_and_not_longer() {
    let home = home();
    let mut gate = Gate::new(&home);
    let (_stopped, _other, _, stopped_at) = taken_over(&home, &mut gate);
    let took = stopped_at.elapsed().as_secs_f64();
    // The last renewal may be as old as a third of the lease.
    assert!((1.9..9.0).contains(&took), "{took:.2} s with a lease of 3 s");
}

/// The worker has to wait for the ledger, and the one who has it gives its jobs to others.
#[test]
fn one_that_is_struck_off_while_it_waits_for_the_ledger_takes_no_job_along() {
    let home = home();
    let mut gate = Gate::new(&home);
    let mut late = home.worker(["--vcpus", "1"]);
    let script = format!("test $AWS_BATCH_JOB_ATTEMPT = 2 || {{ {}; }}", Gate::STOP);
    let job = home.submit(["--", "sh", "-c", &script]);
    gate.wait_for(1);
    eventually_runs(&home, &job);

    let mut ledger =
        Ledger::open(&StateDir::new(home.state()), Durability::KilledProcess).expect("a ledger");
    let struck_off = ledger.write(|change| {
        gate.open();
        eventually("the end of the command", || {
            home.processes(Wanted::Job(&job)).is_empty().then_some(())
        });
        // The worker sees that end now, and would write it down, with what it takes next. Its
        // lease of 3 s runs out in the meantime.
        std::thread::sleep(Duration::from_millis(3500));
        // What another worker does then.
        for worker in change.workers()? {
            for held in change.held_by(worker.seq)? {
                change.apply(held.holder, Event::WorkerLost, Detail::default(), 0)?;
            }
            change.strike_off(worker.seq)?;
        }
        Ok(())
    });
    struck_off.expect("written");
    assert_eq!(ends(&mut late), Some(125));

    let _other = home.worker([] as [&str; 0]);
    let wait = home.run(["wait", "--limit", "10s", &job]);
    assert_eq!(wait.code, 0, "nobody has it: {}", home.status(&job));
}

fn ends(worker: &mut Worker) -> Option<i32> {
    let status = eventually("the late worker's end", || worker.child.try_wait().expect("a child"));
    status.code()
}
