//! What a job keeps, brought to this machine.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::AwsEngine;
use super::files::{LINES, RESULTS, WHOLE};
use super::objects::{Download, Objects, Piece, SMALL, spans};
use crate::engine::files::{FileEntry, FileKind, Roots};
use crate::engine::landing::{Bring, Maker};
use crate::engine::{EngineError, Hear, replace};
use crate::job::{JobId, Root};
use crate::ledger::JobRecord;
use crate::parcel::{How, InTheWay, Names, Times, unpack_what_fits};

/// So many files are looked at at a time.
const FILES_AT_ONCE: usize = 32;

impl AwsEngine<'_> {
    /// The archive of a job that keeps its results by a URL, unpacked, and what it holds.
    pub(super) async fn results(
        &self,
        objects: &Objects,
        job: JobId,
        hear: Hear<'_>,
    ) -> Result<(TempDir, Vec<FileEntry>), EngineError> {
        let make = || tempfile::tempdir().map_err(EngineError::io("make a folder for results"));
        // The one is nobody else's, so that nothing of another is found there.
        let (around, folder) = (make()?, make()?);
        let archive = around.path().join(RESULTS);
        let key = objects.of_job(job, RESULTS);
        let bytes = objects.look(&key).await?.map_or(0, |object| object.bytes);
        let (hash, executable, to) = (None, false, archive.as_path());
        let (hear, lines) = (RefCell::new(hear), Semaphore::new(LINES));
        let (lines, land) = (&lines, &replace);
        Download { objects, key, at: 0, bytes, hash, to, executable, lines, land }
            .fetch(&|sent| hear.borrow_mut()(sent))
            .await?;
        let how =
            How { names: Names::Portable, in_the_way: InTheWay::Stays, times: Times::TheirOwn };
        let unfit = unpack_what_fits(&archive, folder.path(), how)?;
        let unfit = unfit.into_iter().map(|(path, why)| FileEntry {
            path: format!("/{}", path.display()),
            kind: FileKind::Unfit { why },
            modified: None,
        });
        let entries = entries_of(&roots_in(folder.path()))?.into_iter().chain(unfit).collect();
        Ok((folder, entries))
    }

    /// Outputs for which nothing was there when the last attempt had ended, if it said so.
    pub(in crate::engine) async fn missing_outputs(
        &mut self,
        job: &JobRecord,
    ) -> Result<Option<Vec<String>>, EngineError> {
        let objects = self.objects(job).await?;
        let key = objects.of_job(job.id, &format!("index/{WHOLE}.json"));
        let Some(object) = objects.look(&key).await? else { return Ok(None) };
        let index = objects.index(&object).await?;
        Ok((index.attempt == job.attempt).then_some(index.missing))
    }

    pub(super) async fn get_files(
        &mut self,
        job: &JobRecord,
        entries: &[(FileEntry, PathBuf)],
        how: Bring<'_>,
    ) -> Result<(), EngineError> {
        let Bring { hear, land } = how;
        let objects = self.objects(job).await?;
        let hear = RefCell::new(hear);
        let tell = |sent| hear.borrow_mut()(sent);
        let lines = Semaphore::new(LINES);
        let (objects_of, lines, tell) = (&objects, &lines, &tell);
        let files = || entries.iter().filter_map(|(entry, to)| kept(entry, to));
        let large = files().filter(|piece| piece.bytes > SMALL).map(|piece| async move {
            let Piece { stored, bytes, hash, to, executable } = piece;
            let (key, at) = (objects_of.blob(job.id, stored.object), stored.at);
            let (objects, hash) = (objects_of, Some(hash));
            Download { objects, key, at, bytes, hash, to, executable, lines, land }
                .fetch(tell)
                .await
        });
        let large = futures_util::stream::iter(large).buffer_unordered(FILES_AT_ONCE);
        let small = spans(files().filter(|piece| piece.bytes <= SMALL));
        let small = small.into_iter().map(|span| async move {
            let _line = lines.acquire().await;
            span.fetch(objects_of, job.id, tell, land).await
        });
        let small = futures_util::stream::iter(small).buffer_unordered(LINES);
        tokio::try_join!(large.try_collect::<()>(), small.try_collect::<()>())?;
        let mut maker = Maker::default();
        let in_archive =
            |entry: &FileEntry| matches!(entry.kind, FileKind::File { hash: None, .. });
        if entries.iter().any(|(entry, _)| in_archive(entry)) {
            let (folder, _) = self.results(&objects, job.id, &mut |sent| tell(sent)).await?;
            let roots = roots_in(folder.path());
            for (entry, to) in entries.iter().filter(|(entry, _)| in_archive(entry)) {
                maker.copy(&roots.place(&entry.path), to, land).await?;
            }
        }
        for (entry, to) in entries {
            if let FileKind::Link { target } = &entry.kind {
                maker.link(target, to, land)?;
            }
        }
        Ok(())
    }
}

/// A file of which it is known where it lies and what it is.
fn kept<'a>(entry: &'a FileEntry, to: &'a Path) -> Option<Piece<'a>> {
    let FileKind::File { bytes, executable, hash: Some(hash), stored: Some(stored) } = &entry.kind
    else {
        return None;
    };
    let (stored, bytes, executable) = (*stored, *bytes, *executable);
    Some(Piece { stored, bytes, hash, to, executable })
}

/// An archive of results holds the roots of its job as folders.
fn roots_in(folder: &Path) -> Roots {
    let [files, source] = Root::ALL.map(|root| folder.join(&root.as_str()[1..]));
    Roots { files, source }
}

/// What an archive held.
fn entries_of(roots: &Roots) -> Result<Vec<FileEntry>, EngineError> {
    let mut entries = roots.list(Root::Files, "")?;
    entries.append(&mut roots.list(Root::Source, "")?);
    Ok(entries)
}
