//! `computes status`: all that is known of some jobs.

use clap::Args;

use super::context::{Context, find_all};
use super::error::Failure;
use super::output::{self, JobView};
use crate::job::JobRef;
use crate::ledger::LedgerError;

#[derive(Debug, Args)]
pub struct Options {
    /// Ids, the beginning of ids, or `last`
    #[arg(required = true, value_name = "JOB")]
    jobs: Vec<JobRef>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let Some(ledger) = context.ledger()? else {
        let job = options.jobs.first().map(ToString::to_string).unwrap_or_default();
        return Err(LedgerError::NoSuchJob(job).into());
    };
    let dir = &context.config.state_dir;
    for (index, id) in find_all(&ledger, &options.jobs)?.into_iter().enumerate() {
        let job = ledger.job(id)?;
        let (attempts, events) = (ledger.attempts(&job)?, ledger.events(&job)?);
        let view = JobView::new(&job, dir).with_history(&job, &attempts, &events, dir);
        if context.output.json {
            context.output.json_line(&view)?;
        } else {
            let gap = if index > 0 { "\n" } else { "" };
            context.output.data(format!("{gap}{}", output::job_details(&view)).as_bytes())?;
        }
    }
    Ok(0)
}
