//! What a job does not say of itself is for its job definition to say.

use serde_json::{Value, json};

use crate::support::{Account, Home, Jobs};

/// A definition of its own command, retries and timeout.
fn definition(account: &Account, name: &str, script: &str) {
    let container = json!({
        "command": ["sh", "-c", script],
        "resourceRequirements":
            [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "4096"}],
    });
    let options = ["--retry-strategy", "attempts=2", "--timeout", "attemptDurationSeconds=600"];
    account.register_with(name, &container, &options);
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn what_nobody_said_is_not_sent() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let id = home.submit(["--", "true"]);
    let request = account.requests().remove(0);
    assert_eq!(keys(&request), ["containerOverrides", "jobDefinition", "jobName", "jobQueue"]);
    assert_eq!(keys(&request["containerOverrides"]), ["command"]);
    let job = home.status(&id);
    for field in ["vcpus", "memory_mib", "gpus", "attempts", "timeout_seconds"] {
        assert_eq!(job[field], Value::Null, "{field}");
    }
    let run = home.run(["status", &id]);
    assert!(!run.stdout.contains("asks for"), "{}", run.stdout);
    let list = home.run(["list"]);
    assert!(list.stdout.contains(" default  0  "), "{}", list.stdout);

    // What is set in a file is said.
    home.write("computes.toml", "memory = \"2GiB\"\nattempts = 3\n");
    home.submit(["--", "true"]);
    let request = account.requests().remove(1);
    let memory = json!([{"type": "MEMORY", "value": "2048"}]);
    assert_eq!(request["containerOverrides"]["resourceRequirements"], memory);
    assert_eq!(request["retryStrategy"]["attempts"], 3);
}

#[test]
fn the_job_definition_says_what_the_job_does_not() {
    let account = Account::new(Jobs::Run);
    let home = account.home();
    let script = "echo try $AWS_BATCH_JOB_ATTEMPT; exit 7";
    definition(&account, "own", script);
    // Its command, and its two attempts.
    let run = home.run(["run", "--job-definition", "own"]);
    assert_eq!((run.code, run.stdout.as_str()), (7, "try 1\ntry 2\n"), "{}", run.stderr);
    let request = account.requests().remove(0);
    assert_eq!(keys(&request), ["jobDefinition", "jobName", "jobQueue"]);
    let job = home.status("last");
    assert_eq!((job["name"].as_str(), job["attempt"].as_u64()), (Some("own"), Some(2)));
    assert_eq!(job["command"], Value::Null);
    // One attempt, where that is said.
    let once = home.run(["run", "--job-definition", "own", "--attempts", "1"]);
    assert_eq!((once.code, once.stdout.as_str()), (7, "try 1\n"), "{}", once.stderr);
}

#[test]
fn what_a_command_would_bring_takes_a_command() {
    let home = Account::new(Jobs::Stay).home();
    home.write("data", "1");
    insta::assert_snapshot!(home.refuses(&["submit", "--fresh-files"]), @"
    exit code 2
    --- stderr
    error: cannot submit: there is no command, and only a command of the job's own is given /files
    hint: name it after `--`; or, for that of the job definition, add --no-files
    ");
    insta::assert_snapshot!(home.refuses(&["submit", "--input", "data"]), @"
    exit code 2
    --- stderr
    error: cannot submit: there is no command, and only a command of the job's own is given inputs
    hint: name it after `--`; or, for that of the job definition, leave them out
    ");
    insta::assert_snapshot!(home.refuses(&["submit", "--output", "dist"]), @"
    exit code 2
    --- stderr
    error: cannot submit: there is no command, and only a command of the job's own is given outputs
    hint: name it after `--`; or, for that of the job definition, leave them out, or add --no-files
    ");
    home.write("computes.toml", "source = \"tree\"\n");
    insta::assert_snapshot!(home.refuses(&["submit"]), @"
    exit code 2
    --- stderr
    error: cannot submit: there is no command, and only a command of the job's own is given a source
    hint: name it after `--`; or, for that of the job definition, add --source image
    ");
    let local = home.run(["submit", "--engine", "local", "--source", "image"]);
    insta::assert_snapshot!(local.snapshot(), @"
    exit code 2
    --- stderr
    error: cannot submit: the command is empty
    hint: name the command after `--`, as in `computes run -- ./build.sh test`
    ");
}

/// What the AWS CLI sends for these words, and what this program does.
fn both(account: &Account, home: &Home, words: &[&str]) -> [Value; 2] {
    let queue = ["--job-queue", "default", "--job-definition", "default"];
    let words = [&queue[..], words].concat();
    let before = account.requests().len();
    account.aws(&[&["batch", "submit-job"], &words[..]].concat());
    home.submit(&words);
    let mut requests = account.requests().split_off(before);
    assert_eq!(requests.len(), 2, "{words:?}");
    for request in &mut requests {
        assert!(request["jobName"].as_str().expect("a name").starts_with("same"));
        request["jobName"] = Value::Null;
    }
    requests.try_into().expect("two")
}

#[test]
fn the_drop_in_sends_what_the_aws_cli_sends() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let variables = r#"{"environment": [{"name": "A", "value": "b c"}]}"#;
    let sizes = r#"{"resourceRequirements": [{"type": "MEMORY", "value": "2048"}]}"#;
    let rules = r#"{"attempts": 3, "evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]}"#;
    let tags = r#"{"jobName": "same", "tags": {"team": "x"}}"#;
    let stay = r#"{"jobName": "same", "tags": {"team": "x"}, "propagateTags": false}"#;
    for words in [
        &["--job-name", "same"][..],
        &["--job-name", "same", "--container-overrides", variables],
        &["--job-name", "same", "--container-overrides", sizes],
        &["--job-name", "same", "--retry-strategy", "attempts=2"],
        &["--job-name", "same", "--retry-strategy", rules],
        &["--job-name", "same", "--timeout", "attemptDurationSeconds=90"],
        &[
            "--job-name",
            "same",
            "--share-identifier",
            "build",
            "--scheduling-priority-override",
            "7",
        ],
        &["--cli-input-json", tags],
        &["--cli-input-json", stay],
    ] {
        let [theirs, ours] = both(&account, &home, words);
        assert_eq!(ours, theirs, "{words:?}");
    }
    // A command comes behind the line that makes /files.
    let command = r#"{"command": ["./build.sh", "a b"]}"#;
    let words = ["--job-name", "same", "--container-overrides", command];
    let [theirs, mut ours] = both(&account, &home, &words);
    let sent = &mut ours["containerOverrides"]["command"];
    let after = sent.as_array_mut().expect("words").split_off(4);
    *sent = after.into();
    assert_eq!(ours, theirs);
    // Batch lets the old fields alone where the definition has the new ones.
    let old = r#"{"vcpus": 2, "memory": 4096}"#;
    let [_, ours] = both(&account, &home, &["--job-name", "same", "--container-overrides", old]);
    let sizes = json!([{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "4096"}]);
    assert_eq!(ours["containerOverrides"], json!({"resourceRequirements": sizes}));
}

#[test]
fn rules_without_attempts_are_refused() {
    let home = Account::new(Jobs::Stay).home();
    let rules = r#"{"evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]}"#;
    let refused = home.refuses(&["submit", "--retry-strategy", rules, "--", "true"]);
    insta::assert_snapshot!(refused, @r#"
    exit code 2
    --- stderr
    error: the retry strategy has `evaluateOnExit` and no `attempts`, which AWS Batch refuses
    hint: say how often, as in "attempts": 3
    "#);
    let note = home.run(["submit", "--dry-run", "--json", "--retry-on", "any", "--", "true"]);
    assert_eq!(note.stderr, "note: --retry-on says nothing without --attempts\n");
    assert_eq!(note.json()[0].get("retryStrategy"), None);
}

#[test]
fn what_is_printed_is_what_the_aws_cli_prints() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let words = ["--job-name", "same", "--job-queue", "default", "--job-definition", "default"];
    let theirs = account.aws(&[&["batch", "submit-job"], &words[..]].concat());
    let ours = home.run([&["submit", "--output", "json"], &words[..]].concat());
    assert_eq!(ours.code, 0, "{}", ours.stderr);
    let ours: Value = serde_json::from_str(&ours.stdout).expect("json");
    assert_eq!(keys(&ours), keys(&theirs));
    let job = home.engine_id_of("last");
    assert_eq!(ours["jobId"], job.as_str());
    assert!(ours["jobArn"].as_str().is_some_and(|arn| arn.ends_with(&format!(":job/{job}"))));
    assert_eq!(ours["jobName"], account.requests()[1]["jobName"]);

    let words = [&words[..], &["--output", "text"]].concat();
    let theirs = account.aws_text(&[&["batch", "submit-job"], &words[..]].concat());
    let ours = home.run([&["submit"], &words[..]].concat()).stdout;
    // The ARN, the id and the name, in this order.
    let shape = |line: &str| {
        let fields: Vec<_> = line.trim_end().split('\t').map(str::to_owned).collect();
        let [arn, id, name] = fields.try_into().expect("three");
        assert!(arn.ends_with(&format!("job/{id}")) && name.starts_with("same"), "{line}");
    };
    shape(&theirs);
    shape(&ours);
}
