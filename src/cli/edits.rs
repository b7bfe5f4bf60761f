//! What was edited in a checkout while a job ran.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::brought::Brought;
use super::times::Edited;
use crate::ledger::Millis;
use crate::parcel::{BINARY_WITHIN, Checkout, Content, Entry, Manifest, ParcelError, Standing};

/// What would go along now: whether any of it was written since then, has another content than what went
/// along, and does not come from the job.
///
/// # Errors
/// When that can't be told: git does not know the checkout any more, or something in it can't be read.
pub fn edited(
    root: &Path,
    since: Millis,
    manifest: &Manifest,
    brought: &Brought,
    comes: impl Fn(&Path) -> bool,
) -> Result<Edited, ParcelError> {
    let checkout = Checkout::around(root)?;
    if checkout.root() != root {
        return Err(ParcelError::NoRepository { directory: root.to_owned() });
    }
    let mut edited = Edited::No;
    for (path, entry) in checkout.tree(&|path| brought.stays(root, path))?.iter() {
        let at = root.join(path);
        let Some(written) = written(&at).filter(|written| *written > since) else { continue };
        let is_first = !matches!(edited, Edited::At(first) if first <= written);
        if is_first && !comes(&at) && !went_along(manifest, path, &at)? && !was_built(entry, &at) {
            edited = Edited::At(written);
        }
    }
    Ok(edited)
}

fn written(at: &Path) -> Option<Millis> {
    let written = fs::symlink_metadata(at).and_then(|seen| seen.modified()).ok()?;
    Millis::try_from(written.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn went_along(manifest: &Manifest, path: &Path, at: &Path) -> Result<bool, ParcelError> {
    let Some(held) = path.to_str().and_then(|path| manifest.get(path)) else { return Ok(false) };
    Ok(Content::at(at)?.as_ref() == Some(&held.content))
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
