//! The ledger against the model, over random histories of two jobs, told by people who may
//! be late.

use std::cell::{Cell, RefCell};

use computes::job::{Draft, Event, FailureClass, JobId, Outcome, State, Verdict};
use computes::ledger::{
    Applied, Change, Detail, Durability, Entry, Holder, Ledger, LedgerError, NewJob, StateDir,
};
use computes::plan::{FilesMount, Plan};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::model::{Expected, Model};

/// What whoever acts believes of the job.
#[derive(Debug, Clone, Copy)]
enum Belief {
    /// How it is.
    True,
    /// How it once was: the n-th of the standings it has had, counted around.
    Past(usize),
    /// Anything.
    Made(State, u32),
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Tell(Belief, Event),
    Cancel,
}

fn belief() -> impl Strategy<Value = Belief> {
    prop_oneof![
        8 => Just(Belief::True),
        2 => any::<usize>().prop_map(Belief::Past),
        1 => (prop::sample::select(State::ALL.to_vec()), 0u32..4)
            .prop_map(|(state, attempt)| Belief::Made(state, attempt)),
    ]
}

/// Events that go on come more often than those that end, so that histories are long.
fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => prop::sample::select(Event::ALL.to_vec()),
        6 => prop::sample::select(vec![
            Event::HandOver, Event::HandedOver, Event::Claimed, Event::Started, Event::Retried,
            Event::Interrupted, Event::WorkerLost, Event::Blocked, Event::Released,
        ]),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        15 => (belief(), event()).prop_map(|(belief, event)| Act::Tell(belief, event)),
        1 => Just(Act::Cancel),
    ]
}

pub fn new_job() -> NewJob {
    let draft = Draft { command: Some(vec!["true".to_owned()]), ..Draft::default() };
    let (spec, secrets) = draft.resolve(&|_| Err(std::env::VarError::NotPresent)).expect("a job");
    NewJob {
        id: JobId::new(uuid::Uuid::now_v7()),
        plan: Plan::new(spec, FilesMount::default(), &secrets).expect("within limits"),
        directory: "/".into(),
        rehearse_after: None,
        retry_of: None,
    }
}

/// A job in the ledger and in the model.
struct Pair {
    id: JobId,
    seq: i64,
    model: Model,
    past: Vec<(State, u32)>,
}

fn outcome(event: Event) -> Option<Outcome> {
    let (verdict, exit_code) = match event {
        Event::Succeeded => (Verdict::Succeeded, 0),
        Event::Failed | Event::Retried => (Verdict::Failed(FailureClass::ExitCode), 3),
        Event::Interrupted => (Verdict::Failed(FailureClass::Interrupted), 143),
        _ => return None,
    };
    let status_reason = "told by the test".to_owned();
    Some(Outcome { verdict, exit_code: Some(exit_code), signal: None, status_reason, reason: None })
}

impl Pair {
    fn accept(ledger: &mut Ledger) -> Self {
        let job = new_job();
        ledger.write(|change| change.accept(&job, Entry::Queued, 1)).expect("accepted");
        let model = Model::accepted_queued();
        let seq = ledger.job(job.id).expect("there").seq;
        Self { id: job.id, seq, model, past: vec![model.standing()] }
    }

    fn act(&mut self, ledger: &mut Ledger, act: Act, now: i64) -> TestCaseResult {
        let before = self.model;
        let (expected, result) = match act {
            Act::Cancel => {
                let expected = self.model.step(self.model.standing(), Event::CancelRequested);
                (expected, ledger.write(|change| change.request_cancel(self.id, "enough", now)))
            }
            Act::Tell(belief, event) => {
                let believed = match belief {
                    Belief::True => before.standing(),
                    Belief::Past(index) => self.past[index % self.past.len()],
                    Belief::Made(state, attempt) => (state, attempt),
                };
                let expected = self.model.step(believed, event);
                let (state, attempt) = believed;
                let holder = Holder { seq: self.seq, attempt, state };
                (expected, ledger.write(|change| tell(change, holder, event, now)))
            }
        };
        let is = match result {
            Ok(Applied::Done(holder)) => {
                prop_assert_eq!((holder.state, holder.attempt), self.model.standing());
                Expected::Done
            }
            Ok(Applied::Stale) => Expected::Stale,
            Err(LedgerError::Illegal(_)) => Expected::Illegal,
            Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
        };
        prop_assert_eq!(is, expected);
        if self.past.last() != Some(&self.model.standing()) {
            self.past.push(self.model.standing());
        }
        Ok(())
    }

    /// Is the ledger as the model says?
    fn check(&self, ledger: &Ledger) -> TestCaseResult {
        let job = ledger.job(self.id).expect("there");
        let attempts = ledger.attempts(&job).expect("attempts");
        let events = ledger.events(&job).expect("events");
        let open = attempts.iter().filter(|attempt| attempt.closed_at.is_none()).count();
        let is = Model {
            state: job.state,
            attempt: job.attempt,
            interruptions: job.interruptions,
            losses: job.losses,
            cancel_wanted: job.cancel_requested_at.is_some(),
            events: events.len(),
            open_attempts: open,
        };
        prop_assert_eq!(is, self.model);
        prop_assert_eq!(job.finished_at.is_some(), self.model.is_over());
        prop_assert_eq!(job.class.is_some(), job.state == State::Failed);
        prop_assert_eq!(open, usize::from(self.model.is_held()));
        let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
        prop_assert_eq!(numbers, (1..=self.model.attempt).collect::<Vec<_>>());
        prop_assert_eq!(events.last().map(|event| event.state), Some(self.model.state));
        let was_asked = events.iter().any(|event| event.reason.as_deref() == Some("enough"));
        if was_asked && (!job.state.is_terminal() || job.state == State::Cancelled) {
            prop_assert_eq!(job.reason.as_deref(), Some("enough"));
        }
        let ends = events.iter().filter(|event| event.state.is_terminal()).count();
        prop_assert_eq!(ends, usize::from(self.model.is_over()));
        Ok(())
    }
}

fn tell(
    change: &Change<'_>,
    holder: Holder,
    event: Event,
    now: i64,
) -> Result<Applied, LedgerError> {
    let outcome = outcome(event);
    change.apply(holder, event, Detail { outcome: outcome.as_ref(), ..Detail::default() }, now)
}

#[test]
fn the_ledger_does_as_the_model_says() {
    let dir = tempfile::tempdir().expect("a directory");
    let state_dir = StateDir::new(dir.path());
    let ledger = Ledger::open(&state_dir, Durability::KilledProcess).expect("a ledger");
    let ledger = RefCell::new(ledger);
    let longest = Cell::new(0);
    let config = ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() };
    let acts = prop::collection::vec((0..2usize, act()), 1..80);
    proptest!(config, |(acts in acts)| {
        let ledger = &mut *ledger.borrow_mut();
        let mut pairs = [Pair::accept(ledger), Pair::accept(ledger)];
        for (now, (index, act)) in (2..).zip(acts) {
            pairs[index].act(ledger, act, now)?;
            // What happens to one does nothing to the other.
            for pair in &pairs {
                pair.check(ledger)?;
            }
        }
        longest.set(longest.get().max(pairs[0].model.attempt));
    });
    // Histories that never get anywhere would show nothing.
    assert!(longest.get() >= 3, "no job came to a third attempt");
}

#[test]
fn a_late_holder_can_not_change_a_newer_attempt() {
    let dir = tempfile::tempdir().expect("a directory");
    let state_dir = StateDir::new(dir.path());
    let mut ledger = Ledger::open(&state_dir, Durability::KilledProcess).expect("a ledger");
    let mut pair = Pair::accept(&mut ledger);
    let on = |event| Act::Tell(Belief::True, event);
    for event in [Event::Claimed, Event::Started, Event::WorkerLost, Event::Claimed, Event::Started]
    {
        pair.act(&mut ledger, on(event), 2).expect("as the model says");
    }
    assert_eq!(pair.model.standing(), (State::Running, 2));
    for event in Event::ALL {
        for state in [State::Queued, State::Starting, State::Running] {
            let late = Act::Tell(Belief::Made(state, 1), event);
            pair.act(&mut ledger, late, 3).expect("as the model says");
            pair.check(&ledger).expect("nothing changed");
        }
    }
    assert_eq!(pair.model.standing(), (State::Running, 2));
}

#[test]
fn the_wish_to_cancel_outlives_whatever_would_put_the_job_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let state_dir = StateDir::new(dir.path());
    let mut ledger = Ledger::open(&state_dir, Durability::KilledProcess).expect("a ledger");
    for event in [Event::Retried, Event::Interrupted, Event::WorkerLost] {
        let mut pair = Pair::accept(&mut ledger);
        for act in [Event::Claimed, Event::Started].map(|event| Act::Tell(Belief::True, event)) {
            pair.act(&mut ledger, act, 2).expect("as the model says");
        }
        pair.act(&mut ledger, Act::Cancel, 3).expect("as the model says");
        assert_eq!(pair.model.state, State::Running);
        pair.act(&mut ledger, Act::Tell(Belief::True, event), 4).expect("as the model says");
        pair.check(&ledger).expect("as the model says");
        assert_eq!(ledger.job(pair.id).expect("there").state, State::Cancelled, "{event}");
    }
    // A hand-over under way is cancelled when its condition clears.
    let mut pair = Pair::accept(&mut ledger);
    let way = [Event::Blocked, Event::Released, Event::HandOver];
    for event in way {
        pair.act(&mut ledger, Act::Tell(Belief::True, event), 2).expect("as the model says");
    }
    pair.act(&mut ledger, Act::Cancel, 3).expect("as the model says");
    for event in [Event::Blocked, Event::Released] {
        pair.act(&mut ledger, Act::Tell(Belief::True, event), 4).expect("as the model says");
    }
    assert_eq!(ledger.job(pair.id).expect("there").state, State::Cancelled);
}
