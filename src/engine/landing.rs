//! How files of a job get their names on this machine.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::{EngineError, Hear};
use crate::parcel::{ParcelError, UNFINISHED};

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

/// Makes files and links beside their places, so that nobody sees a part of one under its name.
#[derive(Default)]
pub struct Maker {
    /// Most files of a folder come one after the other.
    at: Option<(PathBuf, Unfinished)>,
}

impl Maker {
    /// Puts what is at `from` into the place of `to`.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub async fn copy(
        &mut self,
        from: &Path,
        to: &Path,
        land: Land<'_>,
    ) -> Result<(), EngineError> {
        let read = |source| ParcelError::Read { path: from.to_owned(), source };
        let seen = fs::symlink_metadata(from).map_err(read)?;
        if seen.is_symlink() {
            return self.link(&fs::read_link(from).map_err(read)?, to, land);
        }
        let mut source = File::open(from).map_err(read)?;
        let write = |source| ParcelError::Write { path: to.to_owned(), source };
        let made = self.beside(to).map_err(write)?;
        let options = OpenOptions::new().write(true).create_new(true).mode(0o600).clone();
        let mut file = options.open(made.path()).map_err(write)?;
        while io::copy(&mut source.by_ref().take(PIECE), &mut file).map_err(write)? > 0 {
            tokio::task::yield_now().await;
        }
        let rights = Permissions::from_mode(seen.permissions().mode() & RIGHTS);
        file.set_permissions(rights).map_err(write)?;
        drop(file);
        Ok(land(made.path(), to).map_err(write)?)
    }

    /// The same for a link.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn link(&mut self, target: &Path, to: &Path, land: Land<'_>) -> Result<(), EngineError> {
        let write = |source| ParcelError::Write { path: to.to_owned(), source };
        let made = self.beside(to).map_err(write)?;
        symlink(target, made.path()).map_err(write)?;
        Ok(land(made.path(), to).map_err(write)?)
    }

    /// Where something is made that is to have that place.
    fn beside(&mut self, to: &Path) -> io::Result<Made> {
        let around = to.parent().unwrap_or(Path::new("."));
        let unfinished = match self.at.take().filter(|(at, _)| at == around) {
            Some((_, unfinished)) => unfinished,
            None => Unfinished::within(around)?,
        };
        let made = Made(unfinished.folder.join("made"));
        self.at = Some((around.to_owned(), unfinished));
        Ok(made)
    }
}

/// The path of something on its way, which goes if it is not taken from there.
struct Made(PathBuf);

impl Made {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        clear(&self.0, fs::remove_file(&self.0));
    }
}

fn clear(path: &Path, gone: io::Result<()>) {
    match gone {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "left behind");
        }
        _ => {}
    }
}

/// A folder on the same file system as the places of what is made in it. What somebody left there who
/// was killed goes with it when files are made in the same place again.
struct Unfinished {
    folder: PathBuf,
    /// Held as long as somebody is at it: nobody else touches the folder then. Some file systems know no
    /// locks.
    _lock: Option<File>,
}

impl Unfinished {
    fn within(around: &Path) -> io::Result<Self> {
        // Each process that is at it has a number of its own.
        let mut number = 1_u32;
        loop {
            let folder = around.join(format!("{UNFINISHED}-{number}"));
            let is_new = match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                Err(error) => return Err(error),
            };
            let lock = match open_folder(&folder) {
                // Whoever was at it has ended just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if is_of_others(&error) => {
                    number += 1;
                    continue;
                }
                lock => lock?,
            };
            match lock.try_lock() {
                Ok(()) if !is_at(&lock, &folder)? => {}
                Ok(()) => {
                    if !is_new {
                        empty(&folder)?;
                    }
                    return Ok(Self { folder, _lock: Some(lock) });
                }
                Err(TryLockError::Error(_)) if is_new => return Ok(Self { folder, _lock: None }),
                Err(_) => number += 1,
            }
        }
    }
}

fn open_folder(path: &Path) -> io::Result<File> {
    let only = i32::try_from(OFlags::DIRECTORY.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(only).open(path)
}

/// Left by another user, or called so by chance.
fn is_of_others(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory)
}

/// Removes what somebody left in a folder who was killed.
pub fn sweep(around: &Path) {
    for number in 1.. {
        let folder = around.join(format!("{UNFINISHED}-{number}"));
        if fs::symlink_metadata(&folder).is_err() {
            return;
        }
        let lock = open_folder(&folder).ok().filter(|lock| lock.try_lock().is_ok());
        if lock.is_some_and(|lock| is_at(&lock, &folder).unwrap_or(false)) {
            let gone = empty(&folder).and_then(|()| fs::remove_dir(&folder));
            clear(&folder, gone);
        }
    }
}

/// Is it still what has that name?
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let seen = file.metadata()?;
    let is_same = |there: fs::Metadata| (there.dev(), there.ino()) == (seen.dev(), seen.ino());
    Ok(fs::symlink_metadata(path).is_ok_and(is_same))
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        clear(&self.folder, fs::remove_dir(&self.folder));
    }
}

#[cfg(test)]
mod tests {
    use std::mem::ManuallyDrop;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
    }

    fn begin(around: &Path) -> Unfinished {
        let begun = Unfinished::within(around).expect("begun");
        assert_eq!(names(&begun.folder), Vec::<String>::new());
        fs::write(begun.folder.join("made"), "half").expect("written");
        begun
    }

    #[test]
    fn what_a_killed_process_left_goes_when_somebody_is_at_the_same() {
        let home = tempfile::tempdir().expect("a folder");
        let mut killed = ManuallyDrop::new(begin(home.path()));
        let Unfinished { _lock: lock, .. } = &mut *killed;
        drop(lock.take());
        let again = begin(home.path());
        // Of two that are at it each has its own.
        let beside = begin(home.path());
        assert_eq!(names(home.path()).len(), 2);
        for done in [again, beside] {
            fs::remove_file(done.folder.join("made")).expect("taken");
        }
        assert_eq!(names(home.path()), Vec::<String>::new());
    }

    #[test]
    fn many_at_once_never_touch_what_another_is_at() {
        let home = tempfile::tempdir().expect("a folder");
        let at_once = || {
            for _ in 0..300 {
                let begun = begin(home.path());
                fs::remove_file(begun.folder.join("made")).expect("nobody else was at it");
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(at_once);
            }
        });
        assert_eq!(names(home.path()), Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_is_not_taken_goes() {
        let home = tempfile::tempdir().expect("a folder");
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        fs::write(&from, "text").expect("written");
        let mut maker = Maker::default();
        maker.link(&from, &to, &|_, _| Ok(())).expect("made");
        maker.copy(&from, &to, &replace).await.expect("made");
        assert_eq!(fs::read_to_string(&to).expect("a file"), "text");
        drop(maker);
        assert_eq!(names(home.path()).len(), 2);
    }
}
