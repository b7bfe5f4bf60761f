//! What a source holds, by the names and the contents of its files. It stays on the machine that sent the
//! source, for as long as a job that took it along, so that what the job changed can be told from what
//! somebody changed here meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ParcelError, hash_of};
use crate::job::Address;

/// By the paths in the parcel. Names that are not UTF-8 are left out: nothing of that name comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest(BTreeMap<String, Held>);

/// One of its files or links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub content: Content,
    pub executable: bool,
    /// Did git track it?
    pub tracked: bool,
    pub text: bool,
}

/// What a file is to those who build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Product,
    /// Git does not track it, and it is text: not told of yet, or generated and not ignored.
    Unclear,
    Source,
}

impl Held {
    #[must_use]
    pub fn link(target: &Path) -> Self {
        let content = Content::of_link(target);
        Self { content, executable: false, tracked: false, text: true }
    }

    #[must_use]
    pub const fn role(&self) -> Role {
        match (self.tracked, self.text) {
            (true, _) => Role::Source,
            (false, true) => Role::Unclear,
            (false, false) => Role::Product,
        }
    }
}

/// What is in a file, or where a link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    File(Address),
    Link(String),
}

impl Manifest {
    pub fn add(&mut self, path: &Path, held: Held) {
        if let Some(path) = path.to_str() {
            self.0.insert(path.to_owned(), held);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Held)> {
        self.0.iter().map(|(path, held)| (path.as_str(), held))
    }

    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Held> {
        self.0.get(path)
    }
}

impl Content {
    /// What is there now. `None`: neither a file nor a link.
    ///
    /// # Errors
    /// When that can't be read.
    pub fn at(path: &Path) -> Result<Option<Self>, ParcelError> {
        let seen = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            seen => seen.map_err(ParcelError::read(path))?,
        };
        if seen.is_symlink() {
            let target = fs::read_link(path).map_err(ParcelError::read(path))?;
            return Ok(Some(Self::of_link(&target)));
        }
        seen.is_file().then(|| hash_of(path).map(Self::File)).transpose()
    }

    #[must_use]
    pub fn of_link(target: &Path) -> Self {
        Self::Link(target.to_string_lossy().into_owned())
    }
}
