//! GPUs are given out one by one. A worker believes what it is told, so this needs none.

use std::collections::BTreeSet;

use super::command::{script, submit, wait};
use super::subject::Subject;
use crate::support::{Gate, Home};

pub fn each_job_has_gpus_of_its_own<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let _worker = home.worker(["--gpus", "2", "--vcpus", "4", "--memory", "4GiB"]);
    let tell = format!("echo $CUDA_VISIBLE_DEVICES; {}", Gate::STOP);
    let jobs: Vec<_> = (0..3).map(|_| submit(home, &["--gpus", "1"], &tell)).collect();
    gate.wait_for(2);
    // One that needs none passes the third.
    let run = script(home, &[], "echo \"[$CUDA_VISIBLE_DEVICES]\"");
    assert_eq!(run.stdout, "[]\n", "{}", run.stderr);
    assert_eq!(home.status(&jobs[2])["state"], "queued");
    let device = |job: &String| home.run(["logs", job]).stdout.trim_end().to_owned();
    let used: BTreeSet<_> = jobs[..2].iter().map(device).collect();
    assert_eq!(used, BTreeSet::from(["0".to_owned(), "1".to_owned()]));

    for _ in &jobs {
        gate.open();
    }
    for job in &jobs {
        assert_eq!(wait(home, job), 0);
    }
    assert!(used.contains(&device(&jobs[2])), "given on to the third");
    let run = script(home, &["--gpus", "2"], "echo $CUDA_VISIBLE_DEVICES");
    assert!(["0,1\n", "1,0\n"].contains(&run.stdout.as_str()), "{}", run.stdout);
}
