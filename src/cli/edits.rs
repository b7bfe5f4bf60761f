//! What was edited in a checkout while a job ran.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::brought::Brought;
use super::times::{Edits, Time};
use crate::ledger::Millis;
use crate::parcel::{BINARY_WITHIN, Checkout, Content, Entry, Manifest, ParcelError, Standing};

/// A checkout, and what comes there.
pub struct Scene<'a> {
    pub root: &'a Path,
    /// When what the job brought along was looked for.
    pub sent: Millis,
    pub manifest: &'a Manifest,
    pub brought: &'a Brought,
    /// What comes now was edited by nobody.
    pub comes: &'a dyn Fn(&Path) -> bool,
}

impl Scene<'_> {
    /// What went along and is another by now, and what is new and would go along.
    ///
    /// # Errors
    /// When that can't be told: git does not know the checkout any more, or something in it can't be read.
    pub fn edits(&self) -> Result<Edits, ParcelError> {
        let (mut edits, mut touched) = (Edits::default(), Touched::of(self));
        for (path, held) in self.manifest.iter() {
            let at = self.root.join(path);
            let Some(seen) = touched.seen(&at).filter(|_| !(self.comes)(&at)) else { continue };
            if Content::at(&at)?.as_ref() != Some(&held.content) {
                edits.add(self.counts_from(&at, &seen), held.tracked || seen.is_symlink());
            }
        }
        self.add_new(&mut edits, &mut touched)?;
        Ok(edits)
    }

    fn add_new(&self, edits: &mut Edits, touched: &mut Touched<'_>) -> Result<(), ParcelError> {
        let checkout = Checkout::around(self.root)?;
        if checkout.root() != self.root {
            return Err(ParcelError::NoRepository { directory: self.root.to_owned() });
        }
        let contents = checkout.tree(&|path| self.brought.stays(self.root, path))?;
        for (path, entry) in contents.iter() {
            // Of what is no text nobody knows whether it went along.
            if path.to_str().is_none_or(|path| self.manifest.get(path).is_some()) {
                continue;
            }
            let at = self.root.join(path);
            let Some(seen) = touched.seen(&at) else { continue };
            if !(self.comes)(&at) && !was_built(entry, &at) {
                edits.add(self.counts_from(&at, &seen), is_tracked(entry));
            }
        }
        Ok(())
    }

    /// The time that `make` goes by: of a link that of what it leads to.
    fn counts_from(&self, at: &Path, seen: &Metadata) -> Millis {
        match fs::metadata(at) {
            // Any of what is in there.
            Ok(there) if seen.is_symlink() && there.is_dir() => {
                let all = self.manifest.iter().filter_map(|(path, _)| {
                    fs::symlink_metadata(self.root.join(path))
                        .ok()
                        .map(|seen| Time::written(&seen).millis)
                });
                all.fold(Time::written(seen).millis, Millis::min)
            }
            Ok(there) if seen.is_symlink() => {
                Time::written(seen).millis.min(Time::written(&there).millis)
            }
            _ => Time::written(seen).millis,
        }
    }
}

/// What has changed since the submission, by the clock that nobody sets, or is in a folder that has: of what
/// is moved with its folder that alone changes.
struct Touched<'a> {
    root: &'a Path,
    sent: Millis,
    folders: HashMap<PathBuf, bool>,
}

impl<'a> Touched<'a> {
    fn of(scene: &Scene<'a>) -> Self {
        Self { root: scene.root, sent: scene.sent, folders: HashMap::new() }
    }

    /// What it looks like, if it is there and was touched.
    fn seen(&mut self, at: &Path) -> Option<Metadata> {
        let seen = fs::symlink_metadata(at).ok()?;
        let is_touched =
            Time::changed(&seen).millis >= self.sent || self.is_folder_touched(at.parent()?);
        is_touched.then_some(seen)
    }

    fn is_folder_touched(&mut self, folder: &Path) -> bool {
        if let Some(known) = self.folders.get(folder) {
            return *known;
        }
        let itself =
            fs::symlink_metadata(folder).is_ok_and(|seen| Time::changed(&seen).millis >= self.sent);
        let around = folder.parent().filter(|_| folder != self.root);
        let is_touched = itself || around.is_some_and(|around| self.is_folder_touched(around));
        self.folders.insert(folder.to_owned(), is_touched);
        is_touched
    }
}

const fn is_tracked(entry: &Entry) -> bool {
    matches!(entry, Entry::File { standing, .. } if standing.is_tracked())
}

/// Nobody has told git of it, neither that it is a source nor that it is none.
fn was_built(entry: &Entry, at: &Path) -> bool {
    let Entry::File { standing: Standing::Untracked(_), .. } = entry else { return false };
    is_binary(at).unwrap_or(false)
}

fn is_binary(at: &Path) -> io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(at)?.take(BINARY_WITHIN as u64).read_to_end(&mut beginning)?;
    Ok(beginning.contains(&0))
}
