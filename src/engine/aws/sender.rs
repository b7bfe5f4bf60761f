//! Who is sending jobs. Only one may send a job, and only when the one before is gone may
//! another look whether it got there. A sender holds a lock on a file as long as it lives, and
//! the kernel lets go of it for one that was killed.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use uuid::Uuid;

use crate::engine::EngineError;
use crate::ledger::StateDir;

pub struct Sender {
    id: String,
    path: PathBuf,
    /// Locked until it is dropped.
    _lock: File,
}

impl Sender {
    pub fn new(dir: &StateDir) -> Result<Self, EngineError> {
        let id = Uuid::now_v7().to_string();
        let path = dir.senders().join(&id);
        let lock = || {
            let file = File::create_new(&path)?;
            file.try_lock()?;
            Ok::<_, io::Error>(file)
        };
        let file = lock().map_err(EngineError::io(format!("lock `{}`", path.display())))?;
        Ok(Self { id, path, _lock: file })
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // One that stays there is locked by nobody, and so means nothing.
        let _ = fs::remove_file(&self.path);
    }
}

/// Does this sender live?
pub fn is_sending(dir: &StateDir, id: &str) -> bool {
    // A job of another machine was sent by nobody here.
    if id.is_empty() {
        return false;
    }
    match File::open(dir.senders().join(id)) {
        Ok(file) => file.try_lock_shared().is_err(),
        // Where that can't be told, it is better to wait than to send a job twice.
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}
