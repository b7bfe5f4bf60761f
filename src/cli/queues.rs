//! `computes queues`: the four queues, and who works on them.

use clap::Args;

use super::context::{Context, block_on};
use super::error::Failure;
use super::output::{self, AwsQueueView, QueueView, WorkerView};
use crate::engine::aws::{AwsEngine, QueueOnAws, Trouble};
use crate::engine::{EngineName, local};
use crate::job::Queue;
use crate::ledger::{Counts, Durability, Ledger};

#[derive(Debug, Args)]
pub struct Options {
    /// Show the workers instead
    #[arg(long)]
    workers: bool,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    if context.config.engine == EngineName::Aws && !options.workers {
        return on_aws(context);
    }
    let (counts, workers) = match context.ledger()? {
        Some(ledger) => (
            ledger.counts(EngineName::Local.as_str())?,
            local::live_workers(&context.config.state_dir, &ledger)?,
        ),
        None => (Counts::new(), Vec::new()),
    };
    if options.workers {
        if context.output.json {
            let mut views = workers.iter().map(WorkerView::new);
            return views.try_for_each(|worker| context.output.json_line(&worker)).map(|()| 0);
        }
        if !workers.is_empty() {
            let lines = output::worker_lines(&workers, context.output.look());
            context.output.data(lines.as_bytes())?;
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
        aws: None,
    };
    let queues = Queue::ALL.map(view);
    if context.output.json {
        return queues.iter().try_for_each(|queue| context.output.json_line(queue)).map(|()| 0);
    }
    context.output.data(output::queue_lines(&queues, context.output.look()).as_bytes())?;
    Ok(0)
}

/// The queues as AWS has them, with everybody's jobs.
fn on_aws(context: &Context<'_>) -> Result<u8, Failure> {
    let mut aws = context.aws();
    let views = block_on(async {
        let mut views = Vec::new();
        let mut is_told = false;
        let queues = aws.queues(&Queue::ALL).await?;
        remember(&mut aws, &queues, context).await;
        for on_aws in queues {
            let queue = on_aws.queue;
            let jobs = match aws.count(queue).await {
                Err(error) if error.trouble() == Trouble::Denied => {
                    if !std::mem::replace(&mut is_told, true) {
                        let why = Failure::from(error).message();
                        context.output.note(&format!("jobs are not counted: {why}"));
                    }
                    std::collections::BTreeMap::new()
                }
                Err(error) if on_aws.there.is_none() => {
                    tracing::debug!(%error, "a queue that is not there has no jobs");
                    std::collections::BTreeMap::new()
                }
                counts => counts?,
            };
            views.push(QueueView {
                queue,
                priority: queue.priority(),
                interruptible: queue.interruptible(),
                about: queue.about(),
                jobs,
                workers: 0,
                aws: Some(AwsQueueView::new(&on_aws)),
            });
        }
        Ok(views)
    })?;
    if context.output.json {
        return views.iter().try_for_each(|queue| context.output.json_line(queue)).map(|()| 0);
    }
    context.output.data(output::aws_queue_lines(&views, context.output.look()).as_bytes())?;
    Ok(0)
}

/// Which of them are on Fargate is of use to a submit, which may not ask. Whoever looks has an answer
/// without it.
pub async fn remember(aws: &mut AwsEngine<'_>, queues: &[QueueOnAws], context: &Context<'_>) {
    if queues.is_empty() {
        return;
    }
    let kept = async {
        let is_any = queues.iter().any(QueueOnAws::is_fargate);
        let made = is_any.then(|| Ledger::open(&context.config.state_dir, Durability::PowerCut));
        let ledger = match made {
            Some(made) => Some(made?),
            None => context.ledger()?,
        };
        match ledger {
            Some(mut ledger) => Ok::<_, Failure>(aws.remember(&mut ledger, queues).await?),
            None => Ok(()),
        }
    };
    if let Err(failure) = kept.await {
        let why = failure.message();
        context.output.note(&format!("which queues are on Fargate is not remembered: {why}"));
    }
}
