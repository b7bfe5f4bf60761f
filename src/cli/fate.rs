//! What becomes of what is here already, where something of a job is to be.

use super::brought::By;
use crate::job::Root;

/// A file or a link that is here.
#[derive(Debug, Clone, Copy)]
pub struct Here {
    /// The job that it came from, if it is as it came.
    pub came: Option<By>,
    /// Did it go along with the job, as far as git can tell?
    pub went_along: bool,
    /// Was it changed since the job was submitted?
    pub changed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// There is nothing.
    Free,
    /// It goes.
    Replaced,
    /// It is kept elsewhere: nobody but its owner has it.
    Aside,
    /// It is left, and what the job has of that name is not brought.
    Left(Why),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    Changed,
    Removed,
    /// It came from a job that was submitted later, which is as it should be.
    Later,
    NotFromAJob,
    NoFile,
    CannotMove(String),
}

impl Fate {
    /// Of something of a job that goes below this root.
    #[must_use]
    pub fn of(here: Here, root: Root, ours: By) -> Self {
        match here {
            Here { came: Some(by), .. } if by > ours => Self::Left(Why::Later),
            Here { came: Some(_), .. } => Self::Replaced,
            // Elsewhere than in a checkout nothing tells what it is.
            _ if root == Root::Files => Self::Left(Why::NotFromAJob),
            Here { went_along: false, .. } => Self::Aside,
            Here { changed: true, .. } => Self::Left(Why::Changed),
            _ => Self::Replaced,
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed => f.write_str("was changed here since the job was submitted"),
            Self::Removed => f.write_str("was removed here since the job was submitted"),
            Self::Later => f.write_str("came from a job that was submitted later"),
            Self::NotFromAJob => f.write_str("is here already, and not from a job"),
            Self::NoFile => f.write_str("is no file and no link here"),
            Self::CannotMove(why) => write!(f, "can't be moved out of the way: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobId;

    fn by(submitted: i64) -> By {
        let job: JobId = "0190a000-0000-7000-8000-000000000001".parse().expect("an id");
        By { submitted, job }
    }

    #[test]
    fn what_only_its_owner_has_is_never_lost() {
        let ours = by(5);
        let fate = |root, came: Option<i64>, went_along, changed| {
            Fate::of(Here { came: came.map(by), went_along, changed }, root, ours)
        };
        let (source, files) = (Root::Source, Root::Files);
        // It can be had again from the job that it went along with, or from the one that it came from.
        assert_eq!(fate(source, None, true, false), Fate::Replaced);
        for root in [source, files] {
            assert_eq!(fate(root, Some(4), false, true), Fate::Replaced);
            assert_eq!(fate(root, Some(5), false, true), Fate::Replaced);
            assert_eq!(fate(root, Some(6), false, true), Fate::Left(Why::Later));
        }
        // It can't.
        assert_eq!(fate(source, None, true, true), Fate::Left(Why::Changed));
        for changed in [false, true] {
            assert_eq!(fate(source, None, false, changed), Fate::Aside);
            for went_along in [false, true] {
                assert_eq!(fate(files, None, went_along, changed), Fate::Left(Why::NotFromAJob));
            }
        }
    }
}
