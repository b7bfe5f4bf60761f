//! What is in the way of what comes back from a job, and kept where it goes with the job.

use std::cell::{OnceCell, Ref, RefCell};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use crate::job::JobId;
use crate::ledger::StateDir;

/// A folder for one call, made when there is something for it.
pub struct Aside {
    of_the_job: PathBuf,
    folder: OnceCell<PathBuf>,
    /// Paths from there on.
    names: RefCell<Vec<PathBuf>>,
}

impl Aside {
    #[must_use]
    pub fn of(dir: &StateDir, job: JobId) -> Self {
        let of_the_job = dir.aside_of(job);
        Self { of_the_job, folder: OnceCell::new(), names: RefCell::default() }
    }

    /// What is where, if anything is.
    #[must_use]
    pub fn kept(&self) -> Option<(Ref<'_, Vec<PathBuf>>, &Path)> {
        self.folder.get().map(|folder| (self.names.borrow(), folder.as_path()))
    }

    /// The folders of which nobody was told yet, in their order: that of this call, and those of calls that
    /// were killed.
    ///
    /// # Errors
    /// When they can't be looked for.
    pub fn untold(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.of_the_job) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let number = |entry: io::Result<fs::DirEntry>| {
            entry.map(|it| it.file_name().to_str().and_then(|name| name.parse::<u32>().ok()))
        };
        let numbers = entries.filter_map(|entry| number(entry).transpose());
        let mut numbers = numbers.collect::<io::Result<Vec<_>>>()?;
        numbers.sort_unstable();
        let folders = numbers.iter().map(|number| self.of_the_job.join(number.to_string()));
        Ok(folders.filter(|folder| !told(folder).exists()).collect())
    }

    /// Somebody was told of it.
    ///
    /// # Errors
    /// When that can't be written down.
    pub fn note_told(folder: &Path) -> io::Result<()> {
        File::create(told(folder)).map(drop)
    }

    /// Keeps a file or link that is at that path of a folder. It stays where it is, too, for somebody else
    /// to put another into its place: at no time it is nowhere.
    ///
    /// # Errors
    /// When it can't be kept.
    pub fn keep(&self, folder: &Path, path: &Path) -> io::Result<()> {
        let (from, to) = (folder.join(path), self.folder()?.join(path));
        if let Some(around) = to.parent() {
            fs::create_dir_all(around)?;
        }
        // Not from one file system to another, nor everywhere what belongs to others.
        if fs::hard_link(&from, &to).is_err()
            && let Err(error) = copy(&from, &to)
        {
            // Half a copy is of no use, and takes room.
            let _ = fs::remove_file(&to);
            return Err(error);
        }
        self.names.borrow_mut().push(path.to_owned());
        Ok(())
    }

    /// What an earlier call moved there stays as it is.
    fn folder(&self) -> io::Result<&Path> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder);
        }
        let mut private = DirBuilder::new();
        private.mode(0o700);
        private.recursive(true).create(&self.of_the_job)?;
        let mut number = 1_u32;
        let folder = loop {
            let folder = self.of_the_job.join(number.to_string());
            match private.recursive(false).create(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                made => break made.map(|()| folder)?,
            }
        };
        Ok(self.folder.get_or_init(|| folder))
    }
}

fn told(folder: &Path) -> PathBuf {
    folder.with_extension("told")
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let seen = fs::symlink_metadata(from)?;
    if seen.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to)?;
    File::open(to)?.set_modified(seen.modified()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_copy_on_another_file_system_is_what_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "mine").expect("written");
        fs::set_permissions(at("file"), fs::Permissions::from_mode(0o750)).expect("rights");
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000);
        File::open(at("file")).and_then(|it| it.set_modified(time)).expect("a time");
        copy(&at("file"), &at("copy")).expect("copied");
        let seen = fs::metadata(at("copy")).expect("a file");
        assert_eq!((seen.permissions().mode() & 0o777, seen.modified().ok()), (0o750, Some(time)));
        // A link may lead to nothing.
        symlink("nowhere", at("link")).expect("a link");
        copy(&at("link"), &at("linked")).expect("copied");
        assert_eq!(fs::read_link(at("linked")).expect("a link"), Path::new("nowhere"));
    }
}
