//! Who has what a job waits for on this machine. Pure.

use std::cmp::Reverse;

use crate::engine::Explanation;
use crate::job::Resources;
use crate::ledger::{Holding, WorkerRecord};

/// So many of the jobs that have what another waits for are named.
const NAMED: usize = 3;

/// Finds how much is left of what a job asks for, and who has the rest. `takers`: the workers that
/// would take it. True: one of them has room for it.
pub fn room(
    explanation: &mut Explanation,
    asked: &Resources,
    takers: &[WorkerRecord],
    mut held: Vec<Holding>,
) -> bool {
    held.retain(|job| takers.iter().any(|worker| worker.seq == job.worker));
    let free = |worker: &WorkerRecord| {
        let its = held.iter().filter(|job| job.worker == worker.seq);
        its.fold(worker.worker.capacity, |free, job| free.less(&job.resources))
    };
    let by_room = |free: &Resources| (asked.fits_in(free), free.vcpus, free.memory, free.gpus);
    let Some(free) = takers.iter().map(free).max_by_key(by_room) else { return false };
    let on = match takers.len() {
        1 => String::new(),
        several => format!(" on the emptiest of {several} workers"),
    };
    explanation.find(format!("it asks for {asked}; free{on}: {free}"));
    explanation.free = Some(free);
    // Of what is short they have most.
    held.sort_by_key(|job| {
        let has = job.resources;
        let short = (
            if asked.gpus > free.gpus { has.gpus } else { 0 },
            if asked.vcpus > free.vcpus { has.vcpus.thousandths() } else { 0 },
            if asked.memory > free.memory { has.memory.as_mib() } else { 0 },
        );
        Reverse((short, has.vcpus, has.memory))
    });
    let more = held.len().saturating_sub(NAMED);
    held.truncate(NAMED);
    let named: Vec<_> = held
        .iter()
        .map(|job| format!("{} {} ({})", job.id.short(), job.name, job.resources))
        .collect();
    if !named.is_empty() {
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        explanation.find(format!("taken by {}{more}", named.join(", ")));
    }
    explanation.holders = held;
    asked.fits_in(&free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobId, Memory, Queue, Vcpus};
    use crate::ledger::NewWorker;

    fn size(vcpus: u32, mib: u32) -> Resources {
        Resources {
            vcpus: Vcpus::from_thousandths(vcpus * 1000),
            memory: Memory::of_machine(mib),
            gpus: 0,
        }
    }

    fn worker(seq: i64, capacity: Resources) -> WorkerRecord {
        let worker = NewWorker {
            id: seq.to_string(),
            pid: 1,
            background: true,
            boot: String::new(),
            capacity,
            queues: Queue::ALL.to_vec(),
        };
        WorkerRecord { seq, worker, started_at: 0, lease: None }
    }

    fn holding(worker: i64, name: &str, resources: Resources) -> Holding {
        Holding { id: JobId::new(uuid::Uuid::nil()), name: name.to_owned(), worker, resources }
    }

    fn found(asked: Resources, takers: &[WorkerRecord], held: Vec<Holding>) -> (bool, String) {
        let mut explanation = Explanation::default();
        let has_room = room(&mut explanation, &asked, takers, held);
        (has_room, explanation.findings.join("\n").replace("00000000 ", ""))
    }

    #[test]
    fn those_that_have_most_of_what_is_short_are_named() {
        let held = vec![
            holding(1, "small", size(1, 10)),
            holding(1, "tiny", size(1, 5)),
            holding(1, "fat", size(1, 900)),
            holding(1, "wide", size(4, 20)),
            holding(9, "elsewhere", size(64, 9000)),
        ];
        let takers = [worker(1, size(8, 1000))];
        let (has_room, told) = found(size(2, 10), &takers, held.clone());
        assert!(!has_room);
        assert_eq!(
            told,
            "it asks for 2 vCPU, 10 MiB; free: 1 vCPU, 65 MiB\n\
             taken by wide (4 vCPU, 20 MiB), fat (1 vCPU, 900 MiB), small (1 vCPU, 10 MiB) and 1 more"
        );
        let (_, told) = found(size(1, 500), &takers, held);
        assert!(told.contains("taken by fat (1 vCPU, 900 MiB), wide"), "{told}");
    }

    #[test]
    fn the_emptiest_worker_counts() {
        let takers = [worker(1, size(1, 100)), worker(2, size(4, 100))];
        let held = vec![holding(1, "one", size(1, 1)), holding(2, "two", size(2, 1))];
        let (has_room, told) = found(size(2, 10), &takers, held);
        assert!(has_room);
        assert!(
            told.starts_with("it asks for 2 vCPU, 10 MiB; free on the emptiest of 2 workers: 2"),
            "{told}"
        );
    }
}
