//! Is everything there that a job needs?

use computes::job::Address;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Account, Answer, Aws, Fault, Home, Jobs, Proxy, Request, Run};

/// A definition that mounts the account's file system where jobs look for it.
fn register(account: &Account, file_system: &str) {
    let container = json!({
        "executionRoleArn": account.field("role"),
        "volumes": [{"name": "efs", "efsVolumeConfiguration": {"fileSystemId": file_system}}],
        "mountPoints": [{"sourceVolume": "efs", "containerPath": "/mnt/efs"}],
    });
    account.register("default", &container);
}

fn shown(run: &Run) -> String {
    let ids = [(r"fs-[0-9a-f]+", "[file system]"), (r"subnet-[0-9a-f]+", "[subnet]")];
    ids.iter().fold(run.snapshot(), |text, (pattern, with)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    })
}

#[test]
fn without_a_region_nothing_else_is_asked_for() {
    let home = Home::new();
    // There is a ledger in which something could be remembered.
    home.submit(["--", "true"]);
    insta::assert_snapshot!(home.run(["doctor"]).snapshot(), @"
    exit code 125
    --- stdout
    bad      region: no region is set
      hint   set AWS_REGION, or `region` in the profile
    ");
}

#[test]
fn all_is_well() {
    let account = Account::new(Jobs::Stay);
    register(&account, &account.field("efs"));
    let home = account.home();
    insta::assert_snapshot!(shown(&home.run(["doctor"])), @"
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
    ok       job definition default: revision 2, one container on EC2, busybox
    unknown  image busybox: not in ECR, so that its ENTRYPOINT can't be read
      hint   `docker pull busybox`, then `docker image inspect --format '{{json .Config.Entrypoint}}' busybox`: null and [] are right
    ok       execution role: arn:aws:iam::[account]:role/computes
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
    insta::assert_snapshot!(shown(&run), @"
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
    ok       job definition default: revision 2, one container on EC2, busybox
    unknown  image busybox: not in ECR, so that its ENTRYPOINT can't be read
      hint   `docker pull busybox`, then `docker image inspect --format '{{json .Config.Entrypoint}}' busybox`: null and [] are right
    ok       execution role: arn:aws:iam::[account]:role/computes
    bad      file system [file system]: there is no such file system
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
fn what_works_but_not_as_jobs_expect_is_weak() {
    let account = Account::new(Jobs::Stay);
    let container = json!({
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/mine"}},
    });
    account.register("default", &container);
    account.aws(&["batch", "update-job-queue", "--job-queue", "asap", "--priority", "1"]);
    let spot = format!("arn:aws:batch:us-east-1:{}:compute-environment/spot", account.id());
    account.aws(&[
        "batch",
        "update-job-queue",
        "--job-queue",
        "asap-uninterruptible",
        "--compute-environment-order",
        &format!("order=1,computeEnvironment={spot}"),
    ]);
    let run = account.home().run(["doctor"]);
    insta::assert_snapshot!(shown(&run), @"
    exit code 125
    --- stdout
    ok       region: us-east-1
    ok       identity: arn:aws:sts::[account]:assumed-role/computes/test
    ok       queue default: ENABLED, VALID, priority 1
    ok       compute environment spot: ENABLED, VALID, SPOT, at most 256 vCPUs
    weak     queue asap: ENABLED, VALID, priority 1, not before `default`
      hint   aws batch update-job-queue --job-queue asap --priority 10
    ok       queue default-uninterruptible: ENABLED, VALID, priority 1
    ok       compute environment ondemand: ENABLED, VALID, EC2, at most 256 vCPUs
    weak     queue asap-uninterruptible: ENABLED, VALID, priority 10, on SPOT capacity
      hint   its jobs may be interrupted: take `spot` away from it
    ok       job definition default: revision 2, one container on EC2, busybox
    unknown  image busybox: not in ECR, so that its ENTRYPOINT can't be read
      hint   `docker pull busybox`, then `docker image inspect --format '{{json .Config.Entrypoint}}' busybox`: null and [] are right
    weak     execution role: the definition has none
      hint   secrets that AWS fetches (--secret NAME=ssm:…) need one
    weak     files: the definition mounts nothing at /mnt/efs
      hint   /files goes with each container: mount EFS there, or set `efs_mount` to where it is
    bad      log group /mine: not there, so that no job starts
      hint   terraform apply, or aws logs create-log-group --log-group-name /mine
    ok       may logs:GetLogEvents: yes
    ok       may batch:DescribeJobs: yes
    ok       may batch:ListJobs: yes
    ok       may batch:TerminateJob: yes
    unknown  may batch:SubmitJob: only a job would tell
      hint   computes run --engine aws -- true
    ");
    let home = account.home().with("COMPUTES_SHARE", "build");
    let said = home.run(["doctor"]).stdout;
    insta::assert_snapshot!(said.lines().skip(2).take(2).collect::<Vec<_>>().join("\n"), @r"
    bad      queue default: ENABLED, VALID, priority 1, takes no job with a share
      hint   unset `share`, which is `build`: this is no fair-share queue
    ");
}

#[test]
fn a_definition_that_no_job_can_use_as_it_should() {
    let account = Account::new(Jobs::Stay);
    let container = json!({
        "volumes": [{"name": "efs", "efsVolumeConfiguration": {"fileSystemId": account.field("efs")}}],
        "mountPoints": [{"sourceVolume": "efs", "containerPath": "/mnt/efs/", "readOnly": true}],
        "logConfiguration": {"logDriver": "json-file"},
    });
    account.register("default", &container);
    let said = account.home().run(["doctor"]).stdout;
    let of_definition = said.lines().skip_while(|line| !line.contains("job definition")).skip(3);
    insta::assert_snapshot!(of_definition.take(4).collect::<Vec<_>>().join("\n"), @"
    weak     execution role: the definition has none
      hint   secrets that AWS fetches (--secret NAME=ssm:…) need one
    bad      files: /mnt/efs is mounted to be read only
      hint   mount it without readOnly: each job makes its directory there
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
    insta::assert_snapshot!(home.run(["doctor"]).snapshot(), @"
    exit code 125
    --- stdout
    ok       region: us-east-1
    bad      identity: AWS sts:GetCallerIdentity: the credential provider was not enabled: no credentials found in chain. Attempted: Environment: the credential provider was not enabled: environment variable not set; Profile: the credential provider was not enabled; WebIdentityToken: the credential provider was not enabled: $AWS_WEB_IDENTITY_TOKEN_FILE was not set; EcsContainer: the credential provider was not enabled: ECS provider not configured; Ec2InstanceMetadata: the credential provider was not enabled: IMDS disabled by AWS_EC2_METADATA_DISABLED env var set to `true`
      hint   log in (`aws login`, `aws sso login`, `aws configure`), or set AWS_PROFILE
    ");
}

#[test]
fn the_kind_of_a_definition_is_named() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let found = |name: &str| {
        let run = home.run_with_env(&[("COMPUTES_JOB_DEFINITION", name)], &["doctor", "--json"]);
        let checks = run.json();
        let what = format!("job definition {name}");
        let check = checks.iter().find(|check| check["what"] == what.as_str()).expect("a check");
        format!("{} {}", check["health"].as_str().expect("a text"), check["found"])
    };
    account.register("plain", &json!({}));
    assert_eq!(found("plain"), r#"ok "revision 1, one container on EC2, busybox""#);
    let pod = json!({"podProperties": {"containers": [
        {"image": "busybox", "resources": {"limits": {"cpu": "1", "memory": "64Mi"}}}]}});
    account.aws(&[
        "batch",
        "register-job-definition",
        "--job-definition-name",
        "pod",
        "--type",
        "container",
        "--eks-properties",
        &pod.to_string(),
    ]);
    assert_eq!(found("pod"), r#"bad "revision 1, a pod on EKS; jobs are sent for one container""#);
}

const IN_ECR: &str = "123456789012.dkr.ecr.us-west-2.amazonaws.com/team/build:9";

/// An image for two architectures, which ECR and the bucket behind it give out.
fn ecr(request: &Request, entrypoint: &Value) -> Fault {
    let digest = |text: &str| format!("sha256:{}", Address::of_hash(Sha256::digest(text).into()));
    let config = json!({"architecture": "amd64", "config": {"Entrypoint": entrypoint}}).to_string();
    let target = request.header("x-amz-target").unwrap_or_default();
    let asked = request.json();
    let answer = if request.path.starts_with("/layer") {
        assert_eq!(request.header("authorization"), None, "the URL itself is signed");
        return Fault::Answer(Answer { body: config, ..Answer::json(&Value::Null) });
    } else if target.ends_with(".BatchGetImage") {
        let manifest = match asked["imageIds"][0]["imageDigest"].as_str() {
            None => json!({"manifests": [
                {"digest": "sha256:a", "platform": {"architecture": "arm64", "os": "linux"}},
                {"digest": "sha256:b", "platform": {"architecture": "amd64", "os": "linux"}},
            ]}),
            Some(digest_of_one) => {
                assert_eq!(digest_of_one, "sha256:b");
                json!({"config": {"digest": digest(&config)}, "layers": []})
            }
        };
        json!({"images": [{"imageManifest": manifest.to_string()}], "failures": []})
    } else if target.ends_with(".GetDownloadUrlForLayer") {
        assert_eq!(asked["layerDigest"], digest(&config).as_str());
        let host = request.header("host").expect("a host");
        json!({"downloadUrl": format!("http://{host}/layer?signature=x%2Fy")})
    } else {
        return Fault::None;
    };
    assert_eq!(asked["registryId"], "123456789012");
    assert_eq!(asked["repositoryName"], "team/build");
    let signed = request.header("authorization").expect("a signature");
    assert!(signed.contains("/us-west-2/ecr/aws4_request"), "{signed}");
    Fault::Answer(Answer::json(&answer))
}

/// The lines about the image, from ECR that answers so.
fn of_image(answer: impl FnMut(&Request) -> Fault + Send + 'static, name: &str) -> String {
    let account = Account::new(Jobs::Stay);
    account.register("default", &json!({"image": name}));
    let proxy = Proxy::start(Aws::server().port(), answer);
    let said = account.home_through(proxy.port()).run(["doctor"]).stdout;
    let lines = said.lines().skip_while(|line| !line.contains(" image "));
    let mut lines = lines.take(2).map(|line| line.replace(IN_ECR, "IMAGE"));
    let first = lines.next().expect("a line");
    let hint = lines.next().filter(|line| line.starts_with("  hint"));
    [Some(first), hint].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

#[test]
fn the_entrypoint_of_an_image_in_ecr_is_read() {
    let found = |words: Value| of_image(move |request| ecr(request, &words), IN_ECR);
    insta::assert_snapshot!(found(Value::Null), @"ok       image IMAGE: no ENTRYPOINT");
    insta::assert_snapshot!(found(json!(["/bin/sh", "-c"])), @r#"
    bad      image IMAGE: ENTRYPOINT ["/bin/sh", "-c"] does not run what it is given
      hint   build it with ENTRYPOINT [], or take another image
    "#);
    insta::assert_snapshot!(found(json!(["/start.sh"])), @r#"
    weak     image IMAGE: ENTRYPOINT ["/start.sh"] comes before each command
      hint   right if it ends with exec "$@", which a job tells: computes run --engine aws -- true
    "#);
}

#[test]
fn an_image_that_nobody_can_look_at() {
    let refused = |answer: Answer| {
        let is_ecr = |request: &Request| {
            request.header("x-amz-target").is_some_and(|it| it.ends_with(".BatchGetImage"))
        };
        let answer = move |request: &Request| {
            if is_ecr(request) { Fault::Answer(answer.clone()) } else { Fault::None }
        };
        of_image(answer, IN_ECR)
    };
    let denied = "User: me is not authorized to perform: ecr:BatchGetImage on resource: it";
    let denied = Answer::error(400, "AccessDeniedException", denied);
    insta::assert_snapshot!(refused(denied), @"
    unknown  image IMAGE: AWS ecr:BatchGetImage: User: me is not authorized to perform: ecr:BatchGetImage on resource: it (400)
      hint   the policy of the caller has to allow ecr:BatchGetImage: `computes policy` prints it
    ");
    let missing = json!({"images": [], "failures": [
        {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}]});
    insta::assert_snapshot!(refused(Answer::json(&missing)), @"
    bad      image IMAGE: AWS ecr:BatchGetImage: Requested image not found
      hint   push it, or register a definition with another
    ");
    let old = json!({"images": [{"imageManifest": "{\"schemaVersion\": 1}"}]});
    insta::assert_snapshot!(refused(Answer::json(&old)), @"
    unknown  image IMAGE: AWS ecr:BatchGetImage: its manifest is of a kind that is not known here
      hint   `docker pull IMAGE`, then `docker image inspect --format '{{json .Config.Entrypoint}}' IMAGE`: null and [] are right
    ");
    insta::assert_snapshot!(of_image(|_| Fault::None, "busybox"), @"
    unknown  image busybox: not in ECR, so that its ENTRYPOINT can't be read
      hint   `docker pull busybox`, then `docker image inspect --format '{{json .Config.Entrypoint}}' busybox`: null and [] are right
    ");
}
