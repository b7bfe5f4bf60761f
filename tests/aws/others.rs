//! Jobs that another machine submitted, or another program.

use serde_json::json;

use crate::support::{Account, Jobs};

#[test]
fn every_verb_knows_them_by_either_id() {
    let account = Account::new(Jobs::Stay);
    let here = account.home();
    let id =
        here.submit(["--name", "elsewhere", "--attempts", "2", "--env", "A=1", "--", "echo", "hi"]);
    let job = here.engine_id_of(&id);
    for name in [id.as_str(), &id[24..32], &job] {
        let there = account.home();
        let status = there.status(name);
        assert_eq!((&status["id"], &status["engine_id"]), (&json!(id), &json!(job)), "{name}");
        assert_eq!(status["command"], json!(["echo", "hi"]));
        assert_eq!(
            (&status["name"], &status["environment"]),
            (&json!("elsewhere"), &json!({"A": "1"}))
        );
        assert_eq!(
            (&status["attempts"], &status["fingerprint"]),
            (&json!(2), &here.status(&id)["fingerprint"])
        );
        assert_eq!(there.status(name)["state"], "queued");
    }
    let there = account.home();
    let listed = there.run(["list", "--json"]).json();
    assert_eq!((&listed[0]["id"], &listed[0]["name"]), (&json!(id), &json!("elsewhere")));
    insta::assert_snapshot!(there.run(["list"]).snapshot(), @"
    exit code 0
    --- stdout
    JOB       NAME       STATE   QUEUE    TRY  AGE    TOOK  WHY
    [short]  elsewhere  queued  default       [took]
    ");
    assert_eq!(there.run(["cancel", &id[24..32]]).code, 0);
    assert_eq!(there.run(["wait", "--limit", "10s", &job]).code, 120);
    assert_eq!(here.run(["wait", "--limit", "10s", &id]).code, 120);
    // What is over can be done again from there.
    let again = there.run(["retry", &job]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(there.status("last")["retry_of"], json!(id));
}

/// As the machine that submitted it tells it.
#[test]
fn a_list_says_how_they_ended() {
    let account = Account::new(Jobs::Stay);
    let here = account.home();
    let id = here.submit(["--name", "ended", "--", "false"]);
    let container = json!({"exitCode": 7});
    let ended = super::follow::ended("Essential container in task exited", &container);
    account.stage(&here.engine_id_of(&id), ended);
    assert_eq!(here.run(["wait", &id]).code, 7);
    let why =
        |home: &crate::support::Home| home.run(["list", "--json"]).json()[0]["reason"].clone();
    assert_eq!((why(&here), why(&account.home())), (json!("exit code 7"), json!("exit code 7")));
}

/// Their exit codes are not where those of one container are.
#[test]
fn jobs_of_several_containers_and_of_pods() {
    let account = Account::new(Jobs::Stay);
    let task = json!({"taskProperties": [{"containers": [
        {"name": "proxy", "essential": false, "command": ["envoy"], "exitCode": 0},
        {"name": "main", "essential": true, "command": ["make", "all"], "exitCode": 7},
        {"name": "cache", "essential": true, "command": ["redis"], "exitCode": 137},
    ]}]});
    let ended = json!([{"startedAt": 1, "stoppedAt": 2, "taskProperties": [{"containers": [
        {"name": "proxy", "exitCode": 0},
        {"name": "main", "exitCode": 7, "logStreamName": "task/main/1"},
        {"name": "cache", "exitCode": 137},
    ]}]}]);
    let pod = json!({"podProperties": {"containers": [
        {"name": "main", "command": ["make"], "args": ["all"], "exitCode": 5, "reason": "Error"},
    ]}});
    let in_pod = json!([{"startedAt": 1, "stoppedAt": 2, "containers": [
        {"name": "main", "exitCode": 5, "reason": "Error"},
    ]}]);
    let full = json!([{"startedAt": 1, "stoppedAt": 2, "containers": [
        {"name": "main", "exitCode": 137, "reason": "OOMKilled"},
    ]}]);
    let says = |more: serde_json::Value| {
        let mut says = json!({"status": "FAILED", "startedAt": 1, "stoppedAt": 2,
            "statusReason": "Essential container in task exited"});
        says.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        says
    };
    for (more, code, class) in [
        (json!({"ecsProperties": task, "attempts": ended}), 7, "exit_code"),
        (json!({"eksProperties": pod, "eksAttempts": in_pod}), 5, "exit_code"),
        (json!({"eksProperties": pod, "eksAttempts": full}), 123, "out_of_memory"),
    ] {
        let here = account.home();
        let job = here.engine_id_of(&here.submit(["--name", "several", "--", "true"]));
        account.stage(&job, says(more.clone()));
        let there = account.home();
        let run = there.run(["wait", "--limit", "30s", &job]);
        assert_eq!(run.code, code, "{}", run.stderr);
        let status = there.status(&job);
        assert_eq!(
            (&status["class"], &status["command"]),
            (&json!(class), &json!(["make", "all"]))
        );
    }
}

#[test]
fn logs_of_a_job_of_another_machine() {
    let account = Account::new(Jobs::Run);
    let id = account.home().submit(["--", "sh", "-c", "echo one; echo two"]);
    let there = account.home();
    let run = there.run(["logs", "--follow", &id]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "one\ntwo\n"), "{}", run.stderr);
    assert_eq!(there.run(["logs", &id]).stdout, "one\ntwo\n");
}

#[test]
fn names_that_nobody_has() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    for name in ["nobody", "", "last", "00000000-0000-0000-0000-000000000000"] {
        let run = home.run(["status", name]);
        assert_eq!(run.code, 2, "{name}: {}", run.stderr);
    }
    insta::assert_snapshot!(home.run(["cancel", "nobody"]).snapshot(), @r"
    exit code 2
    --- stderr
    error: AWS Batch knows no job with the id `nobody`, nor among those of the last week in the four queues
    hint: `computes list --all` shows every job
    ");
}
