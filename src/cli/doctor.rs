//! `computes doctor`: is everything on AWS there that a job needs?

use clap::Args;

use super::context::{Context, block_on};
use super::error::{Failure, code};
use super::output::{self, CheckView};
use super::queues::remember;
use crate::engine::aws::{Expected, Health};
use crate::job::SpecError;

#[derive(Debug, Args)]
pub struct Options {
    /// The job definition to look at, in the place of the one that is set
    #[arg(long, value_name = "NAME")]
    job_definition: Option<String>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let set = options.job_definition.as_ref().or(context.config.job.job_definition.as_ref());
    let expected = Expected {
        job_definition: set.map_or("default", String::as_str),
        mount: context.config.files_mount.0.as_str(),
        share: context.config.job.share.as_deref(),
        bucket: context.config.bucket.as_ref(),
        fetch: context.config.fetch,
        size: context.config.job.size().map_err(SpecError::from)?,
    };
    let mut aws = context.aws();
    let checks = block_on(async {
        let (checks, queues) = aws.diagnose(&expected).await;
        remember(&mut aws, &queues, context).await;
        Ok(checks)
    })?;
    if context.output.json {
        checks.iter().try_for_each(|check| context.output.json_line(&CheckView::new(check)))?;
    } else {
        context.output.data(output::check_lines(&checks).as_bytes())?;
    }
    let is_bad = checks.iter().any(|check| check.health == Health::Bad);
    Ok(if is_bad { code::FAILED } else { 0 })
}
