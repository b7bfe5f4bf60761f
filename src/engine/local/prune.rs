//! Removing what jobs of this machine left behind.

use std::fs::{self, DirEntry, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{lease, secrets};
use crate::engine::{EngineError, Kept, Pruning};
use crate::job::JobId;
use crate::ledger::{JobRecord, Ledger, Millis, StateDir};
use crate::parcel::Store;

/// What was written for a job sooner than that and has no job in the ledger never will: in ms.
const YOUNG: Millis = 60 * 60 * 1000;

/// What jobs of this machine left in the state directory.
pub struct KeptHere(pub StateDir);

#[async_trait(?Send)]
impl Kept for KeptHere {
    async fn remove(&mut self, job: &JobRecord, pruning: &Pruning) -> Result<u64, EngineError> {
        remove(&self.0, job, pruning)
    }

    async fn sweep(&mut self, ledger: &Ledger, pruning: &Pruning) -> Result<u64, EngineError> {
        sweep(&self.0, ledger, pruning)
    }
}

/// The secret parts go first.
fn remove(dir: &StateDir, job: &JobRecord, pruning: &Pruning) -> Result<u64, EngineError> {
    if !pruning.dry_run {
        secrets::remove(dir, job.id).map_err(EngineError::io("remove the job's secrets"))?;
    }
    let attempts = || 1..=job.attempt;
    let mut left: Vec<PathBuf> = attempts().map(|attempt| dir.source(job.id, attempt)).collect();
    left.extend(attempts().map(|attempt| dir.kept_of(job.id, attempt)));
    left.extend([dir.puts_of(job.id), dir.files_of(job.id)]);
    if !pruning.only_files {
        left.extend(attempts().map(|attempt| dir.log(job.id, attempt)));
        left.extend(attempts().map(|attempt| dir.log_growth(job.id, attempt)));
    }
    left.iter().try_fold(0, |bytes, path| Ok(bytes + remove_path(path, pruning.dry_run)?))
}

/// What those left behind who were killed, and parcels.
fn sweep(dir: &StateDir, ledger: &Ledger, pruning: &Pruning) -> Result<u64, EngineError> {
    let mut bytes = 0;
    let jobs = ledger.states()?;
    let made_before = pruning.before.min(pruning.now - YOUNG);
    let is_nobodys =
        |id: &JobId| !jobs.contains_key(id) && id.made_at().is_some_and(|made| made < made_before);
    // Of one that goes on, the worker knows what it needs.
    let is_over = |id: &JobId| jobs.get(id).is_some_and(|state| state.is_terminal());
    for (folder, while_it_runs) in [
        (dir.logs(), false),
        (dir.files(), false),
        (dir.kept(), false),
        (dir.aside(), false),
        (dir.sources(), true),
        (dir.puts(), true),
    ] {
        for entry in entries(&folder)? {
            let is_needless = |id| is_nobodys(&id) || (while_it_runs && is_over(&id));
            if job_of(&entry).is_some_and(is_needless) {
                bytes += remove_path(&entry.path(), pruning.dry_run)?;
            }
        }
    }
    let parcels = ledger.parcels_since(pruning.before)?;
    let is_wanted = |address: &str| parcels.contains(address);
    let before = UNIX_EPOCH + Duration::from_millis(pruning.before.max(0).unsigned_abs());
    bytes += Store::new(dir.parcels()).prune(before, is_wanted, pruning.dry_run)?;
    if !pruning.only_files {
        bytes += empty_if_old(&dir.background_log(), before, pruning.dry_run)?;
    }
    if !pruning.dry_run {
        lease::sweep(dir, ledger)?;
    }
    Ok(bytes)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> EngineError + use<> {
    EngineError::io(format!("look into `{}`", path.display()))
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, EngineError> {
    match fs::read_dir(folder) {
        // A state directory of an earlier version, or gone in the meantime.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries
            .map_err(unreadable(folder))?
            .collect::<Result<_, _>>()
            .map_err(unreadable(folder)),
    }
}

/// The job that something is of, by its name: `<id>` or `<id>.<attempt>`.
fn job_of(entry: &DirEntry) -> Option<JobId> {
    entry.file_name().to_str()?.split('.').next()?.parse().ok()
}

fn look(path: &Path) -> Result<Option<Metadata>, EngineError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        seen => seen.map(Some).map_err(unreadable(path)),
    }
}

/// How many bytes a file or folder has that is removed; none where there is nothing.
fn remove_path(path: &Path, keep: bool) -> Result<u64, EngineError> {
    let Some(seen) = look(path)? else { return Ok(0) };
    let bytes = if seen.is_dir() { size(path)? } else { seen.len() };
    if keep {
        return Ok(bytes);
    }
    let removed = if seen.is_dir() { remove_folder(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(EngineError::io(format!("remove `{}`", path.display()))(error))
        }
        _ => Ok(bytes),
    }
}

/// Some jobs leave folders in which not even their owner may write, as caches of modules are.
fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        removed => removed,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// What can't be looked into counts nothing.
fn size(folder: &Path) -> Result<u64, EngineError> {
    let entries = match entries(folder) {
        Err(EngineError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(0);
        }
        entries => entries?,
    };
    let mut bytes = 0;
    for entry in entries {
        let Some(seen) = look(&entry.path())? else { continue };
        bytes += if seen.is_dir() { size(&entry.path())? } else { seen.len() };
    }
    Ok(bytes)
}

/// A log that workers only ever add to: emptied if nobody did since then.
fn empty_if_old(log: &Path, before: SystemTime, keep: bool) -> Result<u64, EngineError> {
    let Some(seen) = look(log)? else { return Ok(0) };
    if seen.modified().map_err(unreadable(log))? >= before {
        return Ok(0);
    }
    if !keep {
        let emptied = File::options().write(true).open(log).and_then(|file| file.set_len(0));
        emptied.map_err(EngineError::io(format!("empty `{}`", log.display())))?;
    }
    Ok(seen.len())
}
