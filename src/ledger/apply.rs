//! The one way in which a job in the ledger changes.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::{LedgerError, Millis};
use crate::job::{Effect, Event, FailureClass, JobId, Outcome, RetryReason, State, transition};

/// A transaction that is under way. See [`Ledger::write`](super::Ledger::write).
pub struct Change<'a> {
    pub(super) db: &'a Connection,
}

/// Which job is meant, and what the caller believes of it. Where that is no longer so, the
/// caller is late and nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub seq: i64,
    pub attempt: u32,
    pub state: State,
}

/// What is known beside the event itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detail<'a> {
    pub worker: Option<i64>,
    pub pid: Option<u32>,
    pub mounted: Option<bool>,
    pub outcome: Option<&'a Outcome>,
    pub class: Option<FailureClass>,
    pub reason: Option<&'a str>,
    /// Why another attempt follows, if one does.
    pub retry: Option<&'a RetryReason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The job is in this state and attempt now.
    Done(Holder),
    /// The job has moved on without the caller.
    Stale,
}

impl<'a> Change<'a> {
    pub(super) const fn new(db: &'a Connection) -> Self {
        Self { db }
    }

    /// Lets `event` happen to a job, with its effects and its line in the history.
    ///
    /// A job that is to be cancelled is not put back into the queue: such an event becomes
    /// [`Event::Cancelled`].
    ///
    /// # Errors
    /// When the event can't happen in that state, or the database fails.
    pub fn apply(
        &self,
        holder: Holder,
        event: Event,
        detail: Detail<'_>,
        now: Millis,
    ) -> Result<Applied, LedgerError> {
        let event = self.honour_cancel(holder, event)?;
        self.observe(holder, event, detail, now)
    }

    /// As [`apply`](Self::apply), for what an engine far away says has happened: it happened,
    /// whatever somebody wished.
    ///
    /// # Errors
    /// When the event can't happen in that state, or the database fails.
    pub fn observe(
        &self,
        holder: Holder,
        event: Event,
        detail: Detail<'_>,
        now: Millis,
    ) -> Result<Applied, LedgerError> {
        let (next, effects) = transition(holder.state, event)?;
        let has = |effect| effects.contains(&effect);
        let (opens, closes, finishes) =
            (has(Effect::OpenAttempt), has(Effect::CloseAttempt), has(Effect::Finish));
        let reason = detail.reason.or_else(|| detail.outcome.and_then(Outcome::why));
        let class = detail.class.or_else(|| detail.outcome.and_then(Outcome::class));
        let exit_code = detail.outcome.and_then(|outcome| outcome.exit_code);
        let signal = detail.outcome.and_then(|outcome| outcome.signal);
        let is_start = event == Event::Started;

        let changed = self.db.prepare_cached(UPDATE_JOB)?.execute(named_params! {
            ":seq": holder.seq,
            ":from": holder.state.as_str(),
            ":attempt": holder.attempt,
            ":to": next.as_str(),
            ":opens": opens,
            ":interruptions": has(Effect::CountInterruption),
            ":losses": has(Effect::CountLoss),
            ":worker": if opens { detail.worker } else { None },
            ":keeps_worker": !opens && next.is_held(),
            ":started_at": is_start.then_some(now),
            ":keeps_started": next.is_held() || finishes,
            ":finished_at": finishes.then_some(now),
            ":cancel_at": has(Effect::RememberCancel).then_some(now),
            ":exit_code": if finishes { exit_code } else { None },
            ":signal": if finishes { signal } else { None },
            ":class": (next == State::Failed).then(|| class.map(FailureClass::as_str)).flatten(),
            ":reason": reason,
            // A start that comes after the wish to end does not make it forgotten.
            ":goes_on": !next.is_terminal(),
        })?;
        if changed == 0 {
            return Ok(Applied::Stale);
        }
        let attempt = holder.attempt + u32::from(opens);

        if opens {
            self.db.prepare_cached(OPEN_ATTEMPT)?.execute(named_params! {
                ":job": holder.seq, ":number": attempt, ":worker": detail.worker, ":at": now,
            })?;
        }
        if is_start {
            self.db.prepare_cached(START_ATTEMPT)?.execute(named_params! {
                ":job": holder.seq, ":number": attempt, ":at": now,
                ":pid": detail.pid, ":mounted": detail.mounted,
            })?;
        }
        if closes {
            // One whose end was asked for meanwhile is followed by no other.
            let retry = detail.retry.filter(|_| !finishes).map(ToString::to_string);
            self.db.prepare_cached(CLOSE_ATTEMPT)?.execute(named_params! {
                ":job": holder.seq, ":number": attempt, ":at": now, ":exit_code": exit_code,
                ":signal": signal, ":class": class.map(FailureClass::as_str), ":reason": reason,
                ":retry_reason": retry,
            })?;
        }
        self.db.prepare_cached(INSERT_EVENT)?.execute(named_params! {
            ":job": holder.seq, ":attempt": attempt, ":at": now,
            ":event": event.as_str(), ":state": next.as_str(), ":reason": reason,
        })?;
        Ok(Applied::Done(Holder { seq: holder.seq, attempt, state: next }))
    }

    fn honour_cancel(&self, holder: Holder, event: Event) -> Result<Event, LedgerError> {
        if !matches!(
            event,
            Event::NotHandedOver
                | Event::Retried
                | Event::Interrupted
                | Event::WorkerLost
                | Event::Released
        ) {
            return Ok(event);
        }
        Ok(if self.is_to_end(holder.seq)? { Event::Cancelled } else { event })
    }

    /// Asks for a job to end. One that nobody holds ends at once.
    ///
    /// # Errors
    /// When the database fails. A job that is over gives [`LedgerError::Illegal`].
    pub fn request_cancel(
        &self,
        id: JobId,
        reason: &str,
        now: Millis,
    ) -> Result<Applied, LedgerError> {
        let holder = self.holder(id)?;
        let detail = Detail { reason: Some(reason), ..Detail::default() };
        self.remember_why(holder, reason)?;
        self.apply(holder, Event::CancelRequested, detail, now)
    }

    /// The engine that has the job was asked to end it.
    ///
    /// # Errors
    /// When the database fails. A job that is over gives [`LedgerError::Illegal`].
    pub fn pass_cancel_on(
        &self,
        id: JobId,
        reason: &str,
        now: Millis,
    ) -> Result<Applied, LedgerError> {
        let holder = self.holder(id)?;
        self.remember_why(holder, reason)?;
        self.apply(
            holder,
            Event::CancelPassedOn,
            Detail { reason: Some(reason), ..Detail::default() },
            now,
        )
    }

    fn remember_why(&self, holder: Holder, reason: &str) -> Result<(), LedgerError> {
        self.db
            .prepare_cached(
                "UPDATE jobs SET cancel_reason = coalesce(cancel_reason, ?2) WHERE seq = ?1",
            )?
            .execute((holder.seq, reason))?;
        Ok(())
    }

    /// Remembers for which outputs of a job nothing was there when it had ended.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_missing(&self, seq: i64, outputs: &[String]) -> Result<(), LedgerError> {
        let json = serde_json::to_string(outputs)
            .map_err(|error| LedgerError::Corrupt(error.to_string()))?;
        self.db
            .prepare_cached("UPDATE jobs SET missing_outputs = ?2 WHERE seq = ?1")?
            .execute((seq, json))?;
        Ok(())
    }

    /// Did somebody ask for the job's end?
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_to_end(&self, seq: i64) -> Result<bool, LedgerError> {
        Ok(self.is_to_end_since(seq)?.is_some())
    }

    /// Since when, if so.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_to_end_since(&self, seq: i64) -> Result<Option<Millis>, LedgerError> {
        let wanted: Option<Option<Millis>> = self
            .db
            .prepare_cached("SELECT cancel_requested_at FROM jobs WHERE seq = ?1")?
            .query_row([seq], |row| row.get(0))
            .optional()?;
        Ok(wanted.flatten())
    }

    /// How the job stands now.
    ///
    /// # Errors
    /// When there is no such job.
    pub fn holder(&self, id: JobId) -> Result<Holder, LedgerError> {
        self.db
            .prepare_cached("SELECT seq, attempt, state FROM jobs WHERE id = ?1")?
            .query_row([id.to_string()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
            })
            .optional()?
            .ok_or_else(|| LedgerError::NoSuchJob(id.to_string()))
            .and_then(|(seq, attempt, state)| {
                Ok(Holder { seq, attempt, state: super::record::state(&state)? })
            })
    }
}

const UPDATE_JOB: &str = "
    UPDATE jobs SET
        state = :to,
        attempt = attempt + :opens,
        changes = changes + 1,
        interruptions = interruptions + :interruptions,
        losses = losses + :losses,
        worker = CASE WHEN :keeps_worker THEN worker ELSE :worker END,
        started_at = coalesce(:started_at, CASE WHEN :keeps_started THEN started_at END),
        finished_at = :finished_at,
        cancel_requested_at = coalesce(cancel_requested_at, :cancel_at),
        exit_code = :exit_code,
        signal = :signal,
        class = :class,
        reason = CASE
            WHEN :to = 'cancelled' OR :goes_on THEN coalesce(cancel_reason, :reason)
            ELSE :reason END
    WHERE seq = :seq AND state = :from AND attempt = :attempt";

const OPEN_ATTEMPT: &str = "
    INSERT INTO attempts (job, number, worker, opened_at) VALUES (:job, :number, :worker, :at)";

const START_ATTEMPT: &str = "
    UPDATE attempts SET started_at = :at, pid = :pid, mounted = :mounted
    WHERE job = :job AND number = :number";

const CLOSE_ATTEMPT: &str = "
    UPDATE attempts SET closed_at = :at, exit_code = :exit_code, signal = :signal,
        class = :class, reason = :reason, retry_reason = :retry_reason
    WHERE job = :job AND number = :number";

const INSERT_EVENT: &str = "
    INSERT INTO events (job, number, attempt, at, event, state, reason)
    VALUES (:job, (SELECT changes FROM jobs WHERE seq = :job), :attempt, :at, :event, :state, :reason)";
