//! What a job waits for, while it is followed.

use rustix::process::Signal;
use serde_json::json;

use super::stage::Following;
use crate::support::Home;

#[test]
fn who_has_what_it_asks_for_is_told() {
    let home = Home::new();
    let (_worker, running) = home.busy();
    home.submit(["--name", "before", "--", "true"]);
    let mut run = Following::start(&home, &["run", "--name", "next", "--", "true"]);
    run.until_it_says("waits");
    let next = home.status("last")["id"].as_str().expect("an id").to_owned();
    insta::assert_snapshot!(home.run(["explain", &next]).snapshot(), @"
    exit code 0
    --- stdout
    [short] next queued
    since    [time]
    why      it asks for 1 vCPU, 1 GiB; free: 0 vCPU, 3 GiB
    why      taken by [short] endless (1 vCPU, 1 GiB)
    why      one job is to start before it
    ");
    assert_eq!(home.run(["cancel", &running]).code, 0);
    let run = run.end(&home);
    // It may run already, or wait for the one before it alone, for a moment that is seen or not.
    let by_chance = r"(?m)^\[short\] (running|waits: .* before \(1 vCPU, 1 GiB\))\n";
    insta::assert_snapshot!(run.snapshot_without(by_chance, ""), @"
    exit code 0
    --- stderr
    [short] next submitted to default
    [short] waits: it asks for 1 vCPU, 1 GiB; free: 0 vCPU, 3 GiB; taken by [short] endless (1 vCPU, 1 GiB); one job is to start before it
    [short] next succeeded after [took]
    ");
}

#[test]
fn that_its_worker_is_gone_is_told() {
    let home = Home::new();
    let (mut worker, running) = home.busy();
    worker.signal(Signal::KILL);
    worker.wait();
    insta::assert_snapshot!(home.run(["explain", &running]).snapshot(), @"
    exit code 0
    --- stdout
    [short] endless running
    why      its worker is gone, and nobody has noticed yet
    hint     computes wait [short] starts another
    ");
}

#[test]
fn in_json() {
    let home = Home::new();
    let (_worker, running) = home.busy();
    let next = home.submit(["--name", "next", "--", "true"]);
    let mut wait = Following::start(&home, &["wait", "--json", &next]);
    let told = wait.until_it_prints("\"type\":\"waiting\"");
    let told = told.lines().last().expect("a line");
    let told: serde_json::Value = serde_json::from_str(told).expect("json");
    let explained = home.run(["explain", "--json", &next]).json().remove(0);
    for field in ["id", "since", "position", "free", "holders", "findings"] {
        assert_eq!(told[field], explained[field], "{field}");
    }
    let holder = &told["holders"][0];
    assert_eq!((&holder["id"], &holder["name"]), (&json!(running), &json!("endless")));
    assert_eq!((&holder["vcpus"], &holder["memory_mib"]), (&json!("1"), &json!(1024)));
    assert_eq!(told["free"], json!({"vcpus": "0", "memory_mib": 3072, "gpus": 0}));
    assert_eq!(told["position"], 1);
    wait.signal(Signal::TERM);
    assert_eq!(wait.end(&home).code, 143);
}
