//! Every request that a dry run prints passes the AWS CLI's own validation.

use std::io::Write;
use std::process::Stdio;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::{Account, Aws, Home, Jobs, python_tool, root};

/// What the AWS CLI says of each request: `ok`, or what is wrong.
fn validated(requests: &[String]) -> Vec<String> {
    Aws::server();
    let mut process = python_tool("python")
        .arg(root().join("tests/aws/validate.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = process.stdin.take().expect("a pipe");
    let lines = requests.join("\n");
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = process.wait_with_output().expect("it ends");
    writer.join().expect("it ends").expect("written");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// A job as a job file has it, with whatever can be in one.
fn job() -> impl Strategy<Value = Value> {
    let text = || "[^\0]{0,20}";
    let word = || "[^\0]{1,20}";
    let name =
        || "[A-Za-z_][A-Za-z0-9_]{0,12}".prop_filter("Batch's", |it| !it.starts_with("AWS_BATCH"));
    // A program of several words is taken for a line that a shell was to read.
    let command = ("[a-z./]{1,12}", proptest::collection::vec(word(), 0..5));
    let command = command.prop_map(|(program, words)| [vec![program], words].concat());
    let env = proptest::collection::btree_map(name(), text(), 0..4);
    let tags = proptest::collection::btree_map("[a-zA-Z]{1,12}", "[a-z]{0,12}", 0..3);
    let queue = proptest::sample::select(vec![
        "default",
        "asap",
        "default-uninterruptible",
        "asap-uninterruptible",
    ]);
    let size = (1_u32..64, 4_u32..100_000, 0_u32..4, 1_u32..=10);
    // Whatever is left out is left to the job definition.
    let left_out =
        proptest::sample::subsequence(vec!["vcpus", "memory", "gpus", "attempts"], 0..=4);
    let rules = proptest::sample::select(vec![
        json!({"retry_on": "any"}),
        json!({"retry_on": "interruption"}),
        json!({"retry_rules": [{"onExitCode": "7*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]}),
        json!({"files": "fresh"}),
        json!({"files": "none"}),
        json!({"share": "team.a*", "priority": 9999}),
        json!({"timeout": "1h"}),
    ]);
    (word(), command, env, tags, queue, size, left_out, rules).prop_map(
        |(name, command, env, tags, queue, (vcpus, memory, gpus, attempts), left_out, more)| {
            let mut job = json!({
                "name": name, "command": command, "env": env, "tags": tags, "queue": queue,
                "vcpus": vcpus, "memory": memory, "gpus": gpus, "attempts": attempts,
            });
            for (key, value) in more.as_object().expect("a table") {
                job[key] = value.clone();
            }
            job.as_object_mut()
                .expect("a table")
                .retain(|key, _| !left_out.contains(&key.as_str()));
            job
        },
    )
}

#[test]
fn every_request_of_a_dry_run_is_valid() {
    let mut runner = TestRunner::default();
    let jobs: Vec<_> = (0..150)
        .map(|_| job().new_tree(&mut runner).expect("a job").current().to_string())
        .collect();
    let home = Home::new();
    std::fs::write(home.work().join("jobs.jsonl"), jobs.join("\n")).expect("written");
    let run =
        home.run(["submit", "--engine", "aws", "--dry-run", "--json", "--from", "jobs.jsonl"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let requests: Vec<_> = run.stdout.lines().map(str::to_owned).collect();
    assert_eq!(requests.len(), jobs.len());
    for (request, said) in requests.iter().zip(validated(&requests)) {
        assert_eq!(said, "ok", "{request}");
    }
}

#[test]
fn the_validation_finds_what_is_wrong() {
    let wrong = [
        r#"{"jobName": "x", "jobQueue": "q"}"#,
        r#"{"jobName": "x", "jobQueue": "q", "jobDefinition": "d", "timeout": "1h"}"#,
        r#"{"jobName": "x", "jobQueue": "q", "jobDefinition": "d", "jobname": "y"}"#,
    ];
    let said = validated(&wrong.map(str::to_owned));
    assert!(said.len() == 3 && said.iter().all(|said| said != "ok"), "{said:?}");
}

/// What is sent is what the dry run shows, with the name that is unique to the job.
#[test]
fn what_is_sent_is_what_the_dry_run_shows() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let options = [
        "--name",
        "exact",
        "--queue",
        "asap",
        "--vcpus",
        "2",
        "--memory",
        "4GiB",
        "--gpus",
        "1",
        "--attempts",
        "3",
        "--timeout",
        "1h",
        "--tag",
        "team=x",
        "--env",
        "A=b c",
        "--share",
        "build",
        "--priority",
        "7",
        "--job-definition",
        "default",
        "--",
        "echo",
        "$HOME",
    ];
    let dry = home.run([&["submit", "--dry-run", "--json"], &options[..]].concat());
    let id = home.submit(options);
    let mut shown = dry.json().remove(0);
    let mut sent = account.requests().remove(0);
    // With our id, which a dry run has none of, and so with a fence.
    let line = sent["containerOverrides"]["command"][2].as_str().expect("a line").to_owned();
    let (before, fence) = line.split_once("; mkdir -p -m 1777 ").expect("a fence");
    let (_, after) = fence.split_once("unset AWS_BATCH_FIRST; ").expect("its end");
    let line = format!("{before}; {after}").replace(&id, "ID");
    sent["containerOverrides"]["command"][2] = line.into();
    let fingerprint = home.status(&id)["fingerprint"].as_str().expect("a text").to_owned();
    let name = format!("exact--{fingerprint}--{}", id.replace('-', ""));
    assert_eq!(sent["jobName"], name.as_str());
    shown["jobName"] = Value::Null;
    sent["jobName"] = Value::Null;
    assert_eq!(sent, shown);
    assert_eq!(sent["containerOverrides"].get("vcpus"), None);
    assert_eq!(sent["containerOverrides"].get("memory"), None);
}
