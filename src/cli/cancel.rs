//! `computes cancel`: end jobs, whatever state they are in.

use clap::Args;

use super::context::{Context, block_on, find_all};
use super::error::{Doing, Failure};
use super::output::JobView;
use crate::engine::Cancelled;
use crate::job::JobRef;

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
    let mut engine = context.engine_of_existing(first)?;
    // All are found before the first is cancelled, so that a typing error changes nothing.
    let mut ids = find_all(engine.ledger(), &options.jobs)?;
    // Those that wait go first: the end of one that runs would let them start.
    let mut held = Vec::new();
    for id in std::mem::take(&mut ids) {
        let is_held = engine.ledger().standing(id)?.0.is_held();
        if is_held { held.push(id) } else { ids.push(id) }
    }
    ids.append(&mut held);
    for id in ids {
        let what = block_on(async {
            engine.cancel(id, &options.reason).await.doing(|| format!("cancel {}", id.short()))
        })?;
        let short = id.short();
        if context.output.json {
            let record = engine.ledger().job(id)?;
            context.output.json_line(&JobView::new(&record, &context.config.state_dir))?;
            continue;
        }
        match what {
            Cancelled::AtOnce => context.output.status(&format!("{short} cancelled")),
            Cancelled::Asked => context.output.status(&format!("{short} is being ended")),
            Cancelled::TooLate => {
                let (state, _) = engine.ledger().standing(id)?;
                context.output.status(&format!("{short} is over already: {state}"));
            }
        }
    }
    Ok(0)
}
