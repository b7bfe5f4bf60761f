//! `computes inside`: in a job on AWS, fetch what it brings along, run its command, keep what it
//! leaves. The line of shell in front of the command calls it.

use std::io;

use clap::Args;
use tokio::time::{MissedTickBehavior, interval};

use super::context::block_on;
use super::error::{Doing, Failure, Kind, code};
use super::output::Output;
use crate::engine::aws::{AwsSettings, Inside, InsideCommand, Places, Runs};
use crate::plan::{Cargo, FETCH, FREIGHT};

#[derive(Debug, Args)]
pub struct Options {
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Of no concern to the command.
const OURS: [&str; 2] = [FREIGHT, FETCH];

pub fn run(options: &Options, output: &Output) -> Result<u8, Failure> {
    super::output::trace(&|name| std::env::var_os(name));
    // Whatever goes wrong around the command ends the job with one code.
    block_on(job(options, output)).map_err(|failure| Failure { kind: Kind::Failed, ..failure })
}

async fn job(options: &Options, output: &Output) -> Result<u8, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let runs = Runs::from_variables(variable)?;
    let cargo = variable(FREIGHT).ok_or_else(|| {
        Failure::usage(format!("{FREIGHT} is not set"), "submit the job with computes")
    })?;
    let cargo = Cargo::parse(&cargo)?;
    let mut ticks = interval(cargo.look_every());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut inside = Inside::new(cargo, runs, Places::default(), &AwsSettings::default()).await?;
    let directory = inside.fetch().await.doing(|| "fetch what the job brings along".to_owned())?;
    ticks.reset();
    let mut command = match InsideCommand::start(&options.command, directory.as_deref(), &OURS) {
        Ok(command) => command,
        Err(error) => {
            // As shells have it.
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            let program = options.command.first().map_or("", String::as_str);
            output.warning(&format!("cannot execute `{program}`: {error}"));
            return Ok(code);
        }
    };
    let exit_code = loop {
        let look = async {
            ticks.tick().await;
            inside.look(false).await
        };
        tokio::select! {
            ended = command.ended() => break ended.doing(|| "see how the command ended".to_owned())?,
            looked = look => if let Err(error) = looked {
                let why = Failure::from(error).message();
                tracing::warn!(why, "looked in vain");
            },
        }
    };
    match inside.look(true).await {
        Ok(complaints) => {
            for complaint in complaints {
                output.warning(&format!("not kept: {complaint}"));
            }
            Ok(exit_code)
        }
        // A job whose results are lost has not succeeded.
        Err(error) => {
            let failure = Failure::from(error).doing("keep the outputs of the job");
            let failure = Failure { kind: Kind::Failed, ..failure };
            output.failure(&failure);
            Ok(if exit_code == 0 { code::FAILED } else { exit_code })
        }
    }
}
