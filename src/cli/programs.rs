//! Programs that the caller has and a job of this machine has not, or of which it has another.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Access, access};

use super::context::Context;
use crate::engine::Submission;
use crate::job::{DEFAULT_PATH, FailureClass, JobSpec, Surprise, surprise};
use crate::ledger::JobRecord;

/// What shells and this engine give for a program that is not found, and for one that can't be executed.
pub const NOT_FOUND: i32 = 127;
const CANNOT_EXECUTE: i32 = 126;
/// Of the reason, where a job could not go to where it starts.
const DIRECTORY: &str = "enter the working directory";

/// Says of each program once which other the caller may expect.
pub fn tell(submissions: &[Submission], context: &Context<'_>) {
    for job in submissions.iter().map(|submission| &submission.job) {
        let Some(surprise) = of(&job.plan.spec, &job.directory) else { continue };
        let text = surprise.to_string();
        if !context.output.is_news(&text) {
            continue;
        }
        match surprise {
            Surprise::NotFound { .. } => context.output.warning(&text),
            Surprise::Another { .. } => context.output.note(&text),
        }
    }
}

/// What to do about a program that a job of this machine did not find or could not execute.
pub fn hint(job: &JobRecord) -> Option<String> {
    if !job.is_here() {
        return None;
    }
    let surprise = || of(&job.plan.spec, &job.directory);
    let only_here = || surprise().filter(|it| matches!(it, Surprise::NotFound { .. }));
    let is_not_started = job.class == Some(FailureClass::StartFailed);
    let program = job.plan.spec.program().unwrap_or_default();
    let here = job.directory.join(program);
    let goes_along = job.plan.freight.source.is_some();
    match job.exit_code {
        Some(NOT_FOUND) if let Some(only_here) = only_here() => Some(only_here.to_string()),
        Some(NOT_FOUND | CANNOT_EXECUTE) if !is_not_started => None,
        Some(NOT_FOUND)
            if program.contains('/')
                && here.is_file()
                && let Some(missing) = missing_interpreter(&here) =>
        {
            Some(missing)
        }
        Some(NOT_FOUND) if program.contains('/') && here.exists() && goes_along => Some(format!(
            "`{program}` is here, and was not there: does it go along? What git ignores stays here"
        )),
        Some(NOT_FOUND) if program.contains('/') && here.exists() => Some(format!(
            "`{program}` is there, and what runs it is not: its interpreter or loader"
        )),
        Some(NOT_FOUND) if program.contains('/') => {
            Some(format!("is `{program}` spelt right? It starts in {}", job.directory.display()))
        }
        Some(NOT_FOUND) if here.is_file() => {
            Some(format!("did you mean `./{program}`? Where a job starts is not on its PATH"))
        }
        Some(NOT_FOUND) => Some(format!("install `{program}`, or name it by its path")),
        Some(CANNOT_EXECUTE) if job.reason.as_ref().is_some_and(|why| why.contains(DIRECTORY)) => {
            Some(format!("it starts in {}: is that still there?", job.directory.display()))
        }
        Some(CANNOT_EXECUTE) if here.is_dir() => Some(format!("`{program}` is a folder")),
        Some(CANNOT_EXECUTE) if job.reason.as_ref().is_some_and(|why| why.contains(NO_FORMAT)) => {
            Some(format!(
                "`{program}` is no program of this machine; a script says in its first line what runs \
                 it, as in #!/bin/sh"
            ))
        }
        Some(CANNOT_EXECUTE) => Some(format!("may `{program}` be executed? chmod +x makes it so")),
        _ => None,
    }
}

/// What is wrong with what the first line of a script names, of which the kernel says only that it is not
/// there.
fn missing_interpreter(script: &Path) -> Option<String> {
    let mut beginning = Vec::new();
    File::open(script).ok()?.take(LONGEST_LINE).read_to_end(&mut beginning).ok()?;
    let line = beginning.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let (line, is_of_windows) =
        line.strip_suffix('\r').map_or((&*line, false), |line| (line, true));
    let interpreter = line.split_whitespace().next()?;
    let script = script.file_name().unwrap_or_default().to_string_lossy();
    if is_of_windows {
        Some(format!(
            "the lines of `{script}` end as on Windows, so `{interpreter}` was looked for with a carriage \
             return behind it: dos2unix, or sed -i 's/\\r$//', mends it"
        ))
    } else if !Path::new(interpreter).exists() {
        Some(format!("`{script}` begins with #!{interpreter}, which is not there"))
    } else {
        None
    }
}

/// The kernel reads no more of the first line (`BINPRM_BUF_SIZE`).
const LONGEST_LINE: u64 = 256;

/// As the kernel's word for `ENOEXEC` is (strerror).
const NO_FORMAT: &str = "Exec format error";

fn of(spec: &JobSpec, directory: &Path) -> Option<Surprise> {
    let is_path = |name: &str| name == "PATH";
    if spec.secrets.iter().any(|name| is_path(name.as_str())) {
        return None;
    }
    let declared = spec.environment.iter().find(|(name, _)| is_path(name.as_str()));
    let jobs = declared.map_or(DEFAULT_PATH, |(_, path)| path);
    let callers = std::env::var("PATH").ok()?;
    let program = spec.program()?;
    surprise(program, jobs, &callers, &|path| file(&directory.join(path)))
}

/// The file that can be executed there, the same by whatever way its folder is reached. A link is a
/// file of its own: what it leads to may look at how it was called, as Python's does.
fn file(path: &Path) -> Option<String> {
    let can_run = path.is_file() && access(path, Access::EXEC_OK).is_ok();
    let folder = path.parent().filter(|_| can_run)?.canonicalize().ok()?;
    Some(folder.join(path.file_name()?).to_string_lossy().into_owned())
}
