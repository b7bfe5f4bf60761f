//! `computes status`: all that is known of some jobs.

use clap::Args;

use super::context::{Context, block_on};
use super::error::Failure;
use super::output::{self, JobView};
use crate::job::JobRef;

#[derive(Debug, Args)]
pub struct Options {
    /// Ids, the beginning of ids, or `last`
    #[arg(required = true, value_name = "JOB")]
    jobs: Vec<JobRef>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let Some(first) = options.jobs.first() else { return Ok(0) };
    let mut engines = context.engines_of_existing(first)?;
    let ids = block_on(async {
        let ids = engines.find_all(&options.jobs).await?;
        if let Some(error) = engines.refresh(&ids).await?.later {
            let why = Failure::from(error).message();
            context.output.warning(&format!("as it was when last looked at: {why}"));
        }
        Ok(ids)
    })?;
    let ledger = engines.ledger();
    let dir = &context.config.state_dir;
    for (index, id) in ids.into_iter().enumerate() {
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
