//! `computes submit`: hand jobs over and print their ids.

use clap::Args;

use super::context::{Context, block_on};
use super::error::Failure;
use super::job_options::JobOptions;
use super::output::JobView;
use super::submission;
use crate::engine::Submission;

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    job: JobOptions,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let submissions = submission::prepare(&options.job, None, context)?;
    if options.job.dry_run {
        return dry_run(&submissions, context);
    }
    submission::check_first(&submissions, context)?;
    let mut engine = context.engine()?;
    block_on(submission::hand_over(&mut *engine, &submissions, context))?;
    print(&mut *engine, &submissions, context)?;
    Ok(0)
}

/// The ids, a line each: the lines are written at once, so that a batch costs little.
pub fn print(
    engine: &mut dyn crate::engine::Engine,
    submissions: &[Submission],
    context: &Context<'_>,
) -> Result<(), Failure> {
    if context.output.json {
        for submission in submissions {
            let record = engine.ledger().job(submission.job.id)?;
            context.output.json_line(&JobView::new(&record, &context.config.state_dir))?;
        }
        return Ok(());
    }
    let mut ids = String::new();
    for submission in submissions {
        ids.push_str(&submission.job.id.to_string());
        ids.push('\n');
    }
    context.output.data(ids.as_bytes())
}

/// The request as `aws batch submit-job --cli-input-json` takes it.
pub fn dry_run(submissions: &[Submission], context: &Context<'_>) -> Result<u8, Failure> {
    for submission in submissions {
        let request = submission.job.plan.masked_request();
        if context.output.json {
            context.output.json_line(&request)?;
        } else {
            context.output.json_pretty(&request)?;
        }
    }
    Ok(0)
}
