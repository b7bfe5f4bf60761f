//! The queues as AWS has them.

use serde_json::json;

use crate::support::{Account, Jobs};

#[test]
fn they_are_shown_with_everybodys_jobs() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let id = home.submit(["--queue", "asap", "--", "true"]);
    account.home().submit(["--queue", "asap", "--", "true"]);
    account.stage(&home.engine_id_of(&id), json!({"status": "RUNNING"}));
    account.aws(&[
        "batch",
        "update-compute-environment",
        "--compute-environment",
        "ondemand",
        "--state",
        "DISABLED",
    ]);
    insta::assert_snapshot!(home.run(["queues"]).snapshot(), @"
    exit code 0
    --- stdout
    QUEUE                    PRIORITY  QUEUED  RUNNING  STATE          COMPUTE ENVIRONMENTS
    default                  1         0       0        ENABLED VALID  spot (SPOT, ? of 256 vCPUs)
    asap                     10        1       1        ENABLED VALID  spot (SPOT, ? of 256 vCPUs)
    default-uninterruptible  1         0       0        ENABLED VALID  ondemand (EC2, ? of 256 vCPUs) DISABLED VALID
    asap-uninterruptible     10        0       0        ENABLED VALID  ondemand (EC2, ? of 256 vCPUs) DISABLED VALID
    ");
    let asap = home.run(["queues", "--json"]).json().remove(1);
    assert_eq!(asap["jobs"], json!({"queued": 1, "running": 1}));
    assert_eq!(asap["aws"]["compute_environments"][0]["name"], "spot");
}

#[test]
fn without_the_right_to_count() {
    let account = Account::new(Jobs::Stay);
    account.deny(&["batch:ListJobs"]);
    insta::assert_snapshot!(account.home().run(["queues"]).snapshot(), @"
    exit code 0
    --- stdout
    QUEUE                    PRIORITY  QUEUED  RUNNING  STATE          COMPUTE ENVIRONMENTS
    default                  1         0       0        ENABLED VALID  spot (SPOT, ? of 256 vCPUs)
    asap                     10        0       0        ENABLED VALID  spot (SPOT, ? of 256 vCPUs)
    default-uninterruptible  1         0       0        ENABLED VALID  ondemand (EC2, ? of 256 vCPUs)
    asap-uninterruptible     10        0       0        ENABLED VALID  ondemand (EC2, ? of 256 vCPUs)
    --- stderr
    note: jobs are not counted: AWS batch:ListJobs: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:ListJobs on resource: * because no identity-based policy allows the batch:ListJobs action (403)
    ");
}
