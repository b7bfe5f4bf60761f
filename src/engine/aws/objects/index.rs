//! What a job keeps, by path, and what was put to it: small objects in JSON.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::aws::AwsError;
use crate::engine::{FileEntry, FileKind, Stored};
use crate::job::{Address, JobPath, Parcel};
use crate::ledger::Millis;

/// The format of an [`Index`] that this program writes, and the only one that it reads.
const FORMAT: u32 = 1;

/// What a job keeps. Written after what it names, so that all of that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    format: u32,
    /// The attempt that wrote it.
    pub attempt: u32,
    pub entries: Vec<Indexed>,
    /// Outputs for which nothing was there when the command had ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
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
        /// Where in that object it begins, which may hold many small files. In bytes.
        #[serde(default, skip_serializing_if = "is_zero")]
        at: u64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        executable: bool,
        modified: Option<Millis>,
    },
    Link {
        path: String,
        target: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(at: &u64) -> bool {
    *at == 0
}

impl Index {
    pub const fn new(attempt: u32, entries: Vec<Indexed>, missing: Vec<String>) -> Self {
        Self { format: FORMAT, attempt, entries, missing }
    }

    /// # Errors
    /// When it is of another format, or none that any computes writes.
    pub fn parse(key: &str, json: &[u8]) -> Result<Self, AwsError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let key = || key.to_owned();
        let broken =
            |error: serde_json::Error| AwsError::Object { key: key(), why: error.to_string() };
        let Format { format } = serde_json::from_slice(json).map_err(broken)?;
        if format != FORMAT {
            return Err(AwsError::Format { key: key(), format, known: FORMAT });
        }
        serde_json::from_slice(json).map_err(broken)
    }
}

impl Indexed {
    pub fn path(&self) -> &str {
        match self {
            Self::File { path, .. } | Self::Link { path, .. } => path,
        }
    }

    /// As every engine shows it; `child` is the folder of an array's child.
    pub fn into_entry(self, child: Option<&str>) -> FileEntry {
        let place = |path: String| match child {
            Some(child) => {
                let (root, below) = JobPath::split(&path);
                JobPath::text_of(root, &format!("{child}/{below}"))
            }
            None => path,
        };
        match self {
            Self::File { path, bytes, sha256, blob, at, executable, modified } => {
                let (hash, stored) = (Some(sha256), Some(Stored { object: blob, at }));
                let kind = FileKind::File { bytes, executable, hash, stored };
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
