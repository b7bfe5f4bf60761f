//! What a job is asked for with, and what may have been meant instead.

use std::path::Path;

use super::error::Failure;
use super::programs::{self, NOT_FOUND};
use crate::job::{
    Command, JobFiles, JobSpec, Memory, Slip, State, is_line, operator, shell_word, slip,
    through_a_shell,
};
use crate::ledger::JobRecord;

/// A whole line in the place of a program is no job.
///
/// # Errors
/// When the program can't be one.
pub fn check_program(spec: &JobSpec) -> Result<(), Failure> {
    let Some(words) = spec.command.as_ref().map(Command::words) else { return Ok(()) };
    let program = words.first().map_or("", String::as_str);
    if !is_no_program(program, spec) || program.contains('/') {
        return Ok(());
    }
    Err(Failure::usage(
        format!("`{program}` is one word, and no program is called so"),
        format!("did you mean {}, or the same without quotes?", through_a_shell(words)),
    ))
}

/// Without /files the image's own entry point gets the words, which may be a shell.
fn is_no_program(program: &str, spec: &JobSpec) -> bool {
    is_line(program) && spec.files != JobFiles::None
}

/// What is taken as it was said, though something else may have been meant. `memory` is what was
/// said for this job alone, and `directory` where the caller stands.
pub fn notes(memory: Option<&str>, spec: &JobSpec, directory: &Path) -> Vec<String> {
    let mut notes = Vec::new();
    let rounded = memory.filter(|text| Memory::rounds(text)).zip(spec.resources.memory);
    if let Some((text, memory)) = rounded {
        notes.push(format!("memory `{text}` became {} MiB", memory.as_mib()));
    }
    let Some(words) = spec.command.as_ref().map(Command::words) else { return notes };
    let meant = through_a_shell(words);
    let program = words.first().map_or("", String::as_str);
    if is_no_program(program, spec) && !directory.join(program).exists() {
        notes
            .push(format!("`{program}` is taken for the path of a program; did you mean {meant}?"));
    } else if let Some(operator) = operator(words) {
        notes.push(format!(
            "`{operator}` goes to `{program}` as a word, because no shell reads the command; did \
             you mean {meant}?"
        ));
    }
    notes
}

/// What may be why the command of a job failed.
pub fn hints(job: &JobRecord) -> impl Iterator<Item = String> + use<> {
    hint(job).or_else(|| programs::hint(job)).into_iter()
}

/// What may be why the command of a job failed, if that was not said when it was submitted.
fn hint(job: &JobRecord) -> Option<String> {
    let code = job.exit_code.filter(|code| job.state == State::Failed && *code != 0)?;
    let words = job.plan.spec.command.as_ref()?.words();
    let meant = through_a_shell(words);
    match slip(words, code == NOT_FOUND)? {
        Slip::Operator(_) if operator(words).is_some() => None,
        Slip::Operator(operator) => Some(format!(
            "`{operator}` went to the program as a word, because no shell reads the command; did \
             you mean {meant}?"
        )),
        Slip::BuiltIn(word) => {
            Some(format!("`{word}` is a word of shells, and no program; did you mean {meant}?"))
        }
        Slip::Line(_) => Some(format!("no shell reads the command; did you mean {meant}?")),
        Slip::Expansion(word) => Some(format!(
            "`{word}` went to the job as it stands, because no shell reads the command; did you mean \
             {meant}?"
        )),
        Slip::Assignment(variable) => Some(format!(
            "`{variable}` was taken for the program; did you mean --env {} before the command?",
            shell_word(variable)
        )),
    }
}
