//! `computes worker`: one in the foreground.

use rustix::process::Signal;

use super::stage::Following;
use crate::support::Home;

#[test]
fn it_says_when_it_is_ready_and_leaves_when_asked_to() {
    let home = Home::new();
    let options = ["worker", "--vcpus", "1", "--memory", "2GiB", "--gpus", "2"];
    let mut worker = Following::start(&home, &options);
    worker.until_it_says("worker ready");
    worker.signal(Signal::TERM);
    let run = worker.end(&home);
    insta::assert_snapshot!(run.snapshot_without("(?m)^note: jobs get no /files.*\n", ""), @r"
    exit code 0
    --- stderr
    worker ready: 1 vCPU, 2 GiB, 2 GPU
    ");
}

#[test]
fn ctrl_c_ends_it_too() {
    let home = Home::new();
    let mut worker = home.worker(["--queue", "asap"]);
    worker.signal(Signal::INT);
    assert_eq!(worker.wait(), Some(0));
}

#[test]
fn it_leaves_when_idle() {
    let home = Home::new();
    let id = home.submit(["--", "true"]);
    home.run(["wait", &id]);
    let mut worker = home.worker(["--idle-exit", "10ms"]);
    assert_eq!(worker.wait(), Some(0));
}

#[test]
fn it_takes_jobs_of_its_queues_alone() {
    let home = Home::new();
    let _worker = home.worker(["--queue", "asap", "--vcpus", "1"]);
    assert_eq!(home.run(["run", "--queue", "asap", "--", "true"]).code, 0);
    assert_eq!(home.workers().len(), 1);
    // For this one another worker is started.
    assert_eq!(home.run(["run", "--queue", "default", "--", "true"]).code, 0);
    assert!(home.workers().len() > 1);
}

#[test]
fn it_takes_a_job_that_only_it_has_room_for() {
    let home = Home::new();
    let _worker = home.worker(["--gpus", "3"]);
    assert_eq!(home.run(["run", "--gpus", "3", "--", "true"]).code, 0);
}

#[test]
fn sizes_and_queues_that_are_none() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["worker", "--vcpus", "0"]), @r"
    exit code 2
    --- stderr
    error: `0` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2
    ");
    insta::assert_snapshot!(home.refuses(&["worker", "--memory", "1GX"]), @r"
    exit code 2
    --- stderr
    error: `1GX` is no amount of memory: it is a number of MiB, or has a unit such as `1GiB` or `4GB`
    hint: as in --memory 512 or --memory 2GiB
    ");
    insta::assert_snapshot!(home.refuses(&["worker", "--gpus", "two"]), @"
    exit code 2
    --- stderr
    error: invalid value 'two' for '--gpus <N>': invalid digit found in string

    For more information, try '--help'.
    hint: --gpus <N> takes a whole number
    ");
    insta::assert_snapshot!(home.refuses(&["worker", "--queue", "fast"]), @r"
    exit code 2
    --- stderr
    error: there is no queue `fast`
    hint: the queues are default, asap, default-uninterruptible, asap-uninterruptible
    ");
    insta::assert_snapshot!(home.refuses(&["worker", "--idle-exit", "soon"]), @r"
    exit code 2
    --- stderr
    error: --idle-exit: `soon` is no duration
    hint: give seconds, or units as in 90s, 50m or 1h
    ");
}

#[test]
fn quiet_says_nothing() {
    let home = Home::new();
    let run = home.run(["worker", "--quiet", "--idle-exit", "1ms"]);
    insta::assert_snapshot!(run.snapshot(), @"exit code 0");
}
