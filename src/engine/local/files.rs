//! What is in the `/files` of a job of this machine, and kept of its source.

use std::fs;
use std::path::PathBuf;

use uuid::Uuid;

use super::LocalEngine;
use super::freight;
use crate::engine::files::{FileEntry, FileKind, Roots};
use crate::engine::landing::{Bring, Maker};
use crate::engine::{EngineError, Sent};
use crate::job::Root;
use crate::ledger::JobRecord;
use crate::parcel::{How, InTheWay, Made, Names, Store, Times, unpack};

impl LocalEngine<'_> {
    pub(super) fn list_files(&self, job: &JobRecord) -> Result<Vec<FileEntry>, EngineError> {
        let roots = Roots::kept_here(&self.dir, job);
        let mut found = roots.list(Root::Files, "")?;
        found.append(&mut roots.list(Root::Source, "")?);
        if job.attempt == 0 {
            let inputs = job.plan.freight.inputs.iter().map(|input| FileEntry {
                path: input.path.to_string(),
                kind: FileKind::ToCome { bytes: input.parcel.bytes },
                modified: None,
            });
            // What was put there is there already.
            let inputs = inputs.filter(|input| !found.iter().any(|it| it.path == input.path));
            found.extend(inputs.collect::<Vec<_>>());
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    pub(super) async fn copy_files(
        &self,
        job: &JobRecord,
        entries: &[(FileEntry, PathBuf)],
        how: Bring<'_>,
    ) -> Result<(), EngineError> {
        let roots = Roots::kept_here(&self.dir, job);
        let mut maker = Maker::default();
        for (entry, to) in entries {
            maker.copy(&roots.place(&entry.path), to, how.land).await?;
            (how.hear)(Sent::Bytes(entry.bytes()));
        }
        Ok(())
    }

    /// A job that starts later finds it too, and so does each of its attempts.
    pub(super) fn put_files(&self, job: &JobRecord, made: Made) -> Result<(), EngineError> {
        // A job whose attempts have each their own gets it in the newest, or in its first.
        let files = freight::files(&self.dir, job.plan.spec.files, job.id, job.attempt.max(1));
        let files = files.ok_or(EngineError::NoFiles(job.id))?;
        fs::create_dir_all(&files).map_err(EngineError::io("make the job's directory"))?;
        let how = How { names: Names::Any, in_the_way: InTheWay::Stays, times: Times::OfAParcel };
        unpack(made.path(), Some(&made.parcel.address), &files, how)?;
        let puts = self.dir.puts_of(job.id);
        fs::create_dir_all(&puts).map_err(EngineError::io("keep what was put to the job"))?;
        // Sorted by time, so that the last one wins.
        let name = Uuid::now_v7().to_string();
        Store::new(self.dir.parcels()).keep_as(made, &puts.join(name))?;
        Ok(())
    }
}
