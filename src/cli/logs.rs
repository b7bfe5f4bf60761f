//! `computes logs`: what a job wrote to stdout and stderr.

use clap::Args;

use super::context::{Context, block_on};
use super::error::{Failure, Kind};
use super::follow::{self, End};
use super::interrupts::Interrupts;
use super::tail::Tail;
use crate::engine::Engines;
use crate::job::JobRef;
use crate::ledger::Standing;

#[derive(Debug, Args)]
pub struct Options {
    /// An id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Go on until the job is over
    #[arg(long, short)]
    follow: bool,
    /// Which attempt, from 1; without it the newest, or all with --follow
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    attempt: Option<u32>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let mut engines = context.engines_of_existing(&options.job)?;
    block_on(show(options, &mut engines, context))
}

async fn show(
    options: &Options,
    engines: &mut Engines<'_>,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let id = engines.find(&options.job).await?;
    if options.follow {
        let mut interrupts = Interrupts::new(None)?;
        let mut watch = engines.watch()?;
        let follow = follow::Options { log: true, ..follow::Options::default() };
        let end =
            follow::follow(engines, &mut *watch, &mut interrupts, &[id], follow, context).await?;
        return match end {
            // Nobody is left to tell that nobody reads.
            End::Over(_) | End::Left(0) => Ok(0),
            End::Left(code) => follow::say_left(&[id], code, context),
        };
    }
    engines.refresh(&[id]).await?.by_now()?;
    let Standing { state, attempt: newest, .. } = engines.ledger().standing(id)?;
    let attempt = options.attempt.unwrap_or(newest);
    if attempt == 0 || attempt > newest {
        let error = match (options.attempt, newest) {
            (None, _) => {
                context
                    .output
                    .note(&format!("{} has not started, so it wrote nothing yet", id.short()));
                return Ok(0);
            }
            (Some(wanted), 0) => {
                anyhow::anyhow!("there is no attempt {wanted}: the job has not started")
            }
            (Some(wanted), newest) => {
                anyhow::anyhow!("there is no attempt {wanted}: the newest is {newest}")
            }
        };
        return Err(Failure { kind: Kind::Usage, error, hint: None });
    }
    let mut tail = Tail::of_attempt(id, attempt, engines)?;
    // Of an attempt that goes on nothing is waited for.
    if state.is_terminal() || attempt < newest {
        tail.finish(engines, context).await?;
    } else {
        tail.so_far(engines, context).await?;
    }
    for doubt in tail.doubts() {
        context.output.warning(&doubt);
    }
    match tail.failure() {
        Some(error) => Err(Failure::from(error).doing(format!("show the log of {}", id.short()))),
        None => Ok(0),
    }
}
