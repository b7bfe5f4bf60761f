//! Rows of the ledger as values.

use std::path::PathBuf;

use rusqlite::Row;

use super::{LOCAL, LedgerError, LogStream, Millis};
use crate::job::{FailureClass, JobId, Queue, Requested, RetryStrategy, State};
use crate::plan::Plan;

/// A job as the ledger knows it.
#[derive(Debug, Clone)]
pub struct JobRecord {
    pub seq: i64,
    pub id: JobId,
    pub engine: String,
    pub engine_id: Option<String>,
    /// The engine's own word for the state, and what it says about it.
    pub engine_status: Option<String>,
    pub engine_reason: Option<String>,
    pub state: State,
    /// The number of the newest attempt, 0 before the first.
    pub attempt: u32,
    pub interruptions: u32,
    pub losses: u32,
    pub plan: Plan,
    /// What jobs have in common that do the same work; `None` in a ledger of the first version.
    pub fingerprint: Option<String>,
    pub directory: PathBuf,
    pub rehearse_after: Option<u32>,
    pub retry_of: Option<JobId>,
    pub accepted_at: Millis,
    pub started_at: Option<Millis>,
    pub finished_at: Option<Millis>,
    pub cancel_requested_at: Option<Millis>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub class: Option<FailureClass>,
    pub reason: Option<String>,
    /// Outputs for which nothing was there at the end, once somebody has looked.
    pub missing_outputs: Option<Vec<String>>,
}

impl JobRecord {
    /// Is it a job of this machine, rather than of an engine that is asked over a network?
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.engine == LOCAL
    }

    /// Was it sent, and did it end without anybody knowing whether its engine has it? Why that is so then
    /// stands where the engine's own words would.
    #[must_use]
    pub fn may_be_there(&self) -> bool {
        matches!(self.state, State::Lost | State::Cancelled)
            && self.engine_reason.is_some()
            && self.engine_id.is_none()
            && !self.is_here()
    }

    /// Its size, as far as it is known here: on AWS what was not said is the job definition's.
    #[must_use]
    pub fn size(&self) -> Requested {
        let said = self.plan.spec.resources;
        if self.is_here() { said.on_this_machine().into() } else { said }
    }

    /// How often it is started at the most, as far as it is known here.
    #[must_use]
    pub fn most_attempts(&self) -> Option<u8> {
        let said = self.plan.spec.retry.as_ref().map(|retry| retry.attempts);
        said.or_else(|| self.is_here().then(|| RetryStrategy::default().attempts))
    }

    /// The same with those that don't count, as they were made up for.
    #[must_use]
    pub fn most_attempts_in_all(&self) -> Option<u32> {
        self.most_attempts().map(|most| u32::from(most) + self.interruptions + self.losses)
    }
}

/// One attempt of a job.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    pub number: u32,
    pub pid: Option<u32>,
    pub mounted: Option<bool>,
    pub opened_at: Millis,
    pub started_at: Option<Millis>,
    pub closed_at: Option<Millis>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub class: Option<FailureClass>,
    pub reason: Option<String>,
    /// Where the engine keeps what it wrote.
    pub log: Option<LogStream>,
    /// Why another attempt followed; `None` where none did, and in ledgers of earlier versions.
    pub retry_reason: Option<String>,
}

/// One line of a job's history.
#[derive(Debug, Clone)]
pub struct EventRecord {
    pub at: Millis,
    pub attempt: u32,
    pub event: String,
    pub state: State,
    pub reason: Option<String>,
}

pub(super) const JOB_COLUMNS: &str = "seq, id, engine, engine_id, state, attempt, interruptions,
    losses, plan, directory, rehearse_after, retry_of, accepted_at, started_at, finished_at,
    cancel_requested_at, exit_code, signal, class, reason, engine_status, engine_reason,
    fingerprint, missing_outputs";

pub(super) fn job(row: &Row<'_>) -> Result<JobRecord, LedgerError> {
    let text = |index: usize| -> Result<String, LedgerError> { Ok(row.get(index)?) };
    let retry_of: Option<String> = row.get(11)?;
    Ok(JobRecord {
        seq: row.get(0)?,
        id: id(&text(1)?)?,
        engine: text(2)?,
        engine_id: row.get(3)?,
        state: state(&text(4)?)?,
        attempt: row.get(5)?,
        interruptions: row.get(6)?,
        losses: row.get(7)?,
        plan: plan(&text(8)?)?,
        directory: text(9)?.into(),
        rehearse_after: row.get(10)?,
        retry_of: retry_of.as_deref().map(id).transpose()?,
        accepted_at: row.get(12)?,
        started_at: row.get(13)?,
        finished_at: row.get(14)?,
        cancel_requested_at: row.get(15)?,
        exit_code: row.get(16)?,
        signal: row.get(17)?,
        class: class(row.get(18)?)?,
        reason: row.get(19)?,
        engine_status: row.get(20)?,
        engine_reason: row.get(21)?,
        fingerprint: row.get(22)?,
        missing_outputs: missing_outputs(row.get(23)?)?,
    })
}

pub(super) fn attempt(row: &Row<'_>) -> Result<AttemptRecord, LedgerError> {
    Ok(AttemptRecord {
        number: row.get(0)?,
        pid: row.get(1)?,
        mounted: row.get(2)?,
        opened_at: row.get(3)?,
        started_at: row.get(4)?,
        closed_at: row.get(5)?,
        exit_code: row.get(6)?,
        signal: row.get(7)?,
        class: class(row.get(8)?)?,
        reason: row.get(9)?,
        log: log(row)?,
        retry_reason: row.get(13)?,
    })
}

fn log(row: &Row<'_>) -> Result<Option<LogStream>, LedgerError> {
    let (Some(group), Some(stream)) = (row.get(10)?, row.get(11)?) else { return Ok(None) };
    Ok(Some(LogStream { region: row.get(12)?, group, stream }))
}

pub(super) fn event(row: &Row<'_>) -> Result<EventRecord, LedgerError> {
    Ok(EventRecord {
        at: row.get(0)?,
        attempt: row.get(1)?,
        event: row.get(2)?,
        state: state(&row.get::<_, String>(3)?)?,
        reason: row.get(4)?,
    })
}

pub(super) fn id(text: &str) -> Result<JobId, LedgerError> {
    text.parse().map_err(|_| LedgerError::Corrupt(format!("job id `{text}`")))
}

pub(super) fn state(text: &str) -> Result<State, LedgerError> {
    State::parse(text).ok_or_else(|| LedgerError::Corrupt(format!("state `{text}`")))
}

pub(super) fn queue(text: &str) -> Result<Queue, LedgerError> {
    text.parse().map_err(|_| LedgerError::Corrupt(format!("queue `{text}`")))
}

pub(super) fn plan(text: &str) -> Result<Plan, LedgerError> {
    serde_json::from_str(text).map_err(|error| LedgerError::Corrupt(format!("plan: {error}")))
}

fn missing_outputs(json: Option<String>) -> Result<Option<Vec<String>>, LedgerError> {
    let read = json.map(|json| serde_json::from_str(&json)).transpose();
    read.map_err(|error| LedgerError::Corrupt(format!("missing outputs: {error}")))
}

fn class(text: Option<String>) -> Result<Option<FailureClass>, LedgerError> {
    text.map(|text| {
        FailureClass::parse(&text).ok_or_else(|| LedgerError::Corrupt(format!("class `{text}`")))
    })
    .transpose()
}
