//! Too many calls.

use std::time::Duration;

use super::exactly_once::SUBMIT;
use crate::support::{Account, Answer, Aws, Fault, Jobs, Proxy};

/// SubmitJob takes 50 calls a second of an account.
const QUOTA: usize = 50;

#[test]
fn nine_calls_of_ten_are_too_many_and_every_job_is_there_once() {
    let account = Account::new(Jobs::Stay);
    let mut count = 0;
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if request.path != SUBMIT {
            return Fault::None;
        }
        count += 1;
        if count % 10 == 0 {
            Fault::None
        } else {
            Fault::Answer(Answer::error(429, "TooManyRequestsException", "Too Many Requests"))
        }
    });
    let home = account.home_through(proxy.port());
    let lines: Vec<_> =
        (0..12).map(|n| format!("{{\"name\":\"n{n}\",\"command\":[\"true\"]}}")).collect();
    let lines = lines.join("\n");
    std::fs::write(home.work().join("jobs.jsonl"), lines).expect("written");
    let run = home.run(["submit", "--from", "jobs.jsonl"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 12);
    let mut names: Vec<_> = account
        .jobs()
        .iter()
        .map(|job| job["jobName"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), account.jobs().len()), (12, 12));
    let at: Vec<_> =
        proxy.requests().iter().filter(|it| it.path == SUBMIT).map(|it| it.at).collect();
    assert!(at.len() >= 111, "{} calls", at.len());
    for (index, from) in at.iter().enumerate() {
        let second = at[index..].iter().take_while(|it| **it - *from < Duration::from_secs(1));
        let count = second.count();
        assert!(count < QUOTA, "{count} calls in a second");
    }
}

#[test]
fn jobs_are_looked_at_by_the_hundred() {
    let account = Account::new(Jobs::Stay);
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let home = account.home_through(proxy.port()).with("COMPUTES_AWS_RATE", "1000");
    let lines = vec![r#"{"command":["true"]}"#; 120].join("\n");
    std::fs::write(home.work().join("jobs.jsonl"), lines).expect("written");
    let run = home.run(["submit", "--from", "jobs.jsonl"]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 120), "{}", run.stderr);
    let looks = || proxy.requests().iter().filter(|it| it.path == "/v1/describejobs").count();
    assert_eq!(looks(), 0);
    assert_eq!(home.run(["list", "--all", "--json"]).stdout.lines().count(), 120);
    assert_eq!(looks(), 2);
}

#[test]
fn calls_that_change_nothing_are_repeated() {
    let account = Account::new(Jobs::Succeed);
    let mut left = 3;
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if request.path != SUBMIT && left > 0 {
            left -= 1;
            let status = [500, 502, 503][left];
            return Fault::Answer(Answer::error(status, "ServerException", "try again"));
        }
        Fault::None
    });
    let home = account.home_through(proxy.port());
    let id = home.submit(["--quiet", "--", "true"]);
    let run = home.run(["wait", "--quiet", &id]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}
