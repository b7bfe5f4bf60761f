//! JSON that can't be read, or that asks for what can't be kept to. It is never echoed.

use super::stage::each;
use crate::support::Home;

fn refused(option: &str, json: &str) -> String {
    let snapshot = Home::new().refuses(&["submit", option, json]);
    assert!(!snapshot.contains("hunter2"), "{snapshot}");
    snapshot
}

#[test]
fn broken() {
    let cases = [
        r#"{"environment": [{"name": "TOKEN", "value": "hunter2"}], "command": ["true"}"#,
        "",
        "hunter2",
        r#"{"environment": {"TOKEN": "hunter2"}}"#,
        r#"{"command": ["true"], "memory": -1}"#,
        r#"{"command": ["true"]} hunter2"#,
    ];
    let mut snapshots = String::new();
    for json in cases {
        snapshots += &refused("--container-overrides", json);
    }
    insta::assert_snapshot!(snapshots, @"
    exit code 2
    --- stderr
    error: --container-overrides:1:76: it is no JSON: expected `,` or `]`
    hint: give JSON, file://PATH, or - for stdin
    exit code 2
    --- stderr
    error: --container-overrides is empty
    hint: give JSON, file://PATH, or - for stdin
    exit code 2
    --- stderr
    error: --container-overrides:1:1: it is no JSON: expected value
    hint: give JSON, file://PATH, or - for stdin
    exit code 2
    --- stderr
    error: --container-overrides:1:16: invalid type: map, expected a sequence
    hint: give JSON, file://PATH, or - for stdin
    exit code 2
    --- stderr
    error: --container-overrides:1:34: invalid value: integer `-1`, expected u32
    hint: give JSON, file://PATH, or - for stdin
    exit code 2
    --- stderr
    error: --container-overrides:1:23: it is no JSON: trailing characters
    hint: give JSON, file://PATH, or - for stdin
    ");
}

/// The value may be a secret in the wrong place.
#[test]
fn a_value_of_the_wrong_kind_is_not_echoed() {
    refused("--container-overrides", r#"{"command": "hunter2"}"#);
    refused("--container-overrides", r#"["hunter2"]"#);
    refused("--container-overrides", r#"{"command": ["true"], "memory": "hunter2"}"#);
    refused("--cli-input-json", r#"{"containerOverrides": "hunter2"}"#);
    let home = Home::new();
    home.write("job.json", r#"{"command": "hunter2"}"#);
    home.write("job.toml", r#"command = "hunter2""#);
    for file in ["job.json", "job.toml"] {
        let snapshot = home.refuses(&["submit", "--from", file]);
        assert!(!snapshot.contains("hunter2"), "{snapshot}");
    }
}

#[test]
fn broken_on_stdin_and_in_a_file() {
    let home = Home::new();
    let broken = "{\n  \"command\": [\"hunter2\"\n";
    let run = home.run_with_stdin(&["submit", "--container-overrides", "-"], broken);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 2
    --- stderr
    error: --container-overrides:3:0: it is no JSON: it ends too early, within a list
    hint: give JSON, file://PATH, or - for stdin
    ");
    home.write("broken.json", broken);
    insta::assert_snapshot!(
        home.refuses(&["submit", "--cli-input-json", "file://broken.json"]),
        @r"
    exit code 2
    --- stderr
    error: broken.json:2:11: unknown field `command`, expected one of `jobName`, `jobQueue`, `jobDefinition`, `containerOverrides`, `retryStrategy`, `timeout`, `tags`, `propagateTags`, `shareIdentifier`, `schedulingPriorityOverride`
    hint: leave it out: computes has nothing that does the same
    "
    );
    insta::assert_snapshot!(
        home.refuses(&["submit", "--cli-input-json", "file://no-such.json"]),
        @r"
    exit code 2
    --- stderr
    error: cannot read `no-such.json`: No such file or directory (os error 2)
    "
    );
    insta::assert_snapshot!(home.refuses(&["submit", "--container-overrides", "file://"]), @r"
    exit code 2
    --- stderr
    error: cannot read ``: No such file or directory (os error 2)
    ");
}

#[test]
fn fields_that_are_not_known() {
    let cases = [
        r#"{"arrayProperties": {"size": 2}}"#,
        r#"{"dependsOn": [{"jobId": "x"}]}"#,
        r#"{"containerOverrides": {"instanceType": "m5.large"}}"#,
        r#"{"jobname": "x"}"#,
        r#"{"retryStrategy": {"tries": 2}}"#,
        r#"{"timeout": {"seconds": 2}}"#,
    ];
    insta::assert_snapshot!(each(&cases, |json| refused("--cli-input-json", json)), @r#"
    > {"arrayProperties": {"size": 2}}
    exit code 2
    --- stderr
    error: --cli-input-json:1:18: unknown field `arrayProperties`, expected one of `jobName`, `jobQueue`, `jobDefinition`, `containerOverrides`, `retryStrategy`, `timeout`, `tags`, `propagateTags`, `shareIdentifier`, `schedulingPriorityOverride`
    hint: leave it out: computes has nothing that does the same

    > {"dependsOn": [{"jobId": "x"}]}
    exit code 2
    --- stderr
    error: --cli-input-json:1:12: unknown field `dependsOn`, expected one of `jobName`, `jobQueue`, `jobDefinition`, `containerOverrides`, `retryStrategy`, `timeout`, `tags`, `propagateTags`, `shareIdentifier`, `schedulingPriorityOverride`
    hint: leave it out: computes has nothing that does the same

    > {"containerOverrides": {"instanceType": "m5.large"}}
    exit code 2
    --- stderr
    error: --cli-input-json:1:38: unknown field `instanceType`, expected one of `command`, `environment`, `resourceRequirements`, `vcpus`, `memory`
    hint: leave it out: computes has nothing that does the same

    > {"jobname": "x"}
    exit code 2
    --- stderr
    error: --cli-input-json:1:10: unknown field `jobname`
    hint: did you mean `jobName`?

    > {"retryStrategy": {"tries": 2}}
    exit code 2
    --- stderr
    error: --cli-input-json:1:26: unknown field `tries`, expected `attempts` or `evaluateOnExit`
    hint: leave it out: computes has nothing that does the same

    > {"timeout": {"seconds": 2}}
    exit code 2
    --- stderr
    error: --cli-input-json:1:22: unknown field `seconds`, expected `attemptDurationSeconds`
    hint: leave it out: computes has nothing that does the same
    "#);
}

#[test]
fn what_a_job_cannot_have() {
    let cases = [
        "{}",
        r#"{"command": []}"#,
        r#"{"command": ["true", ""]}"#,
        r#"{"command": ["true"], "environment": [{"name": "A", "value": null}]}"#,
        r#"{"command": ["true"], "environment": [{"name": "A"}]}"#,
        r#"{"command": ["true"], "environment": [{"name": "AWS_BATCH_A", "value": "1"}]}"#,
        r#"{"command": ["true"], "environment": [{"name": "", "value": "1"}]}"#,
        r#"{"command": ["true"], "memory": 3}"#,
        r#"{"command": ["true"], "vcpus": 0}"#,
        r#"{"command": ["true"], "resourceRequirements": [{"type": "DISK", "value": "1"}]}"#,
        r#"{"command": ["true"], "resourceRequirements": [{"type": "GPU", "value": "x"}]}"#,
        r#"{"command": ["true"], "resourceRequirements": [{"type": "VCPU", "value": "x"}]}"#,
    ];
    insta::assert_snapshot!(each(&cases, |json| refused("--container-overrides", json)), @r#"
    > {}
    exit code 2
    --- stderr
    error: cannot submit: the command is empty
    hint: name the command after `--`, as in `computes run -- ./build.sh test`

    > {"command": []}
    exit code 2
    --- stderr
    error: cannot submit: the command is empty
    hint: name the command after `--`, as in `computes run -- ./build.sh test`

    > {"command": ["true", ""]}
    exit code 2
    --- stderr
    error: cannot submit `true `: word 2 of the command is an empty string, which AWS Batch refuses
    hint: leave the word out, or pass the text in an --env variable

    > {"command": ["true"], "environment": [{"name": "A", "value": null}]}
    exit code 2
    --- stderr
    error: environment variable `A` has no value: it was not set where the JSON was made
    hint: export A before the JSON is made

    > {"command": ["true"], "environment": [{"name": "A"}]}
    exit code 2
    --- stderr
    error: environment variable `A` has no value: it was not set where the JSON was made
    hint: export A before the JSON is made

    > {"command": ["true"], "environment": [{"name": "AWS_BATCH_A", "value": "1"}]}
    exit code 2
    --- stderr
    error: cannot submit `true`: environment variable `AWS_BATCH_A`: names starting with `AWS_BATCH` belong to AWS Batch
    hint: choose another name; the job is given Batch's own variables anyway

    > {"command": ["true"], "environment": [{"name": "", "value": "1"}]}
    exit code 2
    --- stderr
    error: cannot submit `true`: an environment variable needs a name

    > {"command": ["true"], "memory": 3}
    exit code 2
    --- stderr
    error: cannot submit `true`: 3 MiB of memory is less than the 4 MiB that Batch asks for at least
    hint: as in --memory 512 or --memory 2GiB

    > {"command": ["true"], "vcpus": 0}
    exit code 2
    --- stderr
    error: cannot submit `true`: `0` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2

    > {"command": ["true"], "resourceRequirements": [{"type": "DISK", "value": "1"}]}
    exit code 2
    --- stderr
    error: resource requirement `DISK` is none of VCPU, MEMORY and GPU

    > {"command": ["true"], "resourceRequirements": [{"type": "GPU", "value": "x"}]}
    exit code 2
    --- stderr
    error: `x` is no value for resource requirement `GPU`

    > {"command": ["true"], "resourceRequirements": [{"type": "VCPU", "value": "x"}]}
    exit code 2
    --- stderr
    error: cannot submit `true`: `x` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2
    "#);
}

#[test]
fn retry_rules() {
    let rule = r#"{"onExitCode": "1", "action": "RETRY"}"#;
    let six = format!(r#"{{"attempts": 2, "evaluateOnExit": [{}]}}"#, [rule; 6].join(","));
    let cases = [
        r#"{"attempts": 2, "evaluateOnExit": [{"action": "RETRY"}]}"#,
        r#"{"attempts": 2, "evaluateOnExit": [{"onReason": "a*b", "action": "EXIT"}]}"#,
        r#"{"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "STOP"}]}"#,
        r#"{"attempts": 0}"#,
        &six,
    ];
    let refused =
        |json: &&str| Home::new().refuses(&["submit", "--retry-strategy", json, "--", "true"]);
    insta::assert_snapshot!(each(&cases, refused), @r#"
    > {"attempts": 2, "evaluateOnExit": [{"action": "RETRY"}]}
    exit code 2
    --- stderr
    error: cannot submit `true`: retry rule 1 has no pattern: it needs onStatusReason, onReason or onExitCode

    > {"attempts": 2, "evaluateOnExit": [{"onReason": "a*b", "action": "EXIT"}]}
    exit code 2
    --- stderr
    error: cannot submit `true`: `a*b` is no pattern: AWS Batch knows `*` only as the last character

    > {"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "STOP"}]}
    exit code 2
    --- stderr
    error: --retry-strategy:1:71: unknown variant `STOP`, expected one of `RETRY`, `Retry`, `retry`, `EXIT`, `Exit`, `exit`
    hint: give JSON, file://PATH, or - for stdin

    > {"attempts": 0}
    exit code 2
    --- stderr
    error: cannot submit `true`: 0 attempts: AWS Batch takes 1 to 10
    hint: as in --attempts 3

    > {"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "RETRY"},{"onExitCode": "1", "action": "RETRY"},{"onExitCode": "1", "action": "RETRY"},{"onExitCode": "1", "action": "RETRY"},{"onExitCode": "1", "action": "RETRY"},{"onExitCode": "1", "action": "RETRY"}]}
    exit code 2
    --- stderr
    error: cannot submit `true`: 6 retry rules: AWS Batch takes at most 5
    "#);
}
