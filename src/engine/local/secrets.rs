//! The values of a job's secrets, between the one who submits and the worker.
//!
//! A file of mode 0600 for each job that has any; it is there before the ledger has the job
//! and goes when the job is over.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use crate::job::{EnvName, JobId, Secret, Secrets};
use crate::ledger::StateDir;

/// Locked as long as the job may not be in the ledger yet, so that nobody sweeps it away.
#[must_use = "dropping it allows the file to be swept away"]
pub struct Written(#[expect(dead_code, reason = "held for its lock")] File);

fn path(dir: &StateDir, job: JobId) -> PathBuf {
    dir.secrets().join(job.to_string())
}

/// Under this name until it is locked and whole.
fn new_path(dir: &StateDir, job: JobId) -> PathBuf {
    dir.secrets().join(format!("new-{job}"))
}

/// # Errors
/// When the file can't be written, and it is gone then.
pub fn write(dir: &StateDir, job: JobId, secrets: &Secrets) -> io::Result<Written> {
    let (new, path) = (new_path(dir, job), path(dir, job));
    let values: BTreeMap<&str, &str> =
        secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    let values = serde_json::to_vec(&values)?;
    let write = |new: &PathBuf| -> io::Result<File> {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(new)?;
        flock(&file, FlockOperation::LockExclusive)?;
        file.write_all(&values)?;
        // A job that survives a power cut needs its secrets to survive as well.
        file.sync_all()?;
        fs::rename(new, &path)?;
        File::open(dir.secrets())?.sync_all()?;
        Ok(file)
    };
    loop {
        match write(&new) {
            Ok(file) => return Ok(Written(file)),
            // Somebody swept it away before it was locked.
            Err(error) if error.kind() == io::ErrorKind::NotFound && dir.secrets().is_dir() => {}
            Err(error) => {
                remove(dir, job)?;
                return Err(error);
            }
        }
    }
}

/// # Errors
/// When the file can't be read or is none of ours.
pub fn read(dir: &StateDir, job: JobId) -> io::Result<Secrets> {
    let values: BTreeMap<String, String> = serde_json::from_slice(&fs::read(path(dir, job))?)?;
    let mut secrets = Secrets::default();
    for (name, value) in values {
        let name = EnvName::new(name).map_err(io::Error::other)?;
        secrets.insert(name, Secret::new(value));
    }
    Ok(secrets)
}

/// # Errors
/// When it is there and can't be removed.
pub fn remove(dir: &StateDir, job: JobId) -> io::Result<()> {
    for path in [path(dir, job), new_path(dir, job)] {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

/// Removes what killed processes left behind: secrets of jobs that are over, or that never
/// came to be.
///
/// # Errors
/// When the directory can't be read, or `is_over` fails.
pub fn sweep<E: From<io::Error>>(
    dir: &StateDir,
    mut is_over: impl FnMut(JobId) -> Result<bool, E>,
) -> Result<(), E> {
    for entry in fs::read_dir(dir.secrets())? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let Ok(job) = name.strip_prefix("new-").unwrap_or(name).parse() else { continue };
        let file = match File::open(entry.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        // First the lock, then the ledger: whoever writes secrets holds the lock until the
        // ledger has the job.
        if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() && is_over(job)? {
            remove(dir, job)?;
        }
    }
    Ok(())
}
