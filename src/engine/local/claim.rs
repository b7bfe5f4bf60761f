//! Which of the queued jobs a worker takes. Pure.
//!
//! Jobs are offered in the order of their rank. A small one may pass a large one that does
//! not fit just now, but only for a while: then nobody passes it, and room gathers.

use std::collections::BTreeMap;

use crate::job::{Queue, Resources};
use crate::ledger::{Candidate, Millis};

/// How long a job that fits the worker is passed by others.
const PATIENCE: Millis = 30_000;

/// Since when each job was passed by, by its number in the ledger.
#[derive(Debug, Default)]
pub struct Passed(BTreeMap<i64, Millis>);

pub struct Claim<'a> {
    queues: &'a [Queue],
    capacity: Resources,
    free: Resources,
    passed: &'a mut Passed,
    now: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Take,
    Leave,
    /// Nothing that comes after may be taken.
    Stop,
}

impl<'a> Claim<'a> {
    /// `now` is of a clock that never jumps.
    pub fn new(
        queues: &'a [Queue],
        capacity: Resources,
        free: Resources,
        passed: &'a mut Passed,
        now: Millis,
    ) -> Self {
        Self { queues, capacity, free, passed, now }
    }

    pub fn consider(&mut self, job: &Candidate) -> Choice {
        if self.free.is_used_up() {
            Choice::Stop
        } else if !self.queues.contains(&job.queue) || !job.resources.fits_in(&self.capacity) {
            Choice::Leave
        } else if job.resources.fits_in(&self.free) {
            self.free = self.free.less(&job.resources);
            Choice::Take
        } else {
            let since = *self.passed.0.entry(job.seq).or_insert(self.now);
            if self.now - since >= PATIENCE { Choice::Stop } else { Choice::Leave }
        }
    }
}

impl Passed {
    pub fn forget(&mut self, seq: i64) {
        self.0.remove(&seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Memory, Vcpus};
    use proptest::prelude::*;

    fn size(vcpus: u32) -> Resources {
        Resources {
            vcpus: Vcpus::from_thousandths(vcpus * 1000),
            memory: Memory::of_machine(vcpus * 100),
            gpus: 0,
        }
    }

    fn job(seq: i64, vcpus: u32) -> Candidate {
        Candidate { seq, attempt: 0, queue: Queue::Default, resources: size(vcpus) }
    }

    fn take(passed: &mut Passed, free: u32, jobs: &[Candidate], now: Millis) -> Vec<i64> {
        let mut claim = Claim::new(&Queue::ALL, size(4), size(free), passed, now);
        let mut taken = Vec::new();
        for job in jobs {
            match claim.consider(job) {
                Choice::Take => taken.push(job.seq),
                Choice::Leave => {}
                Choice::Stop => break,
            }
        }
        taken
    }

    #[test]
    fn a_small_job_passes_a_large_one_for_a_while_only() {
        let mut passed = Passed::default();
        let queue = [job(1, 4), job(2, 1)];
        assert_eq!(take(&mut passed, 2, &queue, 0), [2]);
        assert_eq!(take(&mut passed, 2, &queue, PATIENCE - 1), [2]);
        assert_eq!(take(&mut passed, 2, &queue, PATIENCE), [] as [i64; 0]);
        assert_eq!(take(&mut passed, 4, &queue, PATIENCE), [1]);
    }

    #[test]
    fn a_job_that_never_fits_here_holds_nobody_up() {
        let mut passed = Passed::default();
        let queue = [job(1, 5), job(2, 1)];
        assert_eq!(take(&mut passed, 2, &queue, 0), [2]);
        assert_eq!(take(&mut passed, 2, &queue, 10 * PATIENCE), [2]);
    }

    #[test]
    fn queues_that_are_not_the_workers_are_left() {
        let mut passed = Passed::default();
        let mut claim = Claim::new(&[Queue::Asap], size(4), size(4), &mut passed, 0);
        assert_eq!(claim.consider(&job(1, 1)), Choice::Leave);
        let asap = Candidate { queue: Queue::Asap, ..job(2, 1) };
        assert_eq!(claim.consider(&asap), Choice::Take);
    }

    proptest! {
        /// However many small jobs keep coming, a large one starts within its patience and
        /// the time that the jobs before it take.
        #[test]
        fn no_job_starves(large in 2u32..=4, lengths in prop::collection::vec(1i64..5_000, 200)) {
            let mut passed = Passed::default();
            let mut running: Vec<(Millis, u32)> = Vec::new();
            let mut next = 1;
            let mut now = 0;
            let started = loop {
                running.retain(|(until, _)| *until > now);
                let free = 4 - running.iter().map(|(_, size)| size).sum::<u32>();
                let queue: Vec<_> =
                    std::iter::once(job(0, large)).chain((next..next + 8).map(|seq| job(seq, 1))).collect();
                let taken = take(&mut passed, free, &queue, now);
                if taken.contains(&0) {
                    break now;
                }
                for seq in taken {
                    running.push((now + lengths[usize::try_from(seq).unwrap_or(0) % 200], 1));
                    next = next.max(seq + 1);
                }
                now = running.iter().map(|(until, _)| *until).min().unwrap_or(now + 1);
                prop_assert!(now < 10 * PATIENCE, "starved");
            };
            prop_assert!(started <= PATIENCE + 5_000);
        }
    }
}
