//! From files to a parcel.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::blobs::Blobs;
use super::gzip::Gzip;
use super::standing::Ages;
use super::{Content, Contents, Entry, Held, Manifest, Origin, ParcelError, Tell};
use crate::job::{Address, Parcel};

/// When the files of a parcel were written, unless they are older: on 2000-01-01, in seconds since the epoch. Later than
/// 1980, before which some archives know no time.
pub(super) const WRITTEN: u64 = 946_684_800;

/// A file that has a zero in so many bytes from its beginning is no text (git, `buffer_is_binary`).
pub const BINARY_WITHIN: usize = 8000;

/// Packs files into `out`, and says what the parcel is called. `tell` hears of the bytes that were
/// read.
///
/// # Errors
/// When a file can't be read or changes meanwhile, or `out` can't be written to.
pub fn pack(contents: &Contents, out: impl Write, tell: Tell<'_>) -> Result<Parcel, ParcelError> {
    pack_noting(contents, out, None, tell)
}

/// The same, which writes down what it holds.
///
/// # Errors
/// As [`pack`] has.
pub(super) fn pack_noting(
    contents: &Contents,
    out: impl Write,
    mut manifest: Option<&mut Manifest>,
    tell: Tell<'_>,
) -> Result<Parcel, ParcelError> {
    let unwritten = |source| ParcelError::Write { path: "the parcel".into(), source };
    let mut archive = Builder::new(Gzip::new(Hashing { out, hash: Sha256::new(), bytes: 0 }));
    let mut blobs = Blobs::default();
    let ages = Ages::of(contents.standings());
    for (path, entry) in contents.iter() {
        let mut header = Header::new_gnu();
        header.set_mtime(WRITTEN);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        match entry {
            Entry::Folder => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(0o755);
                archive.append_data(&mut header, path, io::empty()).map_err(unwritten)?;
            }
            Entry::Link { target } => {
                header.set_entry_type(EntryType::Symlink);
                header.set_mode(0o777);
                archive.append_link(&mut header, path, target).map_err(unwritten)?;
                if let Some(manifest) = &mut manifest {
                    manifest.add(path, Held::link(target));
                }
            }
            Entry::File { origin, bytes, executable, standing } => {
                header.set_entry_type(EntryType::Regular);
                header.set_mtime(WRITTEN - ages.age(*standing));
                header.set_mode(if *executable { 0o755 } else { 0o644 });
                header.set_size(*bytes);
                let read: Box<dyn Read> = match origin {
                    Origin::Disk(from) => Box::new(open(from)?),
                    Origin::Blob { repository, id } => {
                        Box::new(io::Cursor::new(blobs.read(repository, id)?))
                    }
                };
                let noted = manifest.is_some().then(Noted::default);
                let mut file = Exactly { from: read, left: *bytes, noted, tell: &mut *tell };
                archive
                    .append_data(&mut header, path, &mut file)
                    .map_err(|error| unreadable(path, error))?;
                file.check_end().map_err(|error| unreadable(path, error))?;
                if let (Some(manifest), Some(noted)) = (&mut manifest, file.noted) {
                    let hash = Address::of_hash(noted.hash.finalize().into());
                    manifest.add(
                        path,
                        Held {
                            content: Content::File(hash),
                            executable: *executable,
                            tracked: standing.is_tracked(),
                            text: !noted.binary,
                        },
                    );
                }
            }
        }
    }
    let hashing = archive.into_inner().and_then(Gzip::finish).map_err(unwritten)?;
    let address = Address::of_hash(hashing.hash.finalize().into());
    Ok(Parcel { address, bytes: hashing.bytes })
}

pub(super) fn open(path: &Path) -> Result<File, ParcelError> {
    File::open(path).map_err(ParcelError::read(path))
}

/// An archive can't tell who failed, the reader or the writer; a full disk is the writer's.
fn unreadable(path: &Path, source: io::Error) -> ParcelError {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => ParcelError::Changed { path: path.to_owned() },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ParcelError::Write { path: "the parcel".into(), source }
        }
        _ => ParcelError::Read { path: path.to_owned(), source },
    }
}

/// What is in a file.
#[derive(Default)]
struct Noted {
    hash: Sha256,
    bytes: usize,
    binary: bool,
}

impl Noted {
    fn add(&mut self, bytes: &[u8]) {
        let looked_at = BINARY_WITHIN.saturating_sub(self.bytes).min(bytes.len());
        self.binary |= bytes[..looked_at].contains(&0);
        self.bytes += looked_at;
        self.hash.update(bytes);
    }
}

/// As many bytes as were seen before.
struct Exactly<'a> {
    from: Box<dyn Read>,
    left: u64,
    /// Of what was read, if somebody wants to know.
    noted: Option<Noted>,
    tell: Tell<'a>,
}

impl Exactly<'_> {
    fn check_end(&mut self) -> io::Result<()> {
        let mut more = [0];
        if self.left > 0 || self.from.read(&mut more)? > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.from.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        if let Some(noted) = &mut self.noted {
            noted.add(&buffer[..count]);
        }
        (self.tell)(count as u64);
        Ok(count)
    }
}

/// Knows what was written through it.
struct Hashing<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
