//! `--dry-run`: the exact request, and nothing else.

use super::stage::words;
use crate::support::Home;

const SECRET: (&str, &str) = ("TOKEN", "hunter2-canary");

#[test]
fn the_request_with_its_secrets_masked() {
    let home = Home::new();
    let options = words(
        "--secret TOKEN --env CI=true --queue asap --attempts 2 --timeout 1h --gpus 1 --tag a=b",
    );
    let job = ["--name", "a job", "--", "./build.sh", "test", "two words"];
    let arguments = [&["submit", "--dry-run"], &options[..], &job].concat();
    let run = home.run_with_env(&[SECRET], &arguments);
    home.assert_nothing_written();
    insta::assert_snapshot!(run.snapshot(), @r#"
    exit code 0
    --- stdout
    {
      "jobName": "a-job",
      "jobQueue": "asap",
      "jobDefinition": "default",
      "containerOverrides": {
        "command": [
          "sh",
          "-c",
          "echo \"computes: job ID attempt $AWS_BATCH_JOB_ATTEMPT\"; AWS_BATCH_FILES=/mnt/efs; AWS_BATCH_FILES=$AWS_BATCH_FILES/${AWS_BATCH_JOB_ID%%:*}${AWS_BATCH_JOB_ARRAY_INDEX:+/$AWS_BATCH_JOB_ARRAY_INDEX}; { mkdir -p \"$AWS_BATCH_FILES\" && { [ -L /files ] || [ ! -d /files ] || rmdir /files; } && ln -sfn \"$AWS_BATCH_FILES\" /files; } || exit 125; unset AWS_BATCH_FILES; exec \"$@\"",
          "computes",
          "./build.sh",
          "test",
          "two words"
        ],
        "environment": [
          {
            "name": "CI",
            "value": "true"
          },
          {
            "name": "TOKEN",
            "value": "***"
          },
          {
            "name": "COMPUTES_MASKED",
            "value": "TOKEN"
          }
        ],
        "resourceRequirements": [
          {
            "type": "GPU",
            "value": "1"
          }
        ]
      },
      "retryStrategy": {
        "attempts": 2,
        "evaluateOnExit": [
          {
            "onStatusReason": "Host EC2*",
            "action": "RETRY"
          },
          {
            "onStatusReason": "Your Spot Task was interrupted*",
            "action": "RETRY"
          },
          {
            "onReason": "*",
            "action": "EXIT"
          }
        ]
      },
      "timeout": {
        "attemptDurationSeconds": 3600
      },
      "tags": {
        "a": "b"
      },
      "propagateTags": true
    }
    --- stderr
    note: job name `a job` became `a-job`
    "#);
}

#[test]
fn run_prints_the_same() {
    let home = Home::new();
    let job = ["--dry-run", "--memory", "64", "--", "true"];
    let run = home.run(["run"].iter().chain(&job));
    assert_eq!(run.stdout, home.run(["submit"].iter().chain(&job)).stdout);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    home.assert_nothing_written();
}

#[test]
fn in_json_it_is_a_line() {
    let home = Home::new();
    let request = home.run(["submit", "--dry-run", "--", "true"]);
    let line = home.run(["submit", "--dry-run", "--json", "--", "true"]);
    assert_eq!(line.stdout.lines().count(), 1);
    let pretty: serde_json::Value = serde_json::from_str(&request.stdout).expect("json");
    assert_eq!(line.json(), [pretty]);
}

#[test]
fn a_batch_is_an_object_each() {
    let home = Home::new();
    home.write("jobs.jsonl", "{\"command\": [\"one\"]}\n{\"command\": [\"two\"]}\n");
    let run = home.run(["submit", "--dry-run", "--json", "--from", "jobs.jsonl"]);
    let names: Vec<_> = run.json().iter().map(|job| job["jobName"].to_string()).collect();
    assert_eq!(names, ["\"one\"", "\"two\""]);
    home.assert_nothing_written();
}

#[test]
fn the_mount_of_the_shared_file_system() {
    let home = Home::new();
    home.write("computes.toml", "efs_mount = \"/srv/all jobs\"\n");
    let run = home.run(["submit", "--dry-run", "--json", "--", "true"]);
    let script = run.json()[0]["containerOverrides"]["command"][2].clone();
    assert!(
        script.as_str().expect("a script").contains("AWS_BATCH_FILES='/srv/all jobs'; "),
        "{script}"
    );
}

/// Fed back, a request asks for the same job: the prefix of its command is no part of the job.
#[test]
fn fed_back_it_says_the_same() {
    let home = Home::new();
    let options = words(
        "submit --dry-run --env CI=true --name again --queue asap --attempts 2 --timeout 1h \
         --vcpus 0.5 --memory 64 --tag a=b -- ./build.sh",
    );
    let options = [&options[..], &["two words"]].concat();
    let first = home.run(options);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let again = ["submit", "--dry-run", "--cli-input-json", "-"];
    let again = home.run_with_stdin(&again, &first.stdout);
    assert_eq!(again.stdout, first.stdout, "{}", again.stderr);
}

#[test]
fn fed_back_all_but_the_command_is_the_same() {
    let home = Home::new();
    home.write(
        "rules.json",
        r#"{"attempts": 4, "evaluateOnExit": [
        {"onReason": "CannotPullContainerError:*", "action": "RETRY"},
        {"onStatusReason": "Host EC2*", "onExitCode": "143", "action": "exit"}
    ]}"#,
    );
    let first = home.run(words(
        "submit --dry-run --json --retry-strategy file://rules.json --tag a=b --env \
            CI=true --timeout 60 --gpus 2 -- true",
    ));
    assert_eq!(first.code, 0, "{}", first.stderr);
    let again = ["submit", "--dry-run", "--json", "--cli-input-json", "-"];
    let mut again = home.run_with_stdin(&again, &first.stdout).json().remove(0);
    let mut first = first.json().remove(0);
    for request in [&mut first, &mut again] {
        request["containerOverrides"]["command"].take();
    }
    assert_eq!(again, first);
}

/// What was masked is not known any more: `***` is no value to run with.
#[test]
fn fed_back_a_masked_secret_is_taken_from_the_caller() {
    let home = Home::new();
    let arguments = ["submit", "--dry-run", "--secret", "TOKEN", "--", "true"];
    let request = home.run_with_env(&[SECRET], &arguments).stdout;
    home.write("request.json", &request);
    let options = words("run --cli-input-json file://request.json --secret TOKEN -- sh -c");
    let arguments = [&options[..], &["test \"$TOKEN\" = hunter2-''canary"]].concat();
    let run = home.run_with_env(&[SECRET], &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn rules_of_ones_own_and_their_place() {
    let home = Home::new();
    let rules = "attempts = 3\nretry_rules = [{ onExitCode = \"75\", action = \"RETRY\" }, \
        { onReason = \"*\", action = \"EXIT\" }]\n";
    home.write("computes.toml", rules);
    let retry = |options: &[&str]| {
        let run = home.run([&["submit", "--dry-run", "--json"], options, &["--", "true"]].concat());
        run.json().remove(0)["retryStrategy"].to_string()
    };
    let own = r#"{"attempts":3,"evaluateOnExit":[{"action":"RETRY","onExitCode":"75"},{"action":"EXIT","onReason":"*"}]}"#;
    assert_eq!(retry(&[]), own);
    // What the command line says takes the place of all of it.
    assert_eq!(retry(&["--retry-on", "any"]), r#"{"attempts":3}"#);
    assert_eq!(retry(&["--retry-strategy", "attempts=2"]), r#"{"attempts":2}"#);
    home.write("computes.toml", "retry_rules = [{ onExitCode = \"*5\", action = \"RETRY\" }]\n");
    insta::assert_snapshot!(home.refuses(&["submit", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:15: `*5` is no pattern: AWS Batch knows `*` only as the last character
    ");
    home.write("computes.toml", "retry_rules = [{ onExit = \"5\", action = \"RETRY\" }]\n");
    insta::assert_snapshot!(home.refuses(&["submit", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:15: unknown field `onExit`, expected one of `onStatusReason`, `onReason`, `onExitCode`, `action`
    ");
}
