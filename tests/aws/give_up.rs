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
    let name = account.requests()[0]["jobName"].as_str().expect("a text").to_owned();
    let look = format!("--job-queue default --filters name=JOB_NAME,values={name}");
    assert!(given_up.stderr.contains(&look), "{}", given_up.stderr);
    let job = home.status("last");
    assert_eq!(job["state"], "lost");
    assert!(job["reason"].as_str().is_some_and(|why| why.contains(&name)), "{}", job["reason"]);
    // Nobody waits for it any more, and it is not sent again.
    assert_eq!(home.run(["wait", "last"]).code, 125);
    assert_eq!(account.jobs().len(), 1);
}

#[test]
fn one_that_can_be_looked_for_is_ended_and_not_given_up() {
    let account = Account::new(Jobs::Stay);
    let (home, _proxy) = unclear(&account);
    account.deny(&[]);
    let ended = home.run(["cancel", "--give-up", "--wait", "--limit", "30s", "last"]);
    assert_eq!(home.status("last")["state"], "cancelled", "{}", ended.stderr);
}
