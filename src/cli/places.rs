//! Where files of a job go on this machine, whoever named them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::Failure;
use super::fate::Why;
use crate::engine::{FileEntry, FileKind, Look, Roots};
use crate::job::JobPath;
use crate::parcel::{hash_of, may_run};

/// Where files are brought.
pub struct Target<'a> {
    /// What becomes of each root of the job.
    pub into: &'a Roots,
    /// Why something must not go where it is to be, if so. It is not asked for what is there already as it
    /// should be.
    pub may_go: MayGo<'a>,
    /// Is a link that takes the place of a folder somebody's own, as one to a faster disk? Its path is that
    /// from the root on.
    pub may_follow: MayFollow<'a>,
    /// Where the job's own files lie, if on this machine.
    pub there: Option<&'a Roots>,
}

pub type MayGo<'a> = &'a mut dyn FnMut(&JobPath, &Path) -> Result<Option<Why>, Failure>;

pub type MayFollow<'a> = &'a dyn Fn(&JobPath) -> Result<bool, Failure>;

/// What need not be brought, as it looked before its content was compared.
pub struct Present {
    pub entry: FileEntry,
    pub to: PathBuf,
    pub look: Option<Look>,
}

/// What can't go where it is to be.
pub struct Unfit {
    pub says: String,
    /// What it is called, if it can go to another folder by itself.
    pub elsewhere: Option<JobPath>,
}

/// Why it can't.
enum Misfit {
    /// Nobody should believe it, wherever it goes.
    Itself(String),
    /// Something is in its way.
    Place(String),
}

/// Where each goes, and what goes nowhere.
#[derive(Default)]
pub struct Places {
    pub to: Vec<(FileEntry, PathBuf)>,
    /// What is there already, as it should be.
    pub here: Vec<Present>,
    pub unfit: Vec<Unfit>,
    /// What must not be written, and why.
    pub left: Vec<(PathBuf, Why)>,
}

impl Places {
    /// All that comes, and all that is here already.
    pub fn all(&self) -> impl Iterator<Item = (&FileEntry, &Path)> {
        let here = self.here.iter().map(|it| (&it.entry, it.to.as_path()));
        self.to.iter().map(|(entry, to)| (entry, to.as_path())).chain(here)
    }
}

impl Target<'_> {
    /// Nothing is written before all was looked at. What nobody should believe is left out.
    ///
    /// # Errors
    /// When something can't be looked at.
    pub async fn places(self, entries: Vec<FileEntry>) -> Result<Places, Failure> {
        let mut folded = BTreeMap::new();
        let mut found = Places::default();
        let links: Vec<_> = entries
            .iter()
            .filter(|entry| matches!(entry.kind, FileKind::Link { .. }))
            .map(|entry| format!("{}/", entry.path))
            .collect();
        for entry in entries {
            // To compare a large file takes a while, in which somebody may want to leave.
            tokio::task::yield_now().await;
            let path = match entry.checked() {
                Ok(path) => path,
                Err(error) => {
                    let says = Failure::from(error).message();
                    found.unfit.push(Unfit { says, elsewhere: None });
                    continue;
                }
            };
            let link = links.iter().find(|link| entry.path.starts_with(link.as_str()));
            let to = self.into.place(&entry.path);
            let look = Look::at(&to);
            if let Some(misfit) = self.misfit(&path, &to, link, &mut folded)? {
                let (why, elsewhere) = match misfit {
                    Misfit::Itself(why) => (why, None),
                    Misfit::Place(why) => (why, Some(path.clone())),
                };
                found.unfit.push(Unfit { says: format!("`{path}`: {why}"), elsewhere });
            } else if self.is_the_same(&entry, &to) {
                found.here.push(Present { entry, to, look });
            } else if let Some(why) = (self.may_go)(&path, &to)? {
                found.left.push((to, why));
            } else {
                found.to.push((entry, to));
            }
        }
        // A link comes after what it may lead to.
        found.to.sort_by_key(|(entry, _)| matches!(entry.kind, FileKind::Link { .. }));
        Ok(found)
    }

    fn misfit(
        &self,
        path: &JobPath,
        to: &Path,
        link: Option<&String>,
        folded: &mut BTreeMap<String, JobPath>,
    ) -> Result<Option<Misfit>, Failure> {
        let itself = |why: String| Ok(Some(Misfit::Itself(why)));
        let place = |why: String| Ok(Some(Misfit::Place(why)));
        if let Some(before) = folded.insert(to.to_string_lossy().to_lowercase(), path.clone()) {
            return place(if self.into.place(&before.to_string()) == to {
                format!("it would take the place of `{before}`")
            } else {
                format!("`{before}` is the same where case is folded")
            });
        }
        if let Some(link) = link {
            return itself(format!("`{link}` is a link"));
        }
        let mut names = path.below.as_str().split('/');
        if names.any(|name| name.eq_ignore_ascii_case(".git")) {
            return itself("git would run what is in it".to_owned());
        }
        let kind = |at: &Path| std::fs::symlink_metadata(at).ok().map(|seen| seen.file_type());
        if kind(to).is_some_and(|it| it.is_dir()) {
            return place(format!("`{}` is a folder", to.display()));
        }
        // What was brought here before may lead anywhere by now.
        let into = self.into.of(path.root);
        for at in to.ancestors().skip(1).take_while(|it| *it != into) {
            let Some(kind) = kind(at).filter(|it| !it.is_dir()) else { continue };
            if !kind.is_symlink() {
                return place(format!("`{}` is no folder", at.display()));
            }
            let below = at.strip_prefix(into).ok().and_then(Path::to_str).unwrap_or_default();
            let link = JobPath::plain(&JobPath::text_of(path.root, below));
            let is_own = link.ok().map(|link| (self.may_follow)(&link)).transpose()?;
            if !at.is_dir() || is_own != Some(true) {
                return place(format!("`{}` is a link", at.display()));
            }
        }
        Ok(None)
    }

    /// What was brought here before need not be again.
    fn is_the_same(&self, entry: &FileEntry, to: &Path) -> bool {
        match &entry.kind {
            FileKind::File { bytes, hash, executable, .. } => {
                let is_alike = std::fs::symlink_metadata(to).is_ok_and(|seen| {
                    seen.is_file() && seen.len() == *bytes && may_run(&seen) == *executable
                });
                if !is_alike {
                    return false;
                }
                let hash = hash.clone().or_else(|| hash_of(&self.there?.place(&entry.path)).ok());
                hash.is_some_and(|it| hash_of(to).is_ok_and(|found| found == it))
            }
            FileKind::Link { target } => std::fs::read_link(to).is_ok_and(|it| it == *target),
            FileKind::ToCome { .. } | FileKind::Unfit { .. } => false,
        }
    }
}
