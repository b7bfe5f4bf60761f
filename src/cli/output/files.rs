//! The files of a job, for people and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::time::timestamp;
use crate::engine::{FileEntry, FileKind};
use crate::job::plain_name;
use crate::parcel::{UNPACKED_AT, size};

/// Something in the `/files` of a job.
#[derive(Debug, Serialize)]
pub struct FileView {
    /// Relative to `/files`.
    pub path: String,
    /// `file`, `link`, or `input` for what is there when the job starts.
    pub kind: &'static str,
    pub bytes: u64,
    pub executable: bool,
    /// What a link leads to.
    pub target: Option<String>,
    pub sha256: Option<String>,
    pub modified_at: Option<String>,
}

impl FileView {
    pub fn new(entry: &FileEntry) -> Self {
        let (kind, executable, target, sha256) = match &entry.kind {
            FileKind::File { executable, hash, .. } => {
                ("file", *executable, None, hash.as_ref().map(ToString::to_string))
            }
            FileKind::Link { target } => ("link", false, Some(target.display().to_string()), None),
            FileKind::ToCome { .. } => ("input", false, None, None),
            FileKind::Unfit { .. } => ("unfit", false, None, None),
        };
        Self {
            path: entry.path.clone(),
            kind,
            bytes: entry.bytes(),
            executable,
            target,
            sha256,
            // What was brought to a job has no time of its own there, but one that is the same for all.
            modified_at: entry.modified.filter(|at| *at != UNPACKED_AT).map(timestamp),
        }
    }
}

pub fn file_lines(files: &[FileView]) -> String {
    let mut text = String::new();
    for file in files {
        let arrow = file.target.as_ref().map_or_else(String::new, |target| format!(" -> {target}"));
        let about = match file.kind {
            "input" => " (when it starts)",
            "unfit" => " (can't be brought here)",
            _ => "",
        };
        let path = plain_name(&file.path);
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "{:>12}  {:<24}  {path}{}{about}",
            size(file.bytes),
            file.modified_at.as_deref().unwrap_or_default(),
            plain_name(&arrow)
        );
    }
    text
}
