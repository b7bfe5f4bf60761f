//! When what comes from a job was written, as `make` and the like see it here.
//!
//! In the job all of it was written after all of the source. Here a source may have been edited since, and
//! something been built of one that the job changed. So products are older than the first edit, sources as
//! new as their coming, and what comes has the order that it had in the job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::ledger::Millis;

/// Since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    pub millis: Millis,
    /// Beyond those, less than one more.
    pub nanos: u32,
}

/// Something that is to come.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    pub to: &'a Path,
    /// By the clock of the job, if it tells.
    pub there: Option<Millis>,
    pub is_source: bool,
}

/// What the times here go by.
#[derive(Debug, Clone, Copy)]
pub struct Meanwhile {
    /// When what the job brought along was looked for.
    pub sent: Millis,
    pub now: Millis,
    pub edited: Edited,
}

/// Was a source edited here since?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    No,
    /// The first of them then.
    At(Millis),
    /// Nobody can tell.
    Maybe,
}

/// In nanoseconds, so that what came lies apart also where times have parts of a millionth only.
const APART: u32 = 1000;
const A_MILLI: u32 = 1_000_000;

impl Meanwhile {
    const fn products(&self) -> Millis {
        match self.edited {
            Edited::No => self.now,
            Edited::At(edited) if edited > self.sent => edited - 1,
            Edited::At(_) | Edited::Maybe => self.sent,
        }
    }

    /// The time of each by its place. Of what was written at the same moment a source is newer: what is
    /// built again needlessly is right.
    #[must_use]
    pub fn times<'a>(
        &self,
        files: impl IntoIterator<Item = Written<'a>>,
    ) -> BTreeMap<PathBuf, Time> {
        let moment = |file: &Written<'_>| (file.there, file.is_source);
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
                let millis = if file.is_source { self.now } else { self.products() };
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

    use super::*;

    fn meanwhile(edited: Edited) -> Meanwhile {
        Meanwhile { sent: 100, now: 900, edited }
    }

    fn times(edited: Edited, files: &[(&str, Millis, bool)]) -> Vec<Time> {
        let written = files.iter().map(|(to, there, is_source)| Written {
            to: Path::new(*to),
            there: Some(*there),
            is_source: *is_source,
        });
        let times = meanwhile(edited).times(written);
        files.iter().map(|(to, ..)| times[Path::new(to)]).collect()
    }

    #[test]
    fn what_comes_has_the_order_that_it_had_in_the_job() {
        let files = [("hello", 3, false), ("main.c", 4, true), ("main.o", 2, false)];
        let [hello, source, object] = times(Edited::No, &files)[..] else { panic!() };
        assert!(object < hello && hello < source, "{object:?} {hello:?} {source:?}");
        assert_eq!([object.millis, hello.millis, source.millis], [900; 3]);
        // At the same moment.
        let same = times(Edited::No, &[("gen.c", 3, true), ("hello", 3, false), ("x", 3, false)]);
        assert!(same[1] == same[2] && same[1] < same[0], "{same:?}");
    }

    #[test]
    fn what_was_edited_meanwhile_is_newer_than_each_product_and_older_than_each_source() {
        for (edited, before) in
            [(Edited::At(500), 499), (Edited::Maybe, 100), (Edited::At(100), 100)]
        {
            let made = times(edited, &[("main.c", 2, true), ("hello", 3, false)]);
            assert_eq!((made[0].millis, made[1].millis), (900, before));
        }
    }

    proptest! {
        #[test]
        fn however_many_come_they_stay_within_a_milli(there in prop::collection::vec(0..5000_i64, 1..3000)) {
            let names: Vec<_> = (0..there.len()).map(|it| it.to_string()).collect();
            let files: Vec<_> = names.iter().zip(&there).map(|(name, at)| (name.as_str(), *at, false)).collect();
            let times = times(Edited::No, &files);
            for (one, at) in times.iter().zip(&there) {
                prop_assert!(one.millis == 900 && one.nanos < A_MILLI);
                for (other, then) in times.iter().zip(&there).take(50) {
                    prop_assert_eq!(one.cmp(other), at.cmp(then));
                }
            }
        }
    }
}
