//! The table of jobs.

use std::time::Duration;

use super::table::{Cell, Colour, Column, Give, Look, table};
use super::time;
use crate::engine::aws::{Listed, Status};
use crate::job::State;
use crate::ledger::{JobRecord, Millis};

/// Those of the ledger and those that only the engine knows, each newest first.
pub struct Jobs<'a> {
    pub known: &'a [JobRecord],
    pub foreign: &'a [Listed],
}

/// Where there is no room, the attempts go first, and ids, names and states stay.
const COLUMNS: [Column; 8] = [
    Column { heading: "JOB", give: Give::Nothing },
    Column { heading: "NAME", give: Give::To(12) },
    Column { heading: "STATE", give: Give::Nothing },
    Column { heading: "QUEUE", give: Give::All(2) },
    Column { heading: "TRY", give: Give::All(4) },
    AGE,
    Column { heading: "TOOK", give: Give::All(3) },
    Column { heading: "WHY", give: Give::ToThenAll(28, 0) },
];
const AGE: Column = Column { heading: "AGE", give: Give::All(1) };
/// Asked for, it stays.
const SUBMITTED: Column = Column { heading: "SUBMITTED", give: Give::Nothing };

impl Jobs<'_> {
    /// A line for each, below one of headings.
    pub fn lines(&self, dates: bool, now: Millis, look: Look) -> String {
        let when = |at: Millis| {
            if dates { time::date(at) } else { time::duration(between(at, now)) }
        };
        let known = self.known.iter().map(|job| (job.accepted_at, known(job, &when, now)));
        let foreign = self.foreign.iter().map(|job| (job.created_at, foreign(job, &when, now)));
        let mut rows: Vec<_> = known.chain(foreign).collect();
        if !self.foreign.is_empty() {
            rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        }
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row.into()).collect();
        let columns =
            COLUMNS.map(|it| if dates && it.heading == AGE.heading { SUBMITTED } else { it });
        table(&columns, &rows, look)
    }
}

fn known(job: &JobRecord, when: &dyn Fn(Millis) -> String, now: Millis) -> [Cell; 8] {
    let why = match (job.state, &job.engine_reason) {
        (State::Succeeded, _) => "",
        // Why it waits there, or why nobody knows whether it is there.
        (State::Queued | State::Submitting, Some(reason)) => reason.as_str(),
        _ => job.reason.as_deref().unwrap_or_default(),
    };
    [
        job.id.short().into(),
        job.plan.spec.name.as_str().into(),
        state(job.state),
        job.plan.spec.queue.as_str().into(),
        tries(job).into(),
        when(job.accepted_at).into(),
        took(job.started_at, job.finished_at, now).into(),
        why.into(),
    ]
}

/// Which attempt it is, and of how many, where that was said here.
fn tries(job: &JobRecord) -> String {
    match job.most_attempts() {
        Some(most) => format!("{}/{most}", job.attempt),
        None => job.attempt.to_string(),
    }
}

/// How often it may be tried only the ledger knows.
fn foreign(job: &Listed, when: &dyn Fn(Millis) -> String, now: Millis) -> [Cell; 8] {
    let why = job.reason.as_deref().filter(|_| job.status != Status::Succeeded);
    [
        job.short().into(),
        job.name().into(),
        state(job.state()),
        job.queue.as_str().into(),
        "".into(),
        when(job.created_at).into(),
        took(job.started_at, job.stopped_at, now).into(),
        why.unwrap_or_default().into(),
    ]
}

fn state(state: State) -> Cell {
    let colour = match state {
        State::Succeeded => Colour::Good,
        State::Failed | State::Lost => Colour::Bad,
        State::Cancelled | State::Blocked => Colour::Warning,
        State::Starting | State::Running => Colour::Busy,
        State::Accepted | State::Submitting | State::Queued => Colour::Plain,
    };
    Cell::new(state.as_str(), colour)
}

fn took(from: Option<Millis>, to: Option<Millis>, now: Millis) -> String {
    from.map_or_else(String::new, |from| time::duration(between(from, to.unwrap_or(now))))
}

fn between(from: Millis, to: Millis) -> Duration {
    Duration::from_millis((to - from).max(0).unsigned_abs())
}
