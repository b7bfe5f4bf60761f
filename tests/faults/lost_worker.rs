//! Workers that are killed in the middle of a job.

use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Gate, Home, Run, Wanted, eventually};

/// Stands still in all attempts but this one, and says which it is.
fn script(passes: u32) -> String {
    format!(
        "echo attempt $AWS_BATCH_JOB_ATTEMPT; test $AWS_BATCH_JOB_ATTEMPT = {passes} || {{ {}; }}",
        Gate::STOP
    )
}

fn start_run(home: &Home, script: &str) -> Child {
    let mut command = home.command(["run", "--limit", "60s", "--", "sh", "-c", script]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

fn finish(home: &Home, run: Child) -> Run {
    let output: Output = run.wait_with_output().expect("it ends");
    home.finish(&output)
}

#[test]
fn run_starts_another_and_ends_by_itself() {
    let home = Home::new().with("COMPUTES_LOCAL_LEASE", "60s");
    let mut gate = Gate::new(&home);
    let mut worker = home.worker([] as [&str; 0]);
    let run = start_run(&home, &script(2));
    gate.wait_for(1);
    let start = Instant::now();
    worker.signal(Signal::KILL);
    worker.wait();
    let run = finish(&home, run);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "attempt 1\nattempt 2\n");
    let told =
        "attempt 1 of 2 failed: the worker was lost; another follows: a lost worker does not";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    // The kernel tells of the death, so nobody waits for the lease to run out.
    assert!(start.elapsed() < Duration::from_secs(30), "it took {:?}", start.elapsed());
    let job = home.status("last");
    assert_eq!((&job["state"], &job["losses"]), (&"succeeded".into(), &1.into()));
}

#[test]
fn a_job_that_is_lost_too_often_fails_as_keep_alive_lost() {
    for mount in ["on", "off"] {
        let home = Home::new()
            .with("COMPUTES_LOCAL_LOST_RETRIES", "2")
            .with("COMPUTES_LOCAL_MOUNT", mount);
        let mut gate = Gate::new(&home);
        let mut worker = home.worker([] as [&str; 0]);
        let job = home.submit(["--", "sh", "-c", &script(9)]);
        for _ in 0..3 {
            gate.wait_for(1);
            worker.signal(Signal::KILL);
            worker.wait();
            worker = home.worker([] as [&str; 0]);
        }
        let wait = home.run(["wait", "--limit", "60s", &job]);
        assert_eq!(wait.code, 125, "{}", wait.stderr);
        let status = home.status(&job);
        let end = (&status["state"], &status["class"]);
        assert_eq!(end, (&"failed".into(), &"keep_alive_lost".into()));
        assert_eq!(status["attempt"], 3, "once, and again as often as it may be lost");
        assert_eq!(home.processes(Wanted::Job(&job)), [] as [u32; 0]);
    }
}

#[test]
fn its_jobs_do_not_go_on_and_their_logs_can_be_read() {
    let home = Home::new();
    let mut gate = Gate::new(&home);
    let mut worker = home.worker([] as [&str; 0]);
    let daemon = "setsid -f sleep 1000; echo written";
    let job = home.submit(["--", "sh", "-c", &format!("{daemon}; {}", Gate::STOP)]);
    gate.wait_for(1);
    worker.signal(Signal::KILL);
    worker.wait();
    // Nobody is there who would clear up: the kernel does it.
    eventually("the end of the job's processes", || {
        home.processes(Wanted::Job(&job)).is_empty().then_some(())
    });
    let logs = home.run(["logs", &job]);
    assert_eq!((logs.code, logs.stdout.as_str()), (0, "written\n"), "{}", logs.stderr);
}
