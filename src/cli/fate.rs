//! What becomes of what is here already, where something of a job is to be.

use super::brought::{By, Came};
use crate::job::{JobId, Root};

/// A file or a link that is here.
#[derive(Debug, Clone, Copy)]
pub struct Here {
    /// The job that it came from, if it is as it came.
    pub came: Option<Came>,
    pub went: Went,
    /// Compiled here by now, where a product of a job was.
    pub rebuilt: bool,
}

/// Did it go along with the job?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// Just as it is.
    Along,
    /// With another content, and then tracked by git or not.
    Otherwise { tracked: bool },
    /// Nothing of that name did, as far as is known.
    Not,
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
    /// Another job changed the same source, and both began with what neither of them has now.
    ChangedBy(JobId),
    Removed,
    /// It came from a job that was submitted later, which is as it should be.
    Later,
    NotFromAJob,
    NoFile,
    CannotMove(String),
    CannotRead(String),
    CannotWrite(String),
}

/// The job whose outputs come, and those that it is a retry of.
#[derive(Debug, Clone)]
pub struct Ours {
    pub by: By,
    pub retry_of: Vec<JobId>,
}

impl Fate {
    /// Of something of a job that goes below this root.
    #[must_use]
    pub fn of(here: Here, root: Root, ours: &Ours) -> Self {
        let Here { came, went, rebuilt } = here;
        let is_ours = |by: By| by.job == ours.by.job || ours.retry_of.contains(&by.job);
        match (came, went) {
            (Some(came), _) if came.by > ours.by => Self::Left(Why::Later),
            // It can be had again: from what went along, or from the job that it came from.
            (_, Went::Along) => Self::Replaced,
            (Some(came), _) if !came.is_source || is_ours(came.by) => Self::Replaced,
            (Some(came), Went::Otherwise { tracked: true }) => {
                Self::Left(Why::ChangedBy(came.by.job))
            }
            // Elsewhere than in a checkout nothing tells what it is.
            (None, _) if root == Root::Files => Self::Left(Why::NotFromAJob),
            (None, Went::Otherwise { .. }) => Self::Left(Why::Changed),
            (None, Went::Not) if rebuilt => Self::Replaced,
            (_, Went::Not | Went::Otherwise { tracked: false }) => Self::Aside,
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed => f.write_str("was changed here since the job was submitted"),
            Self::ChangedBy(job) => {
                write!(f, "is what {} made of it, after this job was submitted", job.short())
            }
            Self::Removed => f.write_str("was removed here since the job was submitted"),
            Self::Later => f.write_str("came from a job that was submitted later"),
            Self::NotFromAJob => f.write_str("is here already, and not from a job"),
            Self::NoFile => f.write_str("is no file and no link here"),
            Self::CannotMove(why) => write!(f, "can't be moved out of the way: {why}"),
            Self::CannotRead(why) => write!(f, "can't be read here: {why}"),
            Self::CannotWrite(why) => write!(f, "can't be written here: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: i64) -> JobId {
        format!("0190a000-0000-7000-8000-{number:012}").parse().expect("an id")
    }

    #[test]
    fn what_only_its_owner_has_is_never_lost() {
        let by = |submitted| By { submitted, job: job(submitted) };
        let ours = Ours { by: by(5), retry_of: vec![job(3)] };
        let fate = |root, came: Option<(i64, bool)>, went| {
            let came = came.map(|(submitted, is_source)| Came { by: by(submitted), is_source });
            Fate::of(Here { came, went, rebuilt: false }, root, &ours)
        };
        let changed = |tracked| Went::Otherwise { tracked };
        let all = [Went::Along, changed(true), changed(false), Went::Not];
        let (source, files) = (Root::Source, Root::Files);
        for went in all {
            for is_source in [true, false] {
                let later = fate(source, Some((6, is_source)), went);
                assert_eq!(later, Fate::Left(Why::Later));
                // Of this job, or of the one that it is a retry of.
                for same in [5, 3] {
                    assert_eq!(fate(source, Some((same, is_source)), went), Fate::Replaced);
                }
            }
            assert_eq!(fate(source, Some((4, false)), went), Fate::Replaced);
        }
        assert_eq!(fate(files, Some((4, false)), Went::Not), Fate::Replaced);
        assert_eq!(fate(files, None, Went::Not), Fate::Left(Why::NotFromAJob));
        // A source that two jobs made something of.
        assert_eq!(fate(source, Some((4, true)), Went::Along), Fate::Replaced);
        let theirs = Fate::Left(Why::ChangedBy(job(4)));
        assert_eq!(fate(source, Some((4, true)), changed(true)), theirs);
        assert_eq!(fate(source, Some((4, true)), changed(false)), Fate::Aside);
        assert_eq!(fate(source, Some((4, true)), Went::Not), Fate::Aside);
        // What came from no job.
        assert_eq!(fate(source, None, Went::Along), Fate::Replaced);
        assert_eq!(fate(source, None, changed(true)), Fate::Left(Why::Changed));
        assert_eq!(fate(source, None, changed(false)), Fate::Left(Why::Changed));
        assert_eq!(fate(source, None, Went::Not), Fate::Aside);
        let rebuilt =
            |root| Fate::of(Here { came: None, went: Went::Not, rebuilt: true }, root, &ours);
        assert_eq!(rebuilt(source), Fate::Replaced);
        assert_eq!(rebuilt(files), Fate::Left(Why::NotFromAJob));
    }
}
