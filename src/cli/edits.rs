//! What was edited in a checkout while a job ran.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::brought::Brought;
use super::times::Edits;
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
        let mut edits = Edits::default();
        for (path, held) in self.manifest.iter() {
            let at = self.root.join(path);
            // Nobody sets the time at which a file changed; that at which it was written comes along from
            // elsewhere.
            let touched = fs::symlink_metadata(&at).ok().filter(|seen| changed(seen) >= self.sent);
            let Some(seen) = touched.filter(|_| !(self.comes)(&at)) else { continue };
            if Content::at(&at)?.as_ref() != Some(&held.content) {
                edits.add(written(&seen), held.tracked);
            }
        }
        self.add_new(&mut edits)?;
        Ok(edits)
    }

    fn add_new(&self, edits: &mut Edits) -> Result<(), ParcelError> {
        let checkout = Checkout::around(self.root)?;
        if checkout.root() != self.root {
            return Err(ParcelError::NoRepository { directory: self.root.to_owned() });
        }
        let contents = checkout.tree(&|path| self.brought.stays(self.root, path))?;
        for (path, entry) in contents.iter() {
            if path.to_str().is_some_and(|path| self.manifest.get(path).is_some()) {
                continue;
            }
            let at = self.root.join(path);
            let touched = fs::symlink_metadata(&at).ok().filter(|seen| changed(seen) >= self.sent);
            let Some(seen) = touched else { continue };
            if !(self.comes)(&at) && !was_built(entry, &at) {
                edits.add(written(&seen), is_tracked(entry));
            }
        }
        Ok(())
    }
}

fn written(seen: &fs::Metadata) -> Millis {
    seen.mtime() * 1000 + seen.mtime_nsec() / 1_000_000
}

fn changed(seen: &fs::Metadata) -> Millis {
    seen.ctime() * 1000 + seen.ctime_nsec() / 1_000_000
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
