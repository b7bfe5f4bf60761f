//! Parcels on this machine, by their addresses.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use super::pack::pack_noting;
use super::{Contents, Manifest, ParcelError, Tell};
use crate::job::{Address, Parcel};

/// A folder of parcels. Each is there as a whole or not at all.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// After the address of a parcel: what it holds.
const MANIFEST: &str = ".manifest";
/// As long as it may take to submit a job, and more.
const YOUNG: Duration = Duration::from_hours(1);

/// A parcel that is nowhere yet but in a file without a name of its own.
#[derive(Debug)]
pub struct Made {
    pub parcel: Parcel,
    file: NamedTempFile,
}

impl Made {
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

impl Store {
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    #[must_use]
    pub fn path(&self, address: &Address) -> PathBuf {
        self.folder.join(address.as_str())
    }

    /// Is it here? From now on it is as young as if it were new.
    #[must_use]
    pub fn has(&self, address: &Address) -> bool {
        is_there(&self.path(address))
    }

    fn manifest_path(&self, address: &Address) -> PathBuf {
        self.folder.join(format!("{address}{MANIFEST}"))
    }

    /// What a source held that was sent from here, as long as somebody wants to know.
    ///
    /// # Errors
    /// When it is here and can't be read.
    pub fn manifest(&self, address: &Address) -> Result<Option<Manifest>, ParcelError> {
        let path = self.manifest_path(address);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(ParcelError::read(&path))?,
        };
        let read = serde_json::from_reader(BufReader::new(GzDecoder::new(BufReader::new(file))));
        read.map(Some).map_err(|error| ParcelError::read(&path)(error.into()))
    }

    /// Packs a source, whose manifest stays here.
    ///
    /// # Errors
    /// As [`pack`](Self::pack) has.
    pub fn pack_source(&self, contents: &Contents, tell: Tell<'_>) -> Result<Made, ParcelError> {
        let mut manifest = Manifest::default();
        let made = self.packed(contents, Some(&mut manifest), tell)?;
        let path = self.manifest_path(&made.parcel.address);
        // One that can't be read is made anew.
        let is_whole =
            self.manifest(&made.parcel.address).ok().flatten().as_ref() == Some(&manifest);
        if !is_whole || !is_there(&path) {
            let mut file = NamedTempFile::new_in(&self.folder).map_err(self.unwritten())?;
            let mut gzip = GzEncoder::new(BufWriter::new(&mut file), Compression::fast());
            serde_json::to_writer(&mut gzip, &manifest)
                .map_err(|error| self.unwritten()(error.into()))?;
            gzip.finish().and_then(|mut out| out.flush()).map_err(self.unwritten())?;
            file.as_file().sync_data().map_err(self.unwritten())?;
            file.persist(&path).map_err(|error| self.unwritten()(error.error))?;
        }
        Ok(made)
    }

    /// Packs files into a parcel that is gone with what is returned, unless it is [kept](Self::keep).
    ///
    /// # Errors
    /// When a file can't be read, or the parcel can't be written.
    pub fn pack(&self, contents: &Contents, tell: Tell<'_>) -> Result<Made, ParcelError> {
        self.packed(contents, None, tell)
    }

    fn packed(
        &self,
        contents: &Contents,
        manifest: Option<&mut Manifest>,
        tell: Tell<'_>,
    ) -> Result<Made, ParcelError> {
        let mut file = NamedTempFile::new_in(&self.folder).map_err(self.unwritten())?;
        let mut out = BufWriter::new(&mut file);
        let parcel =
            pack_noting(contents, &mut out, manifest, tell).map_err(|error| match error {
                ParcelError::Write { source, .. } => self.unwritten()(source),
                other => other,
            })?;
        out.flush().map_err(self.unwritten())?;
        drop(out);
        Ok(Made { parcel, file })
    }

    /// Gives it another name than its address, in a folder of the same disk.
    ///
    /// # Errors
    /// When that can't be.
    pub fn keep_as(&self, made: Made, path: &Path) -> Result<(), ParcelError> {
        let kept = made.file.persist(path);
        kept.map(drop).map_err(|error| ParcelError::write(path)(error.error))
    }

    /// Gives it its name, once it is sure to be on the disk.
    ///
    /// # Errors
    /// When that can't be.
    pub fn keep(&self, made: Made) -> Result<(), ParcelError> {
        let Made { parcel, file } = made;
        file.as_file().sync_data().map_err(self.unwritten())?;
        let kept = file.persist(self.path(&parcel.address));
        kept.map(drop).map_err(|error| self.unwritten()(error.error))
    }

    fn unwritten(&self) -> impl FnOnce(io::Error) -> ParcelError + use<> {
        ParcelError::write(self.folder.clone())
    }

    /// Removes parcels that were written before that and that nobody wants, and gives how many bytes that freed.
    /// With `keep_all` it only looks.
    ///
    /// # Errors
    /// When one can't be removed.
    pub fn prune(
        &self,
        before: SystemTime,
        is_wanted: impl Fn(&str) -> bool,
        keep_all: bool,
    ) -> Result<u64, ParcelError> {
        let mut freed = 0;
        // One that was just written may be of a job that is being submitted.
        let before = before.min(SystemTime::now() - YOUNG);
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries.map_err(ParcelError::read(&self.folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(ParcelError::read(&self.folder))?;
            let path = entry.path();
            let seen = entry.metadata().map_err(ParcelError::read(&path))?;
            let is_young = seen.modified().is_ok_and(|written| written >= before);
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_young || is_wanted(name.strip_suffix(MANIFEST).unwrap_or(&name)) {
                continue;
            }
            freed += seen.len();
            if !keep_all {
                remove(&path)?;
            }
        }
        Ok(freed)
    }
}

/// From now on it is as young as if it were new.
fn is_there(path: &Path) -> bool {
    let file = fs::OpenOptions::new().append(true).open(path);
    file.and_then(|file| file.set_modified(SystemTime::now())).is_ok()
}

fn remove(path: &Path) -> Result<(), ParcelError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ParcelError::write(path)(error))
        }
        _ => Ok(()),
    }
}
