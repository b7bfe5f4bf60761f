//! A job of which nobody can tell whether AWS Batch has it, because it may not be looked for.

use serde_json::json;

use super::exactly_once::SUBMIT;
use crate::support::{Account, Answer, Aws, Fault, Home, Jobs, Proxy};

/// AWS Batch has the job, and the answer got lost.
fn unclear(account: &Account) -> (Home, Proxy) {
    let mut fault = Some(Fault::AnswerInstead(Answer::error(500, "ServerException", "try again")));
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if request.path == SUBMIT { fault.take().unwrap_or(Fault::None) } else { Fault::None }
    });
    account.deny(&["batch:ListJobs"]);
    let home = account.home_through(proxy.port());
    assert_eq!(home.run(["submit", "--name", "unclear", "--", "true"]).code, 125);
    assert_eq!(home.status("last")["state"], "submitting");
    (home, proxy)
}

#[test]
fn it_can_be_given_up_and_the_doubt_is_told() {
    let account = Account::new(Jobs::Stay);
    let (home, _proxy) = unclear(&account);
    let name = account.requests()[0]["jobName"].as_str().expect("a text").to_owned();
    let status = home.status("last");
    let why = status["engine_reason"].as_str().unwrap_or_default();
    assert!(why.contains("batch:ListJobs"), "{status}");
    let explained = home.run(["explain", "last"]).snapshot().replace(&name, "[name]");
    insta::assert_snapshot!(explained, @"
    exit code 0
    --- stdout
    [short] unclear submitting
    reason   whether AWS Batch has the job `[name]` is not known: AWS batch:ListJobs: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:ListJobs on resource: * because no identity-based policy allows the batch:ListJobs action (403)
    why      it was sent, and nobody could see yet whether AWS Batch has it
    hint     computes wait [short] looks for it, and sends it only if it is not there; computes cancel --give-up [short] looks no more
    ");
    assert!(home.run(["list"]).stdout.contains("whether AWS"));
    let wish = home.run(["cancel", "last"]);
    assert_eq!(wish.code, 125, "{}", wish.stderr);
    assert!(wish.stderr.contains("allow batch:ListJobs"), "{}", wish.stderr);
    assert!(wish.stderr.contains("; computes cancel --give-up "), "{}", wish.stderr);
    let job = home.status("last");
    assert_eq!(
        (&job["state"], job["cancel_requested_at"].is_null()),
        (&json!("submitting"), false)
    );

    let given_up = home.run(["cancel", "--give-up", "last"]);
    assert_eq!(given_up.code, 0, "{}", given_up.stderr);
    let look = format!("--job-queue default --filters name=JOB_NAME,values={name}");
    assert!(given_up.stderr.contains(&look), "{}", given_up.stderr);
    let job = home.status("last");
    assert_eq!(job["state"], "lost");
    assert!(job["reason"].as_str().is_some_and(|why| why.contains(&name)), "{}", job["reason"]);
    // Nobody waits for it any more, and it is not sent again.
    assert_eq!(home.run(["wait", "last"]).code, 125);
    assert_eq!(account.jobs().len(), 1);
    let explained = home.run(["explain", "last"]).snapshot().replace(&name, "[name]");
    insta::assert_snapshot!(explained, @"
    exit code 0
    --- stdout
    [short] unclear lost
    reason   given up: nobody could tell whether AWS Batch has it, as `[name]`
    why      it was sent, and may run there all the same
    hint     computes cancel [short] looks again, and ends it if it is there; computes retry [short] sends another
    ");
    let again = home.run(["retry", "last"]);
    assert_eq!((again.code, account.jobs().len()), (0, 2));
    insta::assert_snapshot!(again.snapshot(), @"
    exit code 0
    --- stdout
    [id]
    --- stderr
    warning: [short] counts as lost, and may run on AWS Batch all the same: both would
    ");
}

#[test]
fn one_that_can_be_looked_for_is_ended_and_not_given_up() {
    let account = Account::new(Jobs::Stay);
    let (home, _proxy) = unclear(&account);
    account.deny(&[]);
    let ended = home.run(["cancel", "--give-up", "--wait", "--limit", "30s", "last"]);
    // What could not be told is, by now.
    assert!(!home.run(["status", "last"]).stdout.contains("is not known"));
    assert_eq!(home.status("last")["state"], "cancelled", "{}", ended.stderr);
}
