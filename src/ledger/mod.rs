//! The durable record of all jobs: a SQLite database in the state directory.
//!
//! A job is written here before any engine hears of it. For the local engine the ledger is
//! the queue as well. All SQL of the program is in this folder.

mod apply;
mod error;
mod fargate;
mod find;
mod hand_over;
mod intake;
mod meant;
mod prune;
mod queue;
mod record;
mod state_dir;
mod workers;

pub use apply::{Applied, Change, Detail, Holder};
pub use error::LedgerError;
pub use find::{Counts, Filter, Standing};
pub use hand_over::{Adopted, HandOver, LogStream};
pub use intake::{Entry, LOCAL, NewJob};
pub use meant::{Meant, NAMED, Several};
pub use prune::Removable;
pub use queue::{Assignment, Candidate, Holding};
pub use record::{AttemptRecord, EventRecord, JobRecord};
pub use state_dir::{BELLS, StateDir, StateDirError};
pub use workers::{Held, Lease, NewWorker, WorkerRecord};

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rusqlite_migration::{M, Migrations};
use rustix::fs::{FlockOperation, flock};

/// Milliseconds since the epoch.
pub type Millis = i64;

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: the commit waits for the disk. For accepting jobs and for cancelling.
    PowerCut,
    /// A killed process. A power cut may take the last of it back, to an earlier whole state.
    KilledProcess,
}

/// How long one process waits for another's transaction.
const BUSY: Duration = Duration::from_secs(30);
/// Pages in the write-ahead log before a commit moves them into the database: 32 MiB. The
/// default of 4 MiB makes a busy worker wait for the disk every few hundred jobs.
const CHECKPOINT_PAGES: i64 = 8192;

/// Bytes of a page: SQLite's default.
const PAGE: i64 = 4096;

/// The same for who works without a worker: 1 MiB.
const SHORT_LOG_PAGES: i64 = 256;

#[derive(Debug)]
pub struct Ledger {
    db: Connection,
    dir: StateDir,
}

impl Ledger {
    /// Opens the ledger, and makes it where there is none.
    ///
    /// # Errors
    /// When the state directory or the database can't be used.
    pub fn open(dir: &StateDir, durability: Durability) -> Result<Self, LedgerError> {
        dir.prepare()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        Self::connect(dir, durability, flags)
    }

    /// Opens a ledger that is there, and makes nothing.
    ///
    /// # Errors
    /// When it can't be used.
    pub fn open_existing(
        dir: &StateDir,
        durability: Durability,
    ) -> Result<Option<Self>, LedgerError> {
        if dir.ledger().try_exists().map_err(|error| StateDirError::at(dir.ledger(), error))? {
            Self::connect(dir, durability, OpenFlags::SQLITE_OPEN_READ_WRITE).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Opens a ledger that is there, to read what is shown while a line is typed: nothing is
    /// written, and nobody is waited for. One of another version is not looked at.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn open_to_look(dir: &StateDir) -> Result<Option<Self>, LedgerError> {
        let path = dir.ledger();
        let wrap = |error| LedgerError::open(&path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&path, flags).map_err(wrap)?;
        db.busy_timeout(Duration::ZERO).map_err(wrap)?;
        let version: u32 =
            db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(wrap)?;
        Ok((version as usize == MIGRATIONS.len()).then(|| Self { db, dir: dir.clone() }))
    }

    fn connect(
        dir: &StateDir,
        durability: Durability,
        flags: OpenFlags,
    ) -> Result<Self, LedgerError> {
        let path = dir.ledger();
        let wrap = |error| LedgerError::open(&path, error);
        let has_log = dir.ledger_log().exists();
        // Each process has one connection and one thread that uses it.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(&path, flags).map_err(wrap)?;
        db.busy_timeout(BUSY).map_err(wrap)?;
        db.set_prepared_statement_cache_capacity(64);
        // Otherwise each short command that happens to be alone would write the whole log back.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(wrap)?;
        db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(wrap)?;
        // One that grew beyond, while somebody read for long, does not stay so.
        db.pragma_update(None, "journal_size_limit", CHECKPOINT_PAGES * PAGE).map_err(wrap)?;
        let synchronous = match durability {
            Durability::PowerCut => "full",
            Durability::KilledProcess => "normal",
        };
        db.pragma_update(None, "synchronous", synchronous).map_err(wrap)?;
        let version: usize = db
            .pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))
            .map_err(wrap)?
            .try_into()
            .unwrap_or(usize::MAX);
        if version != MIGRATIONS.len() {
            Self::migrate(dir, &mut db)?;
        }
        if !has_log {
            // Whoever reads first makes it. From here on it is there after a power cut too.
            db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(wrap)?;
            let folder = std::fs::File::open(dir.root());
            let synced = folder.and_then(|folder| folder.sync_all());
            synced.map_err(|error| StateDirError::at(dir.ledger_log(), error))?;
        }
        Ok(Self { db, dir: dir.clone() })
    }

    /// One process at a time: the others wait, and find that it is done.
    fn migrate(dir: &StateDir, db: &mut Connection) -> Result<(), LedgerError> {
        let path = dir.ledger();
        let at = |error: std::io::Error| StateDirError::at(dir.root(), error);
        let lock = std::fs::File::open(dir.root()).map_err(at)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| at(error.into()))?;
        // They stay with the file, so that they are set once; this one before anything is in it.
        let open = |error| LedgerError::open(&path, error);
        db.pragma_update(None, "auto_vacuum", prune::INCREMENTAL).map_err(open)?;
        db.pragma_update(None, "journal_mode", "wal").map_err(open)?;
        migrations().to_latest(db).map_err(|error| LedgerError::migrate(&path, error))
    }

    /// The state directory that it lies in.
    #[must_use]
    pub const fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// Is the write-ahead log so long that whoever comes first notices?
    #[must_use]
    pub fn has_long_log(&self) -> bool {
        i64::try_from(bytes(&self.dir.ledger_log())).is_ok_and(|log| log > SHORT_LOG_PAGES * PAGE)
    }

    /// What it takes on the disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        bytes(&self.dir.ledger()) + bytes(&self.dir.ledger_log())
    }

    /// For who works without a worker: the first process to come reads the whole write-ahead log,
    /// so it is moved into the database every mebibyte.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_log_short(&self) -> Result<(), LedgerError> {
        Ok(self.db.pragma_update(None, "wal_autocheckpoint", SHORT_LOG_PAGES)?)
    }

    /// As [`write`](Self::write), for what can be found out again after a power cut.
    ///
    /// # Errors
    /// Those of `change`, and of the database.
    pub fn note<T>(
        &mut self,
        change: impl FnOnce(&Change<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.db.pragma_update(None, "synchronous", "normal")?;
        let result = self.write(change);
        self.db.pragma_update(None, "synchronous", "full")?;
        result
    }

    /// Runs `change` in one transaction: all of it happens, or nothing.
    ///
    /// # Errors
    /// Those of `change`, and of the database.
    pub fn write<T>(
        &mut self,
        change: impl FnOnce(&Change<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = change(&Change::new(&transaction))?;
        transaction.commit()?;
        Ok(result)
    }
}

/// Of a file that may not be there.
fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |seen| seen.len())
}

/// In their order. One that was released is never changed.
const MIGRATIONS: [&str; 9] = [
    include_str!("../../migrations/0001_jobs.sql"),
    include_str!("../../migrations/0002_engines_far_away.sql"),
    include_str!("../../migrations/0003_retry_reasons.sql"),
    include_str!("../../migrations/0004_pruned.sql"),
    include_str!("../../migrations/0005_missing_outputs.sql"),
    include_str!("../../migrations/0006_log_regions.sql"),
    include_str!("../../migrations/0007_fargate.sql"),
    include_str!("../../migrations/0008_attempts_before.sql"),
    include_str!("../../migrations/0009_at_most.sql"),
];

fn migrations() -> Migrations<'static> {
    Migrations::new(MIGRATIONS.iter().copied().map(M::up).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_valid() {
        migrations().validate().expect("every migration applies");
    }
}
