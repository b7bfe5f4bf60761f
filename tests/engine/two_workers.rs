//! Several workers on one ledger.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::subject::Subject;
use crate::support::Home;

const JOBS: usize = 200;

pub fn they_never_run_a_job_twice<S: Subject>(home: &Home) {
    let _workers = [home.worker(["--vcpus", "2"]), home.worker(["--vcpus", "2"])];
    let script = "echo $AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ATTEMPT >> ran";
    let job = serde_json::json!({ "command": ["sh", "-c", script], "memory": 64 });
    let mut jobs = String::new();
    for _ in 0..JOBS {
        writeln!(jobs, "{job}").expect("text");
    }
    std::fs::write(home.work().join("jobs.jsonl"), jobs).expect("a file");
    let ids = home.submit(["--from", "jobs.jsonl"]);
    let run = home.run(["wait", "--all", "--limit", "60s"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let ran = std::fs::read_to_string(home.work().join("ran")).expect("a file");
    let mut ran: Vec<_> = ran.lines().collect();
    ran.sort_unstable();
    let expected: BTreeSet<_> = ids.lines().map(|id| format!("{id} 1")).collect();
    assert_eq!(expected.len(), JOBS);
    assert_eq!(ran, expected.iter().collect::<Vec<_>>());
}
