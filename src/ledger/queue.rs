//! The queue of the local engine, as its workers read it.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::{Change, Holder, Ledger, LedgerError, Millis};
use crate::job::{JobId, Memory, Queue, Resources, State, Vcpus};
use crate::plan::Plan;

/// A queued job, as far as it takes to decide whether it may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub seq: i64,
    pub attempt: u32,
    pub queue: Queue,
    pub resources: Resources,
}

/// What a worker needs to run a job that it claimed.
#[derive(Debug)]
pub struct Assignment {
    pub id: JobId,
    pub plan: Plan,
    pub directory: PathBuf,
    pub rehearse_after: Option<u32>,
    pub interruptions: u32,
    pub losses: u32,
}

/// A job that a worker has, and how much of the worker it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub id: JobId,
    pub name: String,
    /// The worker, by its number in the ledger.
    pub worker: i64,
    pub resources: Resources,
}

impl Candidate {
    #[must_use]
    pub const fn holder(&self) -> Holder {
        Holder { seq: self.seq, attempt: self.attempt, state: State::Queued }
    }
}

impl Change<'_> {
    /// Shows the queue, most urgent job first, for as long as `look` goes on.
    ///
    /// # Errors
    /// When the database fails.
    pub fn for_each_queued(
        &self,
        mut look: impl FnMut(Candidate) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let mut queued = self.db.prepare_cached(
            "SELECT seq, attempt, queue, vcpus, memory, gpus FROM jobs
             WHERE state = 'queued' AND engine = 'local' ORDER BY rank, seq",
        )?;
        let mut rows = queued.query([])?;
        while let Some(row) = rows.next()? {
            let candidate = Candidate {
                seq: row.get(0)?,
                attempt: row.get(1)?,
                queue: super::record::queue(row.get_ref(2)?.as_str().unwrap_or_default())?,
                resources: Resources {
                    vcpus: Vcpus::from_thousandths(row.get(3)?),
                    memory: Memory::of_machine(row.get(4)?),
                    gpus: row.get(5)?,
                },
            };
            if look(candidate).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// # Errors
    /// When the database fails or holds a plan that can't be read.
    pub fn assignment(&self, seq: i64) -> Result<Assignment, LedgerError> {
        let (id, plan, directory, rehearse_after, interruptions, losses) = self
            .db
            .prepare_cached(
                "SELECT id, plan, directory, rehearse_after, interruptions, losses
                 FROM jobs JOIN plans ON job = seq WHERE seq = ?1",
            )?
            .query_row([seq], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                ))
            })?;
        Ok(Assignment {
            id: super::record::id(&id)?,
            plan: super::record::plan(&plan)?,
            directory: directory.into(),
            rehearse_after,
            interruptions,
            losses,
        })
    }

    /// Jobs of a worker that somebody wants to end.
    ///
    /// # Errors
    /// When the database fails.
    pub fn cancels_of(&self, worker: i64) -> Result<Vec<i64>, LedgerError> {
        let mut wanted = self.db.prepare_cached(
            "SELECT seq FROM jobs WHERE worker = ?1 AND cancel_requested_at IS NOT NULL",
        )?;
        let rows = wanted.query_map([worker], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Ledger {
    /// The jobs that workers have.
    ///
    /// # Errors
    /// When the database fails.
    pub fn holdings(&self) -> Result<Vec<Holding>, LedgerError> {
        let mut held = self.db.prepare_cached(
            "SELECT id, name, worker, vcpus, memory, gpus FROM jobs
             WHERE worker IS NOT NULL ORDER BY seq",
        )?;
        let mut rows = held.query([])?;
        let mut holdings = Vec::new();
        while let Some(row) = rows.next()? {
            holdings.push(Holding {
                id: super::record::id(&row.get::<_, String>(0)?)?,
                name: row.get(1)?,
                worker: row.get(2)?,
                resources: Resources {
                    vcpus: Vcpus::from_thousandths(row.get(3)?),
                    memory: Memory::of_machine(row.get(4)?),
                    gpus: row.get(5)?,
                },
            });
        }
        Ok(holdings)
    }

    /// How many queued jobs of the local engine are offered before this one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn queued_before(&self, seq: i64) -> Result<usize, LedgerError> {
        let count: i64 = self
            .db
            .prepare_cached(
                "SELECT count(*) FROM jobs, (SELECT rank AS its_rank FROM jobs WHERE seq = ?1)
                 WHERE state = 'queued' AND engine = 'local' AND (rank, seq) < (its_rank, ?1)",
            )?
            .query_row([seq], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }
}

/// What a step of priority is worth: a job of `asap` passes those of `default` that have
/// waited up to nine such steps, an hour and a half, and no longer, so that none starves.
const STEP_OF_PRIORITY: Millis = 10 * 60 * 1000;

impl Queue {
    /// The place of a job in the order of claiming: lower goes first.
    #[must_use]
    pub fn rank(self, accepted_at: Millis) -> i64 {
        accepted_at - i64::from(self.priority()) * STEP_OF_PRIORITY
    }
}
