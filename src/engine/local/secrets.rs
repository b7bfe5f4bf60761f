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

/// # Errors
/// When the file can't be written, and it is gone then.
pub fn write(dir: &StateDir, job: JobId, secrets: &Secrets) -> io::Result<Written> {
    let path = path(dir, job);
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    let values: BTreeMap<&str, &str> =
        secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    let write_all = |file: &mut File| -> io::Result<()> {
        flock(&*file, FlockOperation::NonBlockingLockExclusive)?;
        file.write_all(&serde_json::to_vec(&values)?)?;
        // A job that survives a power cut needs its secrets to survive as well.
        file.sync_all()?;
        File::open(dir.secrets())?.sync_all()
    };
    let written = write_all(&mut file);
    match written {
        Ok(()) => Ok(Written(file)),
        Err(error) => {
            remove(dir, job)?;
            Err(error)
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
    match fs::remove_file(path(dir, job)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
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
        let Some(job) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
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
