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

/// Unpacks a parcel into a folder that is there, after it was found to be the one that is meant.
///
/// # Errors
/// When it is not that one, holds what it must not, or can't be written.
pub fn unpack(
    parcel: &Path,
    expected: Option<&Address>,
    into: &Path,
    names: Names,
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
    let folder = Dir::open_ambient_dir(into, ambient_authority());
    let folder = folder.map_err(ParcelError::write(into))?;
    let mut archive = Archive::new(MultiGzDecoder::new(io::BufReader::new(open(parcel)?)));
    let unreadable = |source| ParcelError::Read { path: parcel.to_owned(), source };
    let mut unpacking = Unpacking { folder, into, names, folded: BTreeMap::new() };
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?.into_owned();
        let kind = entry.header().entry_type();
        let path = unpacking.check(&path)?;
        if path.as_os_str().is_empty() {
            continue;
        }
        match kind {
            EntryType::Directory => unpacking.folder_at(&path)?,
            EntryType::Symlink => {
                let target = entry.link_name().map_err(unreadable)?;
                let target = target.map(std::borrow::Cow::into_owned).unwrap_or_default();
                unpacking.link_at(&path, &target)?;
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let executable = entry.header().mode().map_err(unreadable)? & 0o100 != 0;
                unpacking.file_at(&path, &mut entry, executable)?;
            }
            // Another name of a file that came before becomes a file of its own.
            EntryType::Link => {
                let target = entry.link_name().map_err(unreadable)?;
                let target = target.map(std::borrow::Cow::into_owned).unwrap_or_default();
                let target = unpacking.check(&target)?;
                unpacking.copy_at(&path, &target)?;
            }
            // What other programs say about a whole archive.
            EntryType::XGlobalHeader => {}
            _ => return Err(hostile(&path, "it is no file, folder or symbolic link")),
        }
    }
    Ok(())
}

fn hostile(path: &Path, why: impl Into<String>) -> ParcelError {
    ParcelError::Hostile { path: path.to_owned(), why: why.into() }
}

struct Unpacking<'a> {
    folder: Dir,
    into: &'a Path,
    names: Names,
    /// Paths as a file system has them that folds case.
    folded: BTreeMap<String, PathBuf>,
}

impl Unpacking<'_> {
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
        if self.names == Names::Portable && !plain.as_os_str().is_empty() {
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
                Ok(seen) if seen.is_symlink() => {
                    return Err(hostile(path, format!("`{}` is a link", made.display())));
                }
                Ok(_) => return Err(hostile(path, format!("`{}` is a file", made.display()))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.folder.create_dir(&made).map_err(self.write(&made))?;
                    let open = cap_std::fs::Permissions::from_mode(0o755);
                    self.folder.set_permissions(&made, open).map_err(self.write(&made))?;
                }
                Err(error) => return Err(self.write(&made)(error)),
            }
        }
        Ok(())
    }

    /// Where a file is made before it gets its name.
    fn prepare(&self, path: &Path) -> Result<PathBuf, ParcelError> {
        let around = path.parent().unwrap_or(Path::new(""));
        self.folder_at(around)?;
        if self.folder.symlink_metadata(path).is_ok_and(|seen| seen.is_dir()) {
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
        self.file_at(path, &mut content, seen.permissions().mode() & 0o100 != 0)
    }

    fn file_at(
        &self,
        path: &Path,
        content: &mut impl Read,
        executable: bool,
    ) -> Result<(), ParcelError> {
        let unfinished = self.prepare(path)?;
        let made = self.make(&unfinished, content, executable);
        let made = made.and_then(|()| self.folder.rename(&unfinished, &self.folder, path));
        made.map_err(|error| {
            // What is left of it takes up room that others may need. Without it, all is well.
            let _ = self.folder.remove_file(&unfinished);
            self.write(path)(error)
        })
    }

    fn make(&self, path: &Path, content: &mut impl Read, executable: bool) -> io::Result<()> {
        let options = OpenOptions::new().write(true).create_new(true).clone();
        let mut file = self.folder.open_with(path, &options)?.into_std();
        io::copy(content, &mut file)?;
        let mode = if executable { 0o755 } else { 0o644 };
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        let written = UNIX_EPOCH + Duration::from_secs(WRITTEN);
        file.set_times(FileTimes::new().set_modified(written))
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use tar::{Builder, Header};
    use tempfile::{NamedTempFile, TempDir};

    use super::*;
    use crate::parcel::{Contents, pack, walk};

    /// An entry as somebody may write it who means harm: its kind, its path, its target.
    type Raw<'a> = (EntryType, &'a str, &'a str);

    /// An archive that no well-behaved program would write.
    fn archive(entries: &[Raw<'_>]) -> NamedTempFile {
        let file = NamedTempFile::new().expect("a file");
        let gzip = GzEncoder::new(file.reopen().expect("a file"), flate2::Compression::fast());
        let mut builder = Builder::new(gzip);
        for (kind, path, target) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            let content: &[u8] = if *kind == EntryType::Regular { b"it" } else { b"" };
            header.set_size(content.len() as u64);
            let old = header.as_old_mut();
            old.name[..path.len()].copy_from_slice(path.as_bytes());
            old.linkname[..target.len()].copy_from_slice(target.as_bytes());
            header.set_cksum();
            builder.append(&header, content).expect("appended");
        }
        builder.into_inner().expect("an archive").finish().expect("gzip");
        file
    }

    /// A folder to unpack into, beside one that must stay as it is.
    fn places() -> (TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().expect("a folder");
        let (into, beside) = (root.path().join("into"), root.path().join("beside"));
        fs::create_dir(&into).expect("a folder");
        fs::create_dir(&beside).expect("a folder");
        fs::write(beside.join("kept"), "kept").expect("written");
        (root, into, beside)
    }

    const FILE: EntryType = EntryType::Regular;
    const LINK: EntryType = EntryType::Symlink;

    #[test]
    fn nothing_is_written_outside() {
        for entries in [
            &[(FILE, "../beside/kept", "")][..],
            &[(FILE, "a/../../beside/kept", "")],
            &[(FILE, "/tmp/computes-hostile", "")],
            &[(LINK, "a", "../beside"), (FILE, "a/kept", "")],
            &[(LINK, "a", "/etc")],
            &[(LINK, "a", "b/../../beside")],
            &[(LINK, "a", "b"), (LINK, "b", "../beside"), (FILE, "a/kept", "")],
            &[(LINK, "a", "."), (LINK, "a/b", "..")],
            &[(LINK, "d", "."), (FILE, "d/x", "")],
            &[(EntryType::Link, "a", "../beside/kept")],
            &[(EntryType::Link, "a", "b")],
            &[(EntryType::Char, "a", "")],
            &[(EntryType::Fifo, "a", "")],
            &[(FILE, "a", ""), (FILE, "a/b", "")],
            &[(EntryType::Directory, "a", ""), (FILE, "a", "")],
        ] {
            let (_root, into, beside) = places();
            let result = unpack(archive(entries).path(), None, &into, Names::Any);
            assert!(result.is_err(), "{entries:?}");
            assert_eq!(fs::read(beside.join("kept")).expect("a file"), b"kept", "{entries:?}");
            assert_eq!(fs::read_dir(&beside).expect("a folder").count(), 1, "{entries:?}");
        }
        assert!(!Path::new("/tmp/computes-hostile").exists());
    }

    #[test]
    fn a_link_that_was_there_is_not_followed() {
        let (_root, into, beside) = places();
        symlink(&beside, into.join("a")).expect("a link");
        symlink(beside.join("kept"), into.join("b")).expect("a link");
        assert!(unpack(archive(&[(FILE, "a/kept", "")]).path(), None, &into, Names::Any).is_err());
        // A file takes the place of a link, and not of what it leads to.
        unpack(archive(&[(FILE, "b", "")]).path(), None, &into, Names::Any).expect("unpacked");
        assert_eq!(fs::read(into.join("b")).expect("a file"), b"it");
        assert_eq!(fs::read(beside.join("kept")).expect("a file"), b"kept");
    }

    #[test]
    fn names_that_are_others_elsewhere_are_taken_from_friends_only() {
        for entries in [
            &[(FILE, "NUL", "")][..],
            &[(FILE, "aux.c", "")],
            &[(FILE, "a\\b", "")],
            &[(FILE, "a:b", "")],
            &[(FILE, "a.", "")],
            &[(FILE, "a", ""), (FILE, "A", "")],
            &[(FILE, "d/a", ""), (FILE, "D/b", ""), (FILE, "D/A", "")],
        ] {
            let (_root, into, _beside) = places();
            let file = archive(entries);
            assert!(unpack(file.path(), None, &into, Names::Portable).is_err(), "{entries:?}");
            let (_root, into, _beside) = places();
            assert!(unpack(file.path(), None, &into, Names::Any).is_ok(), "{entries:?}");
        }
    }

    #[test]
    fn another_archive_than_was_meant_is_not_opened() {
        let (_root, into, _beside) = places();
        let file = archive(&[(FILE, "a", "")]);
        let other = Address::of_hash([0; 32]);
        let error = unpack(file.path(), Some(&other), &into, Names::Any).expect_err("another");
        assert!(matches!(error, ParcelError::Corrupt { .. }), "{error}");
        assert_eq!(fs::read_dir(&into).expect("a folder").count(), 0);
        let bytes = fs::read(file.path()).expect("a file");
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let cut = NamedTempFile::new().expect("a file");
            fs::write(cut.path(), &bytes[..length]).expect("written");
            let known = hash_of(file.path()).expect("a hash");
            assert!(unpack(cut.path(), Some(&known), &into, Names::Any).is_err(), "{length}");
        }
    }

    fn packed(contents: &Contents) -> (NamedTempFile, Address) {
        let mut file = NamedTempFile::new().expect("a file");
        let parcel = pack(contents, &mut file, &mut |_| ()).expect("packed");
        (file, parcel.address)
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            files in prop::collection::btree_map(
                "[a-z \u{e4}'\"$*]{1,8}(/[a-z ]{1,120}){0,2}",
                (prop::collection::vec(any::<u8>(), 0..2000), any::<bool>()),
                0..12,
            )
        ) {
            let (root, into, _beside) = places();
            let from = root.path().join("from");
            fs::create_dir(&from).expect("a folder");
            for (path, (content, executable)) in &files {
                let path = from.join(path);
                // A name may be that of another's folder.
                let Ok(()) = fs::create_dir_all(path.parent().expect("a folder")) else { continue };
                if fs::write(&path, content).is_ok() {
                    let mode = if *executable { 0o755 } else { 0o644 };
                    let rights = std::os::unix::fs::PermissionsExt::from_mode(mode);
                    fs::set_permissions(&path, rights).expect("rights");
                }
            }
            let contents = walk(&from).expect("a folder").below(Path::new(""));
            let (file, address) = packed(&contents);
            unpack(file.path(), Some(&address), &into, Names::Any).expect("unpacked");
            let there = walk(&into).expect("a folder").below(Path::new(""));
            let (again, same) = packed(&there);
            prop_assert_eq!(address, same);
            drop(again);
        }
    }
}
