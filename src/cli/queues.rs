//! `computes queues`: the four queues, and who works on them.

use clap::Args;

use super::context::Context;
use super::error::Failure;
use super::output::{self, QueueView, WorkerView};
use crate::engine::local;
use crate::job::Queue;
use crate::ledger::Counts;

#[derive(Debug, Args)]
pub struct Options {
    /// Show the workers instead
    #[arg(long)]
    workers: bool,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let (counts, workers) = match context.ledger()? {
        Some(ledger) => {
            (ledger.counts()?, local::live_workers(&context.config.state_dir, &ledger)?)
        }
        None => (Counts::new(), Vec::new()),
    };
    if options.workers {
        for worker in &workers {
            let view = WorkerView::new(worker);
            if context.output.json {
                context.output.json_line(&view)?;
            } else {
                let kind = if view.background { "background" } else { "foreground" };
                context.output.line(&format!(
                    "{}  pid {}  {kind}  {}",
                    view.id, view.pid, worker.worker.capacity
                ))?;
            }
        }
        return Ok(0);
    }
    let view = |queue: Queue| QueueView {
        queue,
        priority: queue.priority(),
        interruptible: queue.interruptible(),
        about: queue.about(),
        jobs: counts
            .iter()
            .filter(|((of, _), _)| *of == queue)
            .map(|((_, state), count)| (*state, *count))
            .collect(),
        workers: workers.iter().filter(|worker| worker.worker.queues.contains(&queue)).count(),
    };
    let queues = Queue::ALL.map(view);
    if context.output.json {
        return queues.iter().try_for_each(|queue| context.output.json_line(queue)).map(|()| 0);
    }
    context.output.data(output::queue_lines(&queues).as_bytes())?;
    Ok(0)
}
