//! One output to the bucket, so that what lies there is what its hash says.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tempfile::NamedTempFile;
use uuid::Uuid;

use super::{Inside, aside};
use crate::engine::EngineError;
use crate::engine::aws::objects::Upload;
use crate::job::Address;
use crate::ledger::Millis;
use crate::parcel::hash_of;

/// By which one sees that a file has changed: nobody sets the time at which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub bytes: u64,
    pub modified: Option<Millis>,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
    inode: u64,
}

/// A file as it was sent.
#[derive(Debug, Clone)]
pub struct Kept {
    pub look: Look,
    pub hash: Address,
    pub blob: Uuid,
}

/// What came of a file.
pub enum Sent {
    Kept(Kept),
    /// It changed while it was sent.
    Changed,
    /// Why it can't be.
    Not(String),
}

impl Inside {
    pub(super) async fn send(&self, path: &str, look: Look) -> Result<Sent, EngineError> {
        let file = self.places.files.join(path);
        let to_hash = file.clone();
        let hash = match aside(move || Ok(hash_of(&to_hash)?)).await {
            Ok(hash) => hash,
            Err(error) => return Ok(Sent::not(&error)),
        };
        let blob = match self.blobs.get(&hash) {
            Some(blob) => *blob,
            None => match self.upload(&file).await {
                Ok(blob) => blob,
                Err(EngineError::Aws(error)) => return Err(error.into()),
                Err(error) => return Ok(Sent::not(&error)),
            },
        };
        // Were it another by now, what was sent would not be what its hash says.
        if Look::at(&file) != Some(look) {
            return Ok(Sent::Changed);
        }
        Ok(Sent::Kept(Kept { look, hash, blob }))
    }

    /// A copy of a file that changes while it is sent.
    pub(super) async fn send_as_it_is(&self, path: &str) -> Result<Sent, EngineError> {
        let file = self.places.files.join(path);
        let Some(look) = Look::at(&file) else { return Ok(Sent::Changed) };
        let copied = aside(move || {
            let copy = NamedTempFile::new().map_err(EngineError::io("make a file for a copy"))?;
            fs::copy(&file, copy.path()).map_err(EngineError::io("copy it"))?;
            let hash = hash_of(copy.path())?;
            Ok((copy, hash))
        });
        let (copy, hash) = match copied.await {
            Ok(copied) => copied,
            Err(error) => return Ok(Sent::not(&error)),
        };
        let bytes = copy.as_file().metadata().map_err(EngineError::io("look at a copy"))?.len();
        let blob = self.upload(copy.path()).await?;
        Ok(Sent::Kept(Kept { look: Look { bytes, ..look }, hash, blob }))
    }

    async fn upload(&self, file: &Path) -> Result<Uuid, EngineError> {
        let blob = Uuid::now_v7();
        let key = self.objects.blob(self.job, blob);
        let lines = &self.lines;
        Upload { objects: &self.objects, key, file, record: None, lines }.send(&mut |_| ()).await?;
        Ok(blob)
    }
}

impl Look {
    /// `None` for what is gone.
    pub fn at(file: &Path) -> Option<Self> {
        let seen = fs::symlink_metadata(file).ok()?;
        let modified = seen.mtime().checked_mul(1000)?.checked_add(seen.mtime_nsec() / 1_000_000);
        let changed = (seen.ctime(), seen.ctime_nsec());
        Some(Self { bytes: seen.len(), modified, changed, inode: seen.ino() })
    }
}

impl Sent {
    fn not(error: &EngineError) -> Self {
        Self::Not(crate::engine::in_one_line(error))
    }
}
