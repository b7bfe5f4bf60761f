//! How old a file of a source is in its parcel.
//!
//! The times of this machine would make each clone another source; which of two files is older does not,
//! and that is what `make` goes by.

use std::collections::BTreeSet;
use std::time::SystemTime;

/// What git knows of a file. Of two the one that is newer in a parcel is greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// What somebody built here of a source is older than that, so that it is built again.
    Untracked(Option<SystemTime>),
    /// As HEAD has it; or git knows nothing of all that.
    #[default]
    Tracked,
    /// Tracked, and not as HEAD has it. What somebody generated of it, and told git of, is older.
    Edited(Option<SystemTime>),
}

impl Standing {
    #[must_use]
    pub const fn is_tracked(self) -> bool {
        !matches!(self, Self::Untracked(_))
    }
}

/// By how much each file of a parcel is older than its newest.
#[derive(Debug)]
pub struct Ages(Vec<Standing>);

impl Ages {
    #[must_use]
    pub fn of(files: impl Iterator<Item = Standing>) -> Self {
        let distinct: BTreeSet<_> = files.collect();
        Self(distinct.into_iter().rev().collect())
    }

    /// In seconds.
    #[must_use]
    pub fn age(&self, standing: Standing) -> u64 {
        self.0.partition_point(|newer| *newer > standing) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::Standing::{Edited, Tracked, Untracked};
    use super::*;

    #[test]
    fn what_was_edited_is_newer_than_what_git_has_and_that_newer_than_what_it_has_not() {
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        let files = [Untracked(at(9)), Tracked, Edited(at(5)), Untracked(at(3)), Edited(at(7))];
        let ages = Ages::of([files, files].into_iter().flatten());
        assert_eq!(files.map(|file| ages.age(file)), [3, 2, 1, 4, 0]);
        let ages = Ages::of([Tracked, Untracked(None)].into_iter());
        assert_eq!([Tracked, Untracked(None)].map(|file| ages.age(file)), [0, 1]);
    }
}
