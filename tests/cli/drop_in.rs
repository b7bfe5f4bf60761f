//! What `aws batch submit-job` takes: callers change the program's name and nothing else.

use serde_json::Value;

use crate::support::Home;

/// The shell lines of the original documentation with `aws batch submit-job` read as
/// `computes submit`. jq 1.6 refuses the comma after the last element of the list, so that
/// comma alone is taken out. The dry run shows what became of it.
fn documented(definition: &str) -> String {
    format!(
        r#"
arg1='123'
arg2='456'
export arg1 arg2
{definition}
computes submit \
  --container-overrides "${{definition}}" \
  --job-name "your-job-name" \
  --job-queue 'default' \
  --job-definition 'default' \
  --retry-strategy 'attempts=1' \
  --timeout 'attemptDurationSeconds=3600' \

"#
    )
}

const BY_JQ: &str = r#"definition=$(jq -e -n -r '{
  command: ["./build.sh", "test_job", env.arg1, env.arg2],
  environment: [
    {name: "SECRET1", value: env.SECRET1},
    {name: "SECRET2", value: env.SECRET2}
  ],
  memory: 1024,
  vcpus: 1
}')"#;

/// What jq makes of it.
const PRINTED: &str = r#"definition='{
  "command": [
    "./build.sh",
    "test_job",
    "123",
    "456"
  ],
  "environment": [
    {
      "name": "SECRET1",
      "value": "hunter2-one"
    },
    {
      "name": "SECRET2",
      "value": "hunter2-two"
    }
  ],
  "memory": 1024,
  "vcpus": 1
}'"#;

const SECRETS: [(&str, &str); 2] = [("SECRET1", "hunter2-one"), ("SECRET2", "hunter2-two")];

/// A build script that says what it got, and a list of what is secret.
fn project() -> Home {
    let home = Home::new();
    home.write("computes.toml", "secrets = [\"SECRET1\", \"SECRET2\"]\n");
    home.write("build.sh", "#!/bin/sh\necho \"$@\" \"$SECRET1\" ${#SECRET2}\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(home.work().join("build.sh"), mode).expect("executable");
    home
}

fn documented_lines_work(definition: &str) {
    let home = project();
    let run = home.sh(&documented(definition), &SECRETS);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let id = run.stdout.trim_end();
    assert_eq!(home.run(["wait", "--quiet", id]).code, 0);
    insta::allow_duplicates! {
        insta::assert_snapshot!(home.run(["logs", id]).snapshot(), @r"
        exit code 0
        --- stdout
        test_job 123 456 *** 11
        ");
        insta::assert_snapshot!(home.run(["status", id]).snapshot(), @r"
        exit code 0
        --- stdout
        job          [id]
        name         your-job-name
        state        succeeded
        queue        default
        command      ./build.sh test_job 123 456
        asks for     1 vCPU, 1024 MiB, 1 attempt of at most 1 h 0 min
        secrets      SECRET1 SECRET2
        directory    [home]/here
        files        [home]/.local/state/computes/files/[id]
        accepted     [time]
        started      [time]
        finished     [time]
        attempt 1    exit code 0, log [home]/.local/state/computes/logs/[id].1
        ");
    }
}

#[test]
fn the_documented_lines() {
    documented_lines_work(PRINTED);
}

#[test]
fn the_documented_lines_with_jq() {
    if std::process::Command::new("jq").arg("--version").output().is_err() {
        eprintln!("skipped: jq is not installed");
        return;
    }
    documented_lines_work(BY_JQ);
}

#[test]
fn a_variable_that_was_not_set_when_the_json_was_made() {
    let home = Home::new();
    let overrides = r#"{"command":["true"],"environment":[{"name":"SECRET1","value":null}]}"#;
    insta::assert_snapshot!(home.refuses(&["submit", "--container-overrides", overrides]), @r"
    exit code 2
    --- stderr
    error: environment variable `SECRET1` has no value: it was not set where the JSON was made
    hint: export SECRET1 before the JSON is made
    ");
}

/// The request that some options make.
fn request(home: &Home, options: &[&str], stdin: &str) -> Value {
    let arguments = [&["submit", "--dry-run", "--json"], options].concat();
    let run = home.run_with_stdin(&arguments, stdin);
    assert_eq!(run.code, 0, "{options:?}: {}", run.stderr);
    run.json().remove(0)
}

#[test]
fn overrides_in_all_three_forms() {
    let home = Home::new();
    let json = r#"{
        "command": ["true"],
        "resourceRequirements": [
            {"type": "VCPU", "value": "2"},
            {"type": "MEMORY", "value": "2048"},
            {"type": "GPU", "value": "1"}
        ]
    }"#;
    home.write("overrides.json", json);
    let overrides = |form: &str| request(&home, &["--container-overrides", form], json);
    let inline = overrides(json);
    let requirements = &inline["containerOverrides"]["resourceRequirements"];
    insta::assert_snapshot!(requirements, @r#"[{"type":"VCPU","value":"2"},{"type":"MEMORY","value":"2048"},{"type":"GPU","value":"1"}]"#);
    assert_eq!(overrides("file://overrides.json"), inline);
    assert_eq!(overrides(&format!("file://{}/overrides.json", home.work().display())), inline);
    assert_eq!(overrides("-"), inline);
}

#[test]
fn retry_strategies_and_timeouts_in_all_forms() {
    let home = Home::new();
    let strategy = |form: &str| {
        request(&home, &["--retry-strategy", form, "--", "true"], "")["retryStrategy"].clone()
    };
    assert_eq!(strategy("attempts=3"), serde_json::json!({"attempts": 3}));
    let rules = r#"{"attempts": 3, "evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]}"#;
    assert_eq!(strategy(rules), serde_json::from_str::<Value>(rules).expect("json"));
    for form in ["attemptDurationSeconds=3600", r#"{"attemptDurationSeconds": 3600}"#, "1h", "3600"]
    {
        let request = request(&home, &["--timeout", form, "--", "true"], "");
        assert_eq!(request["timeout"]["attemptDurationSeconds"], 3600, "{form}");
    }
}

#[test]
fn a_whole_request() {
    let home = Home::new();
    let json = r#"{
        "jobName": "whole",
        "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/asap",
        "jobDefinition": "default:3",
        "containerOverrides": {"command": ["true"], "memory": 512, "vcpus": 2},
        "retryStrategy": {"attempts": 2},
        "timeout": {"attemptDurationSeconds": 120},
        "tags": {"team": "build"},
        "propagateTags": true
    }"#;
    let whole = request(&home, &["--cli-input-json", "-"], json);
    insta::assert_snapshot!(whole["jobQueue"], @r#""arn:aws:batch:us-east-1:123456789012:job-queue/asap""#);
    let flags = ["--cli-input-json", json, "--job-queue", "default", "--attempts", "5"];
    let with_flags = request(&home, &flags, "");
    assert_eq!(with_flags["jobQueue"], "default");
    assert_eq!(with_flags["retryStrategy"]["attempts"], 5);
    assert_eq!(with_flags["jobName"], "whole");
}

#[test]
fn a_queue_as_arn_by_flag() {
    let arn = "arn:aws:batch:us-east-1:123456789012:job-queue/asap";
    let request = request(&Home::new(), &["--job-queue", arn, "--", "true"], "");
    assert_eq!(request["jobQueue"], arn);
    let other = "arn:aws:batch:us-east-1:123456789012:job-queue/other";
    insta::assert_snapshot!(Home::new().refuses(&["submit", "--queue", other, "--", "true"]), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: there is no queue `arn:aws:batch:us-east-1:[account]:job-queue/other`
    hint: the queues are default, asap, default-uninterruptible, asap-uninterruptible
    ");
    let none = "arn:aws:batch:us-east-1:123456789012:job-definition/asap";
    insta::assert_snapshot!(Home::new().refuses(&["submit", "--queue", none, "--", "true"]), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: `arn:aws:batch:us-east-1:[account]:job-definition/asap` is no ARN of a job-queue of AWS Batch
    hint: as in arn:aws:batch:us-east-1:[account]:job-queue/default
    ");
    let far = "arn:aws:batch:eu-west-1:123456789012:job-definition/default";
    let two = ["submit", "--queue", arn, "--job-definition", far, "--", "true"];
    insta::assert_snapshot!(Home::new().refuses(&two), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: the queue is in us-east-1, and the job definition in eu-west-1
    hint: name a definition that is in us-east-1, or give its name alone
    ");
}

#[test]
fn output_of_the_aws_cli_is_no_path() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["submit", "--output", "table", "--", "true"]), @"
    exit code 2
    --- stderr
    error: --output table is how the AWS CLI prints, and computes does not
    hint: --output json and --output text are printed; what is kept at `table` is named by --output ./table
    ");
    insta::assert_snapshot!(home.refuses(&["submit", "--json", "--output", "text", "--", "true"]), @r#"
    exit code 2
    --- stderr
    {"error":"--json and --output text both say how to print","hint":"leave one of them out; what is kept at `text` is named by --output ./text","exit_code":2}
    "#);
    insta::assert_snapshot!(home.refuses(&["run", "--output", "json", "--", "true"]), @"
    exit code 2
    --- stderr
    error: --output json is how the AWS CLI prints, and `run` shows what the job writes
    hint: what is kept at `json` is named by --output ./json; `computes submit` takes --output json and --output text
    ");
    // A path that is called so has a slash.
    home.submit(["--output", "./json", "--", "true"]);
    assert_eq!(home.status("last")["outputs"], serde_json::json!(["json"]));
    let text = home.run(["submit", "--name", "named", "--output", "text", "--", "true"]);
    let id = home.status("last")["id"].as_str().expect("a text").to_owned();
    assert_eq!(text.stdout, format!("{id}\tnamed\n"));
}

#[test]
fn other_options_of_the_aws_cli_are_refused_by_name() {
    let home = Home::new();
    for (option, instead) in [
        ("--region", "AWS_REGION"),
        ("--profile", "AWS_PROFILE"),
        ("--endpoint-url", "AWS_ENDPOINT_URL"),
        ("--query", "jq"),
        ("--tags", "--tag KEY=VALUE"),
        ("--array-properties", "nothing that does the same"),
    ] {
        let run = home.run(["submit", option, "x", "--", "true"]);
        assert_eq!(run.code, 2, "{option}");
        let told = run.stderr.contains(&format!("'{option}'")) && run.stderr.contains(instead);
        assert!(told, "{}", run.stderr);
        home.assert_nothing_written();
    }
}
