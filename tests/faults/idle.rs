//! A worker that has nothing to do does nothing. These tests take their time on purpose: what
//! they look for is what happens in it.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Gate, Home, eventually, send};

const WATCHED: Duration = Duration::from_secs(2);

#[test]
fn a_worker_that_was_just_started() {
    let home = Home::new();
    let worker = home.worker([] as [&str; 0]);
    assert_idle(&home, worker.pid());
}

#[test]
fn a_worker_that_ran_a_job() {
    let home = Home::new().with("COMPUTES_LOCAL_LEASE", "1s");
    let worker = home.worker([] as [&str; 0]);
    assert_eq!(home.run(["run", "--", "true"]).code, 0);
    // What it had in mind for as long as a job runs comes to its turn, and nothing follows.
    std::thread::sleep(Duration::from_millis(1500));
    assert_idle(&home, worker.pid());
}

#[test]
fn one_of_two_workers() {
    let home = Home::new().with("COMPUTES_LOCAL_LEASE", "1s");
    let workers = [home.worker([] as [&str; 0]), home.worker([] as [&str; 0])];
    // The first has heard of the second.
    assert_eq!(home.run(["run", "--", "true"]).code, 0);
    std::thread::sleep(Duration::from_millis(1500));
    assert_idle(&home, workers[1].pid());
}

/// Not the worker, which looks after its job's memory and its lease: those who wait for it.
#[test]
fn whoever_waits_for_a_job_that_runs() {
    assert_waits_idly(|job, _| vec!["wait".to_owned(), job]);
}

#[test]
fn whoever_waits_for_several_jobs() {
    assert_waits_idly(|job, queued| vec!["wait".to_owned(), job, queued]);
}

fn assert_waits_idly(words: impl FnOnce(String, String) -> Vec<String>) {
    let home = Home::new();
    let _worker = home.worker(["--vcpus", "1"]);
    let mut gate = Gate::new(&home);
    let job = home.submit(["--", "sh", "-c", Gate::STOP]);
    gate.wait_for(1);
    let queued = home.submit(["--", "true"]);
    let mut wait = home.command(words(job, queued));
    let mut wait = wait.stderr(Stdio::null()).spawn().expect("it starts");
    // Its last act before it sleeps: the job is attended.
    eventually("a wait that sleeps", || is_asleep(wait.id()).then_some(()));
    assert_idle(&home, wait.id());
    gate.open();
    assert!(wait.wait().expect("it ends").success());
}

/// All of its threads sleep, and go on to sleep. One that gets no processor does not.
fn is_asleep(pid: u32) -> bool {
    let before = switches(pid);
    std::thread::sleep(Duration::from_millis(200));
    let sleeps = |thread: &String| thread.starts_with("State:\tS");
    !before.is_empty() && before.values().all(sleeps) && switches(pid) == before
}

fn assert_idle(home: &Home, pid: u32) {
    eventually("it to come to rest", || is_asleep(pid).then_some(()));
    let before = switches(pid);
    if let Some(calls) = system_calls(home, pid) {
        assert_eq!(calls, [] as [String; 0], "in {WATCHED:?}");
    } else {
        std::thread::sleep(WATCHED);
        assert_eq!(switches(pid), before, "it woke up in {WATCHED:?}");
    }
}

/// The state of each thread, and how often it went to sleep of its own accord. One that sleeps through does not.
fn switches(pid: u32) -> BTreeMap<String, String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let count = |task: &fs::DirEntry| {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let wanted = |line: &&str| line.starts_with("State") || line.starts_with("voluntary");
        let lines: Vec<_> = status.lines().filter(wanted).collect();
        (task.file_name().to_string_lossy().into_owned(), lines.join(" "))
    };
    tasks.map(|task| count(&task)).collect()
}

/// The system calls that it begins. `None` where strace is not there or may not look.
fn system_calls(home: &Home, pid: u32) -> Option<Vec<String>> {
    let trace = home.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-p", &pid.to_string(), "-o"]).arg(&trace).stderr(Stdio::null());
    let mut strace = strace.spawn().ok()?;
    std::thread::sleep(WATCHED);
    if strace.try_wait().expect("a child").is_some() {
        return None;
    }
    send(strace.id(), Signal::INT);
    strace.wait().expect("it ends");
    let trace = fs::read_to_string(trace).expect("a trace");
    assert!(!trace.is_empty(), "it saw not even the calls that were under way");
    // Each thread was in the middle of a call when strace came, and that call goes on.
    let mut threads = std::collections::BTreeSet::new();
    let began = |line: &&str| {
        let thread = line.split(' ').next().unwrap_or_default().to_owned();
        !threads.insert(thread) && !line.contains("<detached")
    };
    Some(trace.lines().filter(began).map(str::to_owned).collect())
}
