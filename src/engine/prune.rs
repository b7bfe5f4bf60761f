//! Removing jobs that have been over for long, with all that is kept of them.
//!
//! What a job left goes first, and its rows after that: whoever is killed in between has lost
//! nothing, because the next one finds the job still there.

use std::time::Duration;

use async_trait::async_trait;

use super::{EngineError, EngineName, FileEntry, Roots};
use crate::job::Root;
use crate::ledger::{JobRecord, Ledger, LedgerError, Millis, StateDir};
use crate::parcel::remove_folder;

/// What is kept of jobs beside the ledger. Each gives how many bytes it frees, or would.
#[async_trait(?Send)]
pub trait Kept {
    /// Removes what is kept of a job that is over.
    async fn remove(&mut self, job: &JobRecord, pruning: &Pruning) -> Result<u64, EngineError>;

    /// Removes what no job of the ledger needs.
    async fn sweep(&mut self, ledger: &Ledger, pruning: &Pruning) -> Result<u64, EngineError>;
}

/// What a bucket keeps, where nobody is asked: it expires there.
pub struct Expires;

#[async_trait(?Send)]
impl Kept for Expires {
    async fn remove(&mut self, _: &JobRecord, _: &Pruning) -> Result<u64, EngineError> {
        Ok(0)
    }

    async fn sweep(&mut self, _: &Ledger, _: &Pruning) -> Result<u64, EngineError> {
        Ok(0)
    }
}

/// What is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruning {
    pub now: Millis,
    /// Jobs that were over before that.
    pub before: Millis,
    /// What they have at `/files`, and what they brought along; the jobs stay, with their logs.
    pub only_files: bool,
    /// Nothing goes: it is told what would.
    pub dry_run: bool,
}

/// What went, or would.
#[derive(Debug, Default)]
pub struct Pruned {
    pub jobs: u64,
    /// Jobs that are old enough and stay, because something still depends on them.
    pub kept: u64,
    /// Of logs, files and parcels.
    pub bytes: u64,
    /// What the ledger gave back to the disk.
    pub ledger_bytes: u64,
    /// Jobs that stay because something of them can't be removed, and why the first can't.
    pub failed: Option<(u64, EngineError)>,
}

/// So many jobs go in one transaction.
const BATCH: usize = 100;

/// Removes jobs of one engine.
///
/// # Errors
/// When the ledger fails, or what is left over can't be found. One job that can't be removed
/// keeps no other.
pub async fn prune(
    ledger: &mut Ledger,
    engine: EngineName,
    kept: &mut dyn Kept,
    pruning: &Pruning,
) -> Result<Pruned, EngineError> {
    let removable = ledger.removable(engine.as_str(), pruning.before)?;
    let mut pruned = Pruned { kept: removable.kept, ..Pruned::default() };
    let before = ledger.bytes();
    for ids in removable.jobs.chunks(BATCH) {
        let mut batch = Vec::new();
        for id in ids {
            let job = match ledger.job(*id) {
                // Somebody else prunes too.
                Err(LedgerError::NoSuchJob(_)) => continue,
                job => job?,
            };
            let removed = match kept.remove(&job, pruning).await {
                Ok(bytes) => remove_aside(ledger.dir(), &job, pruning).map(|more| bytes + more),
                failed => failed,
            };
            match removed {
                Ok(bytes) => {
                    pruned.bytes += bytes;
                    pruned.jobs += u64::from(bytes > 0 || !pruning.only_files);
                    batch.push(job);
                }
                Err(error) => pruned.fail(error),
            }
        }
        if pruning.takes_rows() {
            ledger.note(|change| change.remove(&batch))?;
        }
    }
    pruned.bytes += kept.sweep(ledger, pruning).await?;
    if pruning.takes_rows() {
        ledger.note(|change| change.pruned(pruning.now))?;
        ledger.shrink()?;
        pruned.ledger_bytes = before.saturating_sub(ledger.bytes());
    }
    Ok(pruned)
}

/// What was in the way of what came back from a job goes with the job: until then it is its owner's.
fn remove_aside(dir: &StateDir, job: &JobRecord, pruning: &Pruning) -> Result<u64, EngineError> {
    if pruning.only_files {
        return Ok(0);
    }
    let aside = Roots { files: dir.aside_of(job.id), source: dir.aside_of(job.id) };
    let bytes = aside.list(Root::Files, "")?.iter().map(FileEntry::bytes).sum();
    if !pruning.dry_run {
        remove_folder(&aside.files)?;
    }
    Ok(bytes)
}

/// How often jobs are removed by themselves, in ms: once a day.
const BY_ITSELF: Millis = 24 * 60 * 60 * 1000;

/// Is it time again to remove jobs that nobody asked to remove?
///
/// # Errors
/// When the ledger fails.
pub fn is_due(ledger: &Ledger, now: Millis) -> Result<bool, LedgerError> {
    Ok(ledger.pruned_at()?.is_none_or(|at| (at - now).abs() >= BY_ITSELF))
}

impl Pruning {
    /// All that is older than the history that is kept.
    #[must_use]
    pub fn of_history(history: Duration, now: Millis) -> Self {
        let history = i64::try_from(history.as_millis()).unwrap_or(i64::MAX);
        Self { now, before: now.saturating_sub(history), only_files: false, dry_run: false }
    }

    const fn takes_rows(&self) -> bool {
        !self.only_files && !self.dry_run
    }
}

impl Pruned {
    fn fail(&mut self, error: EngineError) {
        self.failed = Some(match self.failed.take() {
            Some((jobs, first)) => (jobs + 1, first),
            None => (1, error),
        });
    }
}
