//! `computes list`: the jobs, newest first.

use clap::Args;

use super::context::{Context, block_on};
use super::error::{Failure, Kind};
use super::output::{self, JobView, ListedView};
use crate::engine::aws::{KEPT, Listed, Trouble};
use crate::engine::local;
use crate::engine::{Attended, Clock, EngineName};
use crate::job::{Queue, State};
use crate::ledger::{Filter, JobRecord};

#[derive(Debug, Args)]
pub struct Options {
    /// Only jobs in these states; `unfinished` is all that are not over
    #[arg(long = "state", value_name = "STATE")]
    states: Vec<String>,
    /// Only jobs of this queue
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// Only jobs whose name holds this text
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// How many at the most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, conflicts_with = "all")]
    limit: u32,
    /// However many there are
    #[arg(long)]
    all: bool,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let filter = Filter {
        states: states(&options.states)?,
        queue: options
            .queue
            .as_deref()
            .map(str::parse::<Queue>)
            .transpose()
            .map_err(|error| Failure::from(crate::job::SpecError::Queue(error)))?,
        name_contains: options.name.clone(),
        engine: None,
        limit: (!options.all).then_some(options.limit),
    };
    if context.config.engine == EngineName::Aws {
        return on_aws(options, filter, context);
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
fn on_aws(options: &Options, filter: Filter, context: &Context<'_>) -> Result<u8, Failure> {
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
        let queues = filter.queue.map_or_else(|| Queue::ALL.to_vec(), |queue| vec![queue]);
        let most = if options.all { usize::MAX } else { options.limit as usize };
        let after = context.clock.now() - KEPT;
        let (aws, ledger) = engines.aws();
        let wanted = |job: &Listed| job.fits(&filter.states, filter.name_contains.as_deref());
        let others = match aws.list(&queues, after, most, &wanted).await {
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

fn states(names: &[String]) -> Result<Vec<State>, Failure> {
    let mut states = Vec::new();
    for name in names {
        match State::parse(name) {
            Some(state) => states.push(state),
            None if name == "unfinished" => {
                states.extend(State::ALL.into_iter().filter(|state| !state.is_terminal()));
            }
            None => {
                let known: Vec<_> = State::ALL.map(State::as_str).to_vec();
                return Err(Failure {
                    kind: Kind::Usage,
                    error: anyhow::anyhow!("there is no state `{name}`"),
                    hint: Some(format!("the states are unfinished, {}", known.join(", "))),
                });
            }
        }
    }
    Ok(states)
}
