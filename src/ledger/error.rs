//! What can go wrong with the ledger, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::{Several, StateDirError};
use crate::job::{IllegalTransition, JobRef};

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    #[error("cannot open the ledger `{}`", .path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("the ledger `{}` was written by a newer computes", .path.display())]
    Newer { path: PathBuf },
    #[error("cannot bring the ledger `{}` up to date", .path.display())]
    Migrate { path: PathBuf, source: rusqlite_migration::Error },
    #[error("cannot use the ledger")]
    Database(#[source] rusqlite::Error),
    #[error("the ledger holds what this program did not write: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    #[error("no job has the id `{0}`")]
    NoSuchJob(String),
    #[error("the id of a job is empty")]
    EmptyId,
    #[error("`last` is the job that was submitted last, and there is none")]
    NoLast,
    #[error("`{text}` is what a job is called, and a job is meant by its id: {jobs}")]
    Name { text: String, jobs: Several },
    #[error("`{text}` fits several jobs: {jobs}")]
    Ambiguous { text: String, jobs: Several },
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl LedgerError {
    pub(super) fn open(path: &Path, source: rusqlite::Error) -> Self {
        Self::Open { path: path.to_owned(), source }
    }

    pub(super) fn migrate(path: &Path, error: rusqlite_migration::Error) -> Self {
        use rusqlite_migration::{Error, MigrationDefinitionError as Definition};
        let path = path.to_owned();
        match error {
            Error::MigrationDefinition(Definition::DatabaseTooFarAhead) => Self::Newer { path },
            Error::RusqliteError { err, .. } => Self::Open { path, source: err },
            source => Self::Migrate { path, source },
        }
    }

    /// Where there is no job that could be meant.
    #[must_use]
    pub fn no_job(meant: &JobRef) -> Self {
        match meant {
            JobRef::Last => Self::NoLast,
            JobRef::Text(text) if text.is_empty() => Self::EmptyId,
            JobRef::Text(text) => Self::NoSuchJob(text.clone()),
        }
    }

    /// Is what was said of a job wrong, rather than the ledger?
    #[must_use]
    pub const fn is_about_a_name(&self) -> bool {
        matches!(
            self,
            Self::NoSuchJob(_)
                | Self::EmptyId
                | Self::NoLast
                | Self::Name { .. }
                | Self::Ambiguous { .. }
        )
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::StateDir(error) => return error.hint(),
            Self::Newer { .. } => "update computes, or set COMPUTES_STATE_DIR to another directory",
            Self::NoSuchJob(_) => "`computes list --all` shows every job",
            Self::EmptyId => {
                "is it a shell variable that is not set? `computes list --all` shows every job"
            }
            Self::NoLast => "`computes run -- COMMAND` runs one",
            Self::Name { jobs, .. } => {
                let id = jobs.first.first().map_or("ID", |job| job.id.as_str());
                return Some(format!("give the id, as in {id}"));
            }
            Self::Ambiguous { .. } => "give more of the id",
            Self::Open { source, .. } | Self::Database(source) => {
                match source.sqlite_error_code() {
                    Some(ErrorCode::DiskFull) => {
                        "make room on the disk of the state directory; nothing was written"
                    }
                    Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                        "move the file away to start a new ledger, or restore it from a backup"
                    }
                    Some(
                        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied,
                    ) => "make the state directory writable, or set COMPUTES_STATE_DIR to another",
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                        "another process held the ledger for too long; try again"
                    }
                    Some(ErrorCode::SystemIoFailure) => {
                        "look at the disk of the state directory: is it full, or gone?"
                    }
                    _ => return None,
                }
            }
            Self::Migrate { .. } | Self::Corrupt(_) | Self::Illegal(_) => return None,
        };
        Some(hint.to_owned())
    }
}
