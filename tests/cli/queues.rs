//! `computes queues`: what waits where, and who works.

use super::stage::Following;
use crate::support::Home;

#[test]
fn without_any_job() {
    insta::assert_snapshot!(Home::new().looks(&["queues"]), @r"
    exit code 0
    --- stdout
    QUEUE                    PRIORITY  QUEUED  RUNNING  WORKERS  ABOUT
    default                  1         0       0        0        when there is room; may be interrupted
    asap                     10        0       0        0        first; may be interrupted
    default-uninterruptible  1         0       0        0        when there is room; never interrupted
    asap-uninterruptible     10        0       0        0        first; never interrupted
    ");
    insta::assert_snapshot!(Home::new().looks(&["queues", "--json"]), @r#"
    exit code 0
    --- stdout
    {"queue":"default","priority":1,"interruptible":true,"about":"when there is room; may be interrupted","jobs":{},"workers":0}
    {"queue":"asap","priority":10,"interruptible":true,"about":"first; may be interrupted","jobs":{},"workers":0}
    {"queue":"default-uninterruptible","priority":1,"interruptible":false,"about":"when there is room; never interrupted","jobs":{},"workers":0}
    {"queue":"asap-uninterruptible","priority":10,"interruptible":false,"about":"first; never interrupted","jobs":{},"workers":0}
    "#);
    insta::assert_snapshot!(Home::new().looks(&["queues", "--workers"]), @"exit code 0");
}

#[test]
fn with_jobs_and_a_worker() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    home.submit(["--queue", "asap", "--", "true"]);
    home.submit(["--queue", "asap", "--", "true"]);
    insta::assert_snapshot!(home.run(["queues"]).snapshot(), @r"
    exit code 0
    --- stdout
    QUEUE                    PRIORITY  QUEUED  RUNNING  WORKERS  ABOUT
    default                  1         0       1        1        when there is room; may be interrupted
    asap                     10        2       0        1        first; may be interrupted
    default-uninterruptible  1         0       0        1        when there is room; never interrupted
    asap-uninterruptible     10        0       0        1        first; never interrupted
    ");
    insta::assert_snapshot!(home.run(["queues", "--json"]).snapshot(), @r#"
    exit code 0
    --- stdout
    {"queue":"default","priority":1,"interruptible":true,"about":"when there is room; may be interrupted","jobs":{"running":1},"workers":1}
    {"queue":"asap","priority":10,"interruptible":true,"about":"first; may be interrupted","jobs":{"queued":2},"workers":1}
    {"queue":"default-uninterruptible","priority":1,"interruptible":false,"about":"when there is room; never interrupted","jobs":{},"workers":1}
    {"queue":"asap-uninterruptible","priority":10,"interruptible":false,"about":"first; never interrupted","jobs":{},"workers":1}
    "#);
}

#[test]
fn within_the_width_of_the_terminal() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let at = |columns: &str| home.run_with_env(&[("COLUMNS", columns)], &["queues"]).snapshot();
    insta::assert_snapshot!(at("80"), @"
    exit code 0
    --- stdout
    QUEUE                    PRIORITY  QUEUED  RUNNING  WORKERS
    default                  1         0       1        1
    asap                     10        0       0        1
    default-uninterruptible  1         0       0        1
    asap-uninterruptible     10        0       0        1
    ");
    insta::assert_snapshot!(at("50"), @"
    exit code 0
    --- stdout
    QUEUE                    QUEUED  RUNNING  WORKERS
    default                  0       1        1
    asap                     0       0        1
    default-uninterruptible  0       0        1
    asap-uninterruptible     0       0        1
    ");
    let shown = Following::at_terminal(&home, &["queues"]).end(&home).stdout;
    assert!(shown.contains("\x1b[36m1\x1b[0m"), "{shown:?}");
}

#[test]
fn the_workers() {
    let home = Home::new();
    let options = ["--vcpus", "1", "--memory", "3GiB", "--queue", "asap", "--queue", "default"];
    let worker = home.worker(options);
    insta::assert_snapshot!(home.run(["queues", "--workers"]).snapshot(), @"
    exit code 0
    --- stdout
    WORKER                                SIZE           KIND        QUEUES         PROCESS
    [id]  1 vCPU, 3 GiB  foreground  asap, default  pid [pid]
    ");
    let narrow = home.run_with_env(&[("COLUMNS", "30")], &["queues", "--workers"]);
    insta::assert_snapshot!(narrow.snapshot(), @"
    exit code 0
    --- stdout
    WORKER     SIZE           PROCESS
    [short]…  1 vCPU, 3 GiB  pid [pid]
    ");
    insta::assert_snapshot!(home.run(["queues", "--workers", "--json"]).snapshot(), @r#"
    exit code 0
    --- stdout
    {"id":"[id]","pid":[pid],"background":false,"vcpus":"1","memory_mib":3072,"gpus":0,"queues":["asap","default"],"started_at":"[time]"}
    "#);
    assert_eq!(home.workers(), [worker.pid()]);
}

#[test]
fn a_worker_that_died_is_not_shown() {
    let home = Home::new();
    let mut worker = home.worker([""; 0]);
    worker.signal(rustix::process::Signal::KILL);
    worker.wait();
    assert_eq!(home.workers(), [0; 0]);
}
