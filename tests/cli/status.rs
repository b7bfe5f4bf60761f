//! `computes status`: all that is known of jobs.

use crate::support::Home;

#[test]
fn a_job_that_succeeded() {
    let home = Home::new();
    home.run(["run", "--name", "good", "--env", "A=1", "--tag", "team=x", "--", "echo", "a b"]);
    insta::assert_snapshot!(home.run(["status", "last"]).snapshot(), @r"
    exit code 0
    --- stdout
    job          [id]
    name         good
    state        succeeded
    queue        default
    command      echo 'a b'
    asks for     1 vCPU, 1024 MiB, 1 attempt
    environment  A
    tags         team=x
    directory    [home]/here
    files        [home]/.local/state/computes/files/[id]
    accepted     [time]
    started      [time]
    finished     [time]
    attempt 1    exit code 0, log [home]/.local/state/computes/logs/[id].1
    ");
}

#[test]
fn a_job_that_failed_twice() {
    let home = Home::new();
    home.run_script(
        &["--name", "bad", "--attempts", "2", "--retry-on", "any", "--timeout", "1h"],
        "exit 3",
    );
    insta::assert_snapshot!(home.run(["status", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    job          [id]
    name         bad
    state        failed (exit code 3)
    reason       exit code 3
    queue        default
    command      sh -c 'exit 3'
    asks for     1 vCPU, 1024 MiB, 2 attempts of at most 1 h 0 min
    directory    [home]/here
    files        [home]/.local/state/computes/files/[id]
    accepted     [time]
    started      [time]
    finished     [time]
    attempt 1    exit code 3, log [home]/.local/state/computes/logs/[id].1; another followed: every failure is tried again
    attempt 2    exit code 3, log [home]/.local/state/computes/logs/[id].2
    ");
}

#[test]
fn a_job_that_waits_and_one_that_runs() {
    let home = Home::new();
    let (_worker, running) = home.busy();
    let waiting = home.submit(["--name", "waits", "--", "true"]);
    insta::assert_snapshot!(home.run(["status", &waiting, &running]).snapshot(), @r"
    exit code 0
    --- stdout
    job          [id]
    name         waits
    state        queued
    queue        default
    command      true
    asks for     1 vCPU, 1024 MiB, 1 attempt
    directory    [home]/here
    files        [home]/.local/state/computes/files/[id]
    accepted     [time]

    job          [id]
    name         endless
    state        running
    queue        default
    command      sleep 1000
    asks for     1 vCPU, 1024 MiB, 1 attempt
    directory    [home]/here
    files        [home]/.local/state/computes/files/[id]
    accepted     [time]
    started      [time]
    attempt 1    open, log [home]/.local/state/computes/logs/[id].1
    ");
}

#[test]
fn in_json() {
    let home = Home::new();
    home.run_script(&["--name", "bad"], "exit 3");
    insta::assert_snapshot!(home.run(["status", "--json", "last"]).snapshot(), @r#"
    exit code 0
    --- stdout
    {"id":"[id]","short":"[short]","name":"bad","queue":"default","queue_arn":null,"engine":"local","engine_id":null,"engine_status":null,"engine_reason":null,"state":"failed","class":"exit_code","reason":"exit code 3","exit_code":3,"signal":null,"run_exit_code":3,"attempt":1,"attempts":1,"interruptions":0,"losses":0,"command":["sh","-c","exit 3"],"environment":{},"secrets":[],"secret_sources":{},"vcpus":"1","memory_mib":1024,"gpus":0,"timeout_seconds":null,"tags":{},"job_definition":"default","share":null,"priority":null,"fingerprint":"d91d04c6c88f09a6","source":null,"inputs":[],"stdin":null,"outputs":[],"missing_outputs":null,"directory":"[home]/here","files":"[home]/.local/state/computes/files/[id]","log":"[home]/.local/state/computes/logs/[id].1","retry_of":null,"accepted_at":"[time]","started_at":"[time]","finished_at":"[time]","cancel_requested_at":null,"attempt_history":[{"number":1,"pid":[pid],"files_mounted":[mounted],"opened_at":"[time]","started_at":"[time]","closed_at":"[time]","exit_code":3,"signal":null,"class":"exit_code","reason":"exit code 3","retry_reason":null,"log":"[home]/.local/state/computes/logs/[id].1"}],"events":[{"at":"[time]","attempt":0,"event":"handed_over","state":"queued","reason":null},{"at":"[time]","attempt":1,"event":"claimed","state":"starting","reason":null},{"at":"[time]","attempt":1,"event":"started","state":"running","reason":null},{"at":"[time]","attempt":1,"event":"failed","state":"failed","reason":"exit code 3"}]}
    "#);
}

#[test]
fn several_in_json_are_a_line_each() {
    let home = Home::new();
    let (one, two) = (home.submit(["--", "true"]), home.submit(["--", "true"]));
    let run = home.run(["status", "--json", &two, &one]);
    let ids: Vec<_> = run.json().iter().map(|job| job["id"].clone()).collect();
    assert_eq!(ids, [two, one]);
}

#[test]
fn every_form_of_an_id() {
    let home = Home::new();
    let id = home.submit(["--", "true"]);
    let short = home.status(&id)["short"].as_str().expect("a text").to_owned();
    for form in [&id, &short, &short[..6], &id[..20], &id.to_uppercase(), "last"] {
        assert_eq!(home.status(form)["id"], id, "{form}");
    }
}

#[test]
fn the_story_of_a_job_is_told_in_order() {
    let home = Home::new();
    home.run_script(&["--attempts", "2", "--retry-on", "any"], "exit 3");
    let job = home.status("last");
    let events: Vec<_> = job["events"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| format!("{} {} {}", event["attempt"], event["event"], event["state"]))
        .collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    0 "handed_over" "queued"
    1 "claimed" "starting"
    1 "started" "running"
    1 "retried" "queued"
    2 "claimed" "starting"
    2 "started" "running"
    2 "failed" "failed"
    "#);
}
