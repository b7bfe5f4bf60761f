//! `computes logs`: what jobs wrote to stdout and stderr.

use clap::Args;

use super::context::{Context, block_on};
use super::error::{Failure, Kind};
use super::follow::{self, End};
use super::follow_logs;
use super::interrupts::Interrupts;
use super::log_lines::How;
use super::output::Label;
use super::tail::Tail;
use crate::engine::Engines;
use crate::engine::aws::unwritten_end;
use crate::job::{FailureClass, JobId, JobRef};
use crate::ledger::Standing;

#[derive(Debug, Args)]
pub struct Options {
    /// Ids, the beginning of ids, or `last`; with several the job's name is before each line
    #[arg(required = true, value_name = "JOB")]
    jobs: Vec<JobRef>,
    /// Go on until the jobs are over
    #[arg(long, short)]
    follow: bool,
    /// Only so many lines at the end; with --follow of the newest attempt, and all that follows
    #[arg(long, short = 'n', value_name = "N")]
    tail: Option<usize>,
    /// When each line was written; of jobs on this machine to a second
    #[arg(long, short)]
    timestamps: bool,
    /// Which attempt, from 1; without it the newest, or all with --follow
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    attempt: Option<u32>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let Some(first) = options.jobs.first() else { return Ok(0) };
    let mut engines = context.engines_of_existing(first)?;
    block_on(show(options, &mut engines, context))
}

async fn show(
    options: &Options,
    engines: &mut Engines<'_>,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let ids = engines.find_all(&options.jobs).await?;
    let hows = hows(options, &ids, engines)?;
    if !options.follow {
        engines.refresh(&ids).await?.by_now()?;
        let mut jobs = ids.into_iter().zip(hows);
        // One after the other, so that each is whole.
        for (id, how) in &mut jobs {
            show_one(id, how, options.attempt, engines, context).await?;
        }
        return Ok(0);
    }
    let mut interrupts = Interrupts::new(None)?;
    let mut watch = engines.watch()?;
    let end = if let ([id], [how]) = (ids.as_slice(), hows.as_slice()) {
        let follow = follow::Options { log: Some(how.clone()), ..follow::Options::default() };
        follow::follow_one(engines, &mut *watch, &mut interrupts, *id, &follow, context).await?
    } else {
        let mut logs = follow_logs::Logs::new(&ids, hows, engines)?;
        logs.follow(engines, &mut *watch, &mut interrupts, context).await?
    };
    match end {
        // Nobody is left to tell that nobody reads.
        End::Left(0) => Ok(0),
        End::Over(record) => {
            if let Some(doubt) = follow::unseen(&record) {
                context.output.warning(&doubt);
            }
            Ok(0)
        }
        End::Left(code) => follow::say_left(engines, &ids, code, context),
    }
}

/// How the log of each job is shown.
fn hows(options: &Options, ids: &[JobId], engines: &mut Engines<'_>) -> Result<Vec<How>, Failure> {
    let how = How { timestamps: options.timestamps, last: options.tail, label: None };
    if ids.len() == 1 {
        return Ok(vec![how]);
    }
    let mut names = Vec::new();
    for id in ids {
        names.push((engines.ledger().job(*id)?.plan.spec.name.to_string(), id.short()));
    }
    let labels = Label::of_all(&names).into_iter();
    Ok(labels.map(|label| How { label: Some(label), ..how.clone() }).collect())
}

async fn show_one(
    id: JobId,
    how: How,
    attempt: Option<u32>,
    engines: &mut Engines<'_>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let standing = engines.ledger().standing(id)?;
    let (state, newest) = (standing.state, standing.attempt);
    let Some(attempt) = attempt_of(id, attempt, &standing, context)? else { return Ok(()) };
    let job = engines.ledger().job(id)?;
    if job.is_here() && job.class == Some(FailureClass::StartFailed) && attempt == newest {
        let why = job.reason.as_deref().unwrap_or_default();
        context.output.note(&format!("{} could not be started: {why}", id.short()));
    }
    let mut tail = Tail::of_attempt(id, attempt, how, engines)?;
    // Of an attempt that goes on nothing is waited for.
    if state.is_terminal() || attempt < newest {
        tail.finish(engines, context).await?;
    } else {
        tail.so_far(engines, context).await?;
    }
    for doubt in tail.doubts() {
        context.output.warning(&doubt);
    }
    if let Some(theirs) = unwritten_end(&standing).filter(|_| attempt == newest) {
        context.output.note(&format!(
            "{} is over on AWS Batch ({}), and more of its log may come",
            id.short(),
            theirs.as_str()
        ));
    }
    match tail.failure() {
        Some(error) => Err(Failure::from(error).doing(format!("show the log of {}", id.short()))),
        None => Ok(()),
    }
}

/// The attempt that is meant; none of a job that has not started.
fn attempt_of(
    id: JobId,
    wanted: Option<u32>,
    standing: &Standing,
    context: &Context<'_>,
) -> Result<Option<u32>, Failure> {
    let error = match (wanted, standing.attempt) {
        (None, 0) => {
            let short = id.short();
            context.output.note(&if standing.state.is_terminal() {
                format!("{short} never started, so it wrote nothing")
            } else {
                format!("{short} has not started, so it wrote nothing yet")
            });
            return Ok(None);
        }
        (None, newest) => return Ok(Some(newest)),
        (Some(wanted), newest) if (1..=newest).contains(&wanted) => return Ok(Some(wanted)),
        (Some(wanted), 0) => {
            anyhow::anyhow!("there is no attempt {wanted}: the job has not started")
        }
        (Some(wanted), newest) => {
            anyhow::anyhow!("there is no attempt {wanted}: the newest is {newest}")
        }
    };
    Err(Failure { kind: Kind::Usage, error, hint: None })
}
