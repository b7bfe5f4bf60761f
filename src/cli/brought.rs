//! What came back from jobs into a checkout.
//!
//! Unless git tracks it, it does not go along with the next job: there `make` would find it as old as its
//! sources, and take it for up to date.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::error::{Doing, Failure};
use crate::engine::Look;
use crate::ledger::StateDir;
use crate::plan::digits_of;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Brought {
    /// How each looked when it had come, by its path from the root of the checkout.
    files: BTreeMap<PathBuf, Look>,
}

impl Brought {
    /// What came into this checkout.
    ///
    /// # Errors
    /// When that is written down and can't be read.
    pub fn into(dir: &StateDir, root: &Path) -> Result<Self, Failure> {
        let path = record(dir, root);
        let doing = || format!("read `{}`", path.display());
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            read => {
                serde_json::from_slice(&read.doing(doing)?).map_err(io::Error::from).doing(doing)
            }
        }
    }

    /// Writes down that these came, too.
    ///
    /// # Errors
    /// When that can't be.
    pub fn note(dir: &StateDir, root: &Path, files: &[&Path]) -> Result<(), Failure> {
        let path = record(dir, root);
        let doing = || format!("write `{}`", path.display());
        let lock = File::create(path.with_extension("lock")).doing(doing)?;
        lock.lock().doing(doing)?;
        let mut brought = Self::into(dir, root)?;
        brought.files.retain(|path, look| Look::at(&root.join(path)).as_ref() == Some(look));
        for file in files {
            if let (Ok(below), Some(look)) = (file.strip_prefix(root), Look::at(file)) {
                brought.files.insert(below.to_owned(), look);
            }
        }
        let json = serde_json::to_vec(&brought).map_err(io::Error::from).doing(doing)?;
        let mut file = NamedTempFile::new_in(dir.brought()).doing(doing)?;
        file.write_all(&json).doing(doing)?;
        file.persist(&path).map_err(|error| error.error).doing(doing)?;
        Ok(())
    }

    /// Did it come from a job, and is it as it came?
    #[must_use]
    pub fn has(&self, root: &Path, path: &Path) -> bool {
        let look = self.files.get(path);
        look.is_some_and(|look| Look::at(&root.join(path)).as_ref() == Some(look))
    }
}

fn record(dir: &StateDir, root: &Path) -> PathBuf {
    dir.brought().join(digits_of(&[&root.to_string_lossy()]))
}
