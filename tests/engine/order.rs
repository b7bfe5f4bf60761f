//! Which job a worker takes next.

use computes::job::Draft;

use super::command::{script, submit, wait};
use super::subject::Subject;
use super::timeout::accept;
use crate::support::{Gate, Home};

pub fn urgent_jobs_go_first<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let _worker = home.worker(["--vcpus", "1"]);
    submit(home, &[], Gate::STOP);
    gate.wait_for(1);
    for queue in ["default", "default-uninterruptible", "asap", "asap-uninterruptible", "default"] {
        submit(home, &["--queue", queue], "echo $AWS_BATCH_JQ_NAME >> order");
    }
    gate.open();
    assert_eq!(home.run(["wait", "--all", "--limit", "60s"]).code, 0);
    let order = std::fs::read_to_string(home.work().join("order")).expect("a file");
    let expected = "asap\nasap-uninterruptible\ndefault\ndefault-uninterruptible\ndefault\n";
    assert_eq!(order, expected);
}

pub fn a_small_job_passes_a_large_one<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let _worker = home.worker(["--vcpus", "2", "--memory", "4GiB"]);
    let first = submit(home, &[], Gate::STOP);
    gate.wait_for(1);
    let large = submit(home, &["--vcpus", "2"], "exit 0");
    assert_eq!(script(home, &[], "exit 0").code, 0, "the small one");
    assert_eq!(home.status(&large)["state"], "queued");
    gate.open();
    assert_eq!((wait(home, &first), wait(home, &large)), (0, 0));
}

pub fn a_worker_takes_jobs_of_its_queues_alone<S: Subject>(home: &Home) {
    let _only_asap = home.worker(["--queue", "asap"]);
    let command = Some(vec!["true".to_owned()]);
    let other = accept(home, Draft { command, ..Draft::default() });
    assert_eq!(script(home, &["--queue", "asap"], "exit 0").code, 0);
    // It had the choice, and the other was there first.
    assert_eq!(home.status(&other)["state"], "queued");
    let _every = home.worker([] as [&str; 0]);
    assert_eq!(wait(home, &other), 0);
}
