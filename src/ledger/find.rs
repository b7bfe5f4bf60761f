//! Reading jobs.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;
use rusqlite::types::Value;

use super::record::{self, AttemptRecord, EventRecord, JOB_COLUMNS, JobRecord};
use super::{Ledger, LedgerError, Millis};
use crate::job::{JobId, Queue, State};

/// Which jobs are meant, newest first. What is empty leaves none out.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub states: Vec<State>,
    pub queues: Vec<Queue>,
    pub name_contains: Option<String>,
    pub engine: Option<&'static str>,
    /// Submitted then or later.
    pub since: Option<Millis>,
    /// Submitted sooner than then.
    pub before: Option<Millis>,
    pub limit: Option<u32>,
}

impl Filter {
    /// The jobs that are not over.
    #[must_use]
    pub fn unfinished() -> Self {
        let states = State::ALL.into_iter().filter(|state| !state.is_terminal()).collect();
        Self { states, ..Self::default() }
    }

    /// The condition for it. Values are bound by [`bound`](Self::bound); what is spliced in are
    /// names of states and queues, which are ours.
    fn condition(&self) -> String {
        let states: Vec<_> = self.states.iter().map(|state| state.as_str()).collect();
        let queues: Vec<_> = self.queues.iter().map(|queue| queue.as_str()).collect();
        let one_of = |column: &str, names: &[&str]| {
            if names.is_empty() {
                return String::new();
            }
            format!("AND {column} IN ('{}')", names.join("', '"))
        };
        format!(
            "(:engine IS NULL OR engine = :engine)
             AND (:name IS NULL OR instr(lower(name), :name) > 0)
             AND (:since IS NULL OR accepted_at >= :since)
             AND (:before IS NULL OR accepted_at < :before) {} {}",
            one_of("state", &states),
            one_of("queue", &queues),
        )
    }

    fn bound(&self) -> [(&'static str, Value); 4] {
        let name = self.name_contains.as_ref().map(|name| name.to_lowercase());
        [
            (":engine", self.engine.map(str::to_owned).into()),
            (":name", name.into()),
            (":since", self.since.into()),
            (":before", self.before.into()),
        ]
    }
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// The number of the newest attempt, 0 before the first.
    pub attempt: u32,
    /// The engine's own word for the state.
    pub engine_status: Option<String>,
    /// What the engine says about it.
    pub engine_reason: Option<String>,
}

/// How many jobs of each queue are in each state.
pub type Counts = BTreeMap<(Queue, &'static str), u64>;

impl Ledger {
    /// Is there a job of this id?
    ///
    /// # Errors
    /// When the database fails.
    pub fn has(&self, id: JobId) -> Result<bool, LedgerError> {
        let mut query = self.db.prepare_cached("SELECT 1 FROM jobs WHERE id = ?1")?;
        Ok(query.exists([id.to_string()])?)
    }

    /// # Errors
    /// When there is no such job, or the database fails.
    pub fn job(&self, id: JobId) -> Result<JobRecord, LedgerError> {
        self.db
            .prepare_cached(&format!(
                "SELECT {JOB_COLUMNS} FROM jobs JOIN plans ON job = seq WHERE id = ?1"
            ))?
            .query_row([id.to_string()], |row| Ok(record::job(row)))
            .optional()?
            .unwrap_or_else(|| Err(LedgerError::NoSuchJob(id.to_string())))
    }

    /// What changes as a job goes on, for those who look often.
    ///
    /// # Errors
    /// When there is no such job, or the database fails.
    pub fn standing(&self, id: JobId) -> Result<Standing, LedgerError> {
        self.db
            .prepare_cached(
                "SELECT state, attempt, engine_status, engine_reason FROM jobs WHERE id = ?1",
            )?
            .query_row([id.to_string()], |row| {
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?
            .ok_or_else(|| LedgerError::NoSuchJob(id.to_string()))
            .and_then(|(state, attempt, engine_status, engine_reason)| {
                let state = record::state(&state)?;
                Ok(Standing { state, attempt, engine_status, engine_reason })
            })
    }

    /// Those of these jobs that are over, in the same order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn over(&self, ids: &[JobId]) -> Result<Vec<JobId>, LedgerError> {
        let ids = serde_json::json!(ids).to_string();
        let mut query = self.db.prepare_cached(
            "SELECT jobs.id FROM json_each(?1) AS given JOIN jobs ON jobs.id = given.value
             WHERE finished_at IS NOT NULL ORDER BY given.key",
        )?;
        let over = query.query_map([ids], |row| row.get::<_, String>(0))?;
        over.map(|id| record::id(&id?)).collect()
    }

    /// # Errors
    /// When the database fails.
    pub fn list(&self, filter: &Filter) -> Result<Vec<JobRecord>, LedgerError> {
        let mut list = self.db.prepare(&format!(
            "SELECT {JOB_COLUMNS} FROM jobs JOIN plans ON job = seq
             WHERE {} ORDER BY seq DESC LIMIT {}",
            filter.condition(),
            filter.limit.map_or(-1, i64::from),
        ))?;
        let bound = filter.bound();
        let mut rows =
            list.query(bound.each_ref().map(|(name, value)| (*name, value)).as_slice())?;
        let mut jobs = Vec::new();
        while let Some(row) = rows.next()? {
            jobs.push(record::job(row)?);
        }
        Ok(jobs)
    }

    /// How many there are, whatever the limit.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count(&self, filter: &Filter) -> Result<u64, LedgerError> {
        let count = format!("SELECT count(*) FROM jobs WHERE {}", filter.condition());
        let bound = filter.bound();
        let bound = bound.each_ref().map(|(name, value)| (*name, value));
        let count: i64 = self.db.prepare(&count)?.query_row(bound.as_slice(), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// # Errors
    /// When the database fails.
    pub fn attempts(&self, job: &JobRecord) -> Result<Vec<AttemptRecord>, LedgerError> {
        let mut attempts = self.db.prepare_cached(
            "SELECT number, pid, mounted, opened_at, started_at, closed_at, exit_code, signal,
                 class, reason, log_group, log_stream, log_region, retry_reason
             FROM attempts WHERE job = ?1 ORDER BY number",
        )?;
        let mut rows = attempts.query([job.seq])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(record::attempt(row)?);
        }
        Ok(found)
    }

    /// Since when a job waits: since its last attempt ended, or since it was accepted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waits_since(&self, job: &JobRecord) -> Result<Millis, LedgerError> {
        let last: Option<Millis> = self
            .db
            .prepare_cached("SELECT max(closed_at) FROM attempts WHERE job = ?1")?
            .query_row([job.seq], |row| row.get(0))?;
        Ok(last.unwrap_or(job.accepted_at))
    }

    /// # Errors
    /// When the database fails.
    pub fn events(&self, job: &JobRecord) -> Result<Vec<EventRecord>, LedgerError> {
        let mut events = self.db.prepare_cached(
            "SELECT at, attempt, event, state, reason FROM events WHERE job = ?1 ORDER BY number",
        )?;
        let mut rows = events.query([job.seq])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(record::event(row)?);
        }
        Ok(found)
    }

    /// Every job, with its state.
    ///
    /// # Errors
    /// When the database fails.
    pub fn states(&self) -> Result<BTreeMap<JobId, State>, LedgerError> {
        let mut all = self.db.prepare("SELECT id, state FROM jobs")?;
        let mut rows = all.query([])?;
        let mut states = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let id = record::id(&row.get::<_, String>(0)?)?;
            states.insert(id, record::state(&row.get::<_, String>(1)?)?);
        }
        Ok(states)
    }

    /// # Errors
    /// When the database fails.
    pub fn counts(&self, engine: &str) -> Result<Counts, LedgerError> {
        let mut count = self.db.prepare(
            "SELECT queue, state, count(*) FROM jobs WHERE engine = ?1 GROUP BY queue, state",
        )?;
        let mut rows = count.query([engine])?;
        let mut counts = Counts::new();
        while let Some(row) = rows.next()? {
            let queue = record::queue(&row.get::<_, String>(0)?)?;
            let state = record::state(&row.get::<_, String>(1)?)?;
            counts.insert((queue, state.as_str()), row.get::<_, i64>(2)?.unsigned_abs());
        }
        Ok(counts)
    }
}
