//! What goes into a parcel, before it is packed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{ParcelError, Standing, leads_out};

/// Files, links and folders by their paths in the parcel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Folder,
    File { origin: Origin, bytes: u64, executable: bool, standing: Standing },
    Link { target: PathBuf },
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Disk(PathBuf),
    /// An object of git.
    Blob {
        repository: PathBuf,
        id: String,
    },
}

/// As many large files are named as tell what to do.
const NAMED: usize = 5;

impl Contents {
    /// # Errors
    /// A link that leads out of the parcel.
    pub fn add(&mut self, path: PathBuf, entry: Entry) -> Result<(), ParcelError> {
        if let Entry::Link { target } = &entry
            && leads_out(&path, target)
        {
            return Err(ParcelError::LinkLeadsOut { path, target: target.clone() });
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// In the order of their paths, name by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_path(), entry))
    }

    /// Of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().map(|(_, bytes)| bytes).sum()
    }

    fn files(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.iter().filter_map(|(path, entry)| match entry {
            Entry::File { bytes, .. } => Some((path, *bytes)),
            Entry::Folder | Entry::Link { .. } => None,
        })
    }

    /// Of all files.
    pub fn standings(&self) -> impl Iterator<Item = Standing> {
        self.iter().filter_map(|(_, entry)| match entry {
            Entry::File { standing, .. } => Some(*standing),
            Entry::Folder | Entry::Link { .. } => None,
        })
    }

    /// # Errors
    /// When the files have more than `limit` bytes: naming the largest.
    pub fn check_size(&self, limit: u64) -> Result<(), ParcelError> {
        let bytes = self.bytes();
        if bytes <= limit {
            return Ok(());
        }
        let mut largest: Vec<_> =
            self.files().map(|(path, bytes)| (path.to_owned(), bytes)).collect();
        largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        largest.truncate(NAMED);
        Err(ParcelError::TooLarge { bytes, limit, largest })
    }

    /// The same below `folder`.
    #[must_use]
    pub fn below(self, folder: &Path) -> Self {
        // A single file has no path of its own below it. The folder that everything is in is there.
        let is_root = |path: &Path| folder.as_os_str().is_empty() && path.as_os_str().is_empty();
        let entries = self.entries.into_iter();
        let entries = entries.filter(|(path, entry)| *entry != Entry::Folder || !is_root(path));
        let place = |path: PathBuf| {
            if path.as_os_str() == OsStr::new("") { folder.to_owned() } else { folder.join(path) }
        };
        Self { entries: entries.map(|(path, entry)| (place(path), entry)).collect() }
    }

    /// Takes in what another has.
    pub fn append(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_names_the_largest() {
        let mut contents = Contents::default();
        for (name, bytes) in [("a", 1), ("b", 30), ("c", 20), ("d", 2), ("e", 3), ("f", 4)] {
            let origin = Origin::Disk(name.into());
            let file = Entry::File { origin, bytes, executable: false, standing: Standing::Alone };
            contents.add(name.into(), file).expect("a file");
        }
        assert!(contents.check_size(60).is_ok());
        let error = contents.check_size(59).expect_err("too large");
        let ParcelError::TooLarge { bytes: 60, limit: 59, largest } = error else {
            panic!("{error:?}")
        };
        let names: Vec<_> = largest.iter().map(|(path, _)| path.to_str()).collect();
        assert_eq!(names, ["b", "c", "f", "e", "d"].map(Some));
    }
}
