//! Removing jobs that are over, and giving back the room that they took.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, named_params};

use super::{BUSY, Change, JobRecord, Ledger, LedgerError, Millis, record};
use crate::job::JobId;

/// Which jobs may be removed.
#[derive(Debug, Default)]
pub struct Removable {
    /// The oldest first.
    pub jobs: Vec<JobId>,
    /// How many are old enough and stay: one that is being tried once more, and one of which
    /// nobody knows whether its engine has it.
    pub kept: u64,
}

/// Pages that are given back in one transaction: 1 MiB.
const PAGES_AT_ONCE: u32 = 256;
/// So long those who read are waited for before the write-ahead log is emptied.
const READERS: Duration = Duration::from_millis(100);

impl Ledger {
    /// The jobs of an engine that were over before that.
    ///
    /// # Errors
    /// When the database fails.
    pub fn removable(&self, engine: &str, before: Millis) -> Result<Removable, LedgerError> {
        let mut old = self.db.prepare(
            "SELECT id, id IN (SELECT retry_of FROM jobs
                         WHERE retry_of IS NOT NULL AND finished_at IS NULL)
                 OR (state IN ('cancelled', 'lost') AND engine_id IS NULL
                     AND seq IN (SELECT job FROM hand_overs))
             FROM jobs
             WHERE finished_at < :before AND engine = :engine ORDER BY seq",
        )?;
        let mut rows = old.query(named_params! { ":before": before, ":engine": engine })?;
        let mut removable = Removable::default();
        while let Some(row) = rows.next()? {
            let something_depends_on_it: bool = row.get(1)?;
            if something_depends_on_it {
                removable.kept += 1;
            } else {
                removable.jobs.push(record::id(&row.get::<_, String>(0)?)?);
            }
        }
        Ok(removable)
    }

    /// The parcels of jobs that are not over, or were not before that.
    ///
    /// # Errors
    /// When the database fails.
    pub fn parcels_since(&self, before: Millis) -> Result<BTreeSet<String>, LedgerError> {
        let mut plans = self.db.prepare(
            "SELECT plan FROM plans JOIN jobs ON seq = job
             WHERE finished_at IS NULL OR finished_at >= ?1",
        )?;
        let mut rows = plans.query([before])?;
        let mut parcels = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let plan = record::plan(&row.get::<_, String>(0)?)?;
            parcels.extend(plan.freight.parcels().map(|parcel| parcel.address.to_string()));
        }
        Ok(parcels)
    }

    /// When the jobs that were old enough were last all removed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pruned_at(&self) -> Result<Option<Millis>, LedgerError> {
        Ok(self.db.query_row("SELECT at FROM pruned", [], |row| row.get(0))?)
    }

    /// Gives the room of removed rows back to the disk, a piece at a time, so that nobody waits
    /// for long.
    ///
    /// # Errors
    /// When the database fails.
    pub fn shrink(&self) -> Result<(), LedgerError> {
        let number = |pragma| self.db.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
        if number("auto_vacuum")? != INCREMENTAL {
            // A ledger of an earlier version: written anew once, and by pieces from then on.
            self.db.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
            self.db.execute_batch("VACUUM")?;
        }
        let mut free = number("freelist_count")?;
        while free > 0 {
            self.db.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
            let left = number("freelist_count")?;
            if left >= free {
                break;
            }
            free = left;
        }
        self.fold_log()
    }

    /// Moves the write-ahead log into the database and empties it, unless somebody reads it now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn fold_log(&self) -> Result<(), LedgerError> {
        // The first keeps nobody from writing, and leaves little to the second, which does.
        checkpoint(&self.db, "PASSIVE")?;
        self.db.busy_timeout(READERS)?;
        let emptied = checkpoint(&self.db, "TRUNCATE");
        self.db.busy_timeout(BUSY)?;
        emptied
    }
}

/// `auto_vacuum`: free pages are kept until they are asked for.
pub(super) const INCREMENTAL: u32 = 2;

fn checkpoint(db: &Connection, how: &str) -> Result<(), LedgerError> {
    Ok(db.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()))?)
}

impl Change<'_> {
    /// Removes the rows of jobs that are over; others stay.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove(&self, jobs: &[JobRecord]) -> Result<u64, LedgerError> {
        let mut removed = 0;
        for JobRecord { seq, .. } in jobs {
            if !self
                .db
                .prepare_cached("SELECT 1 FROM jobs WHERE seq = ?1 AND finished_at IS NOT NULL")?
                .exists([seq])?
            {
                continue;
            }
            for rows in ["events", "attempts", "plans", "hand_overs"] {
                let delete = format!("DELETE FROM {rows} WHERE job = ?1");
                self.db.prepare_cached(&delete)?.execute([seq])?;
            }
            self.db.prepare_cached("DELETE FROM jobs WHERE seq = ?1")?.execute([seq])?;
            self.db
                .prepare_cached("UPDATE pruned SET highest_seq = max(highest_seq, ?1)")?
                .execute([seq])?;
            removed += 1;
        }
        Ok(removed)
    }

    /// All jobs that were old enough are gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pruned(&self, now: Millis) -> Result<(), LedgerError> {
        self.db.prepare_cached("UPDATE pruned SET at = ?1")?.execute([now])?;
        Ok(())
    }
}
