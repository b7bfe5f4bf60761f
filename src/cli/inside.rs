//! `computes inside`: in a job on AWS, fetch what it brings along, run its command, keep what it
//! leaves. The line of shell in front of the command calls it.

use std::io;

use clap::Args;
use tokio::time::{MissedTickBehavior, interval};

use super::context::block_on;
use super::error::{Doing, Failure, Kind, code};
use super::output::Output;
use crate::engine::aws::{Around, AwsSettings, Claim, Inside, InsideCommand, Runs, Signals};
use crate::engine::{EngineError, Roots};
use crate::plan::{Cargo, FENCED, FETCH, FREIGHT, Proof};

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
    let code = block_on(job(options, output)).unwrap_or_else(|failure| {
        let failure = Failure { kind: Kind::Failed, ..failure };
        output.failure(&failure);
        failure.exit_code()
    });
    if let Some(line) = last_line() {
        output.data(format!("{line}\n").as_bytes())?;
    }
    Ok(code)
}

/// By which whoever reads the log knows that nothing follows.
fn last_line() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok();
    let job = Cargo::parse(&variable(FREIGHT)?).ok()?.job?;
    let attempt = Runs::from_variables(variable).ok()?.attempt;
    Some(Proof::new(Some(job)).ended(attempt))
}

const SEE: &str = "see how the command ended";

/// A look that failed is followed by another.
fn tell(looked: Result<Vec<String>, EngineError>, output: &Output) {
    match looked {
        Ok(complaints) => {
            for complaint in complaints {
                output.warning(&complaint);
            }
        }
        Err(error) => {
            let why = Failure::from(error).message();
            tracing::warn!(why, "looked in vain");
        }
    }
}

/// The exit code with which it ends before it began anything.
async fn claim(
    inside: &Inside,
    signals: &mut Signals,
    output: &Output,
) -> Result<Option<u8>, Failure> {
    let claim = tokio::select! {
        claim = inside.claim() => claim.doing(|| "claim the job in the bucket".to_owned())?,
        code = signals.end() => return Ok(Some(code)),
    };
    match claim {
        Claim::Ours => Ok(None),
        Claim::Theirs { says } => {
            output.data(format!("{says}\n").as_bytes())?;
            Ok(Some(FENCED))
        }
    }
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
    let mut inside =
        Inside::new(cargo, runs, Roots::of_a_container(), &AwsSettings::default()).await?;
    // Somebody may want it to end before there is a command that could be told.
    let mut signals = Signals::new().doing(|| "listen for signals".to_owned())?;
    if let Some(code) = claim(&inside, &mut signals, output).await? {
        return Ok(code);
    }
    let fetch = async {
        let (directory, complaints) = inside.fetch().await?;
        Ok::<_, EngineError>((directory, complaints, inside.stdin().await?))
    };
    let (directory, complaints, stdin) = tokio::select! {
        fetched = fetch => fetched.doing(|| "fetch what the job brings along".to_owned())?,
        code = signals.end() => return Ok(code),
    };
    tell(Ok(complaints), output);
    ticks.reset();
    let around = Around { directory: directory.as_deref(), stdin: stdin.as_ref(), without: &OURS };
    let started = InsideCommand::start(&options.command, around, signals);
    drop(stdin);
    let mut command = match started {
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
        tokio::select! {
            ended = command.ended() => break ended.doing(|| SEE.to_owned())?,
            _ = ticks.tick() => {}
        }
        let mut look = Box::pin(inside.look(false));
        let ended = tokio::select! {
            ended = command.ended() => Some(ended.doing(|| SEE.to_owned())?),
            looked = &mut look => {
                tell(looked, output);
                None
            }
        };
        if let Some(code) = ended {
            // What is being sent need not be sent again.
            tell(look.await, output);
            break code;
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
