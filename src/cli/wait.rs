//! `computes wait`: wait for jobs to be over.

use std::ops::ControlFlow;

use clap::Args;

use super::context::{Context, block_on};
use super::error::Failure;
use super::follow::{self, End};
use super::interrupts::Interrupts;
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

/// One job after the other, in the order given: while we wait for the first, the others end
/// as well, and each wake-up costs one look only.
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
    let mut first_failure = 0;
    let cancel_on_interrupt = options.cancel_on_interrupt;
    let how = follow::Options { log: None, cancel_on_interrupt, may_cancel: true };
    for index in 0..ids.len() {
        let (watch, rest) = (&mut *watch, &ids[index..]);
        let end = follow::follow(&mut engines, watch, &mut interrupts, rest, &how, context).await?;
        match end {
            End::Over(record) => {
                let (get, interrupts) = (&options.get, &mut interrupts);
                let over = outputs::over(&mut engines, *record, get, interrupts, context);
                let exit_code = match over.await? {
                    ControlFlow::Continue(exit_code) => exit_code,
                    ControlFlow::Break(code) => return get.say_left(&ids[index..], code, context),
                };
                if first_failure == 0 {
                    first_failure = exit_code;
                }
                progress.one_more();
            }
            End::Left(exit_code) => return follow::say_left(&ids[index..], exit_code, context),
        }
    }
    Ok(first_failure)
}
