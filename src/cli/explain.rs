//! `computes explain`: why a job waits or why it ended, and what to do.

use clap::Args;

use super::context::{Context, block_on};
use super::error::Failure;
use super::meant;
use super::news::how_it_ended;
use super::output::{self, ExplanationView};
use crate::engine::Engines;
use crate::job::JobRef;

#[derive(Debug, Args)]
pub struct Options {
    /// An id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    job: JobRef,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let mut engines = context.engines_of_existing(&options.job)?;
    let view = block_on(explain(options, &mut engines))?;
    if context.output.json {
        context.output.json_line(&view)?;
    } else {
        context.output.data(output::explanation_lines(&view).as_bytes())?;
    }
    Ok(0)
}

async fn explain(options: &Options, engines: &mut Engines<'_>) -> Result<ExplanationView, Failure> {
    let id = engines.find(&options.job).await?;
    // Whether the engine can be asked shows when it explains.
    engines.refresh(&[id]).await?;
    let mut explanation = engines.explain(id).await?;
    let job = engines.ledger().job(id)?;
    for attempt in engines.ledger().attempts(&job)? {
        if let Some(why) = &attempt.retry_reason {
            let (number, ended) = (attempt.number, how_it_ended(&attempt));
            let told = format!("attempt {number} failed: {ended}; another followed: {why}");
            explanation.findings.push(told);
        }
    }
    explanation.hints.extend(meant::hints(&job));
    Ok(ExplanationView::new(&job, explanation))
}
