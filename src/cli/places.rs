//! Where files of a job go on this machine, whoever named them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::Failure;
use crate::engine::{FileEntry, FileKind, Look, Roots};
use crate::job::JobPath;
use crate::ledger::Millis;
use crate::parcel::hash_of;

/// Where files are brought.
pub struct Target<'a> {
    /// What becomes of each root of the job.
    pub into: &'a Roots,
    pub over: Over,
    /// Where the job's own files lie, if on this machine.
    pub there: Option<&'a Roots>,
}

/// What may be overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Nothing,
    Anything,
    /// What nobody has touched since. The rest is left, and no hindrance to others.
    Untouched(Millis),
}

/// Where each goes, and what goes nowhere.
pub struct Places {
    pub to: Vec<(FileEntry, PathBuf)>,
    /// What is there already, as it should be.
    pub here: Vec<(FileEntry, PathBuf)>,
    pub unfit: Vec<String>,
    /// What is there and must not be overwritten.
    pub left: Vec<PathBuf>,
}

impl Target<'_> {
    /// Nothing is written before all of them may be. What nobody should believe is left out.
    ///
    /// # Errors
    /// When something else would be overwritten.
    pub fn places(&self, entries: Vec<FileEntry>) -> Result<Places, Failure> {
        let mut folded: BTreeMap<String, String> = BTreeMap::new();
        let mut found =
            Places { to: Vec::new(), here: Vec::new(), unfit: Vec::new(), left: Vec::new() };
        let links: Vec<_> = entries
            .iter()
            .filter(|entry| matches!(entry.kind, FileKind::Link { .. }))
            .map(|entry| format!("{}/", entry.path))
            .collect();
        for entry in entries {
            let path = match entry.checked() {
                Ok(path) => path,
                Err(error) => {
                    found.unfit.push(Failure::from(error).message());
                    continue;
                }
            };
            let link = links.iter().find(|link| entry.path.starts_with(link.as_str()));
            let to = self.into.place(&entry.path);
            if let Some(why) = self.unfit(&path, &to, link, &mut folded) {
                found.unfit.push(format!("`{path}`: {why}"));
                continue;
            }
            match std::fs::symlink_metadata(&to) {
                Err(_) => found.to.push((entry, to)),
                Ok(seen) if seen.is_dir() => {
                    found.unfit.push(format!("`{path}`: `{}` is a folder", to.display()));
                }
                Ok(_) if self.is_the_same(&entry, &to) => found.here.push((entry, to)),
                Ok(_) if self.may_go(&to) => found.to.push((entry, to)),
                Ok(_) => found.left.push(to),
            }
        }
        let Some(first) = found.left.first().filter(|_| self.over == Over::Nothing) else {
            // A link comes after what it may lead to.
            found.to.sort_by_key(|(entry, _)| matches!(entry.kind, FileKind::Link { .. }));
            return Ok(found);
        };
        let more = match found.left.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Err(Failure::usage(
            format!("`{}`{more} would be overwritten", first.display()),
            "add --force, or choose another folder with --into",
        ))
    }

    fn may_go(&self, there: &Path) -> bool {
        match self.over {
            Over::Nothing => false,
            Over::Anything => true,
            Over::Untouched(since) => Look::at(there).is_some_and(|look| look.changed_at() < since),
        }
    }

    fn unfit(
        &self,
        path: &JobPath,
        to: &Path,
        link: Option<&String>,
        folded: &mut BTreeMap<String, String>,
    ) -> Option<String> {
        if let Some(before) = folded.insert(to.to_string_lossy().to_lowercase(), path.to_string()) {
            return Some(format!("`{before}` is the same where case is folded"));
        }
        if let Some(link) = link {
            return Some(format!("`{link}` is a link"));
        }
        let mut names = path.below.as_str().split('/');
        if names.any(|name| name.eq_ignore_ascii_case(".git")) {
            return Some("git would run what is in it".to_owned());
        }
        // One that was brought here before may lead anywhere by now.
        let into = self.into.of(path.root);
        let around = to.ancestors().skip(1).take_while(|it| *it != into);
        let is_link = |it: &&Path| std::fs::symlink_metadata(it).is_ok_and(|it| it.is_symlink());
        let link = around.into_iter().find(is_link)?;
        Some(format!("`{}` is a link", link.display()))
    }

    /// What was brought here before need not be again.
    fn is_the_same(&self, entry: &FileEntry, to: &Path) -> bool {
        match &entry.kind {
            FileKind::File { bytes, hash, .. } => {
                let is_as_long = std::fs::symlink_metadata(to)
                    .is_ok_and(|seen| seen.is_file() && seen.len() == *bytes);
                let hash = hash.clone().or_else(|| hash_of(&self.there?.place(&entry.path)).ok());
                is_as_long && hash.is_some_and(|it| hash_of(to).is_ok_and(|found| found == it))
            }
            FileKind::Link { target } => std::fs::read_link(to).is_ok_and(|it| it == *target),
            FileKind::ToCome { .. } | FileKind::Unfit { .. } => false,
        }
    }
}
