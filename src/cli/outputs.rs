//! What became of the outputs of a job that is over: what is missing is told, what is wanted is brought
//! back.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;

use super::brought::Brought;
use super::context::Context;
use super::error::{Doing, Failure, code};
use super::follow;
use super::get::{already, bring, counted, is_output, there};
use super::output::EventLine;
use super::places::{Over, Places, Target};
use crate::engine::{EngineError, Engines, FileEntry, FileKind, Look, Roots};
use crate::job::{JobPath, Root};
use crate::ledger::{JobRecord, Millis};

#[derive(Debug, Clone, Args)]
pub struct Get {
    /// When the job is over bring its outputs back: of the source into the checkout, of /files into
    /// FOLDER
    #[arg(
        long,
        value_name = "FOLDER", num_args = 0..=1, require_equals = true, default_missing_value = ".")]
    get: Option<PathBuf>,
    /// Leave them where they are kept, whatever settings say
    #[arg(long, conflicts_with = "get")]
    no_get: bool,
}

/// What is brought back.
enum Wanted<'a> {
    Nothing,
    /// The setting: of jobs of the checkout that the caller stands in, what belongs there.
    OfThisCheckout,
    /// The option: all, and this is where what is in `/files` goes.
    All(&'a Path),
}

impl Get {
    fn wanted(&self, context: &Context<'_>) -> Wanted<'_> {
        match &self.get {
            Some(folder) => Wanted::All(folder),
            None if context.config.get && !self.no_get => Wanted::OfThisCheckout,
            None => Wanted::Nothing,
        }
    }
}

/// Tells how a job ended and what it left, brings that back if it is wanted, and gives the exit code: that
/// of the job, if it is not 0.
pub async fn over(
    engines: &mut Engines<'_>,
    job: JobRecord,
    get: &Get,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let job = engines.look_for_outputs(job).await?;
    let exit_code = follow::say_end(&job, context)?;
    for output in job.missing_outputs.iter().flatten() {
        context
            .output
            .warning(&format!("output `{output}` is not there: the job left nothing of it"));
    }
    // Whoever waits for it does so for long.
    match Box::pin(bring_back(engines, &job, get, context)).await {
        Err(failure) if exit_code != 0 => {
            context.output.warning(&failure.message());
            Ok(exit_code)
        }
        back => back.map(|code| if exit_code == 0 { code } else { exit_code }),
    }
}

async fn bring_back(
    engines: &mut Engines<'_>,
    job: &JobRecord,
    get: &Get,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let checkout = checkout(job);
    let folder = match get.wanted(context) {
        Wanted::All(folder) => Some(folder),
        Wanted::OfThisCheckout if checkout.is_some_and(|it| context.directory.starts_with(it)) => {
            None
        }
        Wanted::OfThisCheckout | Wanted::Nothing => return Ok(0),
    };
    if job.plan.spec.outputs.is_empty() || job.attempt == 0 {
        return Ok(0);
    }
    let doing = || format!("bring back the outputs of {}", job.id.short());
    let kept =
        engines.files(job).await.doing(doing)?.into_iter().filter(|entry| {
            !matches!(entry.kind, FileKind::ToCome { .. }) && is_output(job, entry)
        });
    let (mut entries, files): (Vec<_>, Vec<_>) =
        kept.partition(|entry| JobPath::split(&entry.path).0 == Root::Source);
    if folder.is_some() {
        entries.extend(files);
    } else if !files.is_empty() {
        let short = job.id.short();
        let count = files.len();
        let plural = if count == 1 { "file is" } else { "files are" };
        context
            .output
            .note(&format!("{count} {plural} kept of /files: computes files get {short}"));
    }
    let into = into(checkout, folder, context, &entries).map_err(|it| it.doing(doing()))?;
    let since = sent_at(engines, job)?;
    let there = there(job, context);
    let target = Target { into: &into, over: Over::Untouched(since), there: there.as_ref() };
    let places = target.places(entries).map_err(|failure| failure.doing(doing()))?;
    bring(engines, job, &places, context).await?;
    settle(&places, &into, since, context).map_err(|failure| failure.doing(doing()))?;
    say(job, &places, context)?;
    Ok(if places.unfit.is_empty() && places.left.is_empty() { 0 } else { code::FAILED })
}

/// Where the source was taken from, if it was on this machine.
fn checkout(job: &JobRecord) -> Option<&Path> {
    job.plan.freight.source.as_ref()?.root(&job.directory)
}

/// What the roots of the job become here.
fn into(
    checkout: Option<&Path>,
    folder: Option<&Path>,
    context: &Context<'_>,
    entries: &[FileEntry],
) -> Result<Roots, Failure> {
    let files = context.directory.join(folder.unwrap_or(Path::new("."))).components().collect();
    let takes_one = entries.iter().any(|entry| JobPath::split(&entry.path).0 == Root::Source);
    match checkout.filter(|it| it.is_dir()) {
        Some(checkout) => Ok(Roots { files, source: checkout.to_owned() }),
        None if !takes_one => Ok(Roots { source: PathBuf::new(), files }),
        None => Err(Failure::usage(
            checkout.map_or_else(
                || "the job was not submitted from a checkout of this machine".to_owned(),
                |gone| format!("the checkout `{}` is not there any more", gone.display()),
            ),
            "computes files get JOB --into FOLDER brings them elsewhere",
        )),
    }
}

/// When what the job brought along was looked for. All of it is older, and what was changed since was
/// changed behind the job's back. A job that was submitted again brings what the first did.
fn sent_at(engines: &mut Engines<'_>, job: &JobRecord) -> Result<Millis, Failure> {
    let mut first = job.clone();
    while let Some(before) = first.retry_of {
        match engines.ledger().job(before) {
            Ok(before) => first = before,
            Err(error) if error.is_about_a_name() => break,
            Err(error) => return Err(EngineError::from(error).into()),
        }
    }
    Ok(first.id.made_at().unwrap_or(first.accepted_at))
}

/// What comes back is as old as what the job was made of: newer than each source that went along, older
/// than each that was changed since. So `make` takes it for what it is.
fn settle(
    places: &Places,
    into: &Roots,
    since: Millis,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let written = UNIX_EPOCH + Duration::from_millis(since.unsigned_abs());
    let is_old = |(_, to): &&(FileEntry, PathBuf)| {
        Look::at(to).is_some_and(|look| look.changed_at() < since)
    };
    let got = places.to.iter().chain(places.here.iter().filter(is_old));
    let files = got.filter(|(entry, _)| matches!(entry.kind, FileKind::File { .. }));
    let mut of_checkout = Vec::new();
    for (_, to) in files.filter(|(entry, _)| JobPath::split(&entry.path).0 == Root::Source) {
        let set = File::open(to).and_then(|file| file.set_modified(written));
        set.doing(|| format!("set the time of `{}`", to.display()))?;
        of_checkout.push(to.as_path());
    }
    if of_checkout.is_empty() {
        return Ok(());
    }
    Brought::note(&context.config.state_dir, &into.source, &of_checkout)
}

/// So many are named.
const NAMED: usize = 10;

fn say(job: &JobRecord, places: &Places, context: &Context<'_>) -> Result<(), Failure> {
    let left = places.left.iter().map(|path| path.display().to_string());
    if context.output.json {
        let files = places.to.iter().map(|(_, to)| to.display().to_string()).collect();
        let line = EventLine::Got { id: job.id.to_string(), files, left: left.collect() };
        return context.output.json_line_while_read(&line);
    }
    for path in left.take(NAMED) {
        context.output.warning(&format!(
            "left as it is: `{path}` was changed here since the job was submitted"
        ));
    }
    if let Some(more) = places.left.len().checked_sub(NAMED).filter(|more| *more > 0) {
        context.output.warning(&format!("so are {more} more"));
    }
    if !places.left.is_empty() {
        let short = job.id.short();
        let line = format!("computes files get {short} --into FOLDER brings all of them elsewhere");
        context.output.status(&line);
    }
    let here = already(places);
    let nothing = places.to.is_empty() && places.here.is_empty() && places.left.is_empty();
    context.output.status(&if nothing {
        "nothing to bring back: the command changed nothing in its source that is an output"
            .to_owned()
    } else {
        format!("brought back {}{here}", counted(&places.to))
    });
    Ok(())
}
