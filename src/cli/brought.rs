//! What came back from jobs into a checkout or a folder, and from which.
//!
//! It is written down before the first file of a job comes, so that whoever is killed on the way
//! leaves nothing of which nobody knows where it came from.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::error::{Doing, Failure, Kind};
use crate::engine::Look;
use crate::job::{JobId, Root};
use crate::ledger::{Millis, StateDir};
use crate::parcel::UNFINISHED;
use crate::plan::digits_of;

/// A job that something came from. Of two the one that was submitted later is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct By {
    pub submitted: Millis,
    pub job: JobId,
}

/// What is to come from a job, or came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Came {
    pub by: By,
    /// It went along with the job: changed by it, it is a source all the same.
    pub is_source: bool,
}

/// What is on its way: once it is here it has so many bytes, and this time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Coming {
    pub came: Came,
    pub bytes: u64,
    pub modified: Millis,
}

/// Paths are those from the root of the checkout, or from the folder.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Brought {
    /// How each looked when it had come.
    #[serde(default)]
    came: BTreeMap<PathBuf, (Look, Came)>,
    /// By the job. It may be here: who brought it may have been killed.
    #[serde(default)]
    coming: BTreeMap<String, BTreeMap<PathBuf, Coming>>,
}

/// Where that is written down, and of which folder it tells.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    pub dir: &'a StateDir,
    /// What is in `/files` is no part of a checkout, wherever it goes.
    pub root: Root,
    pub folder: &'a Path,
}

impl Brought {
    /// Did it come from a job, and is it as it came?
    #[must_use]
    pub fn came(&self, folder: &Path, path: &Path) -> Option<Came> {
        let whole = self.came.get(path);
        let mut coming = self.coming.values().filter_map(|files| files.get(path)).peekable();
        if whole.is_none() && coming.peek().is_none() {
            // Of most files nobody has to look at more than the name.
            return None;
        }
        let look = Look::at(&folder.join(path))?;
        let whole = whole.filter(|(then, _)| *then == look).map(|(_, came)| *came);
        whole.or_else(|| {
            let is_here =
                |it: &&Coming| (it.bytes, Some(it.modified)) == (look.bytes, look.modified);
            coming.filter(is_here).map(|it| it.came).max_by_key(|came| came.by)
        })
    }

    /// It is about to come from a job, beside what came before that was cut.
    pub fn add_coming(&mut self, by: By, files: BTreeMap<PathBuf, Coming>) {
        self.coming.entry(by.job.to_string()).or_default().extend(files);
    }

    /// It came, and looks so.
    pub fn add_came(&mut self, path: PathBuf, look: Look, came: Came) {
        self.came.insert(path, (look, came));
    }

    /// What has not come from a job by now does not come any more.
    pub fn has_come(&mut self, by: By) {
        self.coming.remove(&by.job.to_string());
    }

    /// Did something of that name come from a job, which was not sent there? Whatever it is by now.
    #[must_use]
    pub fn was_a_product(&self, path: &Path) -> bool {
        self.came.get(path).is_some_and(|(_, came)| !came.is_source)
    }

    /// Does it stay here when the next job takes the checkout along? There `make` would find a product as
    /// old as its sources, and take it for up to date. And what was cut on its way is nothing yet.
    #[must_use]
    pub fn stays(&self, folder: &Path, path: &Path) -> bool {
        let is_unfinished = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(UNFINISHED);
        path.iter().any(is_unfinished)
            || self.came(folder, path).is_some_and(|came| !came.is_source)
    }
}

impl Place<'_> {
    /// What came there.
    ///
    /// # Errors
    /// When that is written down and can't be read.
    pub fn brought(&self) -> Result<Brought, Failure> {
        let path = self.record();
        let doing = || format!("read `{}`", path.display());
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Brought::default()),
            read => serde_json::from_slice(&read.doing(doing)?).map_err(|error| Failure {
                kind: Kind::Failed,
                hint: Some(format!(
                    "remove it: what came from jobs into `{}` before then counts as yours",
                    self.folder.display()
                )),
                ..Failure::from(io::Error::from(error)).doing(doing())
            }),
        }
    }

    /// Held by whoever judges what is there and puts something in its place.
    ///
    /// # Errors
    /// When the lock can't be opened.
    pub fn turn(&self) -> io::Result<File> {
        File::create(self.record().with_extension("lock"))
    }

    /// Taken by a call that brings changed sources, as long as it is at it: of what two jobs made of the
    /// same ones all comes from one of them. `None`: another call has it.
    ///
    /// # Errors
    /// When the lock can't be opened.
    pub fn sole(&self) -> io::Result<Option<File>> {
        let file = File::create(self.record().with_extension("sole"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Changes what is written down, while nobody else judges what is there.
    ///
    /// # Errors
    /// When that can't be.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Brought) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let path = self.record();
        let doing = || format!("write `{}`", path.display());
        let lock = self.turn().doing(doing)?;
        lock.lock().doing(doing)?;
        let mut brought = self.brought()?;
        // What it was may be of interest as long as there is something of that name.
        brought.came.retain(|path, _| fs::symlink_metadata(self.folder.join(path)).is_ok());
        let changed = change(&mut brought)?;
        let json = serde_json::to_vec(&brought).map_err(io::Error::from).doing(doing)?;
        let mut file = NamedTempFile::new_in(self.dir.brought()).doing(doing)?;
        file.write_all(&json).and_then(|()| file.as_file().sync_data()).doing(doing)?;
        file.persist(&path).map_err(|error| error.error).doing(doing)?;
        Ok(changed)
    }

    /// The file in which it is written down.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        let folder = self.folder.to_string_lossy();
        self.dir.brought().join(digits_of(&[self.root.as_str(), &folder]))
    }
}
