//! Fargate has only some sizes. Where a queue is known to be there, they are looked at before anything
//! is written; and where Batch refuses one, the nearest are named.

use serde_json::json;

use crate::support::{Account, Answer, Aws, Fault, Jobs, Proxy};

/// Puts the queue `default` on another compute environment.
fn on(account: &Account, environment: &str) {
    let (region, account_id) = (account.field("region"), account.id());
    let arn = format!("arn:aws:batch:{region}:{account_id}:compute-environment/{environment}");
    let order = format!("order=1,computeEnvironment={arn}");
    let words = ["batch", "update-job-queue", "--job-queue", "default"];
    account.aws(&[&words[..], &["--compute-environment-order", &order]].concat());
}

fn with_fargate(jobs: Jobs) -> Account {
    let account = Account::new(jobs);
    let subnets = account.fields("subnets");
    let resources = json!({
        "type": "FARGATE", "maxvCpus": 64, "subnets": subnets,
        "securityGroupIds": [account.field("securityGroup")],
    });
    account.aws(&[
        "batch",
        "create-compute-environment",
        "--compute-environment-name",
        "fargate",
        "--type",
        "MANAGED",
        "--service-role",
        &account.field("role"),
        "--compute-resources",
        &resources.to_string(),
    ]);
    on(&account, "fargate");
    account
}

#[test]
fn where_a_queue_is_known_to_be_on_fargate_sizes_are_looked_at() {
    let account = with_fargate(Jobs::Stay);
    let home = account.home();
    let small = ["submit", "--vcpus", "1", "--memory", "1024", "--", "true"];
    // Nobody looked yet, and a submit may not.
    assert_eq!(home.run(small).code, 0);
    assert_eq!(home.run(["queues"]).code, 0);
    insta::assert_snapshot!(home.run(small).snapshot(), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: the queue `default` is on Fargate: Fargate has no 1 vCPU with 1024 MiB
    hint: the nearest it has: --vcpus 1 --memory 2048, or --vcpus 0.5 --memory 1024; `computes queues` looks again where it runs
    ");
    insta::assert_snapshot!(home.run(["submit", "--gpus", "1", "--", "true"]).snapshot(), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: the queue `default` is on Fargate: Fargate has no GPUs
    hint: leave out --gpus, or submit to a queue on EC2; `computes queues` looks again where it runs
    ");
    assert_eq!(home.run(["submit", "--memory", "3000", "--", "true"]).code, 2);
    assert_eq!(home.jobs_of_the_ledger(), 1);
    for fits in [&["--vcpus", "1", "--memory", "2048"][..], &["--memory", "1024"], &[]] {
        assert_eq!(home.run([&["submit"], fits, &["--", "true"]].concat()).code, 0, "{fits:?}");
    }
    let elsewhere = [&small[..5], &["--queue", "asap", "--", "true"]].concat();
    assert_eq!(home.run(elsewhere).code, 0);
    // What was seen is seen anew.
    on(&account, "spot");
    assert_eq!(home.run(["queues"]).code, 0);
    assert_eq!(home.run(small).code, 0);
}

#[test]
fn doctor_sees_settings_that_fargate_has_not() {
    let account = with_fargate(Jobs::Stay);
    let home = account.home();
    home.write("computes.toml", "vcpus = 1\nmemory = \"1GiB\"\n");
    let doctor = home.run(["doctor"]);
    assert_eq!(doctor.code, 125, "{}", doctor.stdout);
    let size = "bad      sizes in queue default: Fargate has no 1 vCPU with 1024 MiB\n  hint   the nearest it has: --vcpus 1 --memory 2048";
    assert!(doctor.stdout.contains(size), "{}", doctor.stdout);
    assert_eq!(home.run(["submit", "--", "true"]).code, 2);
}

#[test]
fn a_size_that_batch_refuses_is_told_with_the_nearest() {
    let account = Account::new(Jobs::Stay);
    let says = "Error executing request, Exception : Fargate resource requirements (1.00 vCPU, 1024 MiB) not valid., RequestId: 1";
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if request.path.ends_with("/submitjob") {
            Fault::Answer(Answer::error(400, "ClientException", says))
        } else {
            Fault::None
        }
    });
    let home = account.home_through(proxy.port());
    insta::assert_snapshot!(home.run(["submit", "--memory", "1024", "--", "true"]).snapshot(), @"
    exit code 125
    --- stderr
    error: cannot hand [short] over: AWS batch:SubmitJob: Error executing request, Exception : Fargate resource requirements (1.00 vCPU, 1024 MiB) not valid., RequestId: 1 (400)
    hint: the nearest it has: --vcpus 1 --memory 2048, or --vcpus 0.5 --memory 1024
    ");
    insta::assert_snapshot!(home.run(["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] true failed
    reason   AWS batch:SubmitJob: Error executing request, Exception : Fargate resource requirements (1.00 vCPU, 1024 MiB) not valid., RequestId: 1 (400)
    why      AWS Batch never had the job
    hint     the nearest it has: --vcpus 1 --memory 2048, or --vcpus 0.5 --memory 1024
    ");
}
