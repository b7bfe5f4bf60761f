//! Programs that the caller has and a job of this machine has not, or of which it has another.

use std::path::Path;

use rustix::fs::{Access, access};

use super::context::Context;
use crate::engine::Submission;
use crate::job::{DEFAULT_PATH, JobSpec, Surprise, surprise};
use crate::ledger::JobRecord;

/// What shells and this engine give for a program that is not found.
pub const NOT_FOUND: i32 = 127;

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

/// Where the caller has a program that a job of this machine did not find, and what passes it on.
pub fn hint(job: &JobRecord) -> Option<String> {
    if !job.is_here() || job.exit_code != Some(NOT_FOUND) {
        return None;
    }
    let surprise = of(&job.plan.spec, &job.directory);
    surprise.filter(|it| matches!(it, Surprise::NotFound { .. })).map(|it| it.to_string())
}

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
