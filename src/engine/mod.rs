//! What runs jobs, and the words that every engine shares.
//!
//! Engines are small: they hand over, observe, stream logs and cancel. What follows from
//! what they saw is decided in [`job`](crate::job).

pub mod aws;
mod changes;
mod clock;
mod engines;
mod explanation;
mod files;
mod landing;
#[cfg(all(target_os = "linux", not(elsewhere)))]
pub mod local;
#[cfg(any(not(target_os = "linux"), elsewhere))]
#[path = "elsewhere.rs"]
pub mod local;
mod local_settings;
mod log;
mod mask;
mod name;
mod outputs;
mod prune;
mod ready;

pub use changes::Look;
pub use clock::{Clock, SystemClock, until};
pub use engines::Engines;
pub use explanation::Explanation;
pub use files::{FileEntry, FileKind, Roots, Stored};
pub use landing::{Bring, Land, replace, sweep};
pub use local_settings::LocalSettings;
pub use log::{LogFile, LogReader, note_growth};
pub use name::{EngineName, UnknownEngine};
pub use prune::{Expires, Kept, Pruned, Pruning, is_due, prune};
pub use ready::readable;

use std::path::PathBuf;

use async_trait::async_trait;

use crate::job::{JobId, Parcel, Secrets, Shortage};
use crate::ledger::{JobRecord, Ledger, LedgerError, NewJob};
use crate::parcel::{Made, ParcelError};

/// A job that is to be handed over, with the values of its secrets.
#[derive(Debug)]
pub struct Submission {
    pub job: NewJob,
    pub secrets: Secrets,
    /// If a job that does the same is not over yet, that one will do.
    pub once: bool,
}

/// Jobs that were written down. Nothing takes that back.
#[derive(Debug, Default)]
pub struct Accepted {
    /// Why nobody could be found who runs them, if so.
    pub unattended: Option<EngineError>,
    /// Those that were not taken because another, the second, does the same.
    pub instead: Vec<(JobId, JobId)>,
    /// Those that are written down and that the engine did not take, or may not have.
    pub not_handed_over: Vec<(JobId, EngineError)>,
    /// Those that the engine has, perhaps twice, or although another does the same.
    pub doubts: Vec<(JobId, EngineError)>,
    /// What whoever submits should know.
    pub notes: Vec<String>,
}

/// What became of a look at jobs.
#[derive(Debug, Default)]
pub struct Attended {
    /// Why the engine could not be asked, if so.
    pub later: Option<EngineError>,
    /// What whoever waits should know of jobs that the engine has, perhaps twice.
    pub doubts: Vec<(JobId, EngineError)>,
}

impl Attended {
    /// For who can't go on without an answer.
    ///
    /// # Errors
    /// When the engine could not be asked just now.
    pub fn by_now(self) -> Result<(), EngineError> {
        self.later.map_or(Ok(()), Err)
    }
}

/// What became of the wish to end a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is over.
    AtOnce,
    /// It is being ended.
    Asked,
    /// It was over already.
    TooLate,
    /// It counts as over here, and turned up on the engine: it is this job by now, which is being ended or
    /// is over.
    As(JobId),
}

/// What is told of bytes on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// So many more are to be sent than was known before.
    Expected(u64),
    Bytes(u64),
}

/// Who hears of it.
pub type Hear<'a> = &'a mut dyn FnMut(Sent);

#[async_trait(?Send)]
pub trait Engine {
    /// Sees to it that what jobs bring along is where they will look for it: what was just packed
    /// is sent, the rest has to be there.
    async fn send_ahead(
        &mut self,
        submissions: &[Submission],
        made: Vec<Made>,
        hear: Hear<'_>,
    ) -> Result<(), EngineError>;

    /// Writes the jobs down, all of them or none, and hands them over.
    async fn submit(
        &mut self,
        ledger: &mut Ledger,
        submissions: &[Submission],
    ) -> Result<Accepted, EngineError>;

    /// What is in the `/files` of a job, sorted by path, as far as the engine can see it.
    async fn files(&mut self, job: &JobRecord) -> Result<Vec<FileEntry>, EngineError>;

    /// Brings files of a job to paths on this machine, whose folders are there. Each is whole or
    /// not there.
    async fn get(
        &mut self,
        job: &JobRecord,
        entries: &[(FileEntry, PathBuf)],
        how: Bring<'_>,
    ) -> Result<(), EngineError>;

    /// Brings files to the `/files` of a job.
    async fn put(
        &mut self,
        job: &JobRecord,
        made: Made,
        paths: Vec<String>,
        hear: Hear<'_>,
    ) -> Result<(), EngineError>;

    /// Wakes whoever looks at jobs. Taken before the first look, so that no change between
    /// the look and the sleep is missed.
    ///
    /// # Errors
    /// When the machine gives no more watches.
    fn watch(&mut self) -> Result<Box<dyn Watch>, EngineError>;

    /// Sees to it that jobs that wait will be run, and that the ledger knows how they stand.
    async fn attend(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
    ) -> Result<Attended, EngineError>;

    /// Ends jobs, and tells what became of each wish, in their order. One that can't be ended keeps
    /// no other alive.
    async fn cancel(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
        reason: &str,
    ) -> Result<Vec<Result<Cancelled, EngineError>>, EngineError>;

    fn log(&self, job: JobId, attempt: u32) -> Box<dyn LogReader>;
}

/// What may have changed since the last look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    pub jobs: bool,
    pub workers: bool,
    pub log: bool,
}

#[async_trait(?Send)]
pub trait Watch {
    /// Sleeps until something may have changed.
    async fn changed(&mut self) -> Result<Changes, EngineError>;

    /// Watches the log of an attempt too, in place of the one of the job before.
    ///
    /// # Errors
    /// When the machine gives no more watches.
    fn follow_log(&mut self, job: JobId, attempt: u32) -> Result<(), EngineError>;
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Aws(#[from] aws::AwsError),
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    #[error("the parcel {} is not here any more", .0.address)]
    ParcelGone(Parcel),
    #[error("job {} has no /files", .0.short())]
    NoFiles(JobId),
    #[error("cannot {what}")]
    Io { what: String, source: std::io::Error },
    #[error("{0}")]
    NeverFits(Shortage),
    #[error("nobody runs it: {0}")]
    NoWorkerFits(Shortage),
    #[error("{starts} workers in a row ended before they took the job")]
    WorkersEnd { starts: u32, log: PathBuf },
    #[error("this worker was silent for longer than its lease, and its jobs were given to another")]
    StruckOff,
    #[error("the local engine runs jobs on Linux only")]
    Elsewhere,
}

impl EngineError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Ledger(error) => error.hint(),
            Self::Aws(error) => error.hint(),
            Self::Parcel(error) => error.hint(),
            Self::ParcelGone(_) => Some(
                "submit the job anew from its checkout: what it brought along was pruned".into(),
            ),
            Self::NeverFits(_) => Some(
                "ask for less with --vcpus, --memory and --gpus, or submit with --engine aws; a \
                 worker gives what it is told to give, as in `computes worker --gpus 1`"
                    .into(),
            ),
            Self::NoWorkerFits(_) => Some(
                "start a worker that gives so much, as in `computes worker --vcpus 16`, or \
                 `computes cancel` the job"
                    .into(),
            ),
            Self::WorkersEnd { log, .. } => Some(format!(
                "`{}` says why; the job is kept, and `computes wait` starts a worker again",
                log.display()
            )),
            Self::Elsewhere => Some(
                "submit to AWS Batch: --engine aws, or engine = \"aws\" in computes.toml".into(),
            ),
            Self::NoFiles(_) => None,
            Self::StruckOff => Some("raise `local.lease` if this machine stalls so long".into()),
            Self::Io { source, .. } => match source.raw_os_error() {
                Some(libc::EMFILE) => {
                    Some("raise `ulimit -n`, or the sysctl fs.inotify.max_user_instances".into())
                }
                Some(libc::EROFS | libc::EACCES) => Some(
                    "make the state directory writable, or set COMPUTES_STATE_DIR to another"
                        .into(),
                ),
                Some(libc::ENOSPC) => Some(
                    "make room on the disk of the state directory, or raise the sysctl \
                     fs.inotify.max_user_watches"
                        .into(),
                ),
                _ => None,
            },
        }
    }
}

/// An error with its causes, for a log or a reason.
pub(crate) fn in_one_line(error: &EngineError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let causes = causes.map(ToString::to_string);
    std::iter::once(error.to_string()).chain(causes).collect::<Vec<_>>().join(": ")
}
