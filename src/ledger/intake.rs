//! How jobs get into the ledger.

use std::path::PathBuf;

use rusqlite::named_params;

use super::{Change, LedgerError, Millis};
use crate::job::{Event, JobId, State, transition};
use crate::plan::Plan;

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

impl Change<'_> {
    /// Takes a job for the local engine, whose queue the ledger is: the acceptance is the
    /// hand-over.
    ///
    /// # Errors
    /// When the database fails.
    pub fn accept_queued(&self, job: &NewJob, now: Millis) -> Result<(), LedgerError> {
        let (state, _) = transition(State::Accepted, Event::HandedOver)?;
        let spec = &job.plan.spec;
        let plan = serde_json::to_string(&job.plan)
            .map_err(|error| LedgerError::Corrupt(error.to_string()))?;
        let mut insert = self.db.prepare_cached(
            "INSERT INTO jobs (id, engine, name, queue, state, changes, rank, vcpus, memory, gpus,
                 rehearse_after, retry_of, accepted_at)
             VALUES (:id, 'local', :name, :queue, :state, 1, :rank, :vcpus, :memory, :gpus,
                 :rehearse_after, :retry_of, :now)",
        )?;
        let seq = insert.insert(named_params! {
            ":id": job.id.to_string(),
            ":name": spec.name.as_str(),
            ":queue": spec.queue.as_str(),
            ":state": state.as_str(),
            ":rank": spec.queue.rank(now),
            ":vcpus": spec.resources.vcpus.thousandths(),
            ":memory": spec.resources.memory.as_mib(),
            ":gpus": spec.resources.gpus,
            ":rehearse_after": job.rehearse_after,
            ":retry_of": job.retry_of.map(|id| id.to_string()),
            ":now": now,
        })?;
        self.db
            .prepare_cached("INSERT INTO plans (job, plan, directory) VALUES (?1, ?2, ?3)")?
            .execute((seq, plan, job.directory.to_string_lossy()))?;
        self.db
            .prepare_cached(
                "INSERT INTO events (job, number, attempt, at, event, state) VALUES (?1, 1, 0, ?2, ?3, ?4)",
            )?
            .execute((seq, now, Event::HandedOver.as_str(), state.as_str()))?;
        Ok(())
    }
}
