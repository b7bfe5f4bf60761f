//! How files of a job get their names on this machine.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

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
    let unfinished = beside(to)?;
    let made = unfinished.path().join("file");
    let write = |source| ParcelError::Write { path: to.to_owned(), source };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&made).map_err(write)?;
    while io::copy(&mut source.by_ref().take(PIECE), &mut file).map_err(write)? > 0 {
        tokio::task::yield_now().await;
    }
    let rights = Permissions::from_mode(seen.permissions().mode() & RIGHTS);
    file.set_permissions(rights).map_err(write)?;
    drop(file);
    Ok(land(&made, to).map_err(write)?)
}

/// The same for a link.
///
/// # Errors
/// When it can't be made.
pub fn link(target: &Path, to: &Path, land: Land<'_>) -> Result<(), EngineError> {
    let unfinished = beside(to)?;
    let made = unfinished.path().join("file");
    let write = |source| ParcelError::Write { path: to.to_owned(), source };
    symlink(target, &made).map_err(write)?;
    Ok(land(&made, to).map_err(write)?)
}

/// On the same file system as its place, and gone with what was not taken from it.
fn beside(to: &Path) -> Result<TempDir, EngineError> {
    let around = to.parent().unwrap_or(Path::new("."));
    let write = |source| ParcelError::Write { path: to.to_owned(), source };
    Ok(tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(around).map_err(write)?)
}
