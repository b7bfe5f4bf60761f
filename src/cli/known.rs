//! What is known of what is here already, where something of a job is to be: whose it is, and whether
//! it went along with the job.

use std::cell::{OnceCell, RefCell};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use super::brought::{Brought, Came, Place};
use super::error::{Failure, Kind};
use super::fate::{Fate, Here, Ours, Went, Why};
use crate::engine::{Look, Roots};
use crate::job::{Address, JobPath, Root};
use crate::ledger::StateDir;
use crate::parcel::{Content, Held, Manifest, ParcelError, Role, Store, may_run};

pub struct Known<'a> {
    dir: &'a StateDir,
    /// What the roots of the job become here.
    pub into: &'a Roots,
    pub ours: &'a Ours,
    /// What went along, if it was sent from here.
    source: Option<&'a Address>,
    manifest: OnceCell<Manifest>,
    brought: [RefCell<Option<LastRead>>; Root::ALL.len()],
}

/// The record of what came to a place, as it was when it was read last.
struct LastRead {
    look: Option<Look>,
    brought: Rc<Brought>,
}

/// What becomes of a place, and what is written down of what comes there.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub fate: Fate,
    pub came: Came,
    /// Whether it can be run, if somebody changed that here since it went along.
    pub may_run: Option<bool>,
}

impl<'a> Known<'a> {
    #[must_use]
    pub fn new(
        dir: &'a StateDir,
        into: &'a Roots,
        ours: &'a Ours,
        source: Option<&'a Address>,
    ) -> Self {
        let (manifest, brought) = (OnceCell::new(), [RefCell::default(), RefCell::default()]);
        Self { dir, into, ours, source, manifest, brought }
    }

    /// What becomes of what is at the place of something of the job.
    ///
    /// # Errors
    /// When it can't be told whose that is.
    pub fn verdict(&self, path: &JobPath, to: &Path) -> Result<Verdict, Failure> {
        let below = path.below.as_str();
        let held = match path.root {
            Root::Source => self.manifest()?.get(below),
            Root::Files => None,
        };
        let came = Came { by: self.ours.by, is_source: held.is_some() };
        let verdict = |fate| Ok(Verdict { fate, came, may_run: None });
        let Ok(seen) = fs::symlink_metadata(to) else {
            return verdict(match held {
                Some(_) => Fate::Left(Why::Removed),
                None => Fate::Free,
            });
        };
        if !seen.is_file() && !seen.is_symlink() {
            return verdict(Fate::Left(Why::NoFile));
        }
        let Some(held) = held else {
            let brought = self.brought(path.root)?;
            let rebuilt =
                seen.is_file() && brought.was_a_product(Path::new(below)) && is_compiled(to);
            let here = Here { came: self.came(path)?, went: Went::Not, rebuilt };
            return verdict(Fate::of(here, path.root, self.ours));
        };
        let went = match Content::at(to) {
            Ok(content) if content.as_ref() == Some(&held.content) => Went::Along,
            Ok(_) => Went::Otherwise { tracked: held.tracked },
            Err(ParcelError::Read { source, .. }) => {
                return verdict(Fate::Left(Why::CannotRead(source.to_string())));
            }
            Err(error) => return Err(error.into()),
        };
        let here = Here { came: self.came(path)?, went, rebuilt: false };
        let fate = Fate::of(here, path.root, self.ours);
        let may_run = Some(may_run(&seen)).filter(|it| seen.is_file() && *it != held.executable);
        Ok(Verdict { fate, came, may_run })
    }

    /// Is what is at that path of the checkout neither of the source nor from a job?
    ///
    /// # Errors
    /// When that can't be told.
    pub fn is_own(&self, path: &JobPath) -> Result<bool, Failure> {
        let is_known = path.root != Root::Source
            || self.manifest()?.get(path.below.as_str()).is_some()
            || self.came(path)?.is_some();
        Ok(!is_known)
    }

    /// What is it to those who build?
    ///
    /// # Errors
    /// When what went along can't be read.
    pub fn role(&self, path: &JobPath) -> Result<Role, Failure> {
        if path.root != Root::Source {
            return Ok(Role::Product);
        }
        Ok(self.manifest()?.get(path.below.as_str()).map_or(Role::Product, Held::role))
    }

    /// The job from which what is here came, if it is as it came.
    ///
    /// # Errors
    /// When that can't be read.
    pub fn came(&self, path: &JobPath) -> Result<Option<Came>, Failure> {
        let below = Path::new(path.below.as_str());
        Ok(self.brought(path.root)?.came(self.into.of(path.root), below))
    }

    #[must_use]
    pub fn place(&self, root: Root) -> Place<'_> {
        Place { dir: self.dir, root, folder: self.into.of(root) }
    }

    /// What came there by now: another job may be brought at this moment.
    ///
    /// # Errors
    /// When that can't be read.
    pub fn brought(&self, root: Root) -> Result<Rc<Brought>, Failure> {
        let place = self.place(root);
        let look = Look::at(&place.record());
        let mut last = self.brought[root as usize].borrow_mut();
        if let Some(last) = last.as_ref().filter(|last| last.look == look) {
            return Ok(Rc::clone(&last.brought));
        }
        let brought = Rc::new(place.brought()?);
        *last = Some(LastRead { look, brought: Rc::clone(&brought) });
        Ok(brought)
    }

    /// Of what another machine sent, and an earlier version, nothing is known: then nothing of it is taken
    /// for something that can be had again.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn manifest(&self) -> Result<&Manifest, Failure> {
        if let Some(manifest) = self.manifest.get() {
            return Ok(manifest);
        }
        let store = Store::new(self.dir.parcels());
        let manifest = self.source.map(|source| store.manifest(source)).transpose();
        let manifest = manifest.map_err(|error| Failure {
            kind: Kind::Failed,
            hint: Some("computes files get JOB --into FOLDER brings them elsewhere".to_owned()),
            ..error.into()
        })?;
        let manifest = manifest.flatten();
        Ok(self.manifest.get_or_init(|| manifest.unwrap_or_default()))
    }
}

/// What files begin with that nobody but a compiler or a linker writes: ELF, archives of `ar`, Mach-O,
/// WebAssembly.
const COMPILED: [&[u8]; 5] =
    [b"\x7fELF", b"!<arch>\n", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\0asm"];

fn is_compiled(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| file.take(8).read_to_end(&mut beginning));
    read.is_ok() && COMPILED.iter().any(|magic| beginning.starts_with(magic))
}
