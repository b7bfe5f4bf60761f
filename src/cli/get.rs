//! `computes files get`: files of a job, brought here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::context::Context;
use super::error::{Doing, Failure, code};
use super::fate::Why;
use super::files::{find, is_in, nothing_there, path};
use super::output::FileView;
use super::places::{Places, Target};
use crate::engine::{Bring, Engines, FileEntry, FileKind, Land, Roots, Sent, replace};
use crate::job::{JobFiles, JobPath, JobRef, Root, shell_word};
use crate::ledger::JobRecord;
use crate::parcel::size;

#[derive(Debug, Args)]
pub struct Options {
    /// An id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Files and folders, relative to /files or below /source
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Where they go, with their folders
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
    /// Also over files that are there
    #[arg(long)]
    force: bool,
}

pub async fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let paths = options.paths.iter().map(|text| path(text)).collect::<Result<Vec<_>, _>>()?;
    let mut engines = context.engines_of_existing(&options.job)?;
    let job = find(&mut engines, &options.job).await?;
    let doing = || format!("get the files of {}", job.id.short());
    let files = engines.files(&job).await.doing(doing)?;
    let wanted = wanted(&job, files, &paths)?;
    if wanted.is_empty() {
        return Err(kept_nothing(&job));
    }
    let into: PathBuf = context.directory.join(&options.into).components().collect();
    let into = Roots { files: into.clone(), source: into };
    let there = there(&job, context);
    let mut may_go = |_: &JobPath, to: &Path| {
        let is_there = !options.force && to.symlink_metadata().is_ok();
        Ok(is_there.then_some(Why::NotFromAJob))
    };
    let may_follow = |_: &JobPath| Ok(false);
    let target =
        Target { into: &into, may_go: &mut may_go, may_follow: &may_follow, there: there.as_ref() };
    let places = target.places(wanted).await.map_err(|failure| failure.doing(doing()))?;
    refuse_to_overwrite(&places).map_err(|failure| failure.doing(doing()))?;
    bring(&mut engines, &job, &places, &replace, context).await?;
    if context.output.json {
        let mut views = places.to.iter().map(|(entry, _)| FileView::new(entry));
        views.try_for_each(|view| context.output.json_line(&view))?;
    } else {
        let (got, here) = (counted(&places.to), already(places.here.len()));
        let folder = options.into.display();
        context.output.status(&format!("got {got}, into {folder}{here}"));
    }
    Ok(if places.unfit.is_empty() { 0 } else { code::FAILED })
}

/// Nothing is written before all of it may be.
fn refuse_to_overwrite(places: &Places) -> Result<(), Failure> {
    let Some((first, _)) = places.left.first() else { return Ok(()) };
    let more = match places.left.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(Failure::usage(
        format!("`{}`{more} would be overwritten", first.display()),
        "add --force, or choose another folder with --into",
    ))
}

/// Where the files of a job lie on this machine, if it has them.
pub fn there(job: &JobRecord, context: &Context<'_>) -> Option<Roots> {
    job.is_here().then(|| Roots::kept_here(&context.config.state_dir, job))
}

/// As in `2 files, 15.7 KiB`.
pub fn counted<'a>(entries: impl IntoIterator<Item = &'a (FileEntry, PathBuf)>) -> String {
    let sizes = entries.into_iter().map(|(entry, _)| entry.bytes());
    let (count, bytes) = sizes.fold((0_usize, 0), |(count, sum), bytes| (count + 1, sum + bytes));
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} file{plural}, {}", size(bytes))
}

/// How many need not be brought, to be said after those that are.
pub fn already(here: usize) -> String {
    match here {
        0 => String::new(),
        1 => "; 1 is as it should be already".to_owned(),
        here => format!("; {here} are as they should be already"),
    }
}

/// Brings files to their places, and says which can't be.
pub async fn bring(
    engines: &mut Engines<'_>,
    job: &JobRecord,
    places: &Places,
    land: Land<'_>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    for unfit in &places.unfit {
        context.output.warning(&format!("not brought here: {}", unfit.says));
    }
    let elsewhere: Vec<_> = places.unfit.iter().filter_map(|it| it.elsewhere.as_ref()).collect();
    let hint = match &*elsewhere {
        [] => None,
        [one] => Some((shell_word(&one.to_string()).into_owned(), "it")),
        _ => Some(("PATH".to_owned(), "each of them")),
    };
    if let Some((path, what)) = hint {
        let get = format!("computes files get {} {path} --into FOLDER", job.id.short());
        context.output.status(&format!("hint: {get} brings {what} elsewhere"));
    }
    let around: BTreeSet<_> = places.to.iter().filter_map(|(_, to)| to.parent()).collect();
    for around in around {
        std::fs::create_dir_all(around).doing(|| format!("make `{}`", around.display()))?;
    }
    let total = places.to.iter().map(|(entry, _)| entry.bytes()).sum();
    let meter = context.output.meter("getting", total);
    let mut hear = |sent| match sent {
        Sent::Bytes(bytes) => meter.add(bytes),
        Sent::Expected(bytes) => meter.expect(bytes),
    };
    let doing = || format!("get the files of {}", job.id.short());
    engines.get(job, &places.to, Bring { hear: &mut hear, land }).await.doing(doing)
}

/// A caller must not believe that there is a product.
fn kept_nothing(job: &JobRecord) -> Failure {
    let short = job.id.short();
    let kept = job.plan.spec.outputs.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>();
    if !job.state.is_terminal() {
        let hint = format!("computes wait {short}");
        return Failure::usage(format!("there is nothing of {short} yet"), hint);
    }
    let what = if kept.is_empty() { "it names no outputs" } else { "its outputs are" };
    Failure::usage(
        format!("there is nothing of {short}: {what} {}", kept.join(", ")).trim_end().to_owned(),
        "say with --output where the job leaves its result; what was pruned or has expired is gone",
    )
}

/// What was asked for, or else what the job keeps as its result, or else everything.
fn wanted(
    job: &JobRecord,
    files: Vec<FileEntry>,
    paths: &[JobPath],
) -> Result<Vec<FileEntry>, Failure> {
    for path in paths {
        if !path.below.is_all() && !files.iter().any(|entry| is_in(entry, path)) {
            return Err(nothing_there(job, path));
        }
    }
    let is_wanted = |entry: &FileEntry| {
        let is_named = paths.is_empty() || paths.iter().any(|path| is_in(entry, path));
        is_named && (!paths.is_empty() || is_output(job, entry))
    };
    let is_there = |entry: &FileEntry| !matches!(entry.kind, FileKind::ToCome { .. });
    Ok(files.into_iter().filter(|entry| is_there(entry) && is_wanted(entry)).collect())
}

/// Is it part of the result? On AWS nothing else is kept, and here `/files` is kept as a whole.
pub fn is_output(job: &JobRecord, entry: &FileEntry) -> bool {
    let spec = &job.plan.spec;
    let (root, below) = JobPath::split(&entry.path);
    if !job.is_here() || root == Root::Source || spec.outputs.is_empty() {
        return true;
    }
    match spec.files {
        JobFiles::Kept | JobFiles::None => spec.outputs.keeps(root, below),
        // The outputs of such a job lie in the directory of the attempt.
        JobFiles::Fresh => below.split_once('/').is_some_and(|(attempt, below)| {
            attempt == job.attempt.max(1).to_string() && spec.outputs.keeps(root, below)
        }),
    }
}
