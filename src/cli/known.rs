//! What is known of what is here already, where something of a job is to be: whose it is, and whether
//! somebody changed it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::brought::{Brought, By, Came, Place};
use super::error::{Failure, Kind};
use super::fate::{Fate, Here, Why};
use crate::engine::{Look, Roots};
use crate::job::{JobPath, Root};
use crate::ledger::{Millis, StateDir};
use crate::parcel::Checkout;

pub struct Known<'a> {
    dir: &'a StateDir,
    /// What the roots of the job become here.
    pub into: &'a Roots,
    /// The job.
    pub ours: By,
    /// When what it brought along was looked for. All of it is older, and what was changed since was
    /// changed behind the job's back.
    pub since: Millis,
    brought: [OnceCell<Brought>; Root::ALL.len()],
    listed: OnceCell<BTreeMap<PathBuf, bool>>,
}

/// What becomes of a place, and what is written down of what comes there.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub fate: Fate,
    pub came: Came,
}

/// How git has a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    Tracked,
    /// Neither tracked nor ignored.
    Untracked,
    No,
}

impl Listed {
    fn of(path: &JobPath, listed: &BTreeMap<PathBuf, bool>) -> Self {
        match listed.get(Path::new(path.below.as_str())) {
            Some(true) => Self::Tracked,
            Some(false) => Self::Untracked,
            None => Self::No,
        }
    }
}

impl<'a> Known<'a> {
    #[must_use]
    pub fn new(dir: &'a StateDir, into: &'a Roots, ours: By, since: Millis) -> Self {
        let (brought, listed) = ([OnceCell::new(), OnceCell::new()], OnceCell::new());
        Self { dir, into, ours, since, brought, listed }
    }

    /// What becomes of what was found at the place of something of the job.
    ///
    /// # Errors
    /// When it can't be told whose that is.
    pub fn verdict(&self, path: &JobPath, to: &Path) -> Result<Verdict, Failure> {
        let listed = || self.listed().map(|listed| Listed::of(path, listed));
        self.judged(self.brought(path.root)?, &listed, path, to)
    }

    /// The same of what is there by now: another job may have brought it meanwhile, or somebody made it.
    ///
    /// # Errors
    /// When it can't be told whose that is.
    pub fn verdict_now(&self, path: &JobPath, to: &Path) -> Result<Verdict, Failure> {
        let listed = || self.ask().map(|listed| Listed::of(path, &listed));
        self.judged(&self.place(path.root).brought()?, &listed, path, to)
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

    fn judged(
        &self,
        brought: &Brought,
        listed: &dyn Fn() -> Result<Listed, Failure>,
        path: &JobPath,
        to: &Path,
    ) -> Result<Verdict, Failure> {
        let product = Came { by: self.ours, is_source: false };
        let Ok(seen) = fs::symlink_metadata(to) else {
            let may_be_removed = path.root == Root::Source && self.may_be_removed(to);
            let is_removed = may_be_removed && listed()? == Listed::Tracked;
            let fate = if is_removed { Fate::Left(Why::Removed) } else { Fate::Free };
            return Ok(Verdict { fate, came: product });
        };
        if !seen.is_file() && !seen.is_symlink() {
            return Ok(Verdict { fate: Fate::Left(Why::NoFile), came: product });
        }
        let below = Path::new(path.below.as_str());
        let came = brought.came(self.into.of(path.root), below);
        let may_be_source = came.is_none() && path.root == Root::Source;
        let went_along = may_be_source && listed()? != Listed::No;
        let here =
            Here { came: came.map(|it| it.by), went_along, changed: self.is_changed_since(to) };
        let is_source = came.map_or(went_along, |it| it.is_source);
        let came = Came { by: self.ours, is_source };
        Ok(Verdict { fate: Fate::of(here, path.root, self.ours), came })
    }

    /// May it have been taken away behind the job's back? What was missing before that, the job made anew. Of
    /// what is gone only the folder around it tells when.
    fn may_be_removed(&self, to: &Path) -> bool {
        let around = to.ancestors().skip(1).find(|it| it.is_dir());
        around.is_some_and(|it| self.is_changed_since(it))
    }

    fn is_changed_since(&self, at: &Path) -> bool {
        Look::at(at).is_some_and(|look| look.changed_at() >= self.since)
    }

    fn brought(&self, root: Root) -> Result<&Brought, Failure> {
        let known = &self.brought[root as usize];
        if let Some(brought) = known.get() {
            return Ok(brought);
        }
        let brought = self.place(root).brought()?;
        Ok(known.get_or_init(|| brought))
    }

    /// What git has of the checkout: it is asked when something depends on it.
    fn listed(&self) -> Result<&BTreeMap<PathBuf, bool>, Failure> {
        if let Some(listed) = self.listed.get() {
            return Ok(listed);
        }
        let listed = self.ask()?;
        Ok(self.listed.get_or_init(|| listed))
    }

    fn ask(&self) -> Result<BTreeMap<PathBuf, bool>, Failure> {
        let listed = Checkout::around(&self.into.source).and_then(|checkout| checkout.listed());
        listed.map_err(|error| Failure {
            // What was asked for is right: it is here that something is not as it was.
            kind: Kind::Failed,
            hint: Some("computes files get JOB --into FOLDER brings them elsewhere".to_owned()),
            ..error.into()
        })
    }
}
