//! Whatever becomes of an answer, and whoever is killed: one job.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli::stage::Following;
use crate::support::{Account, Answer, Aws, Fault, Home, Jobs, Proxy, Request, kill_and_wait};

pub const SUBMIT: &str = "/v1/submitjob";
pub const LIST: &str = "/v1/listjobs";

/// As many jobs of each name as the account has.
fn counts(account: &Account) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for job in account.jobs() {
        let name = job["jobName"].as_str().expect("a name").split("--").next().expect("a part");
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

/// Every point at which the exchange can be cut, a hundred in all.
fn faults() -> Vec<Fault> {
    let server_error = |status| Answer::error(status, "ServerException", "try again");
    let mut faults = vec![
        Fault::RequestCut,
        Fault::RequestLost,
        Fault::AnswerLost,
        Fault::Answer(server_error(500)),
        Fault::Answer(server_error(503)),
        Fault::AnswerInstead(server_error(500)),
        Fault::AnswerInstead(server_error(502)),
        Fault::AnswerInstead(server_error(503)),
        Fault::AnswerInstead(server_error(504)),
        Fault::AnswerInstead(Answer { status: 200, headers: vec![], body: "{}".to_owned() }),
    ];
    // The answer is some 450 bytes long.
    faults.extend((0..100 - faults.len()).map(|step| Fault::AnswerCut { after: step * 5 }));
    faults
}

fn is_submit(request: &Request) -> bool {
    request.path == SUBMIT
}

#[test]
fn a_job_whose_answer_is_lost_is_there_once_whereever_the_exchange_is_cut() {
    let account = Account::new(Jobs::Stay);
    let faults = faults();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(fault) = faults.get(number).cloned() else { return };
            let mut fault = Some(fault);
            let proxy = Proxy::start(Aws::server().port(), move |request| {
                if is_submit(request) { fault.take().unwrap_or(Fault::None) } else { Fault::None }
            });
            let home = account.home_through(proxy.port()).with("COMPUTES_AWS_TIMEOUT", "1s");
            let name = format!("cut{number}");
            let run = home.run(["submit", "--name", &name, "--", "true"]);
            let sent = proxy.requests().iter().filter(|it| is_submit(it)).count();
            if run.code != 0 || run.stdout.lines().count() != 1 || sent == 0 {
                let what = format!("{name}: {} {} {}", run.code, run.stdout, run.stderr);
                failures.lock().expect("whole").push(what);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().expect("whole");
    assert!(failures.is_empty(), "{failures:#?}");
    let counts = counts(&account);
    assert_eq!(counts.len(), 100);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

/// Submits a job whose first request reaches the server after the second was sent: then there are two. What
/// the list then shows may be behind.
fn submitted_late(
    account: &Account,
    mut list: impl FnMut() -> Fault + Send + 'static,
) -> (Proxy, Home) {
    let mut submits = 0;
    let (late, deliver) = std::sync::mpsc::channel::<usize>();
    let (delivered, go_on) = std::sync::mpsc::channel::<()>();
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if !is_submit(request) {
            return if submits == 2 && request.path == LIST { list() } else { Fault::None };
        }
        submits += 1;
        if submits == 1 {
            late.send(request.number).expect("the test listens");
            return Fault::Answer(Answer::error(500, "ServerException", "try again"));
        }
        // It was looked for and not found; now the first one arrives.
        go_on.recv().expect("the test speaks");
        Fault::None
    });
    let home = account.home_through(proxy.port());
    let submit = std::thread::scope(|scope| {
        let submit = scope.spawn(|| home.run(["submit", "--name", "late", "--", "true"]));
        let first = deliver.recv().expect("the first request");
        crate::support::eventually("the second request", || {
            (proxy.requests().iter().filter(|it| is_submit(it)).count() == 2).then_some(())
        });
        assert_eq!(proxy.deliver(first), 200);
        delivered.send(()).expect("the proxy waits");
        submit.join().expect("it ends")
    });
    assert_eq!(submit.code, 0, "{}", submit.stderr);
    assert_eq!(account.jobs().len(), 2);
    (proxy, home)
}

fn alive(account: &Account) -> Vec<Value> {
    let jobs = account.jobs().into_iter().filter(|job| job["status"] != "FAILED");
    jobs.map(|job| job["jobId"].clone()).collect()
}

#[test]
fn a_job_that_comes_late_after_all_is_ended() {
    let account = Account::new(Jobs::Stay);
    let (_proxy, home) = submitted_late(&account, || Fault::None);
    assert_eq!(alive(&account), [home.status("last")["engine_id"].clone()]);
}

/// It may be the one that the other makes way for.
#[test]
fn one_that_started_since_it_was_listed_is_left() {
    let account = Arc::new(Account::new(Jobs::Stay));
    let theirs = Arc::clone(&account);
    let (proxy, home) = submitted_late(&account, move || {
        let jobs = theirs.jobs();
        let listed = jobs.iter().zip(1..).map(|(job, created)| {
            json!({"jobId": job["jobId"], "jobName": job["jobName"], "jobArn": "arn:aws:batch:::job/x",
                "status": "RUNNABLE", "createdAt": created})
        });
        let answer = json!({"jobSummaryList": listed.collect::<Vec<_>>()});
        let later = jobs.last().and_then(|job| job["jobId"].as_str()).expect("an id");
        theirs.stage(later, json!({"status": "RUNNING"}));
        Fault::Answer(Answer::json(&answer))
    });
    let all: Vec<_> = account.jobs().iter().map(|job| job["jobId"].clone()).collect();
    assert_eq!(
        (alive(&account), home.status("last")["engine_id"].clone()),
        (all.clone(), all[0].clone())
    );
    let asked = proxy.requests().iter().any(|request| request.path == "/v1/canceljob");
    assert!(asked, "Batch is asked to leave it alone if it has started");
}

/// Kills the program while the server has its request and it has no answer.
pub fn killed_in_mid_submit(account: &Account, accepted: bool) -> Home {
    let (there, wait) = std::sync::mpsc::channel();
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if is_submit(request) {
            there.send(()).expect("the test listens");
            return if accepted { Fault::AnswerLost } else { Fault::RequestLost };
        }
        Fault::None
    });
    let home = account.home_through(proxy.port());
    let mut submit =
        home.command(["submit", "--name", "killed", "--", "true"]).spawn().expect("it starts");
    wait.recv().expect("the request");
    if accepted {
        crate::support::eventually("the job", || (!account.jobs().is_empty()).then_some(()));
    }
    kill_and_wait(submit.id(), Signal::KILL);
    submit.wait().expect("a child");
    straight(account, home)
}

/// From here on nothing stands between the home and the account.
pub fn straight(account: &Account, home: Home) -> Home {
    let variables = account.variables(Aws::server().port());
    variables.iter().fold(home, |home, (name, value)| home.with(name, value))
}

#[test]
fn a_submit_that_was_killed_is_taken_up_and_found() {
    let account = Account::new(Jobs::Stay);
    let home = killed_in_mid_submit(&account, true);
    assert_eq!(home.status("last")["state"], "submitting");
    let wait = Following::start(&home, &["wait", "last"]);
    home.until("last", "queued");
    wait.signal(Signal::TERM);
    wait.end(&home);
    assert_eq!(account.requests().len(), 1);
}

#[test]
fn a_submit_that_was_killed_before_the_server_heard_of_it_is_sent() {
    let account = Account::new(Jobs::Stay);
    let home = killed_in_mid_submit(&account, false);
    assert_eq!(account.jobs().len(), 0);
    let wait = Following::start(&home, &["wait", "last"]);
    home.until("last", "queued");
    wait.signal(Signal::TERM);
    wait.end(&home);
    assert_eq!(account.jobs().len(), 1);
}

#[test]
fn what_was_killed_can_be_cancelled_whether_it_arrived_or_not() {
    for accepted in [true, false] {
        let account = Account::new(Jobs::Stay);
        let home = killed_in_mid_submit(&account, accepted);
        let run = home.run(["cancel", "last"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(home.run(["wait", "--limit", "10s", "last"]).code, 120);
        // It is not sent in order to be ended.
        let jobs = account.jobs();
        assert_eq!(jobs.len(), usize::from(accepted), "{jobs:?}");
        assert!(jobs.iter().all(|job| job["status"] == "FAILED"), "{jobs:?}");
    }
}

/// While one process sends a job, others who wait for it leave it alone.
#[test]
fn two_do_not_send_the_same_job() {
    let account = Account::new(Jobs::Stay);
    let (there, wait) = std::sync::mpsc::channel();
    let (go_on, hold) = std::sync::mpsc::channel::<()>();
    let mut is_second = false;
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if is_submit(request) && !std::mem::replace(&mut is_second, true) {
            there.send(()).expect("the test listens");
            hold.recv().expect("the test speaks");
        }
        Fault::None
    });
    let home = account.home_through(proxy.port());
    let submit = home.command(["submit", "--", "true"]).spawn().expect("it starts");
    wait.recv().expect("the request");
    // It is told nothing of AWS that would hold it up.
    let direct = account.variables(Aws::server().port());
    let variables: Vec<_> = direct.iter().map(|(name, value)| (&**name, &**value)).collect();
    let run = home.run_with_env(&variables, &["wait", "--limit", "500ms", "last"]);
    assert_eq!(run.code, 124, "{}", run.stderr);
    assert_eq!(account.jobs().len(), 0);
    go_on.send(()).expect("the proxy waits");
    assert!(submit.wait_with_output().expect("a child").status.success());
    assert_eq!(account.jobs().len(), 1);
}

/// Cancels a job while its request is on its way, with what its account may do meanwhile.
fn cancelled_on_its_way(account: &Account, denied: &[&str]) -> (Home, crate::support::Run) {
    let (there, wait) = std::sync::mpsc::channel();
    let (go_on, hold) = std::sync::mpsc::channel::<()>();
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if is_submit(request) {
            there.send(()).expect("the test listens");
            hold.recv().expect("the test speaks");
        }
        Fault::None
    });
    let home = account.home_through(proxy.port());
    let submit = home.command(["submit", "--quiet", "--", "true"]);
    let submit = crate::cli::stage::Following::spawn(submit);
    wait.recv().expect("the request");
    let direct = account.variables(Aws::server().port());
    let variables: Vec<_> = direct.iter().map(|(name, value)| (&**name, &**value)).collect();
    let cancel = home.run_with_env(&variables, &["cancel", "last"]);
    assert_eq!(cancel.code, 0, "{}", cancel.stderr);
    assert!(cancel.stderr.contains("is being ended"), "{}", cancel.stderr);
    account.deny(denied);
    go_on.send(()).expect("the proxy waits");
    let submit = submit.end(&home);
    account.deny(&[]);
    let home = direct.iter().fold(home, |home, (name, value)| home.with(name, value));
    (home, submit)
}

/// Whoever brings it there ends it.
#[test]
fn a_job_that_is_cancelled_while_it_is_sent_is_ended_on_arrival() {
    let account = Account::new(Jobs::Stay);
    let (home, submit) = cancelled_on_its_way(&account, &[]);
    assert_eq!((submit.code, submit.stderr.as_str()), (0, ""));
    assert_eq!(account.jobs()[0]["status"], "FAILED");
    assert_eq!(home.run(["wait", "--limit", "30s", "last"]).code, 120);
}

/// Or whoever looks at it next.
#[test]
fn a_wish_that_could_not_be_passed_on_is_passed_on_later() {
    let account = Account::new(Jobs::Stay);
    let (home, submit) = cancelled_on_its_way(&account, &["batch:TerminateJob"]);
    assert_eq!(submit.code, 0);
    assert!(submit.stderr.contains("is on AWS Batch, with a doubt"), "{}", submit.stderr);
    assert_eq!(account.jobs()[0]["status"], "SUBMITTED");
    assert_eq!(home.run(["wait", "--limit", "30s", "last"]).code, 120);
    assert_eq!(account.jobs()[0]["status"], "FAILED");
}
