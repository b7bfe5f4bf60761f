//! Two jobs of AWS Batch for one submission, of which the ledger's is the one that comes second, whatever
//! is late, may not be asked, or looks alike: the command runs once for each attempt, its exit code is
//! the job's, and what it wrote is shown or said to be missing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use computes::plan::Fence;
use serde_json::{Value, json};

use super::fence::ran;
use crate::support::{Account, Aws, Fault, Home, Jobs, Proxy, eventually};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    /// It shows both, but not while they are sent.
    Late,
    Blind,
    /// Nobody may ask for it, after they were sent.
    Denied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    Prompt,
    Late,
    /// Nobody waits so long.
    TooLate,
    Denied,
}

#[derive(Debug, Clone, Copy)]
struct Scene {
    fence: Fence,
    list: List,
    log: Log,
    attempts: u32,
    code: i32,
}

impl Scene {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for list in [List::Late, List::Blind, List::Denied] {
            for log in [Log::Prompt, Log::Late, Log::TooLate, Log::Denied] {
                let by_bucket = (list == List::Blind).then_some((2, Fence::Bucket));
                let fences = [(1, Fence::Files), (2, Fence::Files)].into_iter().chain(by_bucket);
                for (attempts, fence) in fences {
                    // A success without its log is another matter (tests/aws/began.rs).
                    let codes =
                        [0, 7, 119].into_iter().filter(|code| (*code, log) != (0, Log::TooLate));
                    all.extend(codes.map(|code| Self { fence, list, log, attempts, code }));
                }
            }
        }
        all
    }

    /// Does anything tell which of the two came first?
    fn can_be_told(self) -> bool {
        matches!(self.log, Log::Prompt | Log::Late) || (self.list == List::Late && self.code != 119)
    }

    fn account(self) -> Account {
        let lag = if self.list == List::Late { 0.7 } else { 60.0 };
        let log_lag = match self.log {
            Log::Prompt | Log::Denied => 0.0,
            Log::Late => 0.5,
            Log::TooLate => 60.0,
        };
        let scene = json!({"list_lag": lag, "log_lag": log_lag});
        match self.fence {
            Fence::Files => Account::in_scene(Jobs::Run, &scene),
            Fence::Bucket => Account::with_program_in_scene(Jobs::Run, 0, &scene),
        }
    }

    fn denied(self) -> Vec<&'static str> {
        let list = (self.list == List::Denied).then_some("batch:ListJobs");
        list.into_iter().chain((self.log == Log::Denied).then_some("logs:*")).collect()
    }

    /// What is wrong with how it went.
    fn problems(self) -> Vec<String> {
        let account = self.account();
        let (_proxy, home) = sent_twice(&account);
        let command = format!(
            "echo hello $AWS_BATCH_JOB_ATTEMPT; echo $AWS_BATCH_JOB_ID >> /mnt/efs/ran-{}; exit {}",
            account.id(),
            self.code
        );
        let attempts = self.attempts.to_string();
        let options = ["--attempts", &attempts, "--retry-on", "any"];
        let by_bucket: &[_] = match self.fence {
            Fence::Files => &[],
            Fence::Bucket => &["--no-files", "--stdin", "in"],
        };
        home.write("in", "");
        let home = home.with("COMPUTES_BUCKET", &account.field("bucket"));
        home.submit([&options, by_bucket, &["--", "sh", "-c", &command]].concat());
        account.deny(&self.denied());
        let logs = home.run(["logs", "--follow", "last"]);
        let wait = home.run(["wait", "--limit", "30s", "last"]);

        let mut problems = Vec::new();
        let mut check = |holds: bool, what: String| problems.extend((!holds).then_some(what));
        let jobs = account.jobs();
        check(jobs.len() == 2, format!("{} jobs", jobs.len()));
        let ran = ran(&account);
        let expected = if self.code == 0 { 1 } else { self.attempts };
        check(ran.len() == expected as usize, format!("ran {ran:?}"));
        check(ran.iter().all(|it| *it == ran[0]), format!("ran in both: {ran:?}"));
        let status = home.status("last");
        if self.can_be_told() {
            check(wait.code == self.code, format!("exit code {}: {}", wait.code, wait.stderr));
            check(status["engine_id"] == ran[0].as_str(), "the other is followed".to_owned());
        } else {
            let doubt = wait.code == 119 && wait.stderr.contains("nobody could see which");
            let is_it = wait.code == self.code && status["engine_id"] == ran[0].as_str();
            check(doubt || is_it, format!("no doubt with {}: {}", wait.code, wait.stderr));
        }
        let hello: Vec<_> = (1..=expected).map(|attempt| format!("hello {attempt}")).collect();
        let told = if let Log::Denied | Log::TooLate = self.log {
            let why = if self.log == Log::Denied { "GetLogEvents" } else { "lacks the line" };
            logs.stdout.is_empty() && logs.stderr.contains(why)
        } else {
            logs.stdout.lines().eq(hello)
        };
        check(told, format!("log {:?}: {}", logs.stdout, logs.stderr));
        problems
    }
}

/// The first is taken, and the answer says that it was not.
fn sent_twice(account: &Account) -> (Proxy, Home) {
    let (proxy, home) = super::fence::sent_twice(account);
    (proxy, home.with("COMPUTES_AWS_LOG_SETTLE", "1500ms"))
}

#[test]
fn the_one_that_ran_is_followed_whatever_is_late_or_denied() {
    if !Aws::server().isolates() {
        return;
    }
    let scenes = Scene::all();
    let next = AtomicUsize::new(0);
    let problems = Mutex::new(Vec::new());
    let work = || {
        while let Some(scene) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = scene.problems().into_iter().map(|what| format!("{scene:?}: {what}"));
            problems.lock().expect("whole").extend(found);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(work);
        }
    });
    let problems = problems.into_inner().expect("whole");
    assert!(problems.is_empty(), "{problems:#?}");
}

/// What Batch says of attempts.
fn attempt(code: i32, stream: &str) -> Value {
    let container = json!({"exitCode": code, "logStreamName": stream});
    let reason = "Essential container in task exited";
    json!({"startedAt": 1, "stoppedAt": 2, "container": container, "statusReason": reason})
}

/// The first attempt of the second was taken away before it came to the fence.
#[test]
fn attempts_of_the_first_come_after_those_that_the_second_had() {
    let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": 60}));
    let (_proxy, home) = sent_twice(&account);
    let id = home.submit(["--attempts", "3", "--retry-on", "any", "--", "true"]);
    let second = home.engine_id_of(&id);
    let jobs = account.jobs();
    let mut first = jobs.iter().map(|job| job["jobId"].as_str().expect("an id"));
    let first = first.find(|job| *job != second).expect("another").to_owned();
    let began = format!("computes: job {id} attempt 1");
    account.log("taken", &[&began, "taken away"]);
    account.stage(&second, json!({"status": "RUNNABLE", "attempts": [attempt(137, "taken")]}));
    assert_eq!(home.status(&id)["attempt"], 1);
    let says = format!("computes: job {id} is {first}, which came first: nothing is run here");
    account.log("fenced", &[&began.replace("attempt 1", "attempt 2"), &says]);
    let attempts = json!([attempt(137, "taken"), attempt(119, "fenced")]);
    account.stage(&second, json!({"status": "FAILED", "attempts": attempts}));
    account.log("failed", &[&began, "failed"]);
    account.log("done", &[&began.replace("attempt 1", "attempt 2"), "done"]);
    let attempts = json!([attempt(119, "failed"), attempt(0, "done")]);
    account.stage(&first, json!({"status": "SUCCEEDED", "attempts": attempts}));
    let logs = home.run(["logs", "--follow", &id]);
    assert_eq!(logs.stdout, "taken away\nfailed\ndone\n", "{}", logs.stderr);
    assert_eq!(home.run(["wait", "--limit", "30s", &id]).code, 0);
    let status = home.status(&id);
    assert_eq!((&status["engine_id"], &status["attempt"]), (&json!(first), &json!(3)));
}

/// The exit code of its own is no sign of the fence.
#[test]
fn a_command_that_ends_with_119_by_itself_is_told_as_that() {
    if !Aws::server().isolates() {
        return;
    }
    let account = Account::new(Jobs::Run);
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let home = account.home_through(proxy.port());
    let run = home.run(["run", "--quiet", "--", "sh", "-c", "echo why; exit 119"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (119, "why\n", ""));
    let run = home.run(["run", "--name", "silent", "--", "sh", "-c", "exit 119"]);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 119
    --- stderr
    [short] silent submitted to default
    [short] silent failed after [took] : exit code 119
    ");
    // What its log tells needs no list.
    assert!(proxy.requests().iter().all(|it| it.path != "/v1/listjobs"));
    account.deny(&["logs:*"]);
    let run = home.run(["run", "--name", "unseen", "--", "sh", "-c", "exit 119"]);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 119
    --- stderr
    [short] unseen submitted to default
    warning: no more of the log: AWS logs:GetLogEvents: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: logs:GetLogEvents on resource: * because no identity-based policy allows the logs:GetLogEvents action (400)
    [short] unseen failed after [took] : exit code 119, the command's own, or another job of the same submission came first and nothing ran here; nobody could see which: AWS logs:GetLogEvents: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: logs:GetLogEvents on resource: * because no identity-based policy allows the logs:GetLogEvents action (400)
    ");
    insta::assert_snapshot!(home.run(["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] unseen failed (FAILED)
    reason   Essential container in task exited
    why      it failed: exit code 119, the command's own, or another job of the same submission came first and nothing ran here; nobody could see which: AWS logs:GetLogEvents: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: logs:GetLogEvents on resource: * because no identity-based policy allows the logs:GetLogEvents action (400)
    hint     its log on AWS says whether another job came first, and which: `computes policy logs` prints what it takes to read it
    ");
    // It is looked for once.
    let lists = proxy.requests().iter().filter(|it| it.path == "/v1/listjobs").count();
    assert_eq!(lists, 1);
}

#[test]
fn from_another_machine_it_is_one_job() {
    if !Aws::server().isolates() {
        return;
    }
    let account = Account::in_scene(Jobs::Run, &json!({"list_lag": 1}));
    let (_proxy, home) = sent_twice(&account);
    let id = home.submit(["--name", "twice", "--", "sh", "-c", "exit 7"]);
    let second = home.engine_id_of(&id);
    for job in account.jobs() {
        account.until(job["jobId"].as_str().expect("an id"), "FAILED");
    }
    let there = account.home();
    eventually("the list shows it", || {
        (!there.run(["list", "--json"]).json().is_empty()).then_some(())
    });
    for home in [&there, &home] {
        let listed = home.run(["list", "--json"]).json();
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(listed[0]["id"], id.as_str());
    }
    for name in [&id, &second] {
        let there = account.home();
        let wait = there.run(["wait", "--limit", "30s", name]);
        assert_eq!(wait.code, 7, "{name}: {}", wait.stderr);
        let listed = there.run(["list", "--json"]).json();
        assert_eq!(listed.len(), 1, "{listed:?}");
    }
}

/// While both run, or stand in the queue, it is the oldest until the fence tells.
#[test]
fn by_our_id_one_of_two_that_run_is_found_and_of_two_without_a_fence_none() {
    for (options, code) in [(vec![], 0), (vec!["--no-files"], 2)] {
        let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": 1}));
        let (_proxy, home) = sent_twice(&account);
        let id = home.submit([&options[..], &["--", "true"]].concat());
        let there = account.home();
        eventually("the list shows both", || {
            (there.run(["list", "--json"]).json().len() == 2).then_some(())
        });
        let status = there.run(["status", &id]);
        assert_eq!(status.code, code, "{}", status.stderr);
    }
}

/// Both are the same job of ours, so that neither makes way for the other.
#[test]
fn with_once_a_job_that_was_sent_twice_does_not_take_itself_for_anothers() {
    let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": 1.5}));
    let (proxy, home) = sent_twice(&account);
    let home = home.with("COMPUTES_AWS_SETTLE", "500ms");
    let submit = home.run(["submit", "--once", "--name", "same", "--", "true"]);
    assert_eq!((submit.code, account.jobs().len()), (0, 2), "{}", submit.stderr);
    assert!(proxy.requests().iter().all(|it| it.path != "/v1/terminatejob"), "{}", submit.stderr);
    assert_eq!(home.status("last")["state"], "queued");
}

/// Also where the one that came second is not known as that yet.
#[test]
fn a_wish_to_end_the_job_ends_the_one_that_runs() {
    if !Aws::server().isolates() {
        return;
    }
    for log_lag in [0.0, 1.0] {
        let account = Account::in_scene(Jobs::Run, &json!({"list_lag": 60, "log_lag": log_lag}));
        let (_proxy, home) = sent_twice(&account);
        let id = home.submit(["--", "sh", "-c", "exec sleep 1000"]);
        eventually("the second has ended", || {
            account.jobs().iter().any(|job| job["status"] == "FAILED").then_some(())
        });
        let cancel = home.run(["cancel", "--wait", &id]);
        assert_eq!(cancel.code, 0, "{}", cancel.stderr);
        assert_eq!(home.status(&id)["state"], "cancelled", "{}", cancel.stderr);
        assert!(account.jobs().iter().all(|job| job["status"] == "FAILED"), "{:?}", account.jobs());
    }
}

/// Who looks on while another process goes over to the first.
#[test]
fn two_that_follow_and_one_from_elsewhere_see_the_same() {
    if !Aws::server().isolates() {
        return;
    }
    let account = Account::in_scene(Jobs::Run, &json!({"list_lag": 1, "log_lag": 0.3}));
    let (_proxy, home) = sent_twice(&account);
    let id = home.submit(["--", "sh", "-c", "echo hello; sleep 2; echo bye; exit 7"]);
    let there = account.home().with("COMPUTES_AWS_LOG_SETTLE", "1500ms");
    let follow = |home: &Home| {
        let logs = home.run(["logs", "--follow", &id]);
        assert_eq!(logs.stdout, "hello\nbye\n", "{}", logs.stderr);
        assert_eq!(home.run(["wait", "--limit", "30s", &id]).code, 7);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| follow(&home));
        scope.spawn(|| follow(&home));
        scope.spawn(|| {
            let is_shown = || (there.run(["status", &id]).code == 0).then_some(());
            eventually("the list shows it", is_shown);
            follow(&there);
        });
    });
}

/// Where how it ended is not known yet.
#[test]
fn explain_does_not_guess_how_a_job_ended_whose_log_is_late() {
    let account = Account::new(Jobs::Stay);
    let home = account.home().with("COMPUTES_AWS_LOG_SETTLE", "60s");
    let id = home.submit(["--name", "silent", "--", "true"]);
    let job = home.engine_id_of(&id);
    account.log("late", &[&format!("computes: job {id} attempt 1")]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = u64::try_from(now.expect("a time").as_millis()).expect("a number");
    let container = json!({"exitCode": 119, "logStreamName": "late"});
    let mut ended = super::follow::ended("Essential container in task exited", &container);
    ended["stoppedAt"] = now.into();
    ended["attempts"][0]["stoppedAt"] = now.into();
    account.stage(&job, ended);
    insta::assert_snapshot!(home.run(["explain", &id]).snapshot(), @"
    exit code 0
    --- stdout
    [short] silent queued (FAILED)
    reason   Essential container in task exited
    why      it is over, and how it ended is told once its log shows it, or ten minutes later: computes wait [short] tells it sooner
    ");
    account.log("late", &["x"]);
    insta::assert_snapshot!(home.run(["explain", &id]).snapshot(), @"
    exit code 0
    --- stdout
    [short] silent failed (FAILED)
    reason   Essential container in task exited
    why      it failed: exit code 119
    hint     the command ended by itself: its log says why
    ");
}
