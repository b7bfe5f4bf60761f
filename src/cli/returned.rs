//! What is told of outputs that were brought back, and of those that were not.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::aside::Aside;
use super::context::Context;
use super::error::{Doing, Failure, Kind, code};
use super::fate::Why;
use super::get::{already, counted};
use super::landing::Landing;
use super::output::EventLine;
use super::places::Places;
use crate::engine::{Engines, FileEntry, Roots};
use crate::job::{JobPath, Root};
use crate::ledger::JobRecord;
use crate::parcel::ParcelError;

/// So many are named.
const NAMED: usize = 10;

pub struct Returned {
    came: Vec<(FileEntry, PathBuf)>,
    here: usize,
    left: Vec<(PathBuf, Why)>,
    /// Of a job that was submitted later.
    later: Vec<PathBuf>,
    unfit: bool,
}

impl Returned {
    #[must_use]
    pub fn of(places: Places, landing: &Landing<'_>) -> Self {
        let Places { to, here, unfit, mut left } = places;
        left.append(&mut landing.left());
        let is_later = |(_, why): &mut (PathBuf, Why)| *why == Why::Later;
        let later = left.extract_if(.., is_later).map(|(path, _)| path).collect();
        let here = here.len();
        let came = to.into_iter().filter(|(_, to)| landing.has(to)).collect();
        Self { came, here, later, left, unfit: !unfit.is_empty() }
    }

    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        if self.unfit || !self.left.is_empty() { code::FAILED } else { 0 }
    }

    /// `asked`: somebody waits to hear, also that there is nothing.
    pub fn say(
        &self,
        job: &JobRecord,
        into: &Roots,
        aside: &[PathBuf],
        asked: bool,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        let output = context.output;
        if let [first, more @ ..] = &*self.later {
            let first = first.display();
            output.note(&match more.len() {
                0 => format!("`{first}` is left as a job that was submitted later made it"),
                more => format!(
                    "`{first}` and {more} more are left as a job that was submitted later made them"
                ),
            });
        }
        let text = |path: &Path| path.display().to_string();
        if output.json {
            let files = self.came.iter().map(|(_, to)| text(to)).collect();
            let left = self.left.iter().map(|(path, _)| text(path)).collect();
            let later = self.later.iter().map(|path| text(path)).collect();
            let aside = aside.iter().map(|folder| text(folder)).collect();
            let line = EventLine::Got { id: job.id.to_string(), files, left, later, aside };
            return output.json_line_while_read(&line);
        }
        for (path, why) in self.left.iter().take(NAMED) {
            output.warning(&format!("left as it is: `{}` {why}", path.display()));
        }
        if let Some(more) = self.left.len().checked_sub(NAMED).filter(|more| *more > 0) {
            output.warning(&format!("so are {more} more"));
        }
        let short = job.id.short();
        if !self.left.is_empty() {
            output.status(&format!(
                "hint: computes files get {short} --into FOLDER brings all of them elsewhere"
            ));
        }
        if !self.came.is_empty() {
            let to = self.where_to(into, &context.directory);
            let (files, already) = (counted(&self.came), already(self.here));
            output.status(&format!("brought back {files}{to}{already}"));
        } else if self.here > 0 {
            let files = match self.here {
                1 => "1 file is as it should be".to_owned(),
                here => format!("{here} files are as they should be"),
            };
            output.status(&format!("nothing to bring back: {files} already"));
        } else if asked && !self.unfit && self.left.is_empty() && self.later.is_empty() {
            output.status("nothing to bring back: of the outputs of the job nothing is kept");
        }
        Ok(())
    }

    /// The folders that what came is in, where any of that is not below the one that the caller stands in.
    fn where_to(&self, into: &Roots, directory: &Path) -> String {
        if self.came.iter().all(|(_, to)| to.starts_with(directory)) {
            return String::new();
        }
        let roots = self.came.iter().map(|(entry, _)| into.of(JobPath::split(&entry.path).0));
        let folders: BTreeSet<_> = roots.map(|root| format!("`{}`", root.display())).collect();
        format!(" to {}", folders.into_iter().collect::<Vec<_>>().join(" and "))
    }
}

/// What somebody may look for is told, also where nothing else is. Gives the folders that it is in: also
/// those of a call that was killed before it could tell.
pub fn tell_aside(aside: &Aside, context: &Context<'_>) -> Result<Vec<PathBuf>, Failure> {
    let doing = || "look for what was moved aside".to_owned();
    let untold = aside.untold().doing(doing)?;
    let kept = aside.kept();
    for folder in &untold {
        let to = folder.display();
        let names = kept.as_ref().filter(|(_, now)| now == folder).map(|(names, _)| &***names);
        let moved = match names {
            Some([]) => continue,
            Some([one]) => format!(
                "`{}` was here and is not what went along: it was moved to `{to}`, and what the job \
                 made took its place",
                one.display()
            ),
            Some([first, more @ ..]) => format!(
                "`{}` and {} more were here and are not what went along: they were moved to `{to}`, and \
                 what the job made took their place",
                first.display(),
                more.len()
            ),
            None => format!(
                "an earlier call, which was cut, moved what was here and is not what went along to `{to}`"
            ),
        };
        context.output.warning(&moved);
        Aside::note_told(folder).doing(doing)?;
    }
    Ok(untold)
}

/// What is in `/files` has no place in a checkout that the setting would know.
pub fn note_files(count: usize, job: &JobRecord, context: &Context<'_>) {
    let short = job.id.short();
    let plural = if count == 1 { "file is" } else { "files are" };
    context.output.note(&format!("{count} {plural} kept of /files: computes files get {short}"));
}

/// The setting holds for a checkout, and that of the job is nowhere. Who stood in it was promised something.
pub fn tell_gone(checkout: &Path, job: &JobRecord, context: &Context<'_>) -> u8 {
    if job.plan.spec.outputs.first_in(Root::Source).is_none() {
        return 0;
    }
    let gone = format!(
        "nothing is brought back: the checkout `{}` is not there any more; computes files get {} \
         --into FOLDER brings the outputs elsewhere, also to where it is by now",
        checkout.display(),
        job.id.short()
    );
    if context.directory.starts_with(checkout) {
        context.output.warning(&gone);
        code::FAILED
    } else {
        context.output.note(&gone);
        0
    }
}

pub fn warn_of_no_outputs(job: &JobRecord, context: &Context<'_>) {
    context.output.warning(&format!(
        "nothing is brought back: {} names no outputs; say with --output what is kept of a job, as in \
         `computes run --source tree --output /source`",
        job.id.short()
    ));
}

/// Somebody may have removed the job, or what is kept of it, while it was brought.
pub fn pruned_or(failure: Failure, engines: &mut Engines<'_>, job: &JobRecord) -> Failure {
    let is_job_gone = engines.ledger().job(job.id).is_err_and(|error| error.is_about_a_name());
    let is_file_gone = failure.error.downcast_ref().is_some_and(|error: &ParcelError| {
        matches!(error, ParcelError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    });
    if !is_job_gone && !is_file_gone {
        return failure;
    }
    let what = if is_job_gone { "the job" } else { "what was kept of it" };
    pruned(&format!("{what} was pruned meanwhile"))
}

pub fn pruned(why: &str) -> Failure {
    Failure { kind: Kind::Failed, error: anyhow::anyhow!(why.to_owned()), hint: None }
}
