//! Ending jobs before they end by themselves.

use rustix::process::Signal;

use super::command::{end_of, script, submit, wait};
use super::subject::Subject;
use crate::support::{Gate, Home, Wanted, eventually, send};

/// Leaves three behind: one that leads a session of its own, one whose parent has ended, and
/// one that has neither the job's environment nor its session. All can be told by their
/// command line, which names the home.
pub const DAEMONS: &str = "
    setsid -f perl -e sleep \"$PWD/daemon\";
    (perl -e sleep \"$PWD/daemon\" &);
    env -i setsid -f perl -e sleep \"$PWD/daemon\"";

/// Three run at this moment, or none.
pub fn daemons(home: &Home) -> usize {
    home.processes(Wanted::CommandLine(&home.work().join("daemon").display().to_string())).len()
}

/// Nothing of the job lives any more.
pub fn assert_gone(home: &Home, job: &str) {
    let mark = home.batch_id(job);
    assert_eq!(home.processes(Wanted::Job(&mark)), [] as [u32; 0], "left of the job");
    assert_eq!(daemons(home), 0, "left of its daemons");
}

pub fn a_running_job_is_cancelled<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let job = submit(home, &["--attempts", "3"], &format!("{}; echo survived", Gate::STOP));
    gate.wait_for(1);
    let run = home.run(["cancel", "--reason", "no longer needed", &job]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(wait(home, &job), 120);
    let status = home.status(&job);
    assert_eq!((&status["state"], &status["attempt"]), (&"cancelled".into(), &1.into()));
    assert_eq!(home.run(["logs", &job]).stdout, "");
    assert_gone(home, &job);
}

pub fn a_job_that_ignores_sigterm_goes_with_all_its_children<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    // It catches the signal, so that all of the way is taken: SIGTERM, grace, SIGKILL.
    let stubborn = format!("trap 'echo caught' TERM; {DAEMONS}; {0}; {0}; {0}", Gate::STOP);
    let job = submit(home, &[], &stubborn);
    gate.wait_for(1);
    eventually("the daemons", || (daemons(home) == 3).then_some(()));
    assert_eq!(home.run(["cancel", &job]).code, 0);
    assert_eq!(wait(home, &job), 120);
    assert_gone(home, &job);
    let log = home.run(["logs", &job]).stdout;
    assert!(log.contains("caught"), "it was never asked: {log}");
}

pub fn several_are_cancelled_by_what_they_are<S: Subject>(home: &Home) {
    let one = submit(home, &["--name", "one-of-them"], "exec sleep 1000");
    let other = submit(home, &["--name", "another"], "exec sleep 1000");
    eventually("both run", || {
        let runs = |job| home.status(job)["state"] == "running";
        (runs(&one) && runs(&other)).then_some(())
    });
    let run = home.run(["cancel", "--wait", "--state", "running", "--name", "ONE"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(home.status(&one)["state"], "cancelled");
    assert_eq!(home.status(&other)["state"], "running");
    let run = home.run(["cancel", "--wait", "--all", "--json"]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 1), "{}", run.stderr);
    assert_eq!(home.status(&other)["state"], "cancelled");
    assert_eq!(home.run(["cancel", "--wait", "--all"]).code, 0);
}

pub fn children_go_when_the_command_ends<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let job = submit(home, &[], &format!("{DAEMONS}; {}; exit 0", Gate::STOP));
    gate.wait_for(1);
    eventually("the daemons", || (daemons(home) == 3).then_some(()));
    gate.open();
    assert_eq!(wait(home, &job), 0);
    assert_gone(home, &job);
}

/// What a job with secrets writes goes through a pipe, which its children hold open.
pub fn children_go_as_well_where_the_log_is_masked<S: Subject>(home: &Home) {
    let mut run = home.command(["run", "--secret", "TOKEN", "--limit", "20s", "--", "sh", "-c"]);
    run.arg("setsid -f sleep 1000; echo $TOKEN; exit 3").env("TOKEN", "hunter2");
    let run = home.run_command(&mut run);
    assert_eq!((run.code, run.stdout.as_str()), (3, "***\n"), "{}", run.stderr);
    assert_eq!(home.processes(Wanted::Job(&home.batch_id("last"))), [] as [u32; 0]);
}

pub fn what_is_over_can_not_be_cancelled<S: Subject>(home: &Home) {
    script(home, &[], "exit 0");
    let run = home.run(["cancel", "last"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("is over already: succeeded"), "{}", run.stderr);
    assert_eq!(end_of(home, "last"), "attempt 1: succeeded - 0");
}

pub fn a_waiting_job_is_cancelled_at_once<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let mut worker = home.worker(["--vcpus", "1"]);
    let first = submit(home, &[], Gate::STOP);
    gate.wait_for(1);
    let second = submit(home, &[], "echo ran");
    assert_eq!(home.run(["cancel", &second]).code, 0);
    let status = home.status(&second);
    assert_eq!((&status["state"], &status["attempt"]), (&"cancelled".into(), &0.into()));
    gate.open();
    assert_eq!(wait(home, &first), 0);
    // It looks at its queue once more before it goes.
    worker.signal(Signal::TERM);
    assert_eq!(worker.wait(), Some(0));
    assert_eq!(home.status(&second)["attempt"], 0);
}

pub fn a_signal_from_outside_ends_the_job<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let job = submit(home, &[], &format!("{DAEMONS}; {}", Gate::STOP));
    gate.wait_for(1);
    let pid =
        eventually("the process id", || home.status(&job)["attempt_history"][0]["pid"].as_u64());
    send(u32::try_from(pid).expect("a process id"), Signal::KILL);
    assert_eq!(wait(home, &job), 137);
    assert_eq!(end_of(home, &job), "attempt 1: failed signal 137");
    assert_gone(home, &job);
}
