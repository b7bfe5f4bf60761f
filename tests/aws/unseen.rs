//! A job that may have been sent and that no list shows yet: its end is asked for, it counts as over,
//! or another machine looks for it.

use serde_json::json;

use super::exactly_once::{SUBMIT, killed_in_mid_submit, straight};
use super::fence::{no_answer, sent_twice, unclear};
use crate::cli::stage::Following;
use crate::support::{Account, Aws, Fault, Home, Jobs, Proxy, Run, eventually};

/// AWS Batch has the job, and whoever sent it does not know. The list shows it so many seconds later.
fn sent(list_lag: f64) -> (Account, Home) {
    let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": list_lag}));
    let home = killed_in_mid_submit(&account, true);
    (account, home)
}

fn statuses(account: &Account) -> Vec<String> {
    let jobs = account.jobs();
    jobs.iter().map(|job| job["status"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn who_cancels_it_waits_until_the_list_shows_it() {
    let (account, home) = sent(3.0);
    let home = home.with("COMPUTES_AWS_SETTLE", "1s");
    insta::assert_snapshot!(home.run(["cancel", "last"]).snapshot(), @"
    exit code 0
    --- stderr
    note: looking for [short] on AWS Batch, whose list is late at times: it may have been sent, or more than once
    [short] cancelled
    ");
    assert_eq!(statuses(&account), ["FAILED"]);
    assert_eq!(home.run(["wait", "--limit", "10s", "last"]).code, 120);
}

#[test]
fn what_shows_up_after_all_can_be_ended() {
    let (account, home) = sent(10.0);
    let cancelled = home.run(["cancel", "last"]);
    let cancelled = cancelled.snapshot_without("(?m)^note: looking for .*\n", "");
    insta::assert_snapshot!(cancelled, @"
    exit code 0
    --- stderr
    [short] cancelled
    warning: [short]: it may have been sent, and the list of AWS Batch did not show it for [took] ; computes cancel [short] looks again, and ends it if it is there
    ");
    let id = home.status("last")["id"].as_str().expect("an id").to_owned();
    insta::assert_snapshot!(home.run(["explain", &id]).snapshot(), @"
    exit code 0
    --- stdout
    [short] killed cancelled
    reason   cancelled by the user
    why      it was sent, and may run there all the same
    hint     computes cancel [short] looks again, and ends it if it is there; computes retry [short] sends another
    ");
    assert_eq!(statuses(&account), ["SUBMITTED"]);
    let again = home.run(["retry", &id]);
    assert!(
        again.stderr.contains("may run on AWS Batch all the same: both would"),
        "{}",
        again.stderr
    );
    assert_eq!(home.run(["cancel", again.stdout.trim()]).code, 0);
    // It goes on there, and is a job of its own.
    let engine_id = account.jobs()[0]["jobId"].as_str().expect("an id").to_owned();
    let rows = eventually("the list shows it", || {
        let rows = home.run(["list", "--json", "--all"]).json();
        rows.iter().any(|row| row["engine_id"] == engine_id.as_str()).then_some(rows)
    });
    let state_of = |field: &str, value: &str| {
        let row = rows.iter().find(|row| row[field] == value).expect("a row");
        row["state"].clone()
    };
    assert_eq!(state_of("id", &id), json!("cancelled"));
    assert_eq!(state_of("engine_id", &engine_id), json!("queued"));
    assert_eq!(home.status(&engine_id)["state"], "queued");
    // By the one id or the other.
    insta::assert_snapshot!(home.run(["cancel", &id, "--wait"]).snapshot(), @"
    exit code 0
    --- stderr
    [short] is on AWS Batch as [short]: cancelled
    ");
    assert_eq!(statuses(&account)[0], "FAILED");
    assert_eq!(home.run(["wait", "--limit", "10s", &engine_id]).code, 120);
    // There is no doubt any more.
    assert!(home.run(["explain", &id]).stdout.contains("before it was seen on AWS Batch"));
    insta::assert_snapshot!(home.run(["cancel", &id]).snapshot(), @"
    exit code 0
    --- stderr
    [short] is over already: cancelled
    ");
}

#[test]
fn while_it_is_looked_for_the_list_has_one_row() {
    let (_account, home) = sent(0.0);
    let rows = home.run(["list", "--json"]).json();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["state"], "submitting");
}

/// A step of a pipeline hands the id on.
#[test]
fn another_machine_waits_until_the_list_shows_a_new_job() {
    let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": 1.5}));
    let id = account.home().submit(["--", "true"]);
    let there = account.home().with("COMPUTES_AWS_SETTLE", "10s");
    assert_eq!(there.run(["status", &id]).code, 0);
    // One that nobody made just now is not waited for.
    let old = "019a0000-5b7c-7d11-8f0a-3f9c2a71b0de";
    let begun = std::time::Instant::now();
    assert_eq!(there.run(["status", old]).code, 2);
    assert!(begun.elapsed().as_secs() < 5);
}

/// The doubt is no reason to stop.
#[test]
fn who_waits_for_what_may_be_there_twice_hears_so_and_waits_on() {
    let account = Account::in_scene(Jobs::Run, &json!({"list_lag": 30}));
    let home = killed_in_mid_submit(&account, true);
    insta::assert_snapshot!(home.run(["wait", "--limit", "30s", "last"]).snapshot_of_the_end(), @"
    exit code 0
    --- stderr
    warning: [short] is on AWS Batch, with a doubt: the list of AWS Batch does not show all of it [took] after it was sent more than once, so that it may be there twice; the one that starts second runs nothing, if jobs share the file system of /files
    [short] killed succeeded after [took]
    ");
}

/// Who asks for its end while another process looks for it keeps that from sending it again.
#[test]
fn what_is_to_end_is_not_sent_again() {
    let (account, home) = sent(30.0);
    let home = home.with("COMPUTES_AWS_SETTLE", "5s");
    let waiting = Following::start(&home, &["wait", "last"]);
    waiting.until_it_listens();
    assert_eq!(home.run(["cancel", "last"]).code, 0);
    assert_eq!(waiting.end(&home).code, 120);
    assert_eq!(account.requests().len(), 1);
}

/// Without a fence both run: the one that is known is ended, and the other when the list shows them.
#[test]
fn of_what_was_sent_twice_both_are_ended() {
    let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": 3}));
    let (_proxy, home) = sent_twice(&account);
    let submit = home.run(["submit", "--no-files", "--", "true"]);
    assert!(submit.stderr.contains("both would run"), "{}", submit.stderr);
    assert_eq!(statuses(&account).len(), 2);
    let home = home.with("COMPUTES_AWS_SETTLE", "1s");
    let cancelled = home.run(["cancel", "--wait", "last"]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    assert_eq!(statuses(&account), ["FAILED", "FAILED"]);
    // Where the list stays blind, the doubt is told, and the next call looks again.
    let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": 12}));
    let (_proxy, home) = sent_twice(&account);
    home.run(["submit", "--no-files", "--name", "twice", "--", "true"]);
    let cancelled = home.run(["cancel", "last"]);
    let cancelled = cancelled.snapshot_without("(?m)^note: looking for .*\n", "");
    insta::assert_snapshot!(cancelled, @"
    exit code 125
    --- stderr
    error: cannot cancel [short]: its end is asked for, and it was sent more than once: whether another of it runs is not known: it may have been sent, and the list of AWS Batch did not show it for [took]
    hint: computes cancel looks again
    ");
    assert_eq!(statuses(&account).iter().filter(|it| *it == "FAILED").count(), 1);
    assert!(home.run(["explain", "last"]).stdout.contains("another of it may run there"));
    eventually("the list shows them", || (home.run(["cancel", "last"]).code == 0).then_some(()));
    assert_eq!(statuses(&account), ["FAILED", "FAILED"]);
}

/// Submits a job whose first answers say nothing, of which the list shows the first before the second.
fn sent_and_sent(answers: [Fault; 2]) -> (Account, Home, Run) {
    let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": 4}));
    let mut answers = answers.into_iter();
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if request.path == SUBMIT { answers.next().unwrap_or(Fault::None) } else { Fault::None }
    });
    let home = account.home_through(proxy.port()).with("COMPUTES_AWS_SETTLE", "3s");
    let submit = home.run(["submit", "--no-files", "--", "true"]);
    assert_eq!(submit.code, 0, "{}", submit.stderr);
    let home = straight(&account, home);
    (account, home, submit)
}

#[test]
fn the_second_is_waited_for_when_the_list_shows_the_first() {
    let (account, _home, submit) = sent_and_sent([unclear(), unclear()]);
    assert!(!submit.stderr.contains("doubt"), "{}", submit.stderr);
    let mut statuses = statuses(&account);
    statuses.sort();
    assert_eq!(statuses, ["FAILED", "SUBMITTED"]);
}

#[test]
fn a_second_that_no_list_shows_is_a_doubt_until_it_would_show_it() {
    let (account, home, submit) = sent_and_sent([unclear(), Fault::Answer(no_answer())]);
    assert!(submit.stderr.contains("it may be there twice"), "{}", submit.stderr);
    let home = home.with("COMPUTES_AWS_SETTLE", "1s");
    let cancelled = home.run(["cancel", "--wait", "last"]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    assert_eq!(statuses(&account), ["FAILED"]);
    assert!(!home.run(["explain", "last"]).stdout.contains("another of it"));
}

#[test]
fn the_limit_holds_while_it_is_looked_for() {
    let (_account, home) = sent(30.0);
    let home = home.with("COMPUTES_AWS_SETTLE", "5s");
    insta::assert_snapshot!(home.run(["cancel", "--wait", "--limit", "1s", "last"]).snapshot(), @"
    exit code 124
    --- stderr
    warning: the limit was reached before all was looked for and ended. To go on: computes cancel [short]
    ");
    assert!(!home.status("last")["cancel_requested_at"].is_null());
}

/// One that was ended before its container started has claimed nothing, so the other would run.
#[test]
fn of_what_was_sent_twice_and_has_not_started_both_are_ended_also_with_a_fence() {
    let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": 3}));
    let (_proxy, home) = sent_twice(&account);
    let submit = home.run(["submit", "--", "true"]);
    assert!(submit.stderr.contains("runs nothing"), "{}", submit.stderr);
    let home = home.with("COMPUTES_AWS_SETTLE", "1s");
    let cancelled = home.run(["cancel", "--wait", "last"]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    assert_eq!(statuses(&account), ["FAILED", "FAILED"]);
    assert!(!home.run(["explain", "last"]).stdout.contains("another of it"));
}
