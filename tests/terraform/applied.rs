//! The module, applied to an account that has nothing, and what jobs make of it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};

use super::{skipped, terraform};
use crate::support::{Account, Aws, Home, Jobs, root};

/// Applies an example, after which there is nothing left to change. `None` without a Terraform on
/// the machine.
fn apply(example: &str, variables: &[String], account: &Account, data: &Path) -> Option<Value> {
    let folder = root().join("terraform/examples").join(example);
    let state = data.join("state");
    for verb in [["apply", "-auto-approve"], ["plan", "-detailed-exitcode"]] {
        let mut command = terraform(&folder, data)?;
        let output = command
            .args(verb)
            .args(["-no-color", "-lock=false", "-state"])
            .arg(&state)
            .args(variables.iter().flat_map(|it| ["-var", it.as_str()]))
            .envs(account.variables(Aws::server().port()))
            .output()
            .expect("terraform starts");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{verb:?}: {}", String::from_utf8_lossy(&said));
    }
    let state = fs::read(state).expect("a state");
    Some(serde_json::from_slice(&state).expect("JSON"))
}

/// A home whose `computes.toml` is what the module's output says.
fn home(account: &Account, state: &Value) -> Home {
    let home = account.home();
    let settings = state["outputs"]["computes_toml"]["value"].as_str().expect("a text");
    fs::write(home.work().join("computes.toml"), settings).expect("written");
    home
}

/// Without the ids that AWS chose.
fn shown(text: &str) -> String {
    let ids = Regex::new(r"(fs|fsap|subnet)-[0-9a-f]+").expect("a pattern");
    ids.replace_all(text, "$1-[id]").into_owned()
}

#[test]
fn a_team_applies_the_module_and_submits() {
    let data = tempfile::tempdir().expect("a directory");
    let account = Account::bare(Jobs::Run);
    let Some(state) = apply("complete", &[], &account, data.path()) else { return skipped() };
    let home = home(&account, &state);
    account.push("eu-west-1", "computes", "1");
    insta::assert_snapshot!(shown(&home.run(["doctor"]).snapshot()), @"
    exit code 0
    --- stdout
    ok       region: us-east-1
    ok       identity: arn:aws:sts::[account]:assumed-role/computes/test
    ok       queue default: ENABLED, VALID, priority 1
    ok       compute environment computes-spot: ENABLED, VALID, SPOT, at most 512 vCPUs
    ok       queue asap: ENABLED, VALID, priority 10
    ok       queue default-uninterruptible: ENABLED, VALID, priority 1
    ok       compute environment computes-on-demand: ENABLED, VALID, EC2, at most 128 vCPUs
    ok       queue asap-uninterruptible: ENABLED, VALID, priority 10
    ok       job definition default: revision 1, one container on EC2, [account].dkr.ecr.eu-west-1.amazonaws.com/computes:1
    ok       image [account].dkr.ecr.eu-west-1.amazonaws.com/computes:1: no ENTRYPOINT
    ok       execution role: arn:aws:iam::[account]:role/computes-us-east-1-execution
    ok       job role: arn:aws:iam::[account]:role/computes-us-east-1-job
    ok       file system fs-[short]: available, encrypted
    ok       access point fsap-[short]: /jobs
    ok       mount targets: in 2 subnets
    ok       log group /aws/batch/computes: there
    ok       may logs:GetLogEvents: yes
    ok       may s3:ListBucket: yes
    ok       bucket computes-[account]-us-east-1: encrypted, AES256
    ok       public access: blocked
    ok       lifecycle: objects expire after 30 days
    ok       may batch:DescribeJobs: yes
    ok       may batch:ListJobs: yes
    ok       may batch:TerminateJob: yes
    unknown  may batch:SubmitJob: only a job would tell
      hint   computes run --engine aws -- true
    ");
    for queue in computes::job::Queue::ALL {
        home.submit(["--queue", queue.as_str(), "--", "true"]);
    }
    let taken: Vec<_> = account.jobs().iter().map(|job| job["queue"].clone()).collect();
    assert_eq!(taken, ["default", "asap", "default-uninterruptible", "asap-uninterruptible"]);
    let run = home.run(["run", "--", "sh", "-c", "echo kept >/files/it; cat /files/it; exit 3"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, "kept\n"), "{}", run.stderr);
    roles_grant_what_their_verbs_take(&account, &home);
    events_carry_no_environment(&account);
}

/// What IAM says that a role of the module may do.
fn granted(account: &Account, role: &str) -> Value {
    let name = format!("computes-us-east-1-{role}");
    let words = ["iam", "get-role-policy", "--role-name", &name, "--policy-name", "computes"];
    account.aws(&words)["PolicyDocument"].clone()
}

/// Every action with everything it may be done to.
fn rights(policy: &Value) -> std::collections::BTreeSet<String> {
    let texts = |value: &Value| value.as_array().expect("a list").clone();
    let statements = texts(&policy["Statement"]).into_iter();
    let pairs = statements.flat_map(|statement| {
        let condition = statement["Condition"].to_string();
        let actions = texts(&statement["Action"]).into_iter();
        let resources = texts(&statement["Resource"]);
        actions.flat_map(move |action| {
            let pair = |to: &Value| format!("{action} {to} {condition}");
            resources.iter().map(pair).collect::<Vec<_>>()
        })
    });
    pairs.collect()
}

fn roles_grant_what_their_verbs_take(account: &Account, home: &Home) {
    let id = account.id();
    let narrowed = ["--json", "--region", "us-east-1", "--account", &id];
    let module = ["--log-group", "/aws/batch/computes"];
    let roles = ["--role", "computes-us-east-1-job", "--role", "computes-us-east-1-execution"];
    let printed = |verbs: &[&str]| {
        home.run([&["policy"], verbs, &narrowed, &module, &roles].concat()).json().remove(0)
    };
    let pipeline =
        ["submit", "run", "wait", "status", "logs", "list", "cancel", "retry", "explain"];
    for (role, verbs) in [
        ("submitter", vec!["submit", "source"]),
        ("operator", vec![]),
        ("ci", [pipeline.as_slice(), &["once", "tags", "source", "files"]].concat()),
    ] {
        assert_eq!(rights(&granted(account, role)), rights(&printed(&verbs)), "{role}");
    }
    let job = ["iam", "get-role-policy", "--role-name", "computes-us-east-1-job"];
    let job = account.aws(&[job.as_slice(), &["--policy-name", "objects"]].concat());
    assert_eq!(rights(&job["PolicyDocument"]), rights(&printed(&["inside"])), "job");

    account.allow(&granted(account, "submitter"));
    home.submit(["--queue", "asap-uninterruptible", "--", "true"]);
    assert!(home.run(["list"]).stderr.contains("batch:ListJobs"));
    account.allow(&Value::Null);
    let operator = granted(account, "operator");
    account.allow(&operator);
    assert_eq!(home.run(["doctor"]).code, 0);
    home.submit(["--secret", "TOKEN=ssm:/team/token", "--tag", "team=x", "--", "true"]);
    account.allow(&Value::Null);
    let ci = granted(account, "ci");
    account.allow(&ci);
    assert_eq!(home.run(["run", "--once", "--", "echo", "from a pipeline"]).code, 0);
    account.allow(&Value::Null);
}

/// Whoever reads a message about a failure does not read the values of secrets.
fn events_carry_no_environment(account: &Account) {
    let targets = account.aws(&["events", "list-targets-by-rule", "--rule", "computes-failures"]);
    let transformer = &targets["Targets"][0]["InputTransformer"];
    assert_eq!(
        transformer["InputPathsMap"],
        json!({
            "id": "$.detail.jobId",
            "name": "$.detail.jobName",
            "queue": "$.detail.jobQueue",
            "reason": "$.detail.statusReason",
        })
    );
    // EventBridge puts texts in with quotes of its own.
    let template = transformer["InputTemplate"].as_str().expect("a text");
    let filled = Regex::new("<[a-z]+>").expect("a pattern").replace_all(template, "\"text\"");
    assert!(serde_json::from_str::<Value>(&filled).is_ok(), "{template}");
}

#[test]
fn each_piece_that_is_taken_away_is_missed() {
    let data = tempfile::tempdir().expect("a directory");
    let account = Account::bare(Jobs::Stay);
    let vpc = account.aws(&["ec2", "create-vpc", "--cidr-block", "10.1.0.0/16"]);
    let vpc = vpc["Vpc"]["VpcId"].as_str().expect("an id").to_owned();
    let subnet = ["ec2", "create-subnet", "--vpc-id", &vpc, "--cidr-block", "10.1.0.0/24"];
    let subnet = account.aws(&subnet)["Subnet"]["SubnetId"].as_str().expect("an id").to_owned();
    let variables = [format!("vpc_id={vpc}"), format!("subnet_ids=[\"{subnet}\"]")];
    let Some(state) = apply("existing-vpc", &variables, &account, data.path()) else {
        return skipped();
    };
    let home = home(&account, &state);
    let id_of = |kind: &str| {
        let all = state["resources"].as_array().expect("a list");
        let one = all.iter().find(|it| it["type"] == kind).expect("there is one");
        one["instances"][0]["attributes"]["id"].as_str().expect("an id").to_owned()
    };
    let mut before = home.run(["doctor"]);
    assert_eq!(before.code, 0, "{}", before.stdout);

    // Not what others depend on before those.
    let group = id_of("aws_cloudwatch_log_group");
    let target = id_of("aws_efs_mount_target");
    let point = id_of("aws_efs_access_point");
    let files = id_of("aws_efs_file_system");
    let definition = id_of("aws_batch_job_definition");
    let pieces: [&[&[&str]]; 7] = [
        &[&["logs", "delete-log-group", "--log-group-name", &group]],
        &[&["efs", "delete-mount-target", "--mount-target-id", &target]],
        &[&["efs", "delete-access-point", "--access-point-id", &point]],
        &[&["efs", "delete-file-system", "--file-system-id", &files]],
        &[
            &["batch", "update-job-queue", "--job-queue", "asap", "--state", "DISABLED"],
            &["batch", "delete-job-queue", "--job-queue", "asap"],
        ],
        &[&[
            "batch",
            "update-compute-environment",
            "--compute-environment",
            "computes-on-demand",
            "--state",
            "DISABLED",
        ]],
        &[&["batch", "deregister-job-definition", "--job-definition", &definition]],
    ];
    let mut told = String::new();
    for calls in pieces {
        for call in calls {
            account.aws(call);
        }
        let after = home.run(["doctor"]);
        assert_eq!(after.code, 125);
        let old: Vec<_> = before.stdout.lines().collect();
        let new: Vec<_> = after.stdout.lines().filter(|line| !old.contains(line)).collect();
        let _ = writeln!(told, "{} {}\n{}\n", calls[0][0], calls[0][1], new.join("\n"));
        before = after;
    }
    insta::assert_snapshot!(shown(&told), @r"
    logs delete-log-group
    bad      log group /aws/batch/computes: not there, so that no job starts
      hint   terraform apply, or aws logs create-log-group --log-group-name /aws/batch/computes

    efs delete-mount-target
    bad      mount targets: there is none that is available
      hint   make one in each zone in which jobs run

    efs delete-access-point
    bad      access point fsap-[id]: there is no such access point
      hint   terraform apply, or register a definition that names one that is there

    efs delete-file-system
    bad      file system fs-[id]: there is no such file system
      hint   the definition is old: register one that mounts a file system that is there

    batch update-job-queue
    bad      queue asap: there is no such queue
      hint   terraform apply, or aws batch create-job-queue; is AWS_REGION right?

    batch update-compute-environment
    bad      compute environment computes-on-demand: DISABLED, VALID, EC2, at most 64 vCPUs Compute environment is available
      hint   aws batch update-compute-environment --compute-environment computes-on-demand --state ENABLED

    batch deregister-job-definition
    bad      job definition default: there is no active one of that name
      hint   terraform apply, register it, or set `job_definition`
    ");
}
