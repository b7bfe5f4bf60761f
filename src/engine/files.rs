//! The files of a job, as every engine shows them.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use uuid::Uuid;

use super::EngineError;
use crate::job::{Address, JobPath, Root};
use crate::ledger::{JobRecord, Millis, StateDir};
use crate::parcel::{ParcelError, UNFINISHED, leads_out, may_run};

/// Something in a job's `/files`, or kept of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// As it is called there: relative to `/files`, or from `/source/` on.
    pub path: String,
    pub kind: FileKind,
    /// When it was last written.
    pub modified: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    File {
        bytes: u64,
        executable: bool,
        /// Where the engine knows it.
        hash: Option<Address>,
        /// Where the engine keeps it, if not under its path.
        stored: Option<Stored>,
    },
    Link {
        target: PathBuf,
    },
    /// An input of a job that has not started: a file or folder, of that many bytes in its parcel.
    ToCome {
        bytes: u64,
    },
    /// Something that can't be brought anywhere.
    Unfit {
        why: String,
    },
}

/// Where the bytes of a file begin: in which object, and how many bytes after its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub object: Uuid,
    pub at: u64,
}

impl FileEntry {
    /// 0 for a link.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        match self.kind {
            FileKind::File { bytes, .. } | FileKind::ToCome { bytes } => bytes,
            FileKind::Link { .. } | FileKind::Unfit { .. } => 0,
        }
    }

    /// Its path, if it leads nowhere else on any file system.
    ///
    /// # Errors
    /// When its name or its target could mean something outside.
    pub fn checked(&self) -> Result<JobPath, EngineError> {
        let hostile = |why: String| ParcelError::Hostile { path: self.path.clone().into(), why };
        if let FileKind::Unfit { why } = &self.kind {
            return Err(hostile(why.clone()).into());
        }
        let path = JobPath::plain(&self.path).map_err(|error| hostile(error.why.to_owned()))?;
        match &self.kind {
            FileKind::Link { target } if leads_out(Path::new(path.below.as_str()), target) => {
                Err(hostile(format!("it leads out, to `{}`", target.display())).into())
            }
            _ => Ok(path),
        }
    }
}

/// Where the roots of a job lie.
#[derive(Debug, Clone)]
pub struct Roots {
    pub files: PathBuf,
    pub source: PathBuf,
}

impl Roots {
    /// Those that a container has, and each job of this machine that has a room of its own.
    #[must_use]
    pub fn of_a_container() -> Self {
        let [files, source] = Root::ALL.map(|root| root.as_str().into());
        Self { files, source }
    }

    /// Where they are kept of a job of this machine: of its source, what the newest attempt left that
    /// left anything.
    #[must_use]
    pub fn kept_here(dir: &StateDir, job: &JobRecord) -> Self {
        let mut attempts = (1..=job.attempt).rev().map(|attempt| dir.kept_of(job.id, attempt));
        let kept = attempts.find(|kept| kept.is_dir());
        let source = kept.unwrap_or_else(|| dir.kept_of(job.id, job.attempt));
        Self { files: dir.files_of(job.id), source }
    }

    #[must_use]
    pub fn of(&self, root: Root) -> &Path {
        match root {
            Root::Files => &self.files,
            Root::Source => &self.source,
        }
    }

    /// All files and links at or below a path of a root. What is not there has none.
    ///
    /// # Errors
    /// When something can't be looked at.
    pub fn list(&self, root: Root, path: &str) -> Result<Vec<FileEntry>, EngineError> {
        let mut found = Vec::new();
        let at = self.of(root).join(path);
        match fs::symlink_metadata(&at) {
            // `/files` itself may be a link.
            Ok(seen) if seen.is_dir() || path.is_empty() => walk(&at, path, &mut found)?,
            Ok(seen) => found.extend(entry_of(&at, path.to_owned(), &seen)),
            Err(error) if is_gone(&error) => {}
            Err(source) => return Err(ParcelError::Read { path: at, source }.into()),
        }
        for entry in &mut found {
            entry.path = JobPath::text_of(root, &entry.path);
        }
        Ok(found)
    }

    /// Where something lies that [`list`](Self::list) found.
    #[must_use]
    pub fn place(&self, path: &str) -> PathBuf {
        let (root, below) = JobPath::split(path);
        self.of(root).join(below)
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn walk(folder: &Path, below: &str, found: &mut Vec<FileEntry>) -> Result<(), EngineError> {
    let unreadable = |source| ParcelError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        // It is gone again: the job goes on meanwhile.
        Err(error) if is_gone(&error) => return Ok(()),
        entries => entries.map_err(unreadable)?,
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(UNFINISHED) {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        match entry.metadata() {
            Ok(seen) if seen.is_dir() => walk(&entry.path(), &path, found)?,
            Ok(seen) => found.extend(entry_of(&entry.path(), path, &seen)),
            Err(_) => {}
        }
    }
    Ok(())
}

/// `None` for a socket or a pipe, which holds nothing, and for a link that is gone again.
fn entry_of(at: &Path, path: String, seen: &Metadata) -> Option<FileEntry> {
    let kind = if seen.is_symlink() {
        FileKind::Link { target: fs::read_link(at).ok()? }
    } else if seen.is_file() {
        let executable = may_run(seen);
        FileKind::File { bytes: seen.len(), executable, hash: None, stored: None }
    } else {
        return None;
    };
    let written = seen.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = written.and_then(|since| Millis::try_from(since.as_millis()).ok());
    Some(FileEntry { path, kind, modified })
}
