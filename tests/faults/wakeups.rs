//! Nobody polls, so a wake-up that got lost would be a job, or a wait, that hangs.

use std::time::Instant;

use crate::support::Home;

/// Follows quick jobs, one after the other in each of two threads. A wake-up that gets lost
/// ends in the limit.
fn run_many(home: &Home, what: &str, count: usize) {
    // The ledger is there; that several may make it at once is another test's.
    home.submit(["--", "true"]);
    let start = Instant::now();
    let one = |index: usize| {
        let run = home.run(["run", "--memory", "64", "--limit", "20s", "--", "true"]);
        assert_eq!(run.code, 0, "run {index}: {}", run.stderr);
    };
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || (0..count / 2).for_each(|index| one(thread * count / 2 + index)));
        }
    });
    println!("{what}: {count} runs in {:.1} s", start.elapsed().as_secs_f64());
}

#[test]
fn no_end_is_missed_between_the_look_and_the_sleep() {
    let home = Home::new();
    let _worker = home.worker([] as [&str; 0]);
    run_many(&home, "with a worker", 600);
}

#[test]
fn no_job_is_left_to_a_worker_that_is_just_leaving() {
    let home = Home::new().with("COMPUTES_LOCAL_IDLE_EXIT", "0s");
    run_many(&home, "with workers that leave at once", 200);
}
