//! `computes run --json`: a stream of JSON lines.

use serde_json::Value;

use crate::support::Home;

/// The states that a follower sees depend on who is faster; their order does not.
fn without_states(home: &Home, arguments: &[&str]) -> (String, Vec<Value>) {
    let mut run = home.run(arguments);
    let mut states = Vec::new();
    let mut rest = String::new();
    for line in run.stdout.lines() {
        let value: Value = serde_json::from_str(line).expect("json");
        if value["type"] == "state" {
            states.push(value);
        } else {
            rest.push_str(line);
            rest.push('\n');
        }
    }
    run.stdout = rest;
    (run.snapshot(), states)
}

#[test]
fn a_job_that_fails() {
    let home = Home::new();
    let script = "echo one; echo two >&2; printf three; exit 3";
    let arguments = ["run", "--json", "--name", "fails", "--", "sh", "-c", script];
    let (snapshot, states) = without_states(&home, &arguments);
    insta::assert_snapshot!(snapshot, @r#"
    exit code 3
    --- stdout
    {"type":"submitted","id":"[id]","short":"[short]","name":"fails"}
    {"type":"log","id":"[id]","attempt":1,"at":null,"line":"one"}
    {"type":"log","id":"[id]","attempt":1,"at":null,"line":"two"}
    {"type":"log","id":"[id]","attempt":1,"at":null,"line":"three"}
    {"type":"ended","job":{"id":"[id]","short":"[short]","name":"fails","queue":"default","queue_arn":null,"engine":"local","engine_id":null,"engine_status":null,"engine_reason":null,"state":"failed","class":"exit_code","reason":"exit code 3","exit_code":3,"signal":null,"run_exit_code":3,"attempt":1,"attempts":1,"interruptions":0,"losses":0,"command":["sh","-c","echo one; echo two >&2; printf three; exit 3"],"environment":{},"secrets":[],"secret_sources":{},"vcpus":"1","memory_mib":1024,"gpus":0,"timeout_seconds":null,"tags":{},"job_definition":"default","share":null,"priority":null,"fingerprint":"213bc17dbbc1b010","source":null,"inputs":[],"stdin":null,"outputs":[],"missing_outputs":null,"directory":"[home]/here","files":"[home]/.local/state/computes/files/[id]","log":"[home]/.local/state/computes/logs/[id].1","retry_of":null,"accepted_at":"[time]","started_at":"[time]","finished_at":"[time]","cancel_requested_at":null}}
    "#);
    let order = ["queued", "starting", "running"];
    let seen: Vec<_> = states
        .iter()
        .map(|line| order.iter().position(|state| line["state"] == *state).expect("a known state"))
        .collect();
    assert!(seen.is_sorted(), "{states:?}");
}

#[test]
fn the_class_makes_every_code_clear() {
    let home = Home::new();
    let classes = [
        ("exit 127", "exit_code", 127),
        ("exit 121", "exit_code", 121),
        ("sh -c 'kill -INT $$'; exit $?", "exit_code", 130),
    ];
    for (script, class, code) in classes {
        let run = home.run_script(&["--json"], script);
        assert_eq!(run.code, code);
        let lines = run.json();
        let last = lines.last().expect("a line");
        assert_eq!(last["type"], "ended");
        assert_eq!(last["job"]["class"], class, "{script}");
        assert_eq!(last["job"]["run_exit_code"], code, "{script}");
    }
    let run = home.run(["run", "--json", "--", "no-such-program"]);
    assert_eq!(run.json().last().expect("a line")["job"]["class"], "start_failed");
}

#[test]
fn a_second_attempt() {
    let home = Home::new();
    let script = "echo $AWS_BATCH_JOB_ATTEMPT; test $AWS_BATCH_JOB_ATTEMPT = 2";
    let run = home.run_script(&["--json", "--attempts", "2", "--retry-on", "any"], script);
    assert_eq!(run.code, 0);
    let lines = run.json();
    let log = lines.iter().filter(|line| line["type"] == "log");
    let log: Vec<_> = log.map(|line| (line["attempt"].as_u64(), line["line"].as_str())).collect();
    assert_eq!(log, [(Some(1), Some("1")), (Some(2), Some("2"))]);
    assert_eq!(lines.last().expect("a line")["job"]["attempt"], 2);
}

#[test]
fn the_limit_of_the_wait() {
    let home = Home::new();
    let arguments = ["run", "--json", "--name", "l", "--limit", "0", "--", "sleep", "600"];
    insta::assert_snapshot!(without_states(&home, &arguments).0, @r#"
    exit code 124
    --- stdout
    {"type":"submitted","id":"[id]","short":"[short]","name":"l"}
    {"type":"limit_reached","ids":["[id]"],"resume":"computes logs --follow [short], or computes wait [short]"}
    "#);
}

#[test]
fn a_refusal() {
    let run = Home::new().run(["run", "--json", "--queue", "fast", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r#"
    exit code 2
    --- stderr
    {"error":"cannot submit `true`: there is no queue `fast`","hint":"the queues are default, asap, default-uninterruptible, asap-uninterruptible","exit_code":2}
    "#);
}
