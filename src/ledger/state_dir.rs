//! The state directory: what lies where.
//!
//! ```text
//! ledger.db            the ledger, with its -wal and -shm
//! logs/<id>.<attempt>  what an attempt wrote to stdout and stderr
//! logs/<id>.<attempt>.growth  how long that was when
//! files/<id>/          what the job sees as /files
//! aside/<id>/<n>/       what was in the way of what came back from the job, as it was there
//! brought/<folder>      what came back into a checkout or a folder, by a hash of its path
//! kept/<id>.<attempt>/  what is kept of the source of an attempt
//! parcels/<address>    sources and inputs of jobs, packed
//! puts/<id>/<n>        parcels that were put to a job later, in their order
//! sources/<id>.<attempt>/  the source of an attempt, as long as it runs
//! secrets/<id>         values for the worker, mode 0600, gone when the job is over
//! wake/<bell>          files whose closing wakes those who wait
//! workers/<id>         locked as long as that worker lives
//! workers/background   the right to be the background worker, as a lock
//! workers/background.log  what background workers have to say
//! ```

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::job::JobId;

#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    #[error("cannot use the state directory: `{}`", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the state directory `{}` is on a network file system, which can't lock the ledger", .path.display())]
    Network { path: PathBuf },
    #[error("the state directory `{}` belongs to another user", .path.display())]
    Foreign { path: PathBuf },
}

impl StateDirError {
    pub(super) fn at(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room on its disk"
            }
            Self::Io { .. } => "make it writable, or set COMPUTES_STATE_DIR to another directory",
            Self::Network { .. } => {
                "set COMPUTES_STATE_DIR to a directory on a disk of this machine"
            }
            Self::Foreign { .. } => "set COMPUTES_STATE_DIR to a directory of your own",
        };
        Some(hint.to_owned())
    }
}

/// What is made with the state directory, and again if it was taken away.
const DIRECTORIES: [&str; 12] = [
    "files", "kept", "parcels", "puts", "sources", "secrets", "workers", "senders", "wake", "logs",
    "brought", "aside",
];

/// Only the owner may look in: logs and files may hold what is nobody else's business.
const PRIVATE: u32 = 0o700;

impl StateDir {
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes what is missing.
    pub(super) fn prepare(&self) -> Result<(), StateDirError> {
        if DIRECTORIES.iter().all(|directory| self.root.join(directory).is_dir()) {
            return self.check();
        }
        let make = |path: PathBuf| {
            DirBuilder::new()
                .recursive(true)
                .mode(PRIVATE)
                .create(&path)
                .map_err(|error| StateDirError::at(path, error))
        };
        make(self.root.clone())?;
        self.check()?;
        for directory in DIRECTORIES {
            make(self.root.join(directory))?;
        }
        for bell in BELLS {
            let path = self.wake().join(bell);
            fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(|error| StateDirError::at(path, error))?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StateDirError> {
        let at = |error| StateDirError::at(&self.root, error);
        let owner = fs::metadata(&self.root).map_err(at)?.uid();
        if owner != rustix::process::geteuid().as_raw() && !rustix::process::geteuid().is_root() {
            return Err(StateDirError::Foreign { path: self.root.clone() });
        }
        #[cfg(target_os = "linux")]
        {
            let kind = rustix::fs::statfs(&self.root).map_err(|error| at(error.into()))?.f_type;
            if NETWORK_FILE_SYSTEMS.contains(&kind) {
                return Err(StateDirError::Network { path: self.root.clone() });
            }
        }
        Ok(())
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger.db")
    }

    /// SQLite's write-ahead log.
    #[must_use]
    pub fn ledger_log(&self) -> PathBuf {
        self.root.join("ledger.db-wal")
    }

    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    #[must_use]
    pub fn log(&self, job: JobId, attempt: u32) -> PathBuf {
        self.logs().join(format!("{job}.{attempt}"))
    }

    /// How long that log was when.
    #[must_use]
    pub fn log_growth(&self, job: JobId, attempt: u32) -> PathBuf {
        self.logs().join(format!("{job}.{attempt}.growth"))
    }

    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    #[must_use]
    pub fn files_of(&self, job: JobId) -> PathBuf {
        self.files().join(job.to_string())
    }

    #[must_use]
    pub fn aside(&self) -> PathBuf {
        self.root.join("aside")
    }

    #[must_use]
    pub fn aside_of(&self, job: JobId) -> PathBuf {
        self.aside().join(job.to_string())
    }

    #[must_use]
    pub fn brought(&self) -> PathBuf {
        self.root.join("brought")
    }

    #[must_use]
    pub fn kept(&self) -> PathBuf {
        self.root.join("kept")
    }

    #[must_use]
    pub fn kept_of(&self, job: JobId, attempt: u32) -> PathBuf {
        self.kept().join(format!("{job}.{attempt}"))
    }

    /// The same before all of it is there.
    #[must_use]
    pub fn keeping(&self, job: JobId, attempt: u32) -> PathBuf {
        self.kept().join(format!("{job}.{attempt}.part"))
    }

    #[must_use]
    pub fn parcels(&self) -> PathBuf {
        self.root.join("parcels")
    }

    #[must_use]
    pub fn puts(&self) -> PathBuf {
        self.root.join("puts")
    }

    #[must_use]
    pub fn puts_of(&self, job: JobId) -> PathBuf {
        self.puts().join(job.to_string())
    }

    #[must_use]
    pub fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    #[must_use]
    pub fn source(&self, job: JobId, attempt: u32) -> PathBuf {
        self.sources().join(format!("{job}.{attempt}"))
    }

    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    #[must_use]
    pub fn wake(&self) -> PathBuf {
        self.root.join("wake")
    }

    #[must_use]
    pub fn workers(&self) -> PathBuf {
        self.root.join("workers")
    }

    #[must_use]
    pub fn senders(&self) -> PathBuf {
        self.root.join("senders")
    }

    #[must_use]
    pub fn background_log(&self) -> PathBuf {
        self.workers().join("background.log")
    }
}

/// The files in `wake/`. See `engine/local/wake.rs`.
pub const BELLS: [&str; 4] = ["queue", "cancel", "jobs", "workers"];

/// `statfs(2)`: NFS, SMB, SMB2, CIFS, AFS, Ceph. SQLite's log needs shared memory, which
/// none of them has between machines.
#[cfg(target_os = "linux")]
const NETWORK_FILE_SYSTEMS: [rustix::fs::FsWord; 6] =
    [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42, 0x5346_414f, 0x00c3_6400];
