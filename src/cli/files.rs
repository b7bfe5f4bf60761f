//! `computes files`: what is in the `/files` of a job, brought here and there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::context::{Context, block_on};
use super::error::{Doing, Failure, Kind};
use super::output::{self, FileView};
use super::{prune, run};
use crate::engine::{Engines, FileEntry, FileKind, Sent};
use crate::job::{FilesPath, Input, JobRef};
use crate::ledger::JobRecord;
use crate::parcel::{Contents, Store, hash_of, size, walk};

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
    /// Remove the files of jobs that are over for long, and parcels that no job needs
    Prune(prune::Options),
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
        What::Prune(options) => prune::run(options, context),
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
    let into: PathBuf = context.directory.join(&options.into).components().collect();
    let places = places(wanted, &into, options.force).map_err(|failure| failure.doing(doing()))?;
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
        context.output.status(&format!("got {count} file{plural}, {}, into {folder}", size(total)));
    }
    Ok(0)
}

/// What was asked for, or else what the job keeps as its result, or else everything.
fn wanted(
    job: &JobRecord,
    files: Vec<FileEntry>,
    paths: &[FilesPath],
) -> Result<Vec<FileEntry>, Failure> {
    let outputs = &job.plan.spec.outputs;
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

/// Where each goes. Nothing is written before all of them may be.
fn places(
    entries: Vec<FileEntry>,
    into: &Path,
    force: bool,
) -> Result<Vec<(FileEntry, PathBuf)>, Failure> {
    let mut folded: BTreeMap<String, String> = BTreeMap::new();
    let mut places = Vec::new();
    let mut in_the_way = Vec::new();
    let links: Vec<_> = entries
        .iter()
        .filter(|entry| matches!(entry.kind, FileKind::Link { .. }))
        .map(|entry| format!("{}/", entry.path))
        .collect();
    for entry in entries {
        let path = entry.checked()?;
        if let Some(before) = folded.insert(path.folded(), entry.path.clone()) {
            return Err(refused(
                &entry.path,
                &format!("`{before}` is the same where case is folded"),
            ));
        }
        if let Some(link) = links.iter().find(|link| entry.path.starts_with(link.as_str())) {
            return Err(refused(&entry.path, &format!("`{link}` is a link")));
        }
        let to = into.join(path.as_str());
        match std::fs::symlink_metadata(&to) {
            Err(_) => places.push((entry, to)),
            Ok(seen) if seen.is_dir() => {
                return Err(refused(&entry.path, &format!("`{}` is a folder", to.display())));
            }
            Ok(_) if is_the_same(&entry, &to) => {}
            Ok(_) if force => places.push((entry, to)),
            Ok(_) => in_the_way.push(to),
        }
    }
    let Some(first) = in_the_way.first() else {
        // A link comes after what it may lead to.
        places.sort_by_key(|(entry, _)| matches!(entry.kind, FileKind::Link { .. }));
        return Ok(places);
    };
    let more = match in_the_way.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(Failure::usage(
        format!("`{}`{more} would be overwritten", first.display()),
        "add --force, or choose another folder with --into",
    ))
}

fn refused(path: &str, why: &str) -> Failure {
    Failure {
        kind: Kind::Failed,
        error: anyhow::anyhow!("`{path}` can't be brought here: {why}"),
        hint: Some("name the files that you want, one by one, or take another folder".to_owned()),
    }
}

/// A file that was brought here before need not be again.
fn is_the_same(entry: &FileEntry, there: &Path) -> bool {
    match &entry.kind {
        FileKind::File { bytes, hash: Some(hash), .. } => {
            std::fs::metadata(there).is_ok_and(|seen| seen.len() == *bytes)
                && hash_of(there).is_ok_and(|found| found == *hash)
        }
        _ => false,
    }
}

fn put(options: &Put, context: &Context<'_>) -> Result<u8, Failure> {
    let mut contents = Contents::default();
    let mut paths = Vec::new();
    for text in &options.inputs {
        let input = Input::parse(text)?;
        let found = walk(&context.directory.join(&input.local))
            .map_err(|error| Failure::from(error).doing(format!("send `{}`", input.local)))?;
        contents.append(found.below(Path::new(input.path.as_str())));
        paths.push(input.path.to_string());
    }
    let mut engines = context.engines_of_existing(&options.job)?;
    block_on(async {
        let job = find(&mut engines, &options.job).await?;
        let doing = || format!("put files to {}", job.id.short());
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

/// `30d`, or anything else that is a duration.
pub(super) fn days(option: &str, text: &str) -> Result<std::time::Duration, Failure> {
    match text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()) {
        Some(days) => Ok(std::time::Duration::from_hours(24 * days)),
        None => run::parse(option, text),
    }
}
