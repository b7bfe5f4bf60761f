//! What a worker has to do at which time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Renew the lease.
    KeepAlive,
    /// Write down what was started, if nothing else has happened since.
    WriteStarts,
    /// Wake those who wait.
    Ring,
    /// Look at the other workers.
    Peers,
    /// Remove the secrets that nobody needs any more.
    Sweep,
    /// Leave, if there is still nothing to do.
    IdleExit,
    /// Something about a job, if it is still in that attempt.
    Job { seq: i64, attempt: u32, task: Task },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    TimeOut,
    Kill,
    /// At its memory, and at how long its log is.
    Look,
    Rehearse,
}

/// Times are ms of the monotonic clock.
#[derive(Debug, Default)]
pub struct Agenda {
    heap: BinaryHeap<Reverse<(i64, Due)>>,
    /// Of what concerns no job, one entry is enough.
    single: BTreeSet<Due>,
}

impl Agenda {
    /// Of a thing that concerns the worker itself the first entry stands.
    pub fn at(&mut self, at: i64, due: Due) {
        if matches!(due, Due::Job { .. }) || self.single.insert(due) {
            self.heap.push(Reverse((at, due)));
        }
    }

    /// Forgets what concerns jobs: there is none. An idle worker sleeps until it is woken.
    pub fn clear_jobs(&mut self) {
        let stays = |due: &Due| matches!(due, Due::Peers | Due::Sweep | Due::IdleExit);
        self.heap.retain(|Reverse((_, due))| stays(due));
        self.single.retain(stays);
    }

    pub fn next(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    pub fn pop(&mut self, now: i64) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, due)) = self.heap.pop()?;
        self.single.remove(&due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_in_the_order_of_their_time() {
        let mut agenda = Agenda::default();
        let job = |seq| Due::Job { seq, attempt: 1, task: Task::TimeOut };
        agenda.at(20, job(1));
        agenda.at(10, Due::KeepAlive);
        agenda.at(15, Due::KeepAlive);
        assert_eq!(agenda.next(), Some(10));
        assert_eq!(agenda.pop(9), None);
        assert_eq!(agenda.pop(30), Some(Due::KeepAlive));
        assert_eq!(agenda.pop(30), Some(job(1)));
        assert_eq!(agenda.pop(30), None);
    }

    #[test]
    fn an_idle_worker_has_no_reason_to_wake() {
        let mut agenda = Agenda::default();
        agenda.at(10, Due::Job { seq: 1, attempt: 1, task: Task::Look });
        agenda.at(20, Due::KeepAlive);
        agenda.at(30, Due::IdleExit);
        agenda.clear_jobs();
        assert_eq!(agenda.next(), Some(30));
        agenda.at(25, Due::KeepAlive);
        assert_eq!(agenda.next(), Some(25));
    }
}
