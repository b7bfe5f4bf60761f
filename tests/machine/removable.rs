//! Which jobs of the ledger may be removed.

use computes::job::{Event, JobId};
use computes::ledger::{Detail, Durability, Entry, HandOver, Ledger, LedgerError, StateDir};

use super::properties::new_job;

const AWS: &str = "aws";

/// A job of AWS that was about to be sent, and what happened then.
fn sent(
    ledger: &mut Ledger,
    then: impl Fn(&computes::ledger::Change<'_>, JobId) -> Result<(), LedgerError>,
) -> JobId {
    let job = new_job();
    let sent = HandOver {
        name: "name".to_owned(),
        region: "eu-west-1".to_owned(),
        sent_at: 2,
        sender: "sender".to_owned(),
        definition: None,
        arn: None,
        attempts_before: 0,
        at_most: 1,
    };
    let done = ledger.write(|change| {
        change.accept(&job, Entry::Accepted(AWS), 1)?;
        change.hand_over(change.holder(job.id)?, &sent)?;
        then(change, job.id)
    });
    done.expect("it happens");
    job.id
}

#[test]
fn not_one_that_its_engine_may_have_without_our_knowing() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut ledger =
        Ledger::open(&StateDir::new(dir.path()), Durability::KilledProcess).expect("a ledger");
    let ends = |event, class| {
        move |change: &computes::ledger::Change<'_>, id| {
            let detail = Detail { class, ..Detail::default() };
            change.observe(change.holder(id)?, event, detail, 3).map(drop)
        }
    };
    let unclear = sent(&mut ledger, ends(Event::Cancelled, None));
    let refused =
        sent(&mut ledger, ends(Event::Failed, Some(computes::job::FailureClass::Refused)));
    let known = sent(&mut ledger, |change, id| {
        change.handed_over(id, "engine-id", "arn", 3)?;
        change.observe(change.holder(id)?, Event::Cancelled, Detail::default(), 4).map(drop)
    });
    let on = sent(&mut ledger, |_, _| Ok(()));
    let removable = ledger.removable(AWS, 100).expect("jobs");
    assert_eq!((removable.jobs, removable.kept), (vec![refused, known], 1));
    assert_eq!(ledger.removable(AWS, 4).expect("jobs").jobs, [refused]);
    assert_eq!(ledger.removable("local", 100).expect("jobs").jobs, []);

    // Whoever holds a record of one that goes on removes nothing.
    let records = [on, refused].map(|id| ledger.job(id).expect("there"));
    assert_eq!(ledger.write(|change| change.remove(&records)).expect("removed"), 1);
    assert!(ledger.job(on).is_ok() && ledger.job(unclear).is_ok());
    assert!(matches!(ledger.job(refused), Err(LedgerError::NoSuchJob(_))));
}
