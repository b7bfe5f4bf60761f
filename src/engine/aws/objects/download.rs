//! An object to a file: in parts, several at a time, taken up again at the very byte. The file has
//! its name once it is whole and is the one that was meant.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use tokio::sync::Semaphore;

use super::range::Range;
use super::{Objects, may_pass};
use crate::engine::{EngineError, Land, Sent};
use crate::job::Address;
use crate::parcel::{ParcelError, UNFINISHED, hash_of};
use crate::plan::digits_of;

/// Bytes of a part.
const PART: u64 = 8 << 20;
/// So many parts of a file are under way at a time.
const AT_ONCE: usize = 4;

/// An object that becomes a file.
pub struct Download<'a> {
    pub objects: &'a Objects,
    pub key: String,
    /// Where in the object it begins.
    pub at: u64,
    pub bytes: u64,
    /// Where it is known what it should be.
    pub hash: Option<&'a Address>,
    pub to: &'a Path,
    pub executable: bool,
    /// Connections that all downloads share.
    pub lines: &'a Semaphore,
    pub land: Land<'a>,
}

/// What is there of a file that is not whole.
struct Unfinished {
    file: File,
    path: PathBuf,
    /// The numbers of parts that are there, as bytes of 8: appended as they come.
    record: File,
    done: BTreeSet<u64>,
}

impl Download<'_> {
    /// Fetches it.
    ///
    /// # Errors
    /// When S3 does not give it, it is not the one that was meant, or it can't be written.
    pub async fn fetch(&self, hear: &dyn Fn(Sent)) -> Result<(), EngineError> {
        let Unfinished { file, path, mut record, done } = self.open()?;
        let parts: Vec<_> = (0..self.bytes.div_ceil(PART)).collect();
        let size_of = |part: u64| PART.min(self.bytes - part * PART);
        for part in &done {
            hear(Sent::Bytes(size_of(*part)));
        }
        let missing = parts.into_iter().filter(|part| !done.contains(part));
        let file = &file;
        let fetches = missing.map(|part| async move {
            let _line = self.lines.acquire().await;
            let from = self.at.saturating_add(part * PART);
            let end = from.saturating_add(size_of(part));
            let mut take = |at: u64, bytes: &[u8]| {
                file.write_all_at(bytes, at - self.at).map_err(self.unwritten())?;
                hear(Sent::Bytes(bytes.len() as u64));
                Ok(())
            };
            let range = Range { objects: self.objects, key: &self.key, from, end };
            range.fetch(&mut take).await?;
            Ok::<_, EngineError>(part)
        });
        let mut fetches = futures_util::stream::iter(fetches).buffer_unordered(AT_ONCE);
        while let Some(part) = fetches.next().await {
            let part = match part {
                Ok(part) => part,
                Err(error) => {
                    // Only what may go on later is worth its room.
                    if !matches!(&error, EngineError::Aws(error) if may_pass(error)) {
                        clear(&path);
                    }
                    return Err(error);
                }
            };
            record.write_all(&part.to_be_bytes()).map_err(self.unwritten())?;
        }
        drop(fetches);
        if let Some(expected) = self.hash {
            let found = hash_of(&path)?;
            if found != *expected {
                clear(&path);
                return Err(ParcelError::Corrupt {
                    path: self.to.to_owned(),
                    found: found.to_string(),
                    expected: expected.to_string(),
                }
                .into());
            }
        }
        let mode = if self.executable { 0o755 } else { 0o644 };
        file.set_permissions(fs::Permissions::from_mode(mode)).map_err(self.unwritten())?;
        (self.land)(&path, self.to).map_err(self.unwritten())?;
        clear(&path);
        Ok(())
    }

    fn unwritten(&self) -> impl FnOnce(std::io::Error) -> ParcelError + use<> {
        let path = self.to.to_owned();
        move |source| ParcelError::Write { path, source }
    }

    /// What an earlier call left, or a new file. Only one process is at it.
    fn open(&self) -> Result<Unfinished, EngineError> {
        let around = self.to.parent().unwrap_or(Path::new("."));
        // Two files of a folder may hold the same.
        let name = self.to.file_name().unwrap_or_default().to_string_lossy();
        let path = around.join(format!("{UNFINISHED}-{}", digits_of(&[&self.key, &name])));
        let open = |path: &Path| {
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)
        };
        let file = open(&path).map_err(self.unwritten())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let source = std::io::Error::other("another process is fetching it");
                return Err(self.unwritten()(source).into());
            }
            // Some file systems know no locks; then nobody else is told.
            Err(TryLockError::Error(error)) => tracing::debug!(%error, "no lock"),
        }
        let known = fs::read(record_of(&path)).unwrap_or_default();
        let numbers = known.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok());
        let done = numbers.map(u64::from_be_bytes).filter(|part| part * PART < self.bytes);
        let done = done.collect();
        file.set_len(self.bytes).map_err(self.unwritten())?;
        let record = OpenOptions::new().create(true).append(true).open(record_of(&path));
        let record = record.map_err(self.unwritten())?;
        Ok(Unfinished { file, path, record, done })
    }
}

/// What is left of it says nothing any more.
fn clear(path: &Path) {
    for path in [path.to_owned(), record_of(path)] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "left behind");
            }
            _ => {}
        }
    }
}

fn record_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".parts");
    name.into()
}
