//! What a shell is offered for a word of the command line.
//!
//! Whatever can't be read here offers nothing: a line that is being typed is no place for an error.
//! AWS is not asked, and nothing is written.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Arg;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};

use super::completions::ASKS;
use super::{output, verbs};
use crate::config::{self, Caller, Kind};
use crate::engine::{Clock, SystemClock};
use crate::job::{Queue, State};
use crate::ledger::{Filter, JobRecord, Ledger};

/// So many jobs are offered, the newest.
const JOBS: u32 = 50;

/// What is offered for an argument of a verb, if anything is.
pub fn of(verb: &str, arg: &Arg) -> Option<ArgValueCompleter> {
    let value = arg.get_value_names().and_then(<[_]>::first)?.as_str();
    Some(match value {
        "JOB" if verb == "cancel" => ArgValueCompleter::new(|typed: &OsStr| jobs(typed, |it| !it)),
        "JOB" if verb == "retry" => ArgValueCompleter::new(|typed: &OsStr| jobs(typed, |it| it)),
        "JOB" => ArgValueCompleter::new(|typed: &OsStr| jobs(typed, |_| true)),
        "QUEUE" => list(queues),
        "STATE" => list(states),
        "VERB" => ArgValueCompleter::new(verbs),
        "NAME[=VALUE]" | "NAME[=SOURCE]" => ArgValueCompleter::new(variables),
        "FILE" => ArgValueCompleter::new(PathCompleter::file().stdio()),
        "FOLDER" => ArgValueCompleter::new(PathCompleter::dir()),
        "LOCAL" | "LOCAL[=PATH]" => ArgValueCompleter::new(PathCompleter::any()),
        "COMMAND" => ArgValueCompleter::new(command),
        _ => choices(arg.get_long()?)?,
    })
}

/// The values of the setting that the option stands for.
fn choices(option: &str) -> Option<ArgValueCompleter> {
    let key = option.replace('-', "_");
    let setting = config::settings().iter().find(|setting| setting.key == key)?;
    let Kind::Choice(choices) = setting.kind else { return None };
    Some(ArgValueCompleter::new(move |typed: &OsStr| {
        starting(typed, choices.iter().map(CompletionCandidate::new))
    }))
}

fn starting(
    typed: &OsStr,
    candidates: impl IntoIterator<Item = CompletionCandidate>,
) -> Vec<CompletionCandidate> {
    let typed = typed.as_encoded_bytes();
    let fits = |it: &CompletionCandidate| it.get_value().as_encoded_bytes().starts_with(typed);
    candidates.into_iter().filter(fits).collect()
}

fn with_help(value: &str, help: impl Into<String>) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(help.into().into()))
}

/// Of a list with commas the last is being typed.
fn list(all: fn() -> Vec<CompletionCandidate>) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let Some(text) = typed.to_str() else { return Vec::new() };
        let (before, last) = text.rsplit_once(',').unwrap_or(("", text));
        let before = if before.is_empty() { String::new() } else { format!("{before},") };
        let is_said = |it: &CompletionCandidate| {
            text.split(',').rev().skip(1).any(|said| it.get_value() == OsStr::new(said))
        };
        let fitting = starting(OsStr::new(last), all().into_iter().filter(|it| !is_said(it)));
        fitting.into_iter().map(|it| it.add_prefix(before.clone())).collect()
    })
}

fn queues() -> Vec<CompletionCandidate> {
    Queue::ALL.map(|queue| with_help(queue.as_str(), queue.about())).into()
}

fn states() -> Vec<CompletionCandidate> {
    let unfinished = with_help("unfinished", "all that are not over");
    let states = State::ALL.map(|state| CompletionCandidate::new(state.as_str()));
    std::iter::once(unfinished).chain(states).collect()
}

/// Those whose end (`is_over`) fits the verb, the newest first.
fn jobs(typed: &OsStr, fits: fn(is_over: bool) -> bool) -> Vec<CompletionCandidate> {
    let now = SystemClock.now();
    let jobs = newest(fits).unwrap_or_default();
    let help = |job: &JobRecord| {
        let age = Duration::from_millis((now - job.accepted_at).max(0).unsigned_abs());
        format!("{} {}, {} ago", job.plan.spec.name, job.state, output::duration(age))
    };
    let last = jobs.first().filter(|_| fits(true) && fits(false));
    let last = last.map(|job| with_help("last", help(job)));
    let ids = jobs.iter().map(|job| with_help(&job.id.short(), help(job)));
    // In this order, and not in that of the alphabet.
    let all = last.into_iter().chain(ids).enumerate();
    starting(typed, all.map(|(index, candidate)| candidate.display_order(Some(index))))
}

fn newest(fits: fn(bool) -> bool) -> Option<Vec<JobRecord>> {
    let directory = std::env::current_dir().ok()?;
    let env = |name: &str| std::env::var_os(name);
    let state_dir = config::state_dir(&Caller { env: &env, directory: &directory }).ok()?;
    let ledger = Ledger::open_to_look(&state_dir).ok()??;
    let states = State::ALL.into_iter().filter(|state| fits(state.is_terminal())).collect();
    ledger.list(&Filter { states, limit: Some(JOBS), ..Filter::default() }).ok()
}

/// What only the script of a shell sets, to ask us.
const OF_THE_ASKING: [&str; 6] = ["_", "COMP_KEY", "COMP_LINE", "COMP_POINT", "COMP_TYPE", ASKS];

/// The names of variables that could be passed on.
fn variables(typed: &OsStr) -> Vec<CompletionCandidate> {
    let is_of_the_asking = |name: &OsStr| {
        OF_THE_ASKING.iter().any(|it| name == *it) || name.as_encoded_bytes().starts_with(b"_CLAP_")
    };
    let names = std::env::vars_os().map(|(name, _)| name);
    let mut names: Vec<_> = names.filter(|name| !is_of_the_asking(name)).collect();
    names.sort();
    starting(typed, names.into_iter().map(CompletionCandidate::new))
}

/// The word before the one that is being typed. The engine counts the words of an argument only
/// where it is an option's.
fn word_before() -> Option<String> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let words: Vec<_> = words.collect();
    // Shells that give no number have the cursor at the end.
    let typed = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    let before = typed.unwrap_or(words.len().saturating_sub(1)).checked_sub(1)?;
    words.get(before)?.to_str().map(str::to_owned)
}

/// A verb, and after one that is made up of others, one of these: `files get`.
fn verbs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut program = super::command();
    program.build();
    let before = word_before().unwrap_or_default();
    let whole = program.find_subcommand(before).filter(|it| it.has_subcommands());
    let shown = verbs::shown(whole.unwrap_or(&program));
    starting(
        typed,
        shown.map(|verb| CompletionCandidate::new(verb.get_name()).help(verb.get_about().cloned())),
    )
}

/// A program first, then most often files.
fn command(typed: &OsStr) -> Vec<CompletionCandidate> {
    let files = PathCompleter::any().complete(typed);
    let is_first = word_before().as_deref() == Some("--");
    // All programs that there are help nobody.
    if !is_first || typed.is_empty() || typed.as_encoded_bytes().contains(&b'/') {
        return files;
    }
    let programs = starting(typed, programs().into_iter().map(CompletionCandidate::new));
    programs.into_iter().chain(files).collect()
}

fn programs() -> Vec<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    names.dedup();
    names
}
