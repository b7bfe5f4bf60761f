//! Removing what jobs of this machine left behind.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::engine::{EngineError, Pruned};
use crate::job::JobId;
use crate::ledger::{Filter, JobRecord, Ledger, Millis, StateDir};
use crate::parcel::{Store, remove_folder};

/// Removes the directories of jobs that were over before that, sources and puts that no attempt
/// uses, and parcels that no job needs.
pub fn prune(
    dir: &StateDir,
    ledger: &Ledger,
    before: Millis,
    keep_all: bool,
) -> Result<Pruned, EngineError> {
    let mut pruned = Pruned::default();
    for entry in entries(&dir.files())? {
        let Some(job) = job_of(ledger, &entry)? else { continue };
        if job.finished_at.is_some_and(|at| at < before) {
            pruned.jobs += 1;
            pruned.bytes += remove(&entry.path(), keep_all)?;
        }
    }
    for entry in entries(&dir.sources())?.into_iter().chain(entries(&dir.puts())?) {
        let Some(job) = job_of(ledger, &entry)? else { continue };
        // Of one that goes on, the worker knows what it needs.
        if job.state.is_terminal() {
            pruned.bytes += remove(&entry.path(), keep_all)?;
        }
    }
    let going_on = ledger.list(&Filter::unfinished())?;
    let is_wanted = |address: &str| {
        let mut parcels = going_on.iter().flat_map(|job| job.plan.freight.parcels());
        parcels.any(|parcel| parcel.address.as_str() == address)
    };
    let before = time(before);
    pruned.bytes += Store::new(dir.parcels()).prune(before, is_wanted, keep_all)?;
    Ok(pruned)
}

fn time(at: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.max(0).unsigned_abs())
}

fn unreadable(folder: &Path) -> impl FnOnce(io::Error) -> EngineError + use<> {
    EngineError::io(format!("look into `{}`", folder.display()))
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, EngineError> {
    match fs::read_dir(folder) {
        // A state directory of an earlier version.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries
            .map_err(unreadable(folder))?
            .collect::<Result<_, _>>()
            .map_err(unreadable(folder)),
    }
}

/// The job that a folder is of, by its name: `<id>` or `<id>.<attempt>`.
fn job_of(ledger: &Ledger, entry: &DirEntry) -> Result<Option<JobRecord>, EngineError> {
    let name = entry.file_name();
    let id = name.to_str().and_then(|name| name.split('.').next()?.parse::<JobId>().ok());
    let Some(id) = id else { return Ok(None) };
    match ledger.job(id) {
        Err(error) if error.is_about_a_name() => Ok(None),
        job => Ok(Some(job?)),
    }
}

/// How many bytes it frees.
fn remove(folder: &Path, keep: bool) -> Result<u64, EngineError> {
    let bytes = size(folder)?;
    if !keep {
        remove_folder(folder)?;
    }
    Ok(bytes)
}

fn size(folder: &Path) -> Result<u64, EngineError> {
    let mut bytes = 0;
    for entry in entries(folder)? {
        let seen = entry.metadata().map_err(unreadable(folder))?;
        bytes += if seen.is_dir() { size(&entry.path())? } else { seen.len() };
    }
    Ok(bytes)
}
