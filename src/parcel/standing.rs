//! How old a file of a source is in its parcel.
//!
//! The times of this machine would make each clone another source; which of two files is older does not,
//! and that is what `make` goes by.

use std::collections::BTreeSet;
use std::time::SystemTime;

/// What git knows of a file, and when it was written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// What somebody built here of a source is older than that, so that it is built again.
    Untracked(SystemTime),
    /// As HEAD has it.
    Tracked(SystemTime),
    /// Tracked, and not as HEAD has it.
    Edited(SystemTime),
    /// Git knows nothing of all that.
    Alone,
}

impl Standing {
    #[must_use]
    pub const fn is_tracked(self) -> bool {
        !matches!(self, Self::Untracked(_))
    }
}

/// By how much each file of a parcel is older than its newest.
#[derive(Debug)]
pub struct Ages {
    /// When the first was edited.
    edited: Option<SystemTime>,
    /// From the newest on.
    ranks: Vec<Rank>,
}

/// A greater one is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Untracked(SystemTime),
    /// A checkout writes its files in any order.
    Equal,
    /// Since the first was edited the order counts: what somebody generated, and told git of or will, may be
    /// older than its source or newer.
    Since(SystemTime),
}

impl Ages {
    #[must_use]
    pub fn of(files: impl Iterator<Item = Standing>) -> Self {
        let distinct: BTreeSet<_> = files.collect();
        let edited = distinct.iter().filter_map(|standing| match standing {
            Standing::Edited(written) => Some(*written),
            _ => None,
        });
        let mut ages = Self { edited: edited.min(), ranks: Vec::new() };
        let ranks: BTreeSet<_> = distinct.into_iter().map(|standing| ages.rank(standing)).collect();
        ages.ranks = ranks.into_iter().rev().collect();
        ages
    }

    fn rank(&self, standing: Standing) -> Rank {
        match standing {
            Standing::Untracked(written) => Rank::Untracked(written),
            Standing::Edited(written) => Rank::Since(written),
            Standing::Tracked(written) if self.edited.is_some_and(|first| written > first) => {
                Rank::Since(written)
            }
            Standing::Tracked(_) | Standing::Alone => Rank::Equal,
        }
    }

    /// In seconds.
    #[must_use]
    pub fn age(&self, standing: Standing) -> u64 {
        let rank = self.rank(standing);
        self.ranks.partition_point(|newer| *newer > rank) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::Standing::{Edited, Tracked, Untracked};
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn ages<const N: usize>(files: [Standing; N]) -> [u64; N] {
        let ages = Ages::of([files, files].into_iter().flatten());
        files.map(|file| ages.age(file))
    }

    #[test]
    fn what_was_edited_is_newer_than_what_git_has_and_that_newer_than_what_it_has_not() {
        let files =
            [Untracked(at(9)), Tracked(at(1)), Edited(at(5)), Untracked(at(3)), Edited(at(7))];
        assert_eq!(ages(files), [3, 2, 1, 4, 0]);
        assert_eq!(ages([Tracked(at(1)), Tracked(at(2)), Untracked(at(3))]), [0, 0, 1]);
    }

    #[test]
    fn what_was_written_after_the_first_edit_has_the_order_that_it_has_here() {
        // Something generated that is not committed, its source that is by now, and what nobody touched.
        assert_eq!(
            ages([Edited(at(5)), Tracked(at(7)), Tracked(at(3)), Tracked(at(4))]),
            [1, 0, 2, 2]
        );
    }
}
