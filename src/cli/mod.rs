//! The command line: one file a verb, named as the verb.

mod cancel;
mod completions;
mod context;
mod error;
mod follow;
mod init;
mod input;
mod intake;
mod job_options;
mod list;
mod logs;
mod man;
mod output;
mod queues;
mod retry;
mod run;
mod status;
mod submission;
mod submit;
mod tail;
mod wait;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::context::Context;
use self::error::Failure;
use self::output::Output;

/// Submit a build job to AWS Batch, or run the very same job here
#[derive(Debug, Parser)]
#[command(name = "computes", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: the job's own; 2 usage, 120 cancelled, 121 timed out, \
    122 interrupted, 123 out of memory, 124 wait limit reached, 125 computes or the engine failed")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing but what was asked for
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Options),
    Submit(submit::Options),
    Wait(wait::Options),
    Status(status::Options),
    List(list::Options),
    Logs(logs::Options),
    Cancel(cancel::Options),
    Retry(retry::Options),
    Queues(queues::Options),
    Worker(worker::Options),
    Init(init::Options),
    Completions(completions::Options),
    Man(man::Options),
}

/// Runs the program and gives its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    let output = Output::new(cli.json, cli.quiet);
    let result = dispatch(cli.verb, &output);
    ExitCode::from(result.unwrap_or_else(|failure| output.failure(&failure)))
}

fn dispatch(verb: Verb, output: &Output) -> Result<u8, Failure> {
    // These need no settings, so that a broken file does not stand in their way.
    let verb = match verb {
        Verb::Init(options) => return init::run(&options, output),
        Verb::Completions(options) => return completions::run(&options, output),
        Verb::Man(options) => return man::run(&options, output),
        other => other,
    };
    let context = Context::of_process(output)?;
    match verb {
        Verb::Run(options) => run::run(&options, &context),
        Verb::Submit(options) => submit::run(&options, &context),
        Verb::Wait(options) => wait::run(&options, &context),
        Verb::Status(options) => status::run(&options, &context),
        Verb::List(options) => list::run(&options, &context),
        Verb::Logs(options) => logs::run(&options, &context),
        Verb::Cancel(options) => cancel::run(&options, &context),
        Verb::Retry(options) => retry::run(&options, &context),
        Verb::Queues(options) => queues::run(&options, &context),
        Verb::Worker(options) => worker::run(&options, &context),
        Verb::Init(_) | Verb::Completions(_) | Verb::Man(_) => Ok(0),
    }
}

/// The definition of the command line, for completions, manual pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}
