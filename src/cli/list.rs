//! `computes list`: the jobs, newest first.

use clap::Args;

use super::context::{Context, block_on};
use super::error::Failure;
use super::output::{self, JobView, ListedView};
use super::selection::Selection;
use crate::engine::aws::{Listed, Trouble};
use crate::engine::local;
use crate::engine::{Attended, Clock, EngineName};
use crate::ledger::{Filter, JobRecord};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    /// How many at the most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, conflicts_with = "all")]
    limit: u32,
    /// However many there are
    #[arg(long)]
    all: bool,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let limit = (!options.all).then_some(options.limit);
    let filter = Filter { limit, ..options.selection.filter(context.clock.now())? };
    if context.config.engine == EngineName::Aws {
        return on_aws(filter, context);
    }
    let Some(ledger) = context.ledger()? else {
        if !context.output.json {
            context.output.note("no job was ever submitted");
        }
        return Ok(0);
    };
    let jobs = ledger.list(&filter)?;
    print(&jobs, &[], context)?;
    let waits = |job: &JobRecord| !job.state.is_terminal() && job.is_here();
    if !context.output.json
        && jobs.iter().any(waits)
        && local::unattended(&context.config.state_dir, &ledger)?
    {
        context
            .output
            .note("no worker runs; `computes wait --all` or `computes worker` starts one");
    }
    Ok(0)
}

/// The jobs of this ledger, brought up to date, and those that others submitted.
fn on_aws(filter: Filter, context: &Context<'_>) -> Result<u8, Failure> {
    let mut engines = context.engines()?;
    block_on(async {
        let away = engines.ledger().away()?;
        match engines.refresh(&away).await {
            Ok(Attended::Done) => {}
            Ok(Attended::Later(error)) | Err(error) => {
                let why = Failure::from(error).message();
                context.output.warning(&format!("as it was when last looked at: {why}"));
            }
        }
        let (aws, ledger) = engines.aws();
        let others = match aws.list(&filter).await {
            Ok(others) => others,
            // What the ledger knows can be shown all the same.
            Err(error) if error.trouble() == Trouble::Denied => {
                let why = Failure::from(error).message();
                context.output.note(&format!("only the jobs of this machine: {why}"));
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        let mut foreign = Vec::new();
        for job in others {
            let known = ledger.known_by_engine_id(&job.engine_id)?.is_some();
            if !known {
                foreign.push(job);
            }
        }
        let jobs = ledger.list(&Filter { engine: Some(EngineName::Aws.as_str()), ..filter })?;
        // Both together are as many as one list would be, the newest of them.
        let most = filter.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut times: Vec<_> = jobs.iter().map(|job| job.accepted_at).collect();
        times.extend(foreign.iter().map(|job| job.created_at));
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.truncate(most);
        let oldest = times.last().copied().unwrap_or_default();
        let jobs: Vec<_> = jobs.into_iter().filter(|job| job.accepted_at >= oldest).collect();
        foreign.retain(|job| job.created_at >= oldest);
        print(&jobs, &foreign, context)?;
        Ok(0)
    })
}

fn print(jobs: &[JobRecord], foreign: &[Listed], context: &Context<'_>) -> Result<(), Failure> {
    if context.output.json {
        let dir = &context.config.state_dir;
        for job in jobs {
            context.output.json_line(&JobView::new(job, dir))?;
        }
        return foreign.iter().try_for_each(|job| context.output.json_line(&ListedView::new(job)));
    }
    let lines = output::job_lines(jobs, foreign, context.clock.now());
    context.output.data(format!("{}\n{lines}", output::job_line_header()).as_bytes())
}
