//! `computes cancel`: end jobs, whatever state they are in.

use clap::Args;

use super::context::{Context, block_on};
use super::error::{Doing, Failure};
use super::output::JobView;
use crate::engine::{Cancelled, Engines};
use crate::job::{JobId, JobRef};

#[derive(Debug, Args)]
pub struct Options {
    /// Ids, the beginning of ids, or `last`
    #[arg(required = true, value_name = "JOB")]
    jobs: Vec<JobRef>,
    /// Why; it is kept with the job
    #[arg(long, value_name = "TEXT", default_value = "cancelled by the user")]
    reason: String,
}

/// CancelJob and TerminateJob: at most 1,024 characters.
const LONGEST_REASON: usize = 1024;

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    if options.reason.chars().count() > LONGEST_REASON {
        return Err(Failure::usage(
            format!("the reason is longer than {LONGEST_REASON} characters"),
            "AWS Batch takes no more; shorten it",
        ));
    }
    let Some(first) = options.jobs.first() else { return Ok(0) };
    let mut engines = context.engines_of_existing(first)?;
    // All are found before the first is cancelled, so that a typing error changes nothing.
    let mut ids = block_on(async { Ok(engines.find_all(&options.jobs).await?) })?;
    // Those that wait go first: the end of one that runs would let them start.
    let mut held = Vec::new();
    for id in std::mem::take(&mut ids) {
        let is_held = engines.ledger().standing(id)?.state.is_held();
        if is_held { held.push(id) } else { ids.push(id) }
    }
    ids.append(&mut held);
    // One that can't be ended keeps no other alive.
    let mut failed = None;
    for id in ids {
        failed = failed.or(cancel(id, options, &mut engines, context).err());
    }
    failed.map_or(Ok(0), Err)
}

fn cancel(
    id: JobId,
    options: &Options,
    engines: &mut Engines<'_>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let short = id.short();
    let what = block_on(async {
        engines.cancel(id, &options.reason).await.doing(|| format!("cancel {short}"))
    })?;
    if context.output.json {
        let record = engines.ledger().job(id)?;
        return context.output.json_line(&JobView::new(&record, &context.config.state_dir));
    }
    match what {
        Cancelled::AtOnce => context.output.status(&format!("{short} cancelled")),
        Cancelled::Asked => context.output.status(&format!("{short} is being ended")),
        Cancelled::TooLate => {
            let state = engines.ledger().standing(id)?.state;
            context.output.status(&format!("{short} is over already: {state}"));
        }
    }
    Ok(())
}
