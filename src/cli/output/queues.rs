//! The tables of queues and of those who work on them.

use super::aws::{AwsQueueView, EnvironmentView};
use super::json::QueueView;
use super::table::{Cell, Colour, Column, Give, Look, table};
use crate::job::{Queue, State};
use crate::ledger::WorkerRecord;

const QUEUE: Column = Column { heading: "QUEUE", give: Give::Nothing };
const PRIORITY: Column = Column { heading: "PRIORITY", give: Give::All(2) };
const QUEUED: Column = Column { heading: "QUEUED", give: Give::Nothing };
const RUNNING: Column = Column { heading: "RUNNING", give: Give::Nothing };

/// The queues of this machine.
pub fn queue_lines(queues: &[QueueView], look: Look) -> String {
    let headings = [
        QUEUE,
        PRIORITY,
        QUEUED,
        RUNNING,
        Column { heading: "WORKERS", give: Give::All(1) },
        Column { heading: "ABOUT", give: Give::ToThenAll(20, 3) },
    ];
    let row = |queue: &QueueView| {
        let [name, priority, waiting, running] = beginning(queue, queue.priority.to_string());
        vec![name, priority, waiting, running, queue.workers.to_string().into(), queue.about.into()]
    };
    table(&headings, &queues.iter().map(row).collect::<Vec<_>>(), look)
}

/// The workers of this machine.
pub fn worker_lines(workers: &[WorkerRecord], look: Look) -> String {
    let headings = [
        Column { heading: "WORKER", give: Give::To(9) },
        Column { heading: "SIZE", give: Give::Nothing },
        Column { heading: "KIND", give: Give::All(2) },
        Column { heading: "QUEUES", give: Give::ToThenAll(20, 1) },
        Column { heading: "PROCESS", give: Give::Nothing },
    ];
    let row = |record: &WorkerRecord| {
        let worker = &record.worker;
        let is_for_all = Queue::ALL.iter().all(|queue| worker.queues.contains(queue));
        let queues: Vec<_> = worker.queues.iter().map(|queue| queue.as_str()).collect();
        vec![
            worker.id.as_str().into(),
            worker.capacity.to_string().into(),
            if worker.background { "background" } else { "foreground" }.into(),
            if is_for_all { "all".into() } else { queues.join(", ").into() },
            format!("pid {}", worker.pid).into(),
        ]
    };
    table(&headings, &workers.iter().map(row).collect::<Vec<_>>(), look)
}

/// The queues as AWS has them.
pub fn aws_queue_lines(queues: &[QueueView], look: Look) -> String {
    let headings = [
        QUEUE,
        PRIORITY,
        QUEUED,
        RUNNING,
        Column { heading: "STATE", give: Give::Nothing },
        Column { heading: "COMPUTE ENVIRONMENTS", give: Give::ToThenAll(20, 1) },
    ];
    let row = |(queue, aws): (&QueueView, &AwsQueueView)| {
        let priority = aws.priority.map_or_else(String::new, |priority| priority.to_string());
        let [name, priority, waiting, running] = beginning(queue, priority);
        let environments = aws.compute_environments.iter().map(environment).collect::<Vec<_>>();
        vec![name, priority, waiting, running, state(aws), environments.join(", ").into()]
    };
    let there = queues.iter().filter_map(|queue| Some((queue, queue.aws.as_ref()?)));
    table(&headings, &there.map(row).collect::<Vec<_>>(), look)
}

fn beginning(queue: &QueueView, priority: String) -> [Cell; 4] {
    let count = |state: State| queue.jobs.get(state.as_str()).copied().unwrap_or(0);
    let running = count(State::Running) + count(State::Starting);
    let some = |count: u64, colour| {
        Cell::new(&count.to_string(), if count > 0 { colour } else { Colour::Plain })
    };
    [
        queue.queue.as_str().into(),
        priority.into(),
        some(count(State::Queued), Colour::Warning),
        some(running, Colour::Busy),
    ]
}

fn state(aws: &AwsQueueView) -> Cell {
    let (Some(state), Some(status)) = (&aws.state, &aws.status) else {
        return Cell::new("not there", Colour::Bad);
    };
    let works = state == "ENABLED" && status == "VALID";
    Cell::new(&format!("{state} {status}"), if works { Colour::Good } else { Colour::Bad })
}

fn environment(it: &EnvironmentView) -> String {
    let of = |count: Option<i32>| count.map_or("?".to_owned(), |it| it.to_string());
    let (wanted, most) = (of(it.wanted_vcpus), of(it.most_vcpus));
    let how = if it.works { String::new() } else { format!(" {} {}", it.state, it.status) };
    format!("{} ({}, {wanted} of {most} vCPUs){how}", it.name, it.kind)
}
