//! `computes completions`: a script by which a shell asks this program what fits, and the answers.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::env::{Elvish, Fish, Powershell, Shells, Zsh};
use clap_complete::{CompleteEnv, Shell};

use super::bash::Bash;
use super::candidates;
use super::context::internal;
use super::error::Failure;
use super::output::Output;
use super::verbs;

#[derive(Debug, Args)]
pub struct Options {
    shell: Shell,
}

/// Set by the script; its value is the name of the shell.
pub(super) const ASKS: &str = "COMPUTES_COMPLETE";
const PROGRAM: &str = "computes";
const SHELLS: Shells<'static> = Shells(&[&Bash, &Elvish, &Fish, &Powershell, &Zsh]);

/// zsh reads the script as the body of a function when it is asked for the first time; without this
/// the first time would offer nothing.
const OF_A_FUNCTION_OF_ZSH: &str = "\nif [ \"$funcstack[1]\" = _computes ]; then\n    _clap_dynamic_completer_computes \"$@\"\nfi\n";

pub fn run(options: &Options, output: &Output) -> Result<u8, Failure> {
    let shell = SHELLS.completer(&options.shell.to_string());
    let shell = shell.ok_or_else(|| internal("no completions are known for the shell"))?;
    let mut text = Vec::new();
    shell.write_registration(ASKS, PROGRAM, PROGRAM, PROGRAM, &mut text)?;
    if options.shell == Shell::Zsh {
        text.extend(OF_A_FUNCTION_OF_ZSH.as_bytes());
    }
    output.text(&text)?;
    Ok(0)
}

/// Answers a shell, if it is one that asks. An error is told to nobody: the line is being typed.
pub fn answer(arguments: &[OsString]) -> Option<ExitCode> {
    std::env::var_os(ASKS)?;
    let engine = CompleteEnv::with_factory(offered).shells(SHELLS);
    let engine = engine.var(ASKS).bin(PROGRAM).completer(PROGRAM);
    let directory = std::env::current_dir().ok();
    match engine.try_complete(arguments, directory.as_deref()) {
        Ok(true) => Some(ExitCode::SUCCESS),
        Ok(false) => None,
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// The command line without its hidden verbs, and with what is offered for each argument.
fn offered() -> Command {
    let mut program = super::command();
    program.build();
    let verbs = verbs::shown(&program).cloned();
    let bare = Command::new(PROGRAM).version(env!("CARGO_PKG_VERSION"));
    bare.disable_help_flag(true)
        .disable_version_flag(true)
        .args(program.get_arguments().cloned())
        .subcommands(verbs)
        .disable_help_subcommand(true)
        .mut_args(|arg| with_candidates(PROGRAM, arg))
        .mut_subcommands(of_verb)
}

fn of_verb(verb: Command) -> Command {
    let name = verb.get_name().to_owned();
    verb.mut_args(|arg| with_candidates(&name, arg)).mut_subcommands(of_verb)
}

fn with_candidates(verb: &str, arg: clap::Arg) -> clap::Arg {
    match candidates::of(verb, &arg) {
        Some(candidates) => arg.add(candidates),
        None => arg,
    }
}
