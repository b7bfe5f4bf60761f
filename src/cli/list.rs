//! `computes list`: the jobs, newest first.

use clap::Args;

use super::context::Context;
use super::error::{Failure, Kind};
use super::output::{self, JobView};
use crate::engine::Clock;
use crate::engine::local;
use crate::job::{Queue, State};
use crate::ledger::Filter;

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
        limit: (!options.all).then_some(options.limit),
    };
    let Some(ledger) = context.ledger()? else {
        if !context.output.json {
            context.output.note("no job was ever submitted");
        }
        return Ok(0);
    };
    let jobs = ledger.list(&filter)?;
    if context.output.json {
        let dir = &context.config.state_dir;
        for job in &jobs {
            context.output.json_line(&JobView::new(job, dir))?;
        }
        return Ok(0);
    }
    let lines = output::job_lines(&jobs, context.clock.now());
    context.output.data(format!("{}\n{lines}", output::job_line_header()).as_bytes())?;
    if jobs.iter().any(|job| !job.state.is_terminal())
        && local::unattended(&context.config.state_dir, &ledger)?
    {
        context
            .output
            .note("no worker runs; `computes wait --all` or `computes worker` starts one");
    }
    Ok(0)
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
