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
use rustix::io::Errno;

use crate::job::{EnvName, JobId, Secret, Secrets};
use crate::ledger::StateDir;

/// Held from before the first file until the ledger has the jobs, so that nobody sweeps away
/// what is about to be theirs.
pub struct Hold<'a> {
    dir: &'a StateDir,
    all: File,
}

fn path(dir: &StateDir, job: JobId) -> PathBuf {
    dir.secrets().join(job.to_string())
}

/// Under this name until it is whole.
fn new_path(dir: &StateDir, job: JobId) -> PathBuf {
    dir.secrets().join(format!("new-{job}"))
}

/// # Errors
/// When the directory can't be locked.
pub fn hold(dir: &StateDir) -> io::Result<Hold<'_>> {
    let all = File::open(dir.secrets())?;
    flock(&all, FlockOperation::LockShared)?;
    Ok(Hold { dir, all })
}

impl Hold<'_> {
    /// # Errors
    /// When the file can't be written.
    pub fn write(&self, job: JobId, secrets: &Secrets) -> io::Result<()> {
        let values: BTreeMap<&str, &str> =
            secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
        let values = serde_json::to_vec(&values)?;
        let new = new_path(self.dir, job);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&values)?;
        // A job that survives a power cut needs its secrets to survive as well.
        file.sync_all()?;
        fs::rename(new, path(self.dir, job))
    }

    /// Makes all that was written survive a power cut.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn sync(&self) -> io::Result<()> {
        self.all.sync_all()
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
/// came to be. False: somebody is writing some, so it has to be done later.
///
/// # Errors
/// When the directory can't be read, or `is_over` fails.
pub fn sweep<E: From<io::Error>>(
    dir: &StateDir,
    mut is_over: impl FnMut(JobId) -> Result<bool, E>,
) -> Result<bool, E> {
    let all = File::open(dir.secrets())?;
    match flock(&all, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(false),
        Err(error) => return Err(io::Error::from(error).into()),
    }
    for entry in fs::read_dir(dir.secrets())? {
        let name = entry?.file_name();
        let name = name.to_str().unwrap_or_default();
        let Ok(job) = name.strip_prefix("new-").unwrap_or(name).parse() else { continue };
        if is_over(job)? {
            remove(dir, job)?;
        }
    }
    Ok(true)
}
