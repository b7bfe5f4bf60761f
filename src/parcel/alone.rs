//! A parcel of one file that has no place of its own: what a command reads on its stdin.

use std::fs::File;
use std::path::Path;

use super::pack::open;
use super::{Contents, Entry, ParcelError, Standing};

/// What the file is called in there.
const NAME: &str = "stdin";

impl Contents {
    /// A file by itself, of which only the bytes count.
    ///
    /// # Errors
    /// When it is not there, or is no file.
    pub fn alone(file: &Path) -> Result<Self, ParcelError> {
        let seen = open(file)?.metadata().map_err(ParcelError::read(file))?;
        if !seen.is_file() {
            return Err(ParcelError::Special { path: file.to_owned() });
        }
        let origin = super::Origin::Disk(file.to_owned());
        let mut contents = Self::default();
        let entry =
            Entry::File { origin, bytes: seen.len(), executable: false, standing: Standing::Alone };
        contents.add(NAME.into(), entry)?;
        Ok(contents)
    }
}

/// Opens the file of such a parcel, which was unpacked into a folder.
///
/// # Errors
/// When it is not there.
pub fn open_alone(folder: &Path) -> Result<File, ParcelError> {
    open(&folder.join(NAME))
}
