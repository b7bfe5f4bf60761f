//! `computes worker`: run jobs of the local engine until asked to leave.

use clap::Args;

use super::context::Context;
use super::error::Failure;
use super::output::WorkerReady;
use super::submission::Ids;
use crate::engine::Clock;
use crate::engine::local::{self, Ready, WorkerOptions};
use crate::job::{Memory, Queue, Resources, SpecError, Vcpus};

#[derive(Debug, Args)]
pub struct Options {
    /// How many vCPUs it gives to jobs; without it all of the machine's
    #[arg(long, value_name = "N")]
    vcpus: Option<String>,
    /// How much memory it gives to jobs: MiB, or with a unit as in 8GiB
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// How many GPUs it gives to jobs
    #[arg(long, value_name = "N")]
    gpus: Option<u32>,
    /// Take jobs of this queue only; may be given several times
    #[arg(long = "queue", value_name = "QUEUE")]
    queues: Vec<String>,
    /// Leave after so long without a job; without it the worker stays
    #[arg(long, value_name = "DURATION")]
    idle_exit: Option<String>,
    /// Started by a submit
    #[arg(long, hide = true)]
    background: bool,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    if options.background {
        local::leave_terminal()?;
    }
    let settings = &context.config.local;
    let idle_exit = options.idle_exit.as_deref();
    let idle_exit = idle_exit.map(|text| super::run::parse("--idle-exit", text)).transpose()?;
    let worker = WorkerOptions {
        id: Ids::at(context.clock.now()).next().to_string(),
        capacity: capacity(options).map_err(Failure::from)?,
        queues: queues(&options.queues).map_err(Failure::from)?,
        background: options.background,
        idle_exit: idle_exit.or(options.background.then_some(settings.idle_exit)),
    };
    let dir = &context.config.state_dir;
    let mut said = Ok(());
    local::run_worker(dir, settings, &worker, &context.clock, |ready| {
        said = say_ready(ready, context);
    })?;
    said.map(|()| 0)
}

fn capacity(options: &Options) -> Result<Resources, SpecError> {
    let machine = local::capacity();
    let (vcpus, memory) = (options.vcpus.as_deref(), options.memory.as_deref());
    Ok(Resources {
        vcpus: vcpus.map_or(Ok(machine.vcpus), str::parse::<Vcpus>)?,
        memory: memory.map_or(Ok(machine.memory), str::parse::<Memory>)?,
        gpus: options.gpus.unwrap_or(machine.gpus),
    })
}

fn queues(names: &[String]) -> Result<Vec<Queue>, SpecError> {
    if names.is_empty() {
        return Ok(Queue::ALL.to_vec());
    }
    names.iter().map(|name| name.parse::<Queue>().map_err(SpecError::from)).collect()
}

fn say_ready(ready: &Ready<'_>, context: &Context<'_>) -> Result<(), Failure> {
    if context.output.json {
        let view = WorkerReady {
            kind: "ready",
            id: &ready.options.id,
            files_mounted: ready.no_mount.is_none(),
        };
        return context.output.json_line_while_read(&view);
    }
    context.output.status(&format!("worker ready: {}", ready.options.capacity));
    if let Some(why) = ready.no_mount {
        context.output.note(&format!(
            "jobs get no /files here ({why}); their directory is in $COMPUTES_FILES"
        ));
    }
    Ok(())
}
