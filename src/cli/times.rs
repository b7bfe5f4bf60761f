//! When what comes from a job was written, as `make` and the like see it here.
//!
//! In the job all of it was written after all of the source. Here a source may have been edited since, and
//! something been built of one that the job changed. So products are older than the first edit, sources as
//! new as their coming, and what comes has the order that it had in the job.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::ledger::Millis;
use crate::parcel::Role;

/// Since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    pub millis: Millis,
    /// Beyond those, less than one more.
    pub nanos: u32,
}

impl Time {
    #[must_use]
    pub fn written(seen: &Metadata) -> Self {
        Self::of(seen.mtime(), seen.mtime_nsec())
    }

    /// By the clock that nobody sets.
    #[must_use]
    pub fn changed(seen: &Metadata) -> Self {
        Self::of(seen.ctime(), seen.ctime_nsec())
    }

    fn of(seconds: i64, nanos: i64) -> Self {
        let millis = seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
        Self { millis, nanos: u32::try_from(nanos % 1_000_000).unwrap_or_default() }
    }
}

/// Something that is to come.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    pub to: &'a Path,
    /// By the clock of the job, if it tells.
    pub there: Option<Millis>,
    pub role: Role,
}

/// What the times here go by.
#[derive(Debug, Clone, Copy)]
pub struct Meanwhile {
    /// When what the job brought along was looked for.
    pub sent: Millis,
    pub now: Millis,
    /// `None`: nobody can tell.
    pub edits: Option<Edits>,
}

/// When the first was written of what was edited here since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edits {
    /// Of what git tracks.
    pub tracked: Option<Millis>,
    pub any: Option<Millis>,
}

impl Edits {
    pub fn add(&mut self, written: Millis, is_tracked: bool) {
        let first = |before: Option<Millis>| Some(before.map_or(written, |it| it.min(written)));
        self.any = first(self.any);
        if is_tracked {
            self.tracked = first(self.tracked);
        }
    }
}

/// In nanoseconds, so that what came lies apart also where times have parts of a millionth only.
const APART: u32 = 1000;
const A_MILLI: u32 = 1_000_000;

impl Meanwhile {
    /// When it all begins that is of this role.
    fn beginning(&self, role: Role) -> Millis {
        let Some(edits) = self.edits else {
            return if role == Role::Source { self.now } else { self.sent };
        };
        let before = match role {
            Role::Source => None,
            Role::Unclear => edits.tracked,
            Role::Product => edits.any,
        };
        before.map_or(self.now, |edited| self.now.min(edited - 1))
    }

    /// The time of each by its place. Of what was written at the same moment a source is newer: what is
    /// built again needlessly is right.
    #[must_use]
    pub fn times<'a>(
        &self,
        files: impl IntoIterator<Item = Written<'a>>,
    ) -> BTreeMap<PathBuf, Time> {
        let moment = |file: &Written<'_>| (file.there, file.role);
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_by_key(moment);
        let moments = files.chunk_by(|one, other| moment(one) == moment(other));
        let count = u32::try_from(moments.clone().count()).unwrap_or(u32::MAX);
        let apart = (A_MILLI / count.max(1).saturating_add(1)).clamp(1, APART);
        let mut times = BTreeMap::new();
        for (rank, of_a_moment) in
            (0..A_MILLI / apart).chain(std::iter::repeat(A_MILLI - 1)).zip(moments)
        {
            for file in of_a_moment {
                let millis = self.beginning(file.role);
                times.insert(
                    file.to.to_owned(),
                    Time { millis, nanos: (rank * apart).min(A_MILLI - 1) },
                );
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Role::{Product, Source, Unclear};
    use super::*;

    const NO: Option<Edits> = Some(Edits { tracked: None, any: None });

    fn times(edits: Option<Edits>, files: &[(&str, Millis, Role)]) -> Vec<Time> {
        let written = files.iter().map(|(to, there, role)| Written {
            to: Path::new(*to),
            there: Some(*there),
            role: *role,
        });
        let times = Meanwhile { sent: 100, now: 900, edits }.times(written);
        files.iter().map(|(to, ..)| times[Path::new(to)]).collect()
    }

    #[test]
    fn what_comes_has_the_order_that_it_had_in_the_job() {
        let files = [("hello", 3, Product), ("main.c", 4, Source), ("main.o", 2, Product)];
        let [hello, source, object] = times(NO, &files)[..] else { panic!() };
        assert!(object < hello && hello < source, "{object:?} {hello:?} {source:?}");
        assert_eq!([object.millis, hello.millis, source.millis], [900; 3]);
        // At the same moment.
        let same = times(NO, &[("gen.c", 3, Source), ("hello", 3, Product), ("x", 3, Product)]);
        assert!(same[1] == same[2] && same[1] < same[0], "{same:?}");
    }

    #[test]
    fn what_was_edited_meanwhile_is_newer_than_each_product_and_older_than_each_source() {
        let any = |any| Some(Edits { tracked: None, any: Some(any) });
        let tracked = |at| Some(Edits { tracked: Some(at), any: Some(at) });
        for (edits, [product, unclear]) in [
            (any(500), [499, 900]),
            (tracked(500), [499, 499]),
            // What came from elsewhere may be older than the submission.
            (tracked(50), [49, 49]),
            // By a clock that is ahead.
            (tracked(5000), [900, 900]),
            (None, [100, 100]),
        ] {
            let files = [("main.c", 2, Source), ("new.c", 3, Unclear), ("hello", 4, Product)];
            let millis: Vec<_> = times(edits, &files).iter().map(|time| time.millis).collect();
            assert_eq!(millis, [900, unclear, product], "{edits:?}");
        }
        let mut edits = Edits::default();
        for (at, is_tracked) in [(7, false), (9, true), (8, false)] {
            edits.add(at, is_tracked);
        }
        assert_eq!(edits, Edits { tracked: Some(9), any: Some(7) });
    }

    proptest! {
        #[test]
        fn however_many_come_they_stay_within_a_milli(there in prop::collection::vec(0..5000_i64, 1..3000)) {
            let names: Vec<_> = (0..there.len()).map(|it| it.to_string()).collect();
            let files: Vec<_> = names.iter().zip(&there).map(|(name, at)| (name.as_str(), *at, Product)).collect();
            let times = times(NO, &files);
            for (one, at) in times.iter().zip(&there) {
                prop_assert!(one.millis == 900 && one.nanos < A_MILLI);
                for (other, then) in times.iter().zip(&there).take(50) {
                    prop_assert_eq!(one.cmp(other), at.cmp(then));
                }
            }
        }
    }
}
