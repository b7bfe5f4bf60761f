//! Timeouts. The command line takes none below 60 s, as Batch, so these jobs come through
//! the library.

use computes::engine::LocalSettings;
use computes::engine::local::LocalEngine;
use computes::engine::{Engine, Submission, SystemClock};
use computes::job::{Draft, JobId, Timeout};
use computes::ledger::{Durability, Entry, Ledger, NewJob, StateDir};
use computes::plan::{FilesMount, Plan};

use super::command::wait;
use super::stop::{DAEMONS, assert_gone, daemons};
use super::subject::Subject;
use crate::support::{Gate, Home, eventually};

pub fn it_ends_the_whole_tree_and_is_never_retried<S: Subject>(home: &Home) {
    let _worker = home.worker([] as [&str; 0]);
    let mut gate = Gate::new(home);
    let stubborn = format!("trap : TERM; {DAEMONS}; {0}; {0}; {0}", Gate::STOP);
    let draft = Draft {
        command: Some(["sh", "-c", &stubborn].map(str::to_owned).into()),
        attempts: Some(3),
        ..Draft::default()
    };
    let job = submit(home, draft, |job| job.plan.spec.timeout = Some(Timeout::from_ledger(5)));
    gate.wait_for(1);
    eventually("the daemons", || (daemons(home) == 3).then_some(()));
    assert_eq!(wait(home, &job), 121);
    let status = home.status(&job);
    assert_eq!((&status["class"], &status["attempt"]), (&"timed_out".into(), &1.into()));
    assert_gone(home, &job);
}

/// Hands a job over that the command line would not take. A worker has to be there: the
/// library would start this very program as one.
pub fn submit(home: &Home, draft: Draft, change: impl FnOnce(&mut NewJob)) -> String {
    let submission = submission(home, draft, change);
    let dir = StateDir::new(home.state());
    let mut ledger = Ledger::open(&dir, Durability::PowerCut).expect("a ledger");
    let mut engine = LocalEngine::new(dir, LocalSettings::default(), &SystemClock);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let submissions = [submission];
    runtime.block_on(engine.submit(&mut ledger, &submissions)).expect("submitted");
    submissions[0].job.id.to_string()
}

/// Writes a job down and starts nobody.
pub fn accept(home: &Home, draft: Draft) -> String {
    let submission = submission(home, draft, |_| {});
    let dir = StateDir::new(home.state());
    let mut ledger = Ledger::open(&dir, Durability::PowerCut).expect("a ledger");
    ledger.write(|change| change.accept(&submission.job, Entry::Queued, 0)).expect("accepted");
    submission.job.id.to_string()
}

fn submission(home: &Home, draft: Draft, change: impl FnOnce(&mut NewJob)) -> Submission {
    let (spec, secrets) = draft.resolve(&|_| Err(std::env::VarError::NotPresent)).expect("a job");
    let mut job = NewJob {
        id: JobId::new(uuid::Uuid::now_v7()),
        plan: Plan::new(spec, FilesMount::default(), &secrets).expect("within limits"),
        directory: home.work(),
        rehearse_after: None,
        retry_of: None,
    };
    change(&mut job);
    Submission { job, secrets, once: false }
}
