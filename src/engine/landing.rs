//! How files of a job get their names on this machine.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{EngineError, Hear};
use crate::parcel::{ParcelError, UNFINISHED};
use crate::plan::digits_of;

/// Gives what was made beside its place its name there. Who made it removes it if it is not taken.
pub type Land<'a> = &'a dyn Fn(&Path, &Path) -> io::Result<()>;

/// How files are brought.
pub struct Bring<'a> {
    pub hear: Hear<'a>,
    pub land: Land<'a>,
}

/// Over whatever file or link is there.
///
/// # Errors
/// When it can't be.
pub fn replace(made: &Path, to: &Path) -> io::Result<()> {
    fs::rename(made, to)
}

/// So many bytes are copied before anybody else has a turn, who may want to leave.
const PIECE: u64 = 64 << 20;
/// What comes back of a file's mode: whoever it belongs to here, nobody becomes them by running it.
const RIGHTS: u32 = 0o777;

/// Puts what is at `from` into the place of `to`, as a whole: nobody sees a part of it under that
/// name.
///
/// # Errors
/// When it can't be read or written.
pub async fn copy(from: &Path, to: &Path, land: Land<'_>) -> Result<(), EngineError> {
    let read = |source| ParcelError::Read { path: from.to_owned(), source };
    let seen = fs::symlink_metadata(from).map_err(read)?;
    if seen.is_symlink() {
        return link(&fs::read_link(from).map_err(read)?, to, land);
    }
    let mut source = File::open(from).map_err(read)?;
    let write = |source| ParcelError::Write { path: to.to_owned(), source };
    let (unfinished, mut file) = Unfinished::beside(to, |made| {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(made)
    })
    .map_err(write)?;
    while io::copy(&mut source.by_ref().take(PIECE), &mut file).map_err(write)? > 0 {
        tokio::task::yield_now().await;
    }
    let rights = Permissions::from_mode(seen.permissions().mode() & RIGHTS);
    file.set_permissions(rights).map_err(write)?;
    drop(file);
    Ok(land(&unfinished.made(), to).map_err(write)?)
}

/// The same for a link.
///
/// # Errors
/// When it can't be made.
pub fn link(target: &Path, to: &Path, land: Land<'_>) -> Result<(), EngineError> {
    let write = |source| ParcelError::Write { path: to.to_owned(), source };
    let made = Unfinished::beside(to, |made| symlink(target, made));
    let (unfinished, ()) = made.map_err(write)?;
    Ok(land(&unfinished.made(), to).map_err(write)?)
}

/// A folder beside the place of what is made in it, on the same file system, and gone with what was not
/// taken from it. What somebody left there who was killed goes when the same is made again.
struct Unfinished {
    folder: PathBuf,
    /// Held as long as somebody is at it.
    _lock: File,
}

impl Unfinished {
    fn beside<T>(to: &Path, make: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<(Self, T)> {
        let around = to.parent().unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(around)?;
        let lock = File::open(folder.path())?;
        // Some file systems know no locks; then what was left stays.
        let is_locked = lock.try_lock().is_ok();
        let begun = make(&folder.path().join(MADE))?;
        let mut unfinished = Self { folder: folder.keep(), _lock: lock };
        if is_locked {
            unfinished.take_name_of(to);
        }
        Ok((unfinished, begun))
    }

    fn made(&self) -> PathBuf {
        self.folder.join(MADE)
    }

    /// From here on it has the name by which it is found again. There is something in it, so that it never
    /// takes the place of another.
    fn take_name_of(&mut self, to: &Path) {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let named = format!("{UNFINISHED}-{}", digits_of(&["copy", &name]));
        let named = self.folder.with_file_name(named);
        if fs::rename(&self.folder, &named).is_err() {
            let left = File::open(&named).ok().filter(|left| left.try_lock().is_ok());
            let cleared = left.is_some() && fs::remove_dir_all(&named).is_ok();
            // Somebody else is at it, and the name that it has will do.
            if !cleared || fs::rename(&self.folder, &named).is_err() {
                return;
            }
        }
        self.folder = named;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, path = %self.folder.display(), "left behind");
        }
    }
}

/// What the thing is called in there.
const MADE: &str = "file";

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).expect("a folder").count()
    }

    fn begin(to: &Path) -> Unfinished {
        Unfinished::beside(to, |made| fs::write(made, "half")).expect("begun").0
    }

    #[test]
    fn what_a_killed_process_left_goes_when_the_same_is_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join("app");
        let killed = begin(&to);
        let left = killed.folder.clone();
        let Unfinished { _lock: lock, .. } = &*std::mem::ManuallyDrop::new(killed);
        lock.unlock().expect("unlocked");
        let other = begin(&folder.path().join("other"));
        assert_eq!(names(folder.path()), 2);
        drop(other);
        let again = begin(&to);
        assert_eq!((names(folder.path()), &again.folder), (1, &left));
        // Of two that are at the same each has its own.
        let beside = begin(&to);
        assert_eq!(names(folder.path()), 2);
        assert_eq!(fs::read_to_string(again.made()).expect("a file"), "half");
        drop((again, beside));
        assert_eq!(names(folder.path()), 0);
    }
}
