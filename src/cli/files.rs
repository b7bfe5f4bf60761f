//! `computes files`: what is in the `/files` of a job, brought here and there.

use clap::{Args, Subcommand};

use super::context::{Context, block_on};
use super::error::{Doing, Failure};
use super::freight::{check_nesting, found};
use super::get;
use super::output::{self, FileView};
use crate::engine::{Engines, FileEntry, Sent};
use crate::job::{Input, JobPath, JobRef};
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
    // One that is shown would be offered by completion in its place: it comes first in the alphabet.
    #[command(alias = "list")]
    Ls(List),
    /// Bring files of a job here; without a path its outputs, or all if it has none
    Get(get::Options),
    /// Bring files to a job
    Put(Put),
}

#[derive(Debug, Args)]
struct List {
    /// An id, the beginning of one, or `last`
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Only what is at or below this path, as in dist or /source/app
    #[arg(value_name = "PATH")]
    path: Option<String>,
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
        What::Get(options) => block_on(get::run(options, context)),
        What::Put(options) => put(options, context),
    }
}

pub(super) async fn find(engines: &mut Engines<'_>, job: &JobRef) -> Result<JobRecord, Failure> {
    let id = engines.find(job).await?;
    // Whether it has started tells what is there.
    engines.refresh(&[id]).await?.by_now()?;
    Ok(engines.ledger().job(id)?)
}

/// A path of a job, as a person names it.
pub(super) fn path(text: &str) -> Result<JobPath, Failure> {
    JobPath::new(text).map_err(|error| {
        let hint = "give a path relative to /files, as in dist/app, or one in /source";
        Failure::usage(error.to_string(), hint)
    })
}

async fn list(options: &List, context: &Context<'_>) -> Result<u8, Failure> {
    let wanted = options.path.as_deref().map(path).transpose()?;
    let mut engines = context.engines_of_existing(&options.job)?;
    let job = find(&mut engines, &options.job).await?;
    let doing = || format!("list the files of {}", job.id.short());
    let mut files = engines.files(&job).await.doing(doing)?;
    if let Some(wanted) = wanted {
        files.retain(|entry| is_in(entry, &wanted));
        if files.is_empty() && !wanted.below.is_all() {
            return Err(nothing_there(&job, &wanted));
        }
    }
    if files.is_empty() && job.attempt == 0 {
        context.output.note(&format!("{} did not start, so it has no files", job.id.short()));
    }
    let files: Vec<_> = files.iter().map(FileView::new).collect();
    if context.output.json {
        files.iter().try_for_each(|file| context.output.json_line(file))?;
    } else {
        context.output.data(output::file_lines(&files).as_bytes())?;
    }
    Ok(0)
}

pub(super) fn is_in(entry: &FileEntry, path: &JobPath) -> bool {
    let (root, below) = JobPath::split(&entry.path);
    let rest = below.strip_prefix(path.below.as_str());
    root == path.root
        && (path.below.is_all()
            || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

pub(super) fn nothing_there(job: &JobRecord, path: &JobPath) -> Failure {
    Failure::usage(
        format!("there is no `{path}` among the files of {}", job.id.short()),
        format!("computes files ls {} lists them", job.id.short()),
    )
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
