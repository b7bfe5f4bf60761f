//! What a job is asked for with, and what may have been meant instead.

use std::path::Path;

use super::error::Failure;
use crate::job::{Command, JobFiles, JobSpec, Memory, is_line, operator, through_a_shell};

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
