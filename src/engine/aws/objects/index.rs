//! What a job keeps, by path, and what was put to it: small objects in JSON.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::{FileEntry, FileKind};
use crate::job::{Address, Parcel};
use crate::ledger::Millis;

/// What a job keeps. Written after what it names, so that all of that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The attempt that wrote it.
    pub attempt: u32,
    pub entries: Vec<Indexed>,
}

/// A file or a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Indexed {
    File {
        path: String,
        bytes: u64,
        sha256: Address,
        /// The name of the object that holds it. It is another for each version of a file, so that none
        /// takes the place of one that somebody else keeps.
        blob: Uuid,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        executable: bool,
        modified: Option<Millis>,
    },
    Link {
        path: String,
        target: String,
    },
}

impl Indexed {
    /// As every engine shows it; `child` is the folder of an array's child.
    pub fn into_entry(self, child: Option<&str>) -> FileEntry {
        let place = |path: String| match child {
            Some(child) => format!("{child}/{path}"),
            None => path,
        };
        match self {
            Self::File { path, bytes, sha256, blob, executable, modified } => {
                let (hash, object) = (Some(sha256), Some(blob));
                let kind = FileKind::File { bytes, executable, hash, object };
                FileEntry { path: place(path), kind, modified }
            }
            Self::Link { path, target } => FileEntry {
                path: place(path),
                kind: FileKind::Link { target: target.into() },
                modified: None,
            },
        }
    }
}

/// Files that were brought to a job after it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    #[serde(flatten)]
    pub parcel: Parcel,
    /// What is in it, by path.
    pub paths: Vec<String>,
    pub at: Millis,
}
