//! Is everything there that a job needs?

use serde_json::{Value, json};

use crate::support::{Account, Jobs, Run};

/// A definition that mounts the account's file system where jobs look for it.
fn register(account: &Account, file_system: &str) {
    let container = json!({
        "image": "busybox", "command": ["true"],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
        "volumes": [{"name": "efs", "efsVolumeConfiguration": {"fileSystemId": file_system}}],
        "mountPoints": [{"sourceVolume": "efs", "containerPath": "/mnt/efs"}],
    });
    account.aws(&[
        "batch",
        "register-job-definition",
        "--job-definition-name",
        "default",
        "--type",
        "container",
        "--container-properties",
        &container.to_string(),
    ]);
}

fn shown(run: &Run) -> String {
    let ids = [(r"fs-[0-9a-f]+", "[file system]"), (r"subnet-[0-9a-f]+", "[subnet]")];
    ids.iter().fold(run.snapshot(), |text, (pattern, with)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    })
}

#[test]
fn all_is_well() {
    let account = Account::new(Jobs::Stay);
    register(&account, &account.field("efs"));
    let home = account.home();
    insta::assert_snapshot!(shown(&home.run(["doctor"])), @r"
    exit code 0
    --- stdout
    ok       region: us-east-1
    ok       identity: arn:aws:sts::[account]:assumed-role/computes/test
    ok       queue default: ENABLED, VALID, priority 1
    ok       compute environment spot: ENABLED, VALID, SPOT, at most 256 vCPUs
    ok       queue asap: ENABLED, VALID, priority 10
    ok       queue default-uninterruptible: ENABLED, VALID, priority 1
    ok       compute environment ondemand: ENABLED, VALID, EC2, at most 256 vCPUs
    ok       queue asap-uninterruptible: ENABLED, VALID, priority 10
    ok       job definition default: revision 2, busybox
    ok       file system fs-[short]: available, encrypted
    ok       mount targets: in 2 subnets
    ok       log group /aws/batch/job: there
    ok       may logs:GetLogEvents: yes
    ok       may batch:DescribeJobs: yes
    ok       may batch:ListJobs: yes
    ok       may batch:TerminateJob: yes
    unknown  may batch:SubmitJob: only a job would tell
      hint   computes run --engine aws -- true
    ");
    let health: Vec<Value> = home.run(["doctor", "--json"]).json();
    assert!(
        health.iter().all(|it| it["health"] == "ok" || it["health"] == "unknown"),
        "{health:?}"
    );
    home.assert_nothing_written();
}

#[test]
fn each_thing_that_is_wrong_is_told_with_what_mends_it() {
    let account = Account::new(Jobs::Stay);
    register(&account, "fs-0123456789abcdef0");
    account.aws(&["batch", "update-job-queue", "--job-queue", "asap", "--state", "DISABLED"]);
    account.aws(&[
        "batch",
        "update-compute-environment",
        "--compute-environment",
        "ondemand",
        "--state",
        "DISABLED",
    ]);
    account.deny(&["batch:ListJobs", "logs:GetLogEvents"]);
    let run = account.home().run(["doctor"]);
    assert_eq!(run.code, 125);
    insta::assert_snapshot!(shown(&run), @r"
    exit code 125
    --- stdout
    ok       region: us-east-1
    ok       identity: arn:aws:sts::[account]:assumed-role/computes/test
    ok       queue default: ENABLED, VALID, priority 1
    ok       compute environment spot: ENABLED, VALID, SPOT, at most 256 vCPUs
    bad      queue asap: DISABLED, VALID, priority 10
      hint   aws batch update-job-queue --job-queue asap --state ENABLED
    ok       queue default-uninterruptible: ENABLED, VALID, priority 1
    bad      compute environment ondemand: DISABLED, VALID, EC2, at most 256 vCPUs Compute environment is available
      hint   aws batch update-compute-environment --compute-environment ondemand --state ENABLED
    ok       queue asap-uninterruptible: ENABLED, VALID, priority 10
    ok       job definition default: revision 2, busybox
    bad      file system [file system]: AWS elasticfilesystem:DescribeFileSystems: File system '[file system]' does not exist. (404)
      hint   the definition is old: register one that mounts a file system that is there
    ok       log group /aws/batch/job: there
    bad      may logs:GetLogEvents: no
      hint   allow logs:GetLogEvents: `computes policy` prints the statement
    ok       may batch:DescribeJobs: yes
    bad      may batch:ListJobs: no
      hint   allow batch:ListJobs: `computes policy` prints the statement
    ok       may batch:TerminateJob: yes
    unknown  may batch:SubmitJob: only a job would tell
      hint   computes run --engine aws -- true
    ");
}

#[test]
fn a_definition_that_is_not_there() {
    let account = Account::new(Jobs::Stay);
    let run = account.home().run(["doctor", "--job-definition", "nowhere"]);
    assert_eq!(run.code, 125);
    assert!(
        run.stdout.contains("bad      job definition nowhere: there is no active one"),
        "{}",
        run.stdout
    );
}

#[test]
fn nobody_that_aws_knows() {
    let home = crate::support::Home::new()
        .with("AWS_REGION", "us-east-1")
        .with("AWS_EC2_METADATA_DISABLED", "true");
    insta::assert_snapshot!(home.run(["doctor"]).snapshot(), @r"
    exit code 125
    --- stdout
    ok       region: us-east-1
    bad      identity: AWS sts:GetCallerIdentity: the credential provider was not enabled: no credentials found in chain. Attempted: Environment: the credential provider was not enabled: environment variable not set; Profile: the credential provider was not enabled; WebIdentityToken: the credential provider was not enabled: $AWS_WEB_IDENTITY_TOKEN_FILE was not set; EcsContainer: the credential provider was not enabled: ECS provider not configured; Ec2InstanceMetadata: the credential provider was not enabled: IMDS disabled by AWS_EC2_METADATA_DISABLED env var set to `true`
      hint   log in (`aws sso login`, `aws configure`), or set AWS_PROFILE
    ");
}
