//! Jobs of an engine that is asked over a network: where they went, and what it said of them.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::{Applied, Change, Detail, Entry, Holder, Ledger, LedgerError, Millis, NewJob, record};
use crate::job::{Event, JobId};
use crate::plan::BatchName;

/// What was written down before the engine heard of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Unique to the job; the engine can be asked for it.
    pub name: String,
    pub region: String,
    /// When it was about to be sent last.
    pub sent_at: Millis,
    /// Who is sending it, or was.
    pub sender: String,
    /// The job definition that was sent, where it is not the one that was asked for.
    pub definition: Option<String>,
    /// Once the engine has it.
    pub arn: Option<String>,
    /// So many attempts were those of another job of the engine, which this one superseded.
    pub attempts_before: u32,
    /// The engine may have so many of it: it was sent so often, and nobody saw what came of it.
    pub at_most: u32,
}

impl HandOver {
    /// Was it sent more than once, and has nobody seen how many of it the engine has?
    #[must_use]
    pub const fn may_be_twice(&self) -> bool {
        self.at_most > 1
    }
}

/// Where the engine keeps what an attempt wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStream {
    /// If not that of the job.
    pub region: Option<String>,
    pub group: String,
    pub stream: String,
}

/// A job that the engine has and this ledger did not.
#[derive(Debug)]
pub struct Adopted<'a> {
    pub engine: &'static str,
    pub engine_id: &'a str,
    pub arn: &'a str,
    pub name: &'a str,
    pub region: &'a str,
}

impl Change<'_> {
    /// A job is about to be sent: whatever happens then, it can be found by its name.
    ///
    /// # Errors
    /// When the job is in no state to be sent, or the database fails.
    pub fn hand_over(&self, holder: Holder, sent: &HandOver) -> Result<Applied, LedgerError> {
        self.db
            .prepare_cached(
                "INSERT INTO hand_overs (job, name, region, sent_at, sender, definition)
                 VALUES (:job, :name, :region, :now, :sender, :definition)
                 ON CONFLICT (job) DO UPDATE
                 SET sent_at = :now, sender = :sender, definition = :definition",
            )?
            .execute(named_params! {
                ":job": holder.seq, ":name": sent.name, ":region": sent.region,
                ":sender": sent.sender, ":definition": sent.definition, ":now": sent.sent_at,
            })?;
        self.apply(holder, Event::HandOver, Detail::default(), sent.sent_at)
    }

    /// Somebody else goes on with a hand-over whose sender is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_over(
        &self,
        seq: i64,
        gone: &str,
        sender: &str,
        now: Millis,
    ) -> Result<bool, LedgerError> {
        let changed = self
            .db
            .prepare_cached(
                "UPDATE hand_overs SET sender = ?3, sent_at = ?4 WHERE job = ?1 AND sender = ?2",
            )?
            .execute((seq, gone, sender, now))?;
        Ok(changed == 1)
    }

    /// What was written down before the engine heard of a job.
    ///
    /// # Errors
    /// When the database fails.
    pub fn hand_over_of(&self, seq: i64) -> Result<Option<HandOver>, LedgerError> {
        hand_over_of(self.db, seq)
    }

    /// The engine has the job, under this id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn handed_over(
        &self,
        id: JobId,
        engine_id: &str,
        arn: &str,
        now: Millis,
    ) -> Result<Applied, LedgerError> {
        let holder = self.holder(id)?;
        let applied = self.apply(holder, Event::HandedOver, Detail::default(), now)?;
        if matches!(applied, Applied::Done(_)) {
            self.now_at(holder.seq, engine_id, arn)?;
        }
        Ok(applied)
    }

    /// Another job of the engine does the work in the place of the one that it was. The attempts that
    /// ended stay, and its own come after them; an open one is its own from here on.
    ///
    /// # Errors
    /// When the job is nowhere or over, or the database fails.
    pub fn supersede(
        &self,
        holder: Holder,
        (engine_id, arn): (&str, &str),
        reason: &str,
        now: Millis,
    ) -> Result<Applied, LedgerError> {
        let detail = Detail { reason: Some(reason), ..Detail::default() };
        let applied = self.apply(holder, Event::Superseded, detail, now)?;
        if matches!(applied, Applied::Done(_)) {
            self.now_at(holder.seq, engine_id, arn)?;
            let before = holder.attempt - u32::from(holder.state.is_held());
            self.db
                .prepare_cached("UPDATE hand_overs SET attempts_before = ?2 WHERE job = ?1")?
                .execute((holder.seq, before))?;
            self.db
                .prepare_cached(
                    "UPDATE attempts SET log_region = NULL, log_group = NULL, log_stream = NULL
                     WHERE job = ?1 AND number > ?2",
                )?
                .execute((holder.seq, before))?;
        }
        Ok(applied)
    }

    /// A job is about to be sent once more, after which the engine may have so many of it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn send_again(&self, seq: i64, at_most: u32, now: Millis) -> Result<(), LedgerError> {
        self.db
            .prepare_cached("UPDATE hand_overs SET at_most = ?2, sent_at = ?3 WHERE job = ?1")?
            .execute((seq, at_most, now))?;
        Ok(())
    }

    /// What the engine has of a job was seen, and all but one of it is ended.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_one(&self, seq: i64) -> Result<(), LedgerError> {
        self.db
            .prepare_cached("UPDATE hand_overs SET at_most = 1 WHERE job = ?1")?
            .execute([seq])?;
        Ok(())
    }

    /// Does the engine have the job under this id, as far as the ledger knows by now?
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_at(&self, seq: i64, engine_id: &str) -> Result<bool, LedgerError> {
        Ok(self
            .db
            .prepare_cached("SELECT 1 FROM jobs WHERE seq = ?1 AND engine_id = ?2")?
            .exists((seq, engine_id))?)
    }

    fn now_at(&self, seq: i64, engine_id: &str, arn: &str) -> Result<(), LedgerError> {
        self.db
            .prepare_cached("UPDATE jobs SET engine_id = ?2 WHERE seq = ?1")?
            .execute((seq, engine_id))?;
        self.db
            .prepare_cached("UPDATE hand_overs SET arn = ?2 WHERE job = ?1")?
            .execute((seq, arn))?;
        Ok(())
    }

    /// Takes a job in that the engine has already. One that is there stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn adopt(
        &self,
        job: &NewJob,
        adopted: &Adopted<'_>,
        accepted_at: Millis,
    ) -> Result<(), LedgerError> {
        if self.holder(job.id).is_ok() {
            return Ok(());
        }
        self.accept(job, Entry::Accepted(adopted.engine), accepted_at)?;
        let sent = HandOver {
            name: adopted.name.to_owned(),
            region: adopted.region.to_owned(),
            sent_at: accepted_at,
            sender: String::new(),
            definition: None,
            arn: None,
            attempts_before: 0,
            at_most: 1,
        };
        self.hand_over(self.holder(job.id)?, &sent)?;
        self.handed_over(job.id, adopted.engine_id, adopted.arn, accepted_at)?;
        // What was asked for can be told from what Batch shows only nearly.
        if let Some(ours) = BatchName::parse(adopted.name) {
            let seq = self.holder(job.id)?.seq;
            self.db
                .prepare_cached("UPDATE plans SET fingerprint = ?2 WHERE job = ?1")?
                .execute((seq, ours.fingerprint.as_str()))?;
        }
        Ok(())
    }

    /// The engine's own words for how the job stands; or why nobody knows whether it has the job.
    ///
    /// # Errors
    /// When the database fails.
    pub fn say_status(
        &self,
        seq: i64,
        status: Option<&str>,
        reason: Option<&str>,
    ) -> Result<(), LedgerError> {
        self.db
            .prepare_cached(
                "UPDATE jobs SET engine_status = ?2, engine_reason = ?3
                 WHERE seq = ?1 AND (engine_status IS NOT ?2 OR engine_reason IS NOT ?3)",
            )?
            .execute((seq, status, reason))?;
        Ok(())
    }

    /// Where the engine keeps what an attempt wrote.
    ///
    /// # Errors
    /// When the database fails.
    pub fn say_log(&self, seq: i64, attempt: u32, log: &LogStream) -> Result<(), LedgerError> {
        self.db
            .prepare_cached(
                "UPDATE attempts SET log_region = ?3, log_group = ?4, log_stream = ?5
                 WHERE job = ?1 AND number = ?2 AND log_stream IS NOT ?5",
            )?
            .execute((seq, attempt, &log.region, &log.group, &log.stream))?;
        Ok(())
    }
}

impl Ledger {
    /// # Errors
    /// When the database fails.
    pub fn hand_over_of(&self, seq: i64) -> Result<Option<HandOver>, LedgerError> {
        hand_over_of(&self.db, seq)
    }

    /// Were at most so many jobs ever handed over to an engine far away?
    ///
    /// # Errors
    /// When the database fails.
    pub fn are_first_away(&self, most: usize) -> Result<bool, LedgerError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX - 1);
        let count: i64 = self
            .db
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM hand_overs LIMIT ?1)")?
            .query_row([most + 1], |row| row.get(0))?;
        Ok(count <= most)
    }

    /// Which engine a job went to.
    ///
    /// # Errors
    /// When there is no such job.
    pub fn engine_of(&self, id: JobId) -> Result<String, LedgerError> {
        self.db
            .prepare_cached("SELECT engine FROM jobs WHERE id = ?1")?
            .query_row([id.to_string()], |row| row.get(0))
            .optional()?
            .ok_or_else(|| LedgerError::NoSuchJob(id.to_string()))
    }

    /// The jobs that are not over of all engines but the local one, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn away(&self) -> Result<Vec<JobId>, LedgerError> {
        let mut away = self.db.prepare_cached(
            "SELECT id FROM jobs WHERE finished_at IS NULL AND engine <> 'local' ORDER BY seq",
        )?;
        let rows = away.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|id| record::id(&id?)).collect()
    }

    /// The job of the ledger that the engine knows by this id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn known_by_engine_id(&self, engine_id: &str) -> Result<Option<JobId>, LedgerError> {
        let id: Option<String> = self
            .db
            .prepare_cached("SELECT id FROM jobs WHERE engine_id = ?1")?
            .query_row([engine_id], |row| row.get(0))
            .optional()?;
        id.as_deref().map(record::id).transpose()
    }
}

fn hand_over_of(db: &Connection, seq: i64) -> Result<Option<HandOver>, LedgerError> {
    Ok(db
        .prepare_cached(
            "SELECT name, region, sent_at, sender, definition, arn, attempts_before, at_most
             FROM hand_overs WHERE job = ?1",
        )?
        .query_row([seq], |row| {
            Ok(HandOver {
                name: row.get(0)?,
                region: row.get(1)?,
                sent_at: row.get(2)?,
                sender: row.get(3)?,
                definition: row.get(4)?,
                arn: row.get(5)?,
                attempts_before: row.get(6)?,
                at_most: row.get(7)?,
            })
        })
        .optional()?)
}
