//! `computes files`: what is in the `/files` of a job, brought here and there.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::context::{Context, block_on};
use super::error::{Doing, Failure, code};
use super::freight::{check_nesting, found};
use super::output::{self, FileView};
use super::places::{Places, Target};
use crate::engine::{Engines, FileEntry, FileKind, Sent};
use crate::job::{FilesPath, Input, JobFiles, JobRef};
use crate::ledger::JobRecord;
use crate::parcel::{Contents, Store, size};

#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the files of a job
    Ls(List),
    /// Bring files of a job here; without a path its outputs, or all if it has none
    Get(Get),
    /// Bring files to a job
    Put(Put),
}

#[derive(Debug, Args)]
struct List {
    /// An id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Only what is at or below this path
    #[arg(value_name = "PATH")]
    path: Option<String>,
}

#[derive(Debug, Args)]
struct Get {
    /// An id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Files and folders, relative to /files
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Where they go, with their folders
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
    /// Also over files that are there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct Put {
    /// An id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Files and folders, each with its path below /files if it is to be another
    #[arg(value_name = "LOCAL[=PATH]", required = true)]
    inputs: Vec<String>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    match &options.what {
        What::Ls(options) => block_on(list(options, context)),
        What::Get(options) => block_on(get(options, context)),
        What::Put(options) => put(options, context),
    }
}

async fn find(engines: &mut Engines<'_>, job: &JobRef) -> Result<JobRecord, Failure> {
    let id = engines.find(job).await?;
    // Whether it has started tells what is there.
    engines.refresh(&[id]).await?.by_now()?;
    Ok(engines.ledger().job(id)?)
}

fn path(text: &str) -> Result<FilesPath, Failure> {
    FilesPath::new(text).map_err(|error| {
        Failure::usage(error.to_string(), "give a path relative to /files, as in dist/app")
    })
}

async fn list(options: &List, context: &Context<'_>) -> Result<u8, Failure> {
    let wanted = options.path.as_deref().map(path).transpose()?;
    let mut engines = context.engines_of_existing(&options.job)?;
    let job = find(&mut engines, &options.job).await?;
    let doing = || format!("list the files of {}", job.id.short());
    let mut files = engines.files(&job).await.doing(doing)?;
    if let Some(wanted) = wanted.filter(|wanted| !wanted.is_all()) {
        files.retain(|entry| is_in(entry, &wanted));
        if files.is_empty() {
            return Err(nothing_there(&job, &wanted));
        }
    }
    let files: Vec<_> = files.iter().map(FileView::new).collect();
    if context.output.json {
        files.iter().try_for_each(|file| context.output.json_line(file))?;
    } else {
        context.output.data(output::file_lines(&files).as_bytes())?;
    }
    Ok(0)
}

fn is_in(entry: &FileEntry, path: &FilesPath) -> bool {
    let rest = entry.path.strip_prefix(path.as_str());
    path.is_all() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn nothing_there(job: &JobRecord, path: &FilesPath) -> Failure {
    Failure::usage(
        format!("there is no `{path}` among the files of {}", job.id.short()),
        format!("computes files ls {} lists them", job.id.short()),
    )
}

async fn get(options: &Get, context: &Context<'_>) -> Result<u8, Failure> {
    let paths = options.paths.iter().map(|text| path(text)).collect::<Result<Vec<_>, _>>()?;
    let mut engines = context.engines_of_existing(&options.job)?;
    let job = find(&mut engines, &options.job).await?;
    let doing = || format!("get the files of {}", job.id.short());
    let files = engines.files(&job).await.doing(doing)?;
    let wanted = wanted(&job, files, &paths)?;
    let is_empty = wanted.is_empty();
    let into: PathBuf = context.directory.join(&options.into).components().collect();
    let there = job.is_here().then(|| context.config.state_dir.files_of(job.id));
    let target = Target { into: &into, force: options.force, there: there.as_deref() };
    let Places { to: places, here, unfit } =
        target.places(wanted).map_err(|failure| failure.doing(doing()))?;
    for why in &unfit {
        context.output.warning(&format!("not brought here: {why}"));
    }
    if is_empty {
        context.output.note(if job.state.is_terminal() {
            "the job kept nothing of that, or it was pruned or has expired"
        } else {
            "there is nothing of that yet"
        });
    }
    let total = places.iter().map(|(entry, _)| entry.bytes()).sum();
    for (_, to) in &places {
        let around = to.parent().unwrap_or(&into);
        std::fs::create_dir_all(around).doing(|| format!("make `{}`", around.display()))?;
    }
    let meter = context.output.meter("getting", total);
    let mut hear = |sent| match sent {
        Sent::Bytes(bytes) => meter.add(bytes),
        Sent::Expected(bytes) => meter.expect(bytes),
    };
    engines.get(&job, &places, &mut hear).await.doing(doing)?;
    drop(meter);
    if context.output.json {
        let mut views = places.iter().map(|(entry, _)| FileView::new(entry));
        views.try_for_each(|view| context.output.json_line(&view))?;
    } else {
        let count = places.len();
        let plural = if count == 1 { "" } else { "s" };
        let folder = options.into.display();
        let here = match here {
            0 => String::new(),
            here => format!("; {here} more are there already"),
        };
        let got = format!("got {count} file{plural}, {}, into {folder}{here}", size(total));
        context.output.status(&got);
    }
    Ok(if unfit.is_empty() { 0 } else { code::FAILED })
}

/// What was asked for, or else what the job keeps as its result, or else everything.
fn wanted(
    job: &JobRecord,
    files: Vec<FileEntry>,
    paths: &[FilesPath],
) -> Result<Vec<FileEntry>, Failure> {
    let outputs = &job.plan.spec.outputs;
    // On this machine the outputs of such a job lie in the directory of the attempt.
    let of_attempt = |output: &FilesPath| match job.plan.spec.files {
        JobFiles::Fresh => FilesPath::new(&format!("./{}/{output}", job.attempt.max(1))),
        JobFiles::Kept | JobFiles::None => Ok(output.clone()),
    };
    let outputs: Vec<_> = outputs.iter().filter_map(|output| of_attempt(output).ok()).collect();
    let wanted = if paths.is_empty() && job.is_here() { outputs.as_slice() } else { paths };
    for path in paths {
        if !path.is_all() && !files.iter().any(|entry| is_in(entry, path)) {
            return Err(nothing_there(job, path));
        }
    }
    let is_wanted = |entry: &FileEntry| {
        let is_there = !matches!(entry.kind, FileKind::ToCome { .. });
        is_there && (wanted.is_empty() || wanted.iter().any(|path| is_in(entry, path)))
    };
    Ok(files.into_iter().filter(is_wanted).collect())
}

fn put(options: &Put, context: &Context<'_>) -> Result<u8, Failure> {
    let inputs: Vec<_> =
        options.inputs.iter().map(|text| Input::parse(text)).collect::<Result<_, _>>()?;
    Input::check(&inputs)?;
    check_nesting(&inputs, context)?;
    let mut contents = Contents::default();
    for input in &inputs {
        contents.append(found(input, context)?);
    }
    let paths: Vec<_> = inputs.iter().map(|input| input.path.to_string()).collect();
    let mut engines = context.engines_of_existing(&options.job)?;
    block_on(async {
        let job = find(&mut engines, &options.job).await?;
        let doing = || format!("put files to {}", job.id.short());
        check_goes_on(&job).doing(doing)?;
        let store = Store::new(context.config.state_dir.parcels());
        let meter = context.output.meter("packing", contents.bytes());
        let made = store.pack(&contents, &mut |bytes| meter.add(bytes)).doing(doing)?;
        drop(meter);
        let meter = context.output.meter("sending", 0);
        let mut hear = |sent| match sent {
            Sent::Bytes(bytes) => meter.add(bytes),
            Sent::Expected(bytes) => meter.expect(bytes),
        };
        engines.put(&job, made, paths, &mut hear).await.doing(doing)?;
        Ok(())
    })?;
    context.output.status(&format!("put {}", size(contents.bytes())));
    Ok(0)
}

/// Nobody in a job that is over looks for files any more.
fn check_goes_on(job: &JobRecord) -> Result<(), Failure> {
    if !job.state.is_terminal() {
        return Ok(());
    }
    let short = job.id.short();
    Err(Failure::usage(
        format!("the job is over: {}", job.state),
        format!(
            "bring it along with --input when you submit the job again; what it left is brought \
             here by `computes files get {short}`"
        ),
    ))
}
