//! What a file or folder on the disk holds.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Contents, Entry, Origin, ParcelError, Standing};

/// Something on the disk, as a parcel has it.
#[derive(Debug)]
pub enum Found {
    Entry(Entry),
    Folder,
    /// A socket, a device, a pipe.
    Special,
}

/// What lies there itself, whatever it may lead to.
///
/// # Errors
/// When nothing does, or it can't be read.
pub fn look(path: &Path) -> Result<Found, ParcelError> {
    let seen = fs::symlink_metadata(path).map_err(ParcelError::read(path))?;
    if seen.is_symlink() {
        let target = fs::read_link(path).map_err(ParcelError::read(path))?;
        return Ok(Found::Entry(Entry::Link { target }));
    }
    Ok(if seen.is_dir() {
        Found::Folder
    } else if seen.is_file() {
        Found::Entry(file(path, &seen))
    } else {
        Found::Special
    })
}

fn file(path: &Path, seen: &Metadata) -> Entry {
    let executable = may_run(seen);
    let (origin, standing) = (Origin::Disk(path.to_owned()), Standing::Alone);
    Entry::File { origin, bytes: seen.len(), executable, standing }
}

/// The owner's right to run it is the one that git keeps too.
#[must_use]
pub fn may_run(seen: &Metadata) -> bool {
    seen.permissions().mode() & 0o100 != 0
}

/// All that is in a folder, empty folders too; or a file by itself, whose path is empty. A link
/// is followed only if it is what was named.
///
/// # Errors
/// When something can't be read, is no file, folder or link, or leads out.
pub fn walk(root: &Path) -> Result<Contents, ParcelError> {
    let seen = fs::metadata(root).map_err(ParcelError::read(root))?;
    let mut contents = Contents::default();
    if seen.is_file() {
        contents.add(PathBuf::new(), file(root, &seen))?;
    } else if seen.is_dir() {
        walk_into(root, Path::new(""), &mut contents)?;
    } else {
        return Err(ParcelError::Special { path: root.to_owned() });
    }
    Ok(contents)
}

fn walk_into(root: &Path, below: &Path, contents: &mut Contents) -> Result<(), ParcelError> {
    let folder = root.join(below);
    contents.add(below.to_owned(), Entry::Folder)?;
    for entry in fs::read_dir(&folder).map_err(ParcelError::read(&folder))? {
        let entry = entry.map_err(ParcelError::read(&folder))?;
        let (path, below) = (entry.path(), below.join(entry.file_name()));
        match look(&path)? {
            Found::Folder => walk_into(root, &below, contents)?,
            Found::Entry(entry) => contents.add(below, entry)?,
            Found::Special => return Err(ParcelError::Special { path }),
        }
    }
    Ok(())
}
