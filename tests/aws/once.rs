//! `--once` across machines.

use rustix::process::Signal;
use serde_json::json;

use crate::cli::stage::Following;
use crate::support::{Account, Aws, Fault, Jobs, Proxy};

#[test]
fn another_machine_takes_the_job_that_is_there_in_every_active_state() {
    let account = Account::new(Jobs::Stay);
    let here = account.home();
    let submit = ["--once", "--name", "Nightly", "--", "./build.sh", "test"];
    let first = here.submit(submit);
    let job = here.engine_id_of(&first);
    for status in ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"] {
        account.stage(&job, json!({"status": status}));
        // An empty ledger each time.
        let there = account.home();
        assert_eq!(there.submit(submit), first, "{status}");
        assert_eq!(here.submit(submit), first, "{status}");
        assert_eq!(there.status(&first)["engine_id"], job.as_str());
    }
    assert_eq!(account.requests().len(), 1);
    // Other work is other work, however alike its name is.
    let other = account.home().submit(["--once", "--name", "nightly", "--", "./build.sh", "test"]);
    assert_ne!(other, first);
    account.stage(&job, json!({"status": "SUCCEEDED"}));
    assert_ne!(account.home().submit(submit), first);
    assert_eq!(account.requests().len(), 3);
}

#[test]
fn run_follows_the_job_that_is_there() {
    let account = Account::new(Jobs::Stay);
    let first = account.home().submit(["--once", "--name", "shared", "--", "true"]);
    let job = account.jobs()[0]["jobId"].as_str().expect("an id").to_owned();
    account.stage(
        &job,
        json!({"status": "FAILED", "statusReason": "Essential container in task exited",
        "container": {"exitCode": 4}, "attempts": [{"container": {"exitCode": 4}}]}),
    );
    // It is over, so that this one is another.
    let words = ["run", "--once", "--name", "shared", "--", "true"];
    let there = account.home();
    let mut run = Following::start(&there, &words);
    run.until_it_says(" submitted to ");
    run.signal(Signal::TERM);
    assert_eq!(run.end(&there).code, 143);
    assert_ne!(there.status("last")["id"], first.as_str());
    let another = account.home();
    let mut run = Following::start(&another, &words);
    run.until_it_says(" is already there");
    run.signal(Signal::TERM);
    insta::assert_snapshot!(run.end(&another).snapshot(), @"
    exit code 143
    --- stderr
    [short] shared is already there, in default
    warning: detached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    assert_eq!(account.requests().len(), 2);
}

#[test]
fn who_may_not_list_is_told_before_anything_is_sent() {
    let account = Account::new(Jobs::Stay);
    account.deny(&["batch:ListJobs"]);
    let run = account.home().run(["submit", "--once", "--name", "only", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot submit `only`: AWS batch:ListJobs: User: arn:aws:sts::[account]:assumed-role/computes/test is not authorized to perform: batch:ListJobs on resource: * because no identity-based policy allows the batch:ListJobs action (403)
    hint: the policy of the caller has to allow batch:ListJobs: `computes policy` prints it
    ");
    assert_eq!(account.requests().len(), 0);
}

/// Neither sees the other's job before it sends its own.
#[test]
fn two_machines_at_the_same_moment_end_up_with_one_job() {
    let account = Account::new(Jobs::Stay);
    let both = std::sync::Arc::new(std::sync::Barrier::new(2));
    let proxies: Vec<_> = (0..2)
        .map(|_| {
            let both = std::sync::Arc::clone(&both);
            Proxy::start(Aws::server().port(), move |request| {
                if request.path == super::exactly_once::SUBMIT {
                    both.wait();
                }
                Fault::None
            })
        })
        .collect();
    let submit = |proxy: &Proxy| {
        account.home_through(proxy.port()).submit(["--once", "--name", "same", "--", "true"])
    };
    let ids: Vec<_> = std::thread::scope(|scope| {
        let machines: Vec<_> =
            proxies.iter().map(|proxy| scope.spawn(move || submit(proxy))).collect();
        machines.into_iter().map(|machine| machine.join().expect("it ends")).collect()
    });
    let jobs = account.jobs();
    let active = jobs.iter().filter(|job| job["status"] == "SUBMITTED").count();
    assert_eq!((jobs.len(), active), (2, 1), "{jobs:?}");
    assert_eq!(ids[0], ids[1]);
}

/// The list shows the first only when that is over: it counts if it was not when the second was sent.
#[test]
fn one_that_ended_before_the_list_showed_it_counts_or_is_told() {
    let second_after = |jobs, first: &str, stopped_in: i64| {
        let account = Account::in_scene(jobs, &json!({"list_lag": 3}));
        let here = account.home();
        let same = ["--name", "same", "--", "true"];
        let first_id = here.submit(same);
        let stopped_at = jiff::Timestamp::now().as_millisecond() + stopped_in;
        let ended = json!({"status": first, "stoppedAt": stopped_at});
        account.stage(&here.engine_id_of(&first_id), ended);
        let there = account.home().with("COMPUTES_AWS_SETTLE", "1500ms");
        let run = there.run([&["submit", "--once"], &same[..]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let active = account.jobs().iter().filter(|job| job["status"] == "SUBMITTED").count();
        (run.stdout.trim() == first_id, active, run)
    };
    let minute = 60_000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (is_first, active, run) = second_after(Jobs::Stay, "SUCCEEDED", minute);
            assert_eq!((is_first, active), (true, 0), "{}", run.stderr);
        });
        scope.spawn(|| {
            let (is_first, active, run) = second_after(Jobs::Stay, "SUCCEEDED", -minute);
            assert_eq!((is_first, active, run.stderr.contains("does the same")), (false, 1, false));
        });
        scope.spawn(|| {
            let (is_first, active, run) = second_after(Jobs::Stay, "FAILED", minute);
            assert_eq!((is_first, active), (false, 1));
            let told = "does the same and was not over when it was sent";
            assert!(run.stderr.contains(told), "{}", run.stderr);
        });
        scope.spawn(|| {
            // Ours has ended as well by then.
            let (is_first, _, run) = second_after(Jobs::Succeed, "SUCCEEDED", minute);
            assert_eq!(
                (is_first, run.stderr.contains("both ran")),
                (false, true),
                "{}",
                run.stderr
            );
        });
    });
}

/// The list is late, so that both begin.
#[test]
fn one_that_began_before_it_made_way_is_told() {
    let account = Account::in_scene(Jobs::Run, &json!({"list_lag": 4}));
    let same = ["--name", "same", "--", "sh", "-c", "sleep 60"];
    let first = account.home().submit(same);
    let there = account.home().with("COMPUTES_AWS_SETTLE", "1500ms");
    let run = there.run([&["submit", "--once"], &same[..]].concat());
    assert_eq!((run.code, run.stdout.trim()), (0, first.as_str()), "{}", run.stderr);
    assert!(run.stderr.contains("ours had started by then, and was ended"), "{}", run.stderr);
}
