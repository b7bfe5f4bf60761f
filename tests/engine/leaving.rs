//! Workers that leave: because they were asked to, or because there is nothing to do.

use std::os::unix::process::CommandExt;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getsid, kill_process_group, pidfd_open};

use super::command::{end_of, submit, wait};
use super::stop::assert_gone;
use super::subject::Subject;
use crate::support::{Gate, Home, Wanted, eventually};

pub fn an_interrupted_job_goes_back_and_counts_no_attempt<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let mut first = home.worker([] as [&str; 0]);
    let stop = Gate::STOP;
    // One attempt is all that it has, and the interrupted one is not it.
    let script =
        format!("trap 'echo asked; exit 7' TERM; test $AWS_BATCH_JOB_ATTEMPT = 2 || {{ {stop}; }}");
    let job = submit(home, &["--attempts", "1"], &script);
    gate.wait_for(1);
    first.signal(Signal::TERM);
    assert_eq!(first.wait(), Some(0));
    let status = home.status(&job);
    assert_eq!((&status["state"], &status["interruptions"]), (&"queued".into(), &1.into()));
    assert_eq!(status["attempt_history"][0]["class"], "interrupted");
    assert_eq!(home.run(["logs", &job]).stdout, "asked\n");
    assert_gone(home, &job);
    let _second = home.worker([] as [&str; 0]);
    assert_eq!(wait(home, &job), 0);
    assert_eq!(end_of(home, &job), "attempt 2: succeeded - 0");
}

pub fn a_job_of_an_uninterruptible_queue_is_waited_for<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let mut worker = home.worker([] as [&str; 0]);
    let script = format!("trap 'echo asked; exit 7' TERM; {}; echo whole", Gate::STOP);
    let job = submit(home, &["--queue", "default-uninterruptible"], &script);
    gate.wait_for(1);
    worker.signal(Signal::TERM);
    eventually("the worker to have heard it", || {
        let run = home.run(["queues", "--workers", "--json"]);
        run.stdout.contains(r#""queues":[]"#).then_some(())
    });
    assert_eq!(home.processes(Wanted::Job(&job)).len(), 1, "it runs on");
    gate.open();
    assert_eq!(worker.wait(), Some(0));
    assert_eq!(end_of(home, &job), "attempt 1: succeeded - 0");
    assert_eq!(home.run(["logs", &job]).stdout, "whole\n");
}

pub fn a_background_worker_outlives_the_session_and_leaves_when_idle<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let mut submit = home.command(["submit", "--", "sh", "-c", Gate::STOP]);
    submit
        .env("COMPUTES_LOCAL_IDLE_EXIT", "1s")
        .process_group(0)
        .stdout(std::process::Stdio::null());
    let mut submitter = submit.spawn().expect("it starts");
    gate.wait_for(1);
    // Whoever is left of the submitter's group goes with its terminal.
    let group = Pid::from_child(&submitter);
    submitter.wait().expect("it ends");
    assert!(kill_process_group(group, Signal::HUP).is_err(), "the worker is of its group");
    let [worker] = home.workers()[..] else { panic!("{:?}", home.workers()) };
    let worker = Pid::from_raw(i32::try_from(worker).expect("a process id")).expect("not 0");
    assert_eq!(getsid(Some(worker)), Ok(worker), "it leads a session of its own");

    let handle = pidfd_open(worker, PidfdFlags::empty()).expect("it lives");
    gate.open();
    assert_eq!(wait(home, "last"), 0);
    let minute = Timespec { tv_sec: 60, tv_nsec: 0 };
    let left = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&minute)).expect("a poll");
    assert_eq!(left, 1, "it stays though there is nothing to do");
    assert_eq!(home.workers(), [] as [u32; 0]);
    let files = std::fs::read_dir(home.state().join("workers")).expect("a directory").flatten();
    let locks: Vec<_> =
        files.map(|file| file.file_name()).filter(|name| name.len() == 36).collect();
    assert!(locks.is_empty(), "it left its lock behind: {locks:?}");
}
