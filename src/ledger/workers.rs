//! The workers of the local engine: who is there, and how long it is believed.

use std::ops::ControlFlow;

use rusqlite::named_params;

use super::record;
use super::{Change, Holder, Ledger, LedgerError, Millis};
use crate::job::{JobId, Memory, Queue, Resources, Vcpus};

/// A worker that signs on.
#[derive(Debug, Clone)]
pub struct NewWorker {
    pub id: String,
    pub pid: u32,
    pub background: bool,
    /// Which start of the machine this is: the monotonic clock begins anew with each.
    pub boot: String,
    pub capacity: Resources,
    pub queues: Vec<Queue>,
}

#[derive(Debug, Clone)]
pub struct WorkerRecord {
    pub seq: i64,
    pub worker: NewWorker,
    pub started_at: Millis,
    /// When it has to be believed dead, unless it says otherwise: ms of the monotonic clock.
    /// `None` while it holds no job.
    pub lease: Option<i64>,
}

/// A worker's word that it lives, in ms of the machine's monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease(pub Option<i64>);

/// A job that a worker holds.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    pub id: JobId,
    pub holder: Holder,
    /// How often it lost a worker before.
    pub losses: u32,
}

impl WorkerRecord {
    #[must_use]
    pub fn takes(&self, queue: Queue, resources: &Resources) -> bool {
        self.worker.queues.contains(&queue) && resources.fits_in(&self.worker.capacity)
    }
}

impl Ledger {
    /// # Errors
    /// When the database fails.
    pub fn workers(&self) -> Result<Vec<WorkerRecord>, LedgerError> {
        Change::new(&self.db).workers()
    }

    /// What a worker holds, or held when it died.
    ///
    /// # Errors
    /// When the database fails.
    pub fn held_by(&self, worker: i64) -> Result<Vec<Held>, LedgerError> {
        Change::new(&self.db).held_by(worker)
    }
}

impl Change<'_> {
    /// # Errors
    /// When the database fails.
    pub fn workers(&self) -> Result<Vec<WorkerRecord>, LedgerError> {
        let mut all = self.db.prepare_cached(
            "SELECT seq, id, pid, background, boot, vcpus, memory, gpus, queues, started_at, lease
             FROM workers ORDER BY seq",
        )?;
        let mut rows = all.query([])?;
        let mut workers = Vec::new();
        while let Some(row) = rows.next()? {
            let queues: String = row.get(8)?;
            workers.push(WorkerRecord {
                seq: row.get(0)?,
                worker: NewWorker {
                    id: row.get(1)?,
                    pid: row.get(2)?,
                    background: row.get(3)?,
                    boot: row.get(4)?,
                    capacity: Resources {
                        vcpus: Vcpus::from_thousandths(row.get(5)?),
                        memory: Memory::of_machine(row.get(6)?),
                        gpus: row.get(7)?,
                    },
                    queues: serde_json::from_str(&queues)
                        .map_err(|error| LedgerError::Corrupt(format!("queues: {error}")))?,
                },
                started_at: row.get(9)?,
                lease: row.get(10)?,
            });
        }
        Ok(workers)
    }

    /// # Errors
    /// When the database fails.
    pub fn sign_on(&self, worker: &NewWorker, now: Millis) -> Result<i64, LedgerError> {
        let queues = serde_json::to_string(&worker.queues)
            .map_err(|error| LedgerError::Corrupt(error.to_string()))?;
        Ok(self
            .db
            .prepare_cached(
                "INSERT INTO workers (id, pid, background, boot, vcpus, memory, gpus, queues, started_at)
                 VALUES (:id, :pid, :background, :boot, :vcpus, :memory, :gpus, :queues, :now)",
            )?
            .insert(named_params! {
                ":id": worker.id,
                ":pid": worker.pid,
                ":background": worker.background,
                ":boot": worker.boot,
                ":vcpus": worker.capacity.vcpus.thousandths(),
                ":memory": worker.capacity.memory.as_mib(),
                ":gpus": worker.capacity.gpus,
                ":queues": queues,
                ":now": now,
            })?)
    }

    /// Renews or ends a worker's lease. False: the worker was struck off, and all that it
    /// holds is somebody else's.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_alive(&self, worker: i64, lease: Lease) -> Result<bool, LedgerError> {
        let kept = self
            .db
            .prepare_cached("UPDATE workers SET lease = ?2 WHERE seq = ?1")?
            .execute((worker, lease.0))?;
        Ok(kept == 1)
    }

    /// Is the worker still one that others believe in?
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_signed_on(&self, worker: i64) -> Result<bool, LedgerError> {
        Ok(self.db.prepare_cached("SELECT 1 FROM workers WHERE seq = ?1")?.exists([worker])?)
    }

    /// A worker that leaves takes no more jobs, and nobody may count on it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_no_more(&self, worker: i64) -> Result<(), LedgerError> {
        self.db
            .prepare_cached("UPDATE workers SET queues = '[]' WHERE seq = ?1")?
            .execute([worker])?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub fn strike_off(&self, worker: i64) -> Result<(), LedgerError> {
        self.db.prepare_cached("DELETE FROM workers WHERE seq = ?1")?.execute([worker])?;
        Ok(())
    }

    /// Does a job wait that this worker would take?
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_queued_for(&self, worker: &WorkerRecord) -> Result<bool, LedgerError> {
        let mut wanted = false;
        self.for_each_queued(|job| {
            wanted = worker.takes(job.queue, &job.resources);
            if wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(wanted)
    }

    /// Strikes a worker off that has nothing to do. False: there is a job for it after all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn strike_off_if_idle(&self, worker: &WorkerRecord) -> Result<bool, LedgerError> {
        let wanted = self.has_queued_for(worker)?;
        if !wanted {
            self.strike_off(worker.seq)?;
        }
        Ok(!wanted)
    }

    /// What a worker holds, or held when it died.
    ///
    /// # Errors
    /// When the database fails.
    pub fn held_by(&self, worker: i64) -> Result<Vec<Held>, LedgerError> {
        let mut held = self.db.prepare_cached(
            "SELECT id, seq, attempt, state, losses FROM jobs WHERE worker = ?1 ORDER BY seq",
        )?;
        let mut rows = held.query([worker])?;
        let mut jobs = Vec::new();
        while let Some(row) = rows.next()? {
            let holder = Holder {
                seq: row.get(1)?,
                attempt: row.get(2)?,
                state: record::state(&row.get::<_, String>(3)?)?,
            };
            jobs.push(Held {
                id: record::id(&row.get::<_, String>(0)?)?,
                holder,
                losses: row.get(4)?,
            });
        }
        Ok(jobs)
    }
}
