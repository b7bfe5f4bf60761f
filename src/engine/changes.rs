//! What a command made or changed in a folder.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::EngineError;
use super::files::Roots;
use crate::job::Root;
use crate::ledger::Millis;

/// By which one sees that a file has changed: nobody sets the time at which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    pub bytes: u64,
    pub modified: Option<Millis>,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
    inode: u64,
}

impl Look {
    /// `None` for what is gone.
    #[must_use]
    pub fn at(file: &Path) -> Option<Self> {
        let seen = fs::symlink_metadata(file).ok()?;
        let modified = seen.mtime().checked_mul(1000)?.checked_add(seen.mtime_nsec() / 1_000_000);
        let changed = (seen.ctime(), seen.ctime_nsec());
        Some(Self { bytes: seen.len(), modified, changed, inode: seen.ino() })
    }

    /// The same of a copy that came out longer or shorter.
    #[must_use]
    pub const fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }
}

/// How the source looked before the command started.
#[derive(Debug, Default)]
pub struct Before(HashMap<String, Look>);

impl Before {
    /// # Errors
    /// When something in it can't be looked at.
    pub fn of(roots: &Roots) -> Result<Self, EngineError> {
        let entries = roots.list(Root::Source, "")?.into_iter();
        let looks = entries.filter_map(|entry| {
            let look = Look::at(&roots.place(&entry.path))?;
            Some((entry.path, look))
        });
        Ok(Self(looks.collect()))
    }

    /// Is what is called so what was there before?
    #[must_use]
    pub fn has(&self, path: &str, roots: &Roots) -> bool {
        let before = self.0.get(path);
        before.is_some_and(|before| Look::at(&roots.place(path)).as_ref() == Some(before))
    }
}
