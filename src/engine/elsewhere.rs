//! The embedded engine where there is none. It needs what only Linux has: namespaces, file
//! descriptors of processes, inotify. Jobs go to AWS Batch from here, and what would run one here
//! says why it does not.
//!
//! It has the names of `local`, whose place it takes.

use std::future::pending;
use std::marker::PhantomData;
use std::path::PathBuf;

use async_trait::async_trait;

pub use super::local_settings::{Ready, WorkerOptions};
use super::{
    Accepted, Attended, Bring, Cancelled, Changes, Clock, Engine, EngineError, Explanation,
    FileEntry, Hear, Kept, LocalSettings, LogFile, LogReader, Pruning, Submission, Watch,
};
use crate::job::{JobId, Memory, Resources, Vcpus};
use crate::ledger::{JobRecord, Ledger, StateDir, WorkerRecord};
use crate::parcel::Made;

pub struct LocalEngine<'a> {
    dir: StateDir,
    clock: PhantomData<&'a dyn Clock>,
}

impl<'a> LocalEngine<'a> {
    #[must_use]
    pub fn new(dir: StateDir, _settings: LocalSettings, _clock: &'a dyn Clock) -> Self {
        Self { dir, clock: PhantomData }
    }

    #[expect(clippy::unused_self, reason = "called as the one of `local`")]
    pub(super) fn waits(&self, _: &Ledger, _: JobId) -> Result<Option<Explanation>, EngineError> {
        Err(EngineError::Elsewhere)
    }

    #[expect(clippy::unused_self, reason = "called as the one of `local`")]
    pub(super) fn explain(&self, _: &Ledger, _: JobId) -> Result<Explanation, EngineError> {
        Err(EngineError::Elsewhere)
    }
}

#[async_trait(?Send)]
impl Engine for LocalEngine<'_> {
    async fn send_ahead(
        &mut self,
        _: &[Submission],
        _: Vec<Made>,
        _: Hear<'_>,
    ) -> Result<(), EngineError> {
        Err(EngineError::Elsewhere)
    }

    async fn submit(&mut self, _: &mut Ledger, _: &[Submission]) -> Result<Accepted, EngineError> {
        Err(EngineError::Elsewhere)
    }

    async fn files(&mut self, _job: &JobRecord) -> Result<Vec<FileEntry>, EngineError> {
        Err(EngineError::Elsewhere)
    }

    async fn get(
        &mut self,
        _job: &JobRecord,
        _entries: &[(FileEntry, PathBuf)],
        _how: Bring<'_>,
    ) -> Result<(), EngineError> {
        Err(EngineError::Elsewhere)
    }

    async fn put(
        &mut self,
        _job: &JobRecord,
        _made: Made,
        _paths: Vec<String>,
        _hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        Err(EngineError::Elsewhere)
    }

    fn watch(&mut self) -> Result<Box<dyn Watch>, EngineError> {
        Ok(Box::new(Nothing))
    }

    async fn attend(&mut self, _: &mut Ledger, _: &[JobId]) -> Result<Attended, EngineError> {
        Err(EngineError::Elsewhere)
    }

    async fn cancel(
        &mut self,
        _: &mut Ledger,
        _: &[JobId],
        _: &str,
    ) -> Result<Vec<Result<Cancelled, EngineError>>, EngineError> {
        Err(EngineError::Elsewhere)
    }

    fn log(&self, job: JobId, attempt: u32) -> Box<dyn LogReader> {
        Box::new(LogFile::new(&self.dir, job, attempt))
    }
}

/// Nothing happens on this machine that a job waits for.
struct Nothing;

#[async_trait(?Send)]
impl Watch for Nothing {
    async fn changed(&mut self) -> Result<Changes, EngineError> {
        pending().await
    }

    fn follow_log(&mut self, _: JobId, _: u32) -> Result<(), EngineError> {
        Ok(())
    }
}

/// # Errors
/// Always.
pub fn run_worker(
    _: &StateDir,
    _: &LocalSettings,
    _: &WorkerOptions,
    _: &dyn Clock,
    _: impl FnOnce(&Ready<'_>),
) -> Result<(), EngineError> {
    Err(EngineError::Elsewhere)
}

/// # Errors
/// Always.
pub fn leave_terminal() -> Result<(), EngineError> {
    Err(EngineError::Elsewhere)
}

/// # Errors
/// Always: no job runs here.
pub fn check_fit(_: &StateDir, _: &[Submission]) -> Result<(), EngineError> {
    Err(EngineError::Elsewhere)
}

#[must_use]
pub const fn capacity() -> Resources {
    Resources { vcpus: Vcpus::ONE, memory: Memory::of_machine(0), gpus: 0 }
}

/// # Errors
/// Never.
pub const fn live_workers(_: &StateDir, _: &Ledger) -> Result<Vec<WorkerRecord>, EngineError> {
    Ok(Vec::new())
}

/// # Errors
/// Never.
pub const fn unattended(_: &StateDir, _: &Ledger) -> Result<bool, EngineError> {
    Ok(true)
}

pub struct KeptHere(pub StateDir);

#[async_trait(?Send)]
impl Kept for KeptHere {
    async fn remove(&mut self, _: &JobRecord, _: &Pruning) -> Result<u64, EngineError> {
        Err(EngineError::Elsewhere)
    }

    async fn sweep(&mut self, _: &Ledger, _: &Pruning) -> Result<u64, EngineError> {
        Err(EngineError::Elsewhere)
    }
}
