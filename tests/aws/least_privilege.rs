//! The policy of the requirements allows `batch:SubmitJob` and nothing else.

use crate::support::{Account, Jobs};

/// All but SubmitJob.
const ALL_ELSE: [&str; 9] = [
    "batch:Describe*",
    "batch:List*",
    "batch:Terminate*",
    "batch:Cancel*",
    "batch:Get*",
    "batch:Register*",
    "batch:TagResource",
    "logs:*",
    "elasticfilesystem:*",
];

#[test]
fn with_it_alone_submitting_works_and_what_more_would_allow_is_said_once() {
    let account = Account::new(Jobs::Stay);
    account.deny(&ALL_ELSE);
    let home = account.home();
    insta::assert_snapshot!(home.run(["submit", "--name", "first", "--", "true"]).snapshot(), @r"
    exit code 0
    --- stdout
    [id]
    --- stderr
    note: to submit takes `batch:SubmitJob` alone; what it takes to wait, list, read logs and cancel is printed by `computes policy`
    ");
    insta::assert_snapshot!(home.run(["submit", "--name", "second", "--", "true"]).snapshot(), @r"
    exit code 0
    --- stdout
    [id]
    ");
    assert_eq!(account.jobs().len(), 2);
}

#[test]
fn without_more_a_job_is_submitted_and_cannot_be_followed() {
    let account = Account::new(Jobs::Stay);
    account.deny(&ALL_ELSE);
    let run = account.home().run(["run", "--name", "blind", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 125
    --- stderr
    [short] blind submitted to default
    error: cannot go on following [short]: AWS batch:DescribeJobs: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:DescribeJobs on resource: * because no identity-based policy allows the batch:DescribeJobs action (403)
    hint: the policy of the caller has to allow batch:DescribeJobs: `computes policy` prints it; nothing is lost, to come back: computes logs --follow [short], or computes wait [short]
    ");
    assert_eq!(account.jobs().len(), 1);
}

#[test]
fn tags_need_one_more_and_the_refusal_names_it() {
    let account = Account::new(Jobs::Stay);
    account.deny(&["batch:TagResource"]);
    let run = account.home().run(["submit", "--tag", "team=x", "--name", "tagged", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot hand [short] over: AWS batch:SubmitJob: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:TagResource on resource: * because no identity-based policy allows the batch:TagResource action (403)
    hint: the policy of the caller has to allow batch:TagResource: `computes policy` prints it; the job is kept: computes wait [short] tries again, computes cancel [short] drops it
    ");
}

#[test]
fn who_may_not_submit_is_told_what_to_allow() {
    let account = Account::new(Jobs::Stay);
    account.deny(&["batch:SubmitJob"]);
    let run = account.home().run(["submit", "--name", "denied", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot hand [short] over: AWS batch:SubmitJob: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:SubmitJob on resource: * because no identity-based policy allows the batch:SubmitJob action (403)
    hint: the policy of the caller has to allow batch:SubmitJob: `computes policy` prints it; the job is kept: computes wait [short] tries again, computes cancel [short] drops it
    ");
    assert_eq!(account.jobs().len(), 0);
}

/// What the ledger knows is shown all the same.
#[test]
fn who_may_not_look_at_jobs_sees_what_is_known_here() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    home.submit(["--name", "known", "--", "true"]);
    account.deny(&["batch:DescribeJobs"]);
    let status = home.run(["status", "last"]);
    assert_eq!((status.code, status.stdout.contains("known")), (0, true));
    assert!(status.stderr.contains("warning: as it was when last looked at"), "{}", status.stderr);
    insta::assert_snapshot!(home.run(["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] known queued
    unknown  how it stands now: AWS batch:DescribeJobs: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:DescribeJobs on resource: * because no identity-based policy allows the batch:DescribeJobs action (403)
    hint     the policy of the caller has to allow batch:DescribeJobs: `computes policy` prints it
    ");
}

/// Of several each is named.
#[test]
fn who_may_not_end_jobs_is_told_of_each() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    for name in ["one", "two"] {
        home.submit(["--name", name, "--", "true"]);
    }
    account.deny(&["batch:TerminateJob"]);
    let run = home.run(["cancel", "--all"]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 125
    --- stderr
    warning: cannot cancel [short]: AWS batch:TerminateJob: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:TerminateJob on resource: * because no identity-based policy allows the batch:TerminateJob action (403)
    error: cannot cancel [short]: AWS batch:TerminateJob: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:TerminateJob on resource: * because no identity-based policy allows the batch:TerminateJob action (403)
    hint: the policy of the caller has to allow batch:TerminateJob: `computes policy` prints it
    ");
}

#[test]
fn the_policy_of_a_verb() {
    let home = crate::support::Home::new();
    insta::assert_snapshot!(home.looks(&["policy", "submit", "wait", "logs"]), @r#"
    exit code 0
    --- stdout
    {
      "Statement": [
        {
          "Action": [
            "batch:DescribeJobs"
          ],
          "Effect": "Allow",
          "Resource": [
            "*"
          ]
        },
        {
          "Action": [
            "batch:SubmitJob"
          ],
          "Effect": "Allow",
          "Resource": [
            "arn:aws:batch:*:*:job-definition/default",
            "arn:aws:batch:*:*:job-definition/default:*",
            "arn:aws:batch:*:*:job-queue/default",
            "arn:aws:batch:*:*:job-queue/asap",
            "arn:aws:batch:*:*:job-queue/default-uninterruptible",
            "arn:aws:batch:*:*:job-queue/asap-uninterruptible",
            "arn:aws:batch:*:*:job/*"
          ]
        },
        {
          "Action": [
            "batch:GetJobQueueSnapshot"
          ],
          "Effect": "Allow",
          "Resource": [
            "arn:aws:batch:*:*:job-queue/default",
            "arn:aws:batch:*:*:job-queue/asap",
            "arn:aws:batch:*:*:job-queue/default-uninterruptible",
            "arn:aws:batch:*:*:job-queue/asap-uninterruptible"
          ]
        },
        {
          "Action": [
            "batch:TerminateJob"
          ],
          "Effect": "Allow",
          "Resource": [
            "arn:aws:batch:*:*:job/*"
          ]
        },
        {
          "Action": [
            "logs:GetLogEvents"
          ],
          "Effect": "Allow",
          "Resource": [
            "arn:aws:logs:*:*:log-group:/aws/batch/job:log-stream:*"
          ]
        }
      ],
      "Version": "2012-10-17"
    }
    "#);
    insta::assert_snapshot!(home.refuses(&["policy", "fly"]), @r"
    exit code 2
    --- stderr
    error: `fly` asks nothing of AWS, or is no verb
    hint: give some of submit, run, wait, status, list, logs, files, cancel, retry, queues, explain, doctor, once, tags, source, urls, inside, secrets
    ");
}
