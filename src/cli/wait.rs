//! `computes wait`: wait for jobs to be over.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use clap::Args;

use super::context::{Context, block_on};
use super::error::Failure;
use super::follow::{self, End, First, Followed, Others};
use super::interrupts::Interrupts;
use super::news::News;
use super::outputs;
use crate::engine::Engines;
use crate::job::{JobId, JobRef};
use crate::ledger::Filter;

#[derive(Debug, Args)]
pub struct Options {
    /// Ids, the beginning of ids, or `last`
    #[arg(required_unless_present = "all", value_name = "JOB")]
    jobs: Vec<JobRef>,
    /// Every job that is not over yet
    #[arg(long, conflicts_with = "jobs")]
    all: bool,
    /// Stop waiting after so long, with exit code 124; the jobs go on
    #[arg(long, value_name = "DURATION")]
    limit: Option<String>,
    /// Cancel the jobs on Ctrl-C or SIGTERM, without asking; for CI
    #[arg(long)]
    cancel_on_interrupt: bool,
    #[command(flatten)]
    get: outputs::Get,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let limit =
        options.limit.as_deref().map(|text| super::run::parse("--limit", text)).transpose()?;
    options.get.check(context)?;
    let Some(first) = options.jobs.first() else {
        let Some(ledger) = context.ledger()? else { return Ok(0) };
        let mut jobs = ledger.list(&Filter::unfinished())?;
        jobs.reverse();
        let ids: Vec<_> = jobs.into_iter().map(|job| job.id).collect();
        drop(ledger);
        return block_on(async { wait(context.engines()?, &ids, limit, options, context).await });
    };
    let mut engines = context.engines_of_existing(first)?;
    block_on(async {
        let ids = engines.find_all(&options.jobs).await?;
        wait(engines, &ids, limit, options, context).await
    })
}

/// Each end is told when it comes; the exit code is that of the first in the order given.
async fn wait(
    mut engines: Engines<'_>,
    ids: &[JobId],
    limit: Option<std::time::Duration>,
    options: &Options,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let mut interrupts = Interrupts::new(limit)?;
    let mut watch = engines.watch()?;
    let progress = context.output.progress(ids.len() as u64);
    let cancel_on_interrupt = options.cancel_on_interrupt;
    let how = follow::Options { log: None, cancel_on_interrupt, may_cancel: true };
    let mut left = ids.to_vec();
    let (mut failures, mut over) = (BTreeMap::new(), VecDeque::new());
    let (mut others, mut news) = (Others::default(), BTreeMap::new());
    // Those that are over by now, else the first of the rest.
    while let Some(job) = over.pop_front().or_else(|| left.first().copied()) {
        let beside = left.iter().copied().filter(|it| *it != job);
        let jobs: Vec<_> = std::iter::once(job).chain(beside).collect();
        let news = news.entry(job).or_insert_with(|| News::new(job));
        let followed = Followed { jobs: &jobs, news, others: &mut others };
        let watch = &mut *watch;
        match follow::follow(&mut engines, watch, &mut interrupts, followed, &how, context).await? {
            First::End(End::Over(record)) => {
                let (get, interrupts) = (&options.get, &mut interrupts);
                let ended = outputs::over(&mut engines, *record, get, interrupts, context);
                let exit_code = match ended.await {
                    Ok(ControlFlow::Continue(exit_code)) => exit_code,
                    Ok(ControlFlow::Break(code)) => return get.say_left(&left, code, context),
                    // What can't be had of the one is no reason to leave the others.
                    Err(failure) if ids.len() > 1 => {
                        let hint = failure.hint.iter().map(|hint| format!("; {hint}"));
                        let told = failure.message() + &hint.collect::<String>();
                        context.output.warning(&told);
                        failure.exit_code()
                    }
                    Err(failure) => return Err(failure),
                };
                if exit_code != 0 {
                    failures.insert(job, exit_code);
                }
                left.retain(|it| *it != job);
                progress.one_more();
            }
            First::End(End::Left(exit_code)) => {
                return follow::say_left(&mut engines, &left, exit_code, context);
            }
            First::Others(ended) => over = ended.into(),
        }
    }
    Ok(ids.iter().find_map(|id| failures.get(id).copied()).unwrap_or(0))
}
