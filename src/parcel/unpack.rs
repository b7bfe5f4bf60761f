//! From a parcel to files, whoever made it.
//!
//! What an archive says of itself is not believed: paths stay below the folder, nothing is
//! written through a link, and a file is there as a whole or not at all.

use std::collections::BTreeMap;
use std::fs::{self, FileTimes};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, PermissionsExt};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use super::pack::{WRITTEN, open};
use super::{ParcelError, leads_out};
use crate::job::{Address, FilesPath};

/// Which names an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Those that git can have on the system that it is for.
    Any,
    /// Those that mean the same on every system: of what somebody else made.
    Portable,
}

/// The name of a file that is not whole yet begins so.
pub const UNFINISHED: &str = ".computes-unfinished";

/// The SHA-256 of a file.
///
/// # Errors
/// When it can't be read.
pub fn hash_of(path: &Path) -> Result<Address, ParcelError> {
    let mut file = open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = file.read(&mut buffer).map_err(ParcelError::read(path))?;
        if count == 0 {
            return Ok(Address::of_hash(hash.finalize().into()));
        }
        hash.update(&buffer[..count]);
    }
}

/// What becomes of something that is where a file or a folder of another kind is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InTheWay {
    Stays,
    /// It goes, itself and not what it leads to.
    Goes,
}

/// How a parcel is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    pub names: Names,
    pub in_the_way: InTheWay,
    pub times: Times,
}

/// When the files that are unpacked were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// As a parcel has them, and never later than those.
    OfAParcel,
    /// When they were.
    TheirOwn,
}

/// Unpacks a parcel into a folder that is there, after it was found to be the one that is meant.
///
/// # Errors
/// When it is not that one, holds what it must not, or can't be written.
pub fn unpack(
    parcel: &Path,
    expected: Option<&Address>,
    into: &Path,
    how: How,
) -> Result<(), ParcelError> {
    if let Some(expected) = expected {
        let found = hash_of(parcel)?;
        if found != *expected {
            return Err(ParcelError::Corrupt {
                path: parcel.to_owned(),
                found: found.to_string(),
                expected: expected.to_string(),
            });
        }
    }
    unpack_with(parcel, into, how, &mut Err)
}

/// The same for an archive of somebody else: gives what of it is not believed, and why.
///
/// # Errors
/// When it can't be read or written.
pub fn unpack_what_fits(
    archive: &Path,
    into: &Path,
    how: How,
) -> Result<Vec<(PathBuf, String)>, ParcelError> {
    let mut unfit = Vec::new();
    unpack_with(archive, into, how, &mut |error| match error {
        ParcelError::Hostile { path, why } => {
            unfit.push((path, why));
            Ok(())
        }
        other => Err(other),
    })?;
    Ok(unfit)
}

fn unpack_with(
    parcel: &Path,
    into: &Path,
    how: How,
    complain: &mut dyn FnMut(ParcelError) -> Result<(), ParcelError>,
) -> Result<(), ParcelError> {
    let folder = Dir::open_ambient_dir(into, ambient_authority());
    let folder = folder.map_err(ParcelError::write(into))?;
    let mut archive = Archive::new(MultiGzDecoder::new(io::BufReader::new(open(parcel)?)));
    let unreadable = |source| ParcelError::Read { path: parcel.to_owned(), source };
    let mut unpacking = Unpacking { folder, into, how, folded: BTreeMap::new() };
    for entry in archive.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        unpacking.entry(entry, unreadable).or_else(&mut *complain)?;
    }
    Ok(())
}

fn hostile(path: &Path, why: impl Into<String>) -> ParcelError {
    ParcelError::Hostile { path: path.to_owned(), why: why.into() }
}

struct Unpacking<'a> {
    folder: Dir,
    into: &'a Path,
    how: How,
    /// Paths as a file system has them that folds case.
    folded: BTreeMap<String, PathBuf>,
}

impl Unpacking<'_> {
    fn entry(
        &mut self,
        mut entry: tar::Entry<'_, impl Read>,
        unreadable: impl Fn(io::Error) -> ParcelError,
    ) -> Result<(), ParcelError> {
        let path = entry.path().map_err(&unreadable)?.into_owned();
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            // What other programs say about a whole archive.
            return Ok(());
        }
        let path = self.check(&path)?;
        if path.as_os_str().is_empty() {
            return Ok(());
        }
        let target = entry.link_name().map_err(&unreadable)?;
        let target = target.map(std::borrow::Cow::into_owned).unwrap_or_default();
        match kind {
            EntryType::Directory => self.folder_at(&path),
            EntryType::Symlink => self.link_at(&path, &target),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let header = entry.header();
                let executable = header.mode().map_err(&unreadable)? & 0o100 != 0;
                let seconds = header.mtime().map_err(&unreadable)?;
                let written = match self.how.times {
                    Times::OfAParcel => Duration::from_secs(seconds.min(WRITTEN)),
                    Times::TheirOwn => exactly(&mut entry)
                        .filter(|exactly| exactly.as_secs() == seconds)
                        .unwrap_or(Duration::from_secs(seconds)),
                };
                self.file_at(&path, &mut entry, executable, written)
            }
            // Another name of a file that came before becomes a file of its own.
            EntryType::Link => {
                let target = self.check(&target)?;
                self.copy_at(&path, &target)
            }
            _ => Err(hostile(&path, "it is no file, folder or symbolic link")),
        }
    }

    /// Whether something was taken out of the way.
    fn clear(&self, path: &Path, is_folder: bool) -> Result<bool, ParcelError> {
        if self.how.in_the_way == InTheWay::Stays {
            return Ok(false);
        }
        let gone = if is_folder {
            self.folder.remove_dir_all(path)
        } else {
            self.folder.remove_file(path)
        };
        gone.map_err(self.write(path))?;
        Ok(true)
    }

    /// The path, if it stays below the folder.
    fn check(&mut self, path: &Path) -> Result<PathBuf, ParcelError> {
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => plain.push(name),
                Component::CurDir => {}
                Component::ParentDir => return Err(hostile(path, "it climbs with `..`")),
                Component::RootDir | Component::Prefix(_) => {
                    return Err(hostile(path, "it is absolute"));
                }
            }
        }
        if self.how.names == Names::Portable && !plain.as_os_str().is_empty() {
            let text = plain.to_str().ok_or_else(|| hostile(path, "it is not UTF-8"))?;
            let text = format!("./{text}");
            let portable = FilesPath::new(&text).map_err(|error| hostile(path, error.why))?;
            let before = self.folded.insert(portable.folded(), plain.clone());
            if let Some(before) = before.filter(|before| *before != plain) {
                let why = format!("`{}` is the same where case is folded", before.display());
                return Err(hostile(path, why));
            }
        }
        Ok(plain)
    }

    fn write(&self, path: &Path) -> impl FnOnce(io::Error) -> ParcelError + use<> {
        ParcelError::write(self.into.join(path))
    }

    /// Makes a folder and those around it, none of them a link.
    fn folder_at(&self, path: &Path) -> Result<(), ParcelError> {
        let mut made = PathBuf::new();
        for name in path.components() {
            made.push(name);
            match self.folder.symlink_metadata(&made) {
                Ok(seen) if seen.is_dir() => {}
                Ok(seen) if !self.clear(&made, false)? => {
                    let kind = if seen.is_symlink() { "link" } else { "file" };
                    return Err(hostile(path, format!("`{}` is a {kind}", made.display())));
                }
                Ok(_) => self.make_folder(&made)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_folder(&made)?,
                Err(error) => return Err(self.write(&made)(error)),
            }
        }
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> Result<(), ParcelError> {
        self.folder.create_dir(path).map_err(self.write(path))?;
        let open = cap_std::fs::Permissions::from_mode(0o755);
        self.folder.set_permissions(path, open).map_err(self.write(path))
    }

    /// Where a file is made before it gets its name.
    fn prepare(&self, path: &Path) -> Result<PathBuf, ParcelError> {
        let around = path.parent().unwrap_or(Path::new(""));
        self.folder_at(around)?;
        let is_folder = self.folder.symlink_metadata(path).is_ok_and(|seen| seen.is_dir());
        if is_folder && !self.clear(path, true)? {
            return Err(hostile(path, "there is a folder of that name"));
        }
        // Another process may be at the same: an attempt whose worker is believed dead.
        let unfinished = around.join(format!("{UNFINISHED}-{}", std::process::id()));
        match self.folder.remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.write(&unfinished)(error))
            }
            _ => Ok(unfinished),
        }
    }

    fn link_at(&self, path: &Path, target: &Path) -> Result<(), ParcelError> {
        if leads_out(path, target) {
            return Err(hostile(path, format!("it leads out, to `{}`", target.display())));
        }
        let unfinished = self.prepare(path)?;
        self.folder.symlink(target, &unfinished).map_err(self.write(path))?;
        self.folder.rename(&unfinished, &self.folder, path).map_err(self.write(path))
    }

    fn copy_at(&self, path: &Path, target: &Path) -> Result<(), ParcelError> {
        let seen = self.folder.symlink_metadata(target).map_err(self.write(target))?;
        if !seen.is_file() {
            return Err(hostile(path, format!("`{}` is no file", target.display())));
        }
        let mut content = self.folder.open(target).map_err(self.write(target))?;
        self.file_at(
            path,
            &mut content,
            seen.permissions().mode() & 0o100 != 0,
            Duration::from_secs(WRITTEN),
        )
    }

    fn file_at(
        &self,
        path: &Path,
        content: &mut impl Read,
        executable: bool,
        written: Duration,
    ) -> Result<(), ParcelError> {
        let unfinished = self.prepare(path)?;
        let made = self.make(&unfinished, content, executable, written);
        let made = made.and_then(|()| self.folder.rename(&unfinished, &self.folder, path));
        made.map_err(|error| {
            // What is left of it takes up room that others may need. Without it, all is well.
            let _ = self.folder.remove_file(&unfinished);
            self.write(path)(error)
        })
    }

    fn make(
        &self,
        path: &Path,
        content: &mut impl Read,
        executable: bool,
        written: Duration,
    ) -> io::Result<()> {
        let options = OpenOptions::new().write(true).create_new(true).clone();
        let mut file = self.folder.open_with(path, &options)?.into_std();
        io::copy(content, &mut file)?;
        let mode = if executable { 0o755 } else { 0o644 };
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        let written = UNIX_EPOCH.checked_add(written).unwrap_or(UNIX_EPOCH);
        file.set_times(FileTimes::new().set_modified(written))
    }
}

/// When a file was written, in parts of a second, if the archive tells (POSIX, pax Interchange Format).
fn exactly(entry: &mut tar::Entry<'_, impl Read>) -> Option<Duration> {
    let mut told = entry.pax_extensions().ok()??.filter_map(Result::ok);
    let written = told.find(|it| it.key() == Ok("mtime"))?;
    Duration::try_from_secs_f64(written.value().ok()?.parse().ok()?).ok()
}

/// Removes a folder and all that is in it, if it is there.
///
/// # Errors
/// When something in it can't be removed.
pub fn remove_folder(folder: &Path) -> Result<(), ParcelError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ParcelError::write(folder)(error))
        }
        _ => Ok(()),
    }
}
