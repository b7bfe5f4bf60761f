//! What is in the `/files` of a job of this machine.

use std::fs;
use std::path::PathBuf;

use super::LocalEngine;
use super::freight;
use crate::engine::files::{FileEntry, FileKind, copy, list_below};
use crate::engine::{EngineError, Hear, Sent};
use crate::ledger::JobRecord;
use crate::parcel::{Made, Names, unpack};

impl LocalEngine<'_> {
    pub(super) fn list_files(&self, job: &JobRecord) -> Result<Vec<FileEntry>, EngineError> {
        let mut found = list_below(&self.dir.files_of(job.id), "")?;
        if job.attempt == 0 {
            let inputs = job.plan.freight.inputs.iter().map(|input| FileEntry {
                path: input.path.to_string(),
                kind: FileKind::ToCome { bytes: input.parcel.bytes },
                modified: None,
            });
            found.extend(inputs);
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    pub(super) fn copy_files(
        &self,
        job: &JobRecord,
        entries: &[(FileEntry, PathBuf)],
        hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        let files = self.dir.files_of(job.id);
        for (entry, to) in entries {
            copy(&files.join(&entry.path), to)?;
            hear(Sent::Bytes(entry.bytes()));
        }
        Ok(())
    }

    pub(super) fn put_files(&self, job: &JobRecord, made: &Made) -> Result<(), EngineError> {
        // A job whose attempts have each their own gets it in the newest, or in its first.
        let files = freight::files(&self.dir, job.plan.spec.files, job.id, job.attempt.max(1));
        let files = files.ok_or(EngineError::NoFiles(job.id))?;
        fs::create_dir_all(&files).map_err(EngineError::io("make the job's directory"))?;
        unpack(made.path(), Some(&made.parcel.address), &files, Names::Any)?;
        Ok(())
    }
}
