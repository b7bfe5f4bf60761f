//! The command line: one file a verb, named as the verb.

mod aside;
mod aws_output;
mod bash;
mod brought;
mod cancel;
mod candidates;
mod completions;
mod context;
mod doctor;
mod doubts;
mod edits;
mod ending;
mod error;
mod explain;
mod fate;
mod files;
mod follow;
mod follow_logs;
mod freight;
mod get;
mod help;
mod init;
mod input;
mod inside;
mod intake;
mod interrupts;
mod job_options;
mod keyboard;
mod known;
mod landing;
mod later;
mod list;
mod listing;
mod log_lines;
mod logs;
mod man;
mod manual;
mod meant;
mod news;
mod output;
mod outputs;
mod places;
mod policy;
mod programs;
mod project;
mod prune;
mod queues;
mod retry;
mod returned;
mod run;
mod selection;
mod status;
mod stdin;
mod submission;
mod submit;
mod tail;
mod times;
mod verbs;
mod wait;
mod waits;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::context::Context;
use self::error::Failure;
use self::later::Later;
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
    /// Who runs the jobs: local, or aws
    #[arg(long, global = true, value_name = "ENGINE")]
    engine: Option<String>,
    /// Say nothing but what was asked for
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a job and follow it to the end; exits with the job's own code
    Run(Later<run::Options>),
    /// Hand a job over and print its id; returns at once
    Submit(Later<submit::Options>),
    /// Wait for jobs; exits with the code of the first, as given, that did not succeed
    Wait(Later<wait::Options>),
    /// Show all that is known of jobs
    Status(Later<status::Options>),
    /// List jobs, newest first
    #[command(visible_aliases = ["ls", "ps"])]
    List(Later<list::Options>),
    /// Print what a job wrote, while it runs and after
    Logs(Later<logs::Options>),
    /// List the files of a job, bring them here and there
    Files(Later<files::Options>),
    /// End jobs: those that wait at once, those that run by SIGTERM, 30 s, SIGKILL
    Cancel(Later<cancel::Options>),
    /// Submit jobs that are over, or being ended, once more as they were; prints the new ids
    Retry(Later<retry::Options>),
    /// Remove jobs that have been over for long, with their logs and files
    Prune(Later<prune::Options>),
    /// Show the queues, their jobs and their workers
    Queues(Later<queues::Options>),
    /// Say why a job waits or why it ended, and what to do
    Explain(Later<explain::Options>),
    /// Look at everything on AWS that a job needs, and say what mends it
    Doctor(Later<doctor::Options>),
    /// Print the least IAM policy for what is done, as JSON
    Policy(Later<policy::Options>),
    /// Run jobs of the local engine until asked to leave; `submit` starts one by itself
    Worker(Later<worker::Options>),
    /// In a job on AWS: fetch what it brings along, run its command, keep what it leaves
    #[command(hide = true)]
    Inside(Later<inside::Options>),
    /// Write a commented computes.toml into this directory
    Init(Later<init::Options>),
    /// Print the script by which a shell asks what completes a line
    Completions(Later<completions::Options>),
    /// Print a manual page: `computes man | man -l -`
    Man(Later<man::Options>),
    /// Print help, as --help does
    Help(Later<help::Options>),
}

impl Verb {
    /// Does a pipeline stand or fall with it? The others only look.
    const fn makes_jobs_or_waits(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Submit(_) | Self::Wait(_) | Self::Retry(_))
    }
}

/// Runs the program and gives its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let Some(done) = completions::answer(&arguments) {
        return done;
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return output::usage(error, &arguments),
    };
    if let Verb::Help(options) = &cli.verb {
        return help::run(options);
    }
    let mut output = Output::new(cli.json, cli.quiet);
    if cli.verb.makes_jobs_or_waits() {
        output = output.in_pipeline(|name| std::env::var_os(name));
    }
    let result = dispatch(cli.verb, cli.engine.as_deref(), &output);
    ExitCode::from(result.unwrap_or_else(|failure| output.failure(&failure)))
}

fn dispatch(verb: Verb, engine: Option<&str>, output: &Output) -> Result<u8, Failure> {
    // These need no settings, so that a broken file does not stand in their way.
    let verb = match verb {
        Verb::Init(options) => return init::run(&options, output),
        Verb::Completions(options) => return completions::run(&options, output),
        Verb::Man(options) => return man::run(&options, output),
        // Nor is there a user in a container.
        Verb::Inside(options) => return inside::run(&options, output),
        other => other,
    };
    let context = Context::of_process(engine, output)?;
    let waits = matches!(verb, Verb::Run(_) | Verb::Wait(_));
    let exit_code = with_settings(verb, &context)?;
    if waits && let Err(failure) = prune::by_itself(&context) {
        output.warning(&format!("cannot remove old jobs: {}", failure.message()));
    }
    Ok(exit_code)
}

fn with_settings(verb: Verb, context: &Context<'_>) -> Result<u8, Failure> {
    match verb {
        Verb::Run(options) => run::run(&options, context),
        Verb::Submit(options) => submit::run(&options, context),
        Verb::Wait(options) => wait::run(&options, context),
        Verb::Status(options) => status::run(&options, context),
        Verb::List(options) => list::run(&options, context),
        Verb::Logs(options) => logs::run(&options, context),
        Verb::Files(options) => files::run(&options, context),
        Verb::Cancel(options) => cancel::run(&options, context),
        Verb::Retry(options) => retry::run(&options, context),
        Verb::Prune(options) => prune::run(&options, context),
        Verb::Queues(options) => queues::run(&options, context),
        Verb::Explain(options) => explain::run(&options, context),
        Verb::Doctor(options) => doctor::run(&options, context),
        Verb::Policy(options) => policy::run(&options, context),
        Verb::Worker(options) => worker::run(&options, context),
        Verb::Init(_) | Verb::Completions(_) | Verb::Man(_) | Verb::Help(_) | Verb::Inside(_) => {
            Ok(0)
        }
    }
}

/// The definition of the command line, for completions, manual pages and the reference.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}
