//! Queues and job definitions that are named by their ARN: the job goes where that says.

use serde_json::json;

use crate::support::{Account, Aws, Fault, Jobs, Proxy};

/// The region that a call was signed for.
fn region(request: &crate::support::Request) -> String {
    let signed = request.header("authorization").unwrap_or_default();
    signed.split('/').nth(2).unwrap_or_default().to_owned()
}

#[test]
fn a_job_goes_to_the_region_of_its_queue() {
    let account = Account::new(Jobs::Stay);
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let arn = format!("arn:aws:batch:{}:{}:job-queue/asap", account.field("region"), account.id());
    // The account's own region, which the caller has not set.
    let home = account.home_through(proxy.port()).with("AWS_REGION", "ap-northeast-1");
    let id = home.submit(["--queue", &arn, "--name", "far", "--", "true"]);
    let sent = account.requests().remove(0);
    assert_eq!(sent["jobQueue"], arn.as_str());
    let job = home.status(&id);
    assert_eq!((&job["queue"], &job["queue_arn"]), (&json!("asap"), &json!(arn)));
    assert_eq!(job["state"], "queued");
    assert_eq!(home.run(["explain", &id]).code, 0);
    assert_eq!(home.run(["cancel", &id]).code, 0);
    assert!(proxy.requests().iter().all(|request| region(request) == account.field("region")));
    // The same with a definition.
    let definition = account.definition_arn();
    home.submit(["--job-definition", &definition, "--", "true"]);
    let sent = account.requests().remove(1);
    assert_eq!(
        (&sent["jobDefinition"], &sent["jobQueue"]),
        (&json!(definition), &json!("default"))
    );
    assert!(proxy.requests().iter().all(|request| region(request) == account.field("region")));
    // A job of there is found by its ARN.
    let there = account.home_through(proxy.port()).with("AWS_REGION", "ap-northeast-1");
    let engine_id = home.engine_id_of(&id);
    let job = arn.replace("job-queue/asap", &format!("job/{engine_id}"));
    assert_eq!(there.run(["status", &job]).code, 0);
}

#[test]
fn with_the_queue_of_the_settings_everything_is_looked_for_there() {
    let account = Account::new(Jobs::Stay);
    let arn = format!("arn:aws:batch:{}:{}:job-queue/asap", account.field("region"), account.id());
    let home = account.home().with("AWS_REGION", "ap-northeast-1");
    home.write("computes.toml", &format!("queue = \"{arn}\"\n"));
    home.submit(["--", "true"]);
    assert_eq!(account.requests()[0]["jobQueue"], arn.as_str());
    let queues = home.run(["queues", "--json"]).json();
    assert!(queues.iter().all(|queue| queue["aws"]["state"] == "ENABLED"), "{queues:?}");
    assert_eq!(home.run(["list", "--json"]).json().len(), 1);
}

#[test]
fn a_queue_of_another_account_is_sent_as_it_is_named() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let arn = format!("arn:aws:batch:{}:999999999999:job-queue/default", account.field("region"));
    // Batch decides; what it must not be is the queue of that name here.
    home.run(["submit", "--queue", &arn, "--", "true"]);
    assert_eq!(account.requests()[0]["jobQueue"], arn.as_str());
    let job = home.status("last");
    assert_eq!((&job["state"], &job["class"]), (&json!("failed"), &json!("refused")));
}
