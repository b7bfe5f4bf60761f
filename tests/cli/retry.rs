//! `computes retry`: jobs that are over, once more.

use crate::support::Home;

#[test]
fn a_new_id_that_names_the_old_one() {
    let home = Home::new();
    let old = home.submit(["--name", "flaky", "--env", "A=1", "--", "sh", "-c", "exit 3"]);
    home.run(["wait", &old]);
    let run = home.run(["retry", &old]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stdout
    [id]
    ");
    let new = run.stdout.trim_end();
    assert_ne!(new, old);
    home.run(["wait", new]);
    let (before, after) = (home.status(&old), home.status(new));
    assert_eq!(after["retry_of"], old);
    for field in ["name", "command", "environment", "exit_code", "memory_mib", "directory"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    insta::assert_snapshot!(home.run(["status", new]).snapshot(), @"
    exit code 0
    --- stdout
    job          [id]
    name         flaky
    state        failed (exit code 3)
    reason       exit code 3
    queue        default
    command      sh -c 'exit 3'
    asks for     1 vCPU, 1024 MiB, 1 attempt
    environment  A
    directory    [home]/here
    files        [home]/.local/state/computes/files/[id]
    retry of     [id]
    accepted     [time]
    started      [time]
    finished     [time]
    attempt 1    exit code 3, log [home]/.local/state/computes/logs/[id].1
    ");
}

#[test]
fn several_and_in_json() {
    let home = Home::new();
    let (one, two) = (home.submit(["--", "true"]), home.submit(["--", "false"]));
    home.run(["wait", &one, &two]);
    assert_eq!(home.run(["retry", &one, &two]).stdout.lines().count(), 2);
    let run = home.run(["retry", "--json", &two]);
    assert_eq!(run.json()[0]["retry_of"], two);
}

#[test]
fn a_job_that_is_not_over() {
    let home = Home::new();
    let id = home.running();
    insta::assert_snapshot!(home.run(["retry", &id]).snapshot(), @r"
    exit code 2
    --- stderr
    error: cannot retry [short]: the job is not over: it is running
    hint: computes cancel [short] first, or wait for it
    ");
    assert_eq!(home.jobs().len(), 1);
}

#[test]
fn one_that_is_not_over_and_none_is_retried() {
    let home = Home::new();
    home.run(["run", "--", "true"]);
    let over = home.status("last")["id"].as_str().expect("a text").to_owned();
    let running = home.running();
    assert_eq!(home.run(["retry", &over, &running]).code, 2);
    assert_eq!(home.jobs().len(), 2);
}

#[test]
fn a_secret_has_to_be_there_again() {
    let home = Home::new();
    let secret = ("TOKEN", "hunter2-canary");
    let job = ["run", "--secret", "TOKEN", "--", "sh", "-c", "echo ${#TOKEN}; exit 1"];
    assert_eq!(home.run_with_env(&[secret], &job).code, 1);
    insta::assert_snapshot!(home.run(["retry", "last"]).snapshot(), @r"
    exit code 2
    --- stderr
    error: cannot retry [short]: secret `TOKEN` is not set
    hint: export TOKEN before you submit, or take it out of the secrets
    ");
    insta::assert_snapshot!(home.run_with_env(&[("TOKEN", "")], &["retry", "last"]).snapshot(), @r"
    exit code 2
    --- stderr
    error: cannot retry [short]: secret `TOKEN` is empty
    hint: export TOKEN before you submit, or take it out of the secrets
    ");
    assert_eq!(home.jobs().len(), 1);
    assert_eq!(home.run_with_env(&[secret], &["retry", "last"]).code, 0);
    assert_eq!(home.run(["wait", "last"]).code, 1);
    assert_eq!(home.run(["logs", "last"]).stdout, "14\n");
}

#[test]
fn a_job_that_is_being_ended_is_retried_when_it_is_over() {
    let home = Home::new();
    let mut gate = home.gate();
    let script = "trap 'read x < gate; exit 0' TERM; echo up >>up; sleep 600 & wait";
    let id = home.submit(["--name", "slow", "--", "sh", "-c", script]);
    crate::support::eventually("it runs", || home.work().join("up").exists().then_some(()));
    assert_eq!(home.run(["cancel", "last"]).code, 0);
    // Who leaves submits nothing.
    let mut retry = super::stage::Following::start(&home, &["retry", &id]);
    retry.until_it_says("is being ended");
    retry.signal(rustix::process::Signal::INT);
    insta::assert_snapshot!(retry.end(&home).snapshot(), @"
    exit code 130
    --- stderr
    [short] is being ended, and is retried when it is over
    warning: nothing was submitted. To come back: computes retry [short]
    ");
    assert_eq!(home.jobs().len(), 1);
    let mut retry = super::stage::Following::start(&home, &["retry", "last"]);
    retry.until_it_says("is being ended");
    assert_eq!(home.jobs().len(), 1);
    gate.open();
    insta::assert_snapshot!(retry.end(&home).snapshot(), @"
    exit code 0
    --- stdout
    [id]
    --- stderr
    [short] is being ended, and is retried when it is over
    ");
    assert_eq!(home.status("last")["retry_of"], id);
    home.until("last", "running");
    assert_eq!(home.status(&id)["state"], "cancelled");
}
