//! How jobs get into the ledger.

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, named_params};

use super::{Change, LedgerError, Millis};
use crate::job::{Event, JobId, State, transition};
use crate::plan::{Fingerprint, Plan};

/// A job that is about to be accepted.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub id: JobId,
    pub plan: Plan,
    /// Where the caller stands: the working directory on the local engine.
    pub directory: PathBuf,
    /// Show the job a host that goes away, this many ms after its first start.
    pub rehearse_after: Option<u32>,
    pub retry_of: Option<JobId>,
}

/// How a job enters the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The local engine, whose queue the ledger is: the acceptance is the hand-over.
    Queued,
    /// An engine that has to be told.
    Accepted(&'static str),
}

impl Entry {
    const fn engine(self) -> &'static str {
        match self {
            Self::Queued => LOCAL,
            Self::Accepted(engine) => engine,
        }
    }
}

/// The engine whose queue the ledger is.
pub const LOCAL: &str = "local";

impl Change<'_> {
    /// # Errors
    /// When the database fails.
    pub fn accept(&self, job: &NewJob, entry: Entry, now: Millis) -> Result<(), LedgerError> {
        let (state, event) = match entry {
            Entry::Queued => {
                (transition(State::Accepted, Event::HandedOver)?.0, Event::HandedOver.as_str())
            }
            Entry::Accepted(_) => (State::Accepted, State::Accepted.as_str()),
        };
        let seq = self.insert(job, entry.engine(), state, now)?;
        self.db
            .prepare_cached(
                "INSERT INTO events (job, number, attempt, at, event, state) VALUES (?1, 1, 0, ?2, ?3, ?4)",
            )?
            .execute((seq, now, event, state.as_str()))?;
        Ok(())
    }

    /// The rows of a job, without a line in its history.
    fn insert(
        &self,
        job: &NewJob,
        engine: &str,
        state: State,
        now: Millis,
    ) -> Result<i64, LedgerError> {
        let spec = &job.plan.spec;
        // What it takes of this machine.
        let takes = (engine == LOCAL).then(|| spec.resources.on_this_machine());
        let plan = serde_json::to_string(&job.plan)
            .map_err(|error| LedgerError::Corrupt(error.to_string()))?;
        let mut insert = self.db.prepare_cached(
            // One more than any job has or had: that of a job that was removed is not given again.
            "INSERT INTO jobs (seq, id, engine, name, queue, state, changes, rank, vcpus, memory,
                 gpus, rehearse_after, retry_of, accepted_at)
             VALUES ((SELECT 1 + max(highest_seq, coalesce((SELECT max(seq) FROM jobs), 0))
                      FROM pruned), :id, :engine, :name, :queue, :state, 1, :rank, :vcpus, :memory, :gpus,
                 :rehearse_after, :retry_of, :now)",
        )?;
        let seq = insert.insert(named_params! {
            ":id": job.id.to_string(),
            ":engine": engine,
            ":name": spec.name.as_str(),
            ":queue": spec.queue.as_str(),
            ":state": state.as_str(),
            ":rank": spec.queue.rank(now),
            ":vcpus": takes.map_or(0, |it| it.vcpus.thousandths()),
            ":memory": takes.map_or(0, |it| it.memory.as_mib()),
            ":gpus": takes.map_or(0, |it| it.gpus),
            ":rehearse_after": job.rehearse_after,
            ":retry_of": job.retry_of.map(|id| id.to_string()),
            ":now": now,
        })?;
        self.db
            .prepare_cached(
                "INSERT INTO plans (job, plan, directory, fingerprint) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                seq,
                plan,
                job.directory.to_string_lossy(),
                job.plan.fingerprint().as_str(),
            ))?;
        Ok(seq)
    }

    /// The oldest job of an engine that does the same work and is not over; on this machine the
    /// work of another directory is another.
    ///
    /// # Errors
    /// When the database fails.
    pub fn active_twin(
        &self,
        engine: &str,
        fingerprint: &Fingerprint,
        directory: Option<&Path>,
    ) -> Result<Option<JobId>, LedgerError> {
        let id: Option<String> = self
            .db
            .prepare_cached(
                "SELECT id FROM plans JOIN jobs ON seq = job
                 WHERE fingerprint = ?1 AND engine = ?2 AND finished_at IS NULL
                   AND cancel_requested_at IS NULL AND (?3 IS NULL OR directory = ?3)
                 ORDER BY seq LIMIT 1",
            )?
            .query_row(
                (fingerprint.as_str(), engine, directory.map(Path::to_string_lossy)),
                |row| row.get(0),
            )
            .optional()?;
        id.as_deref().map(super::record::id).transpose()
    }
}
