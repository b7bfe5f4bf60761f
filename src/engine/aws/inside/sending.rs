//! Outputs to the bucket, so that what lies there is what its hash says: a large one by itself, small
//! ones in bundles.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::Inside;
use super::bundle::Bundle;
use crate::engine::aws::objects::{SMALL, Upload, aside, bundled};
use crate::engine::changes::Look;
use crate::engine::{EngineError, Stored};
use crate::job::Address;
use crate::parcel::hash_of;

/// A file as it was sent.
#[derive(Debug, Clone)]
pub struct Kept {
    pub look: Look,
    pub hash: Address,
    pub stored: Stored,
}

/// What came of a file.
#[derive(Debug, Clone)]
pub enum Sent {
    Kept(Kept),
    /// It changed while it was sent.
    Changed,
    /// Why it can't be.
    Not(String),
}

/// So many files, or bundles of them, are sent at a time.
const AT_ONCE: usize = 8;

impl Inside {
    /// Sends files, the small ones together; with `is_last` also what somebody goes on to write.
    pub(super) async fn send_all(
        &self,
        files: Vec<(String, Look)>,
        is_last: bool,
    ) -> Result<Vec<(String, Sent)>, EngineError> {
        let (small, large): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(_, look)| look.bytes <= SMALL);
        let bundles = bundled(small, |(_, look)| look.bytes);
        let sends = bundles.into_iter().chain(large.into_iter().map(|file| vec![file]));
        let sends = sends.map(|files| self.send_one(files, is_last));
        let sends = futures_util::stream::iter(sends).buffer_unordered(AT_ONCE);
        let sent: Vec<_> = sends.try_collect().await?;
        Ok(sent.concat())
    }

    /// A large file, or many small ones.
    async fn send_one(
        &self,
        files: Vec<(String, Look)>,
        is_last: bool,
    ) -> Result<Vec<(String, Sent)>, EngineError> {
        let mut sent = match files.as_slice() {
            [(path, look)] if look.bytes > SMALL => {
                vec![(path.clone(), self.send(path, *look).await?)]
            }
            _ => self.send_together(files).await?,
        };
        for (path, sent) in &mut sent {
            if is_last && matches!(sent, Sent::Changed) {
                // Somebody goes on to write: as it is now.
                *sent = self.send_as_it_is(path).await?;
            }
        }
        Ok(sent)
    }

    /// A large file, hashed while it is sent unless it may be there already.
    async fn send(&self, path: &str, look: Look) -> Result<Sent, EngineError> {
        let file = self.roots.place(path);
        let to_hash = file.clone();
        let hash = aside(move || Ok(hash_of(&to_hash)?));
        let sent = if self.known.has_any_of(look.bytes) {
            match hash.await {
                Ok(hash) => match self.known.find(look.bytes, &hash) {
                    Some(stored) => Ok((hash, stored)),
                    None => self.upload(&file).await.map(|stored| (hash, stored)),
                },
                Err(error) => Err(error),
            }
        } else {
            tokio::try_join!(hash, self.upload(&file))
        };
        let (hash, stored) = match sent {
            Ok(sent) => sent,
            Err(EngineError::Aws(error)) => return Err(error.into()),
            Err(error) => return Ok(Sent::not(&error)),
        };
        // Were it another by now, what was sent would not be what its hash says.
        if Look::at(&file) != Some(look) {
            return Ok(Sent::Changed);
        }
        Ok(Sent::Kept(Kept { look, hash, stored }))
    }

    /// Small files as one object, unless all they hold is there already.
    async fn send_together(
        &self,
        files: Vec<(String, Look)>,
    ) -> Result<Vec<(String, Sent)>, EngineError> {
        let _line = self.lines.acquire().await;
        let (roots, known) = (self.roots.clone(), Arc::clone(&self.known));
        let room = Bundle::room(&files);
        let bundle = aside(move || Ok(Bundle::of(files, room, &roots, &known))).await?;
        if !bundle.is_known {
            let key = self.objects.blob(self.job, bundle.object);
            self.objects.write_large(&key, bundle.content).await?;
        }
        Ok(bundle.files)
    }

    /// A copy of a file that changes while it is sent.
    async fn send_as_it_is(&self, path: &str) -> Result<Sent, EngineError> {
        let file = self.roots.place(path);
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
        let stored = self.upload(copy.path()).await?;
        Ok(Sent::Kept(Kept { look: look.with_bytes(bytes), hash, stored }))
    }

    async fn upload(&self, file: &Path) -> Result<Stored, EngineError> {
        let object = Uuid::now_v7();
        let key = self.objects.blob(self.job, object);
        let lines = &self.lines;
        Upload { objects: &self.objects, key, file, record: None, lines }.send(&mut |_| ()).await?;
        Ok(Stored { object, at: 0 })
    }
}

impl Sent {
    pub fn not(error: &EngineError) -> Self {
        Self::Not(crate::engine::in_one_line(error))
    }
}
