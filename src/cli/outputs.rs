//! What became of the outputs of a job that is over: what is missing is told, what is wanted is brought
//! back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rustix::fs::Access;

use super::aside::Aside;
use super::brought::{By, Place};
use super::context::Context;
use super::edits::Scene;
use super::error::{Doing, Failure, Kind};
use super::fate::{Fate, Ours, Why};
use super::follow;
use super::get::{bring, is_output, there};
use super::interrupts::Interrupts;
use super::known::Known;
use super::landing::{Landing, Planned};
use super::places::{Places, Target};
use super::returned::{self, Returned};
use super::times::{Meanwhile, Time, Written};
use crate::engine::{Clock, EngineError, Engines, FileEntry, FileKind, Look, Roots, sweep};
use crate::job::{JobId, JobPath, Root, State};
use crate::ledger::{JobRecord, Millis};
use crate::parcel::Role;

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

/// Why it does not come to its end.
enum Stop {
    /// Somebody wants us to leave: with this exit code.
    Left(u8),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Get {
    /// Does the caller say that outputs are to come back?
    pub const fn is_said(&self) -> bool {
        self.get.is_some()
    }

    /// # Errors
    /// When what comes from `/files` can't go where it is to.
    pub fn check(&self, context: &Context<'_>) -> Result<(), Failure> {
        let folder = self.get.as_ref().map(|folder| context.directory.join(folder));
        let is_none = |at: &Path| std::fs::metadata(at).is_ok_and(|seen| !seen.is_dir());
        let folder = folder.iter().flat_map(|folder| folder.ancestors()).find(|at| is_none(at));
        folder.map_or(Ok(()), |no_folder| {
            let hint = "name a folder, which is made if it is not there";
            Err(Failure::usage(format!("--get: `{}` is no folder", no_folder.display()), hint))
        })
    }

    fn wanted(&self, context: &Context<'_>) -> Wanted<'_> {
        match &self.get {
            Some(folder) => Wanted::All(folder),
            None if context.config.get && !self.no_get => Wanted::OfThisCheckout,
            None => Wanted::Nothing,
        }
    }

    /// Tells that we leave while outputs of the first of these are brought back.
    pub fn say_left(&self, ids: &[JobId], code: u8, context: &Context<'_>) -> Result<u8, Failure> {
        let ids_said: Vec<_> = ids.iter().map(JobId::short).collect();
        let option = match &self.get {
            Some(folder) if folder == Path::new(".") => " --get".to_owned(),
            Some(folder) => format!(" {}", quoted(&format!("--get={}", folder.display()))),
            None => String::new(),
        };
        let resume = format!("computes wait{option} {}", ids_said.join(" "));
        follow::tell_left(ids, code, "what came back stays, and the rest is kept", &resume, context)
    }
}

/// As a shell reads it as one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_=./".contains(c);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Tells how a job ended and what it left, brings that back if it is wanted, and gives the exit code: that
/// of the job, if it is not 0. Breaks where somebody wants us to leave before that.
pub async fn over(
    engines: &mut Engines<'_>,
    job: JobRecord,
    get: &Get,
    interrupts: &mut Interrupts,
    context: &Context<'_>,
) -> Result<ControlFlow<u8, u8>, Failure> {
    // Nobody can cancel it any more.
    interrupts.answered();
    let look = Box::pin(engines.look_for_outputs(job.clone()));
    let looked = interrupts.unless_left(look).await;
    let (job, left) = match looked {
        Ok(Ok(job)) => (job, None),
        Ok(Err(error)) => return Err(returned::pruned_or(error.into(), engines, &job)),
        Err(code) => (job, Some(code)),
    };
    let exit_code = follow::say_end(&job, context)?;
    if let Some(code) = left {
        return Ok(ControlFlow::Break(code));
    }
    for output in job.missing_outputs.iter().flatten() {
        context
            .output
            .warning(&format!("output `{output}` is not there: the job left nothing of it"));
    }
    // Whoever waits for it does so for long.
    match Box::pin(bring_back(engines, &job, get, interrupts, context)).await {
        Ok(code) => Ok(ControlFlow::Continue(if exit_code == 0 { code } else { exit_code })),
        Err(Stop::Left(code)) => Ok(ControlFlow::Break(code)),
        Err(Stop::Failed(failure)) => {
            let doing = format!("bring back the outputs of {}", job.id.short());
            let failure = returned::pruned_or(failure, engines, &job).doing(doing);
            if exit_code == 0 {
                return Err(failure);
            }
            context.output.warning(&failure.message());
            Ok(ControlFlow::Continue(exit_code))
        }
    }
}

/// So often it is looked again at what changed meanwhile.
const TRIES: u32 = 5;

async fn bring_back(
    engines: &mut Engines<'_>,
    job: &JobRecord,
    get: &Get,
    interrupts: &mut Interrupts,
    context: &Context<'_>,
) -> Result<u8, Stop> {
    let checkout = checkout(job);
    let folder = match get.wanted(context) {
        Wanted::Nothing => return Ok(0),
        Wanted::All(folder) => Some(folder),
        Wanted::OfThisCheckout => match &checkout {
            Some(Ok(root)) if context.directory.starts_with(root) => None,
            Some(Err(gone)) => return Ok(returned::tell_gone(gone, job, context)),
            Some(Ok(_)) | None => return Ok(0),
        },
    };
    if job.plan.spec.outputs.is_empty() || job.attempt == 0 {
        if folder.is_some() && job.plan.spec.outputs.is_empty() {
            returned::warn_of_no_outputs(job, context);
        }
        return Ok(0);
    }
    if is_pruned(job, context) {
        return Err(returned::pruned("what was kept of it was pruned").into());
    }
    let kept = interrupts.unless_left(engines.files(job)).await.map_err(Stop::Left)?;
    let kept = kept
        .map_err(Failure::from)?
        .into_iter()
        .filter(|entry| !matches!(entry.kind, FileKind::ToCome { .. }) && is_output(job, entry));
    let (mut entries, files): (Vec<_>, Vec<_>) =
        kept.partition(|entry| JobPath::split(&entry.path).0 == Root::Source);
    if folder.is_some() {
        entries.extend(files);
    } else if !files.is_empty() {
        returned::note_files(files.len(), job, context);
    }
    let into = into(checkout, folder, job, context, &entries)?;
    let by = By { submitted: job.accepted_at, job: job.id };
    let (retry_of, sent) = retried(engines, job)?;
    let ours = Ours { by, retry_of };
    let source = job.plan.freight.source.as_ref().map(|source| &source.parcel.address);
    let known = Known::new(&context.config.state_dir, &into, &ours, source);
    let there = there(job, context);
    let may_follow = |link: &JobPath| known.is_own(link);
    let aside = Aside::of(&context.config.state_dir, job.id);
    let _sole = if changes_sources(&entries, &known)? {
        let sole = sole(known.place(Root::Source), context);
        Some(interrupts.unless_left(sole).await.map_err(Stop::Left)??)
    } else {
        None
    };
    // Another job may come to the same places while we look at them.
    let mut tries = 0;
    let (places, planned, times) = loop {
        let mut planned = BTreeMap::new();
        let may_go = &mut |path: &JobPath, to: &Path| may_go(&known, &mut planned, path, to);
        let target = Target { into: &into, may_go, may_follow: &may_follow, there: there.as_ref() };
        let places = target.places(entries.clone());
        let places = interrupts.unless_left(places).await.map_err(Stop::Left)??;
        let times = times(&places, &known, sent, context)?;
        let changed = Landing::new(&known, &planned, &times, &aside).claim(&places)?;
        tries += 1;
        if changed.is_empty() || tries == TRIES {
            break (places, planned, times);
        }
    };
    let landing = Landing::new(&known, &planned, &times, &aside);
    let land = |made: &Path, to: &Path| landing.land(made, to);
    let done = interrupts.unless_left(bring(engines, job, &places, &land, context)).await;
    // Whatever became of the rest.
    let noted = landing.note_came(&places);
    let aside = returned::tell_aside(&aside, context);
    done.map_err(Stop::Left)??;
    noted?;
    let aside = aside?;
    // What a call left there that was killed.
    let all = places.all().filter_map(|(_, to)| to.parent());
    all.collect::<BTreeSet<_>>().into_iter().for_each(sweep);
    let returned = Returned::of(places, &landing);
    returned.say(job, &into, &aside, folder.is_some(), context)?;
    Ok(returned.exit_code())
}

/// Between two looks whether another call is done.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// After so many looks it is told what is waited for.
const LOOKS_UNTOLD: u32 = 20;

/// Waits until no other call brings changed sources to the same place.
async fn sole(place: Place<'_>, context: &Context<'_>) -> Result<File, Failure> {
    let doing = || format!("lock `{}`", place.folder.display());
    let mut looks = 0;
    loop {
        if let Some(sole) = place.sole().doing(doing)? {
            return Ok(sole);
        }
        looks += 1;
        if looks == LOOKS_UNTOLD {
            context
                .output
                .note("another call is bringing back sources that a job changed: waiting for it");
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Did the job change something that git tracks?
fn changes_sources(entries: &[FileEntry], known: &Known<'_>) -> Result<bool, Failure> {
    for path in entries.iter().filter_map(|entry| entry.checked().ok()) {
        if known.role(&path)? == Role::Source {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The time of each that comes, and of what is here already.
fn times(
    places: &Places,
    known: &Known<'_>,
    sent: Millis,
    context: &Context<'_>,
) -> Result<BTreeMap<PathBuf, Time>, Failure> {
    let written = places.all().map(|(entry, to)| {
        let role = known.role(&entry.checked()?)?;
        Ok::<_, Failure>(Written { to, there: entry.modified, role })
    });
    let written = written.collect::<Result<Vec<_>, _>>()?;
    let is_ours = |entry: &FileEntry| {
        let came = known.came(&entry.checked()?)?;
        Ok::<_, Failure>(came.is_some_and(|came| came.by.job == known.ours.by.job))
    };
    let mut is_all_ours = places.to.is_empty();
    for present in &places.here {
        is_all_ours = is_all_ours && is_ours(&present.entry)?;
    }
    // Nothing becomes any older or newer.
    if is_all_ours {
        return Ok(BTreeMap::new());
    }
    let comes: BTreeSet<_> = places.all().map(|(_, to)| to).collect();
    let brought = known.brought(Root::Source)?;
    let scene = Scene {
        root: known.into.of(Root::Source),
        sent,
        manifest: known.manifest()?,
        brought: &brought,
        comes: &|at| comes.contains(at),
    };
    let edits = scene.edits().map_err(|error| {
        tracing::debug!(%error, "nobody can tell what was edited");
    });
    Ok(Meanwhile { sent, now: context.clock.now(), edits: edits.ok() }.times(written))
}

/// Why something must not go there, if so; what is to become of what is there, if not.
fn may_go(
    known: &Known<'_>,
    planned: &mut BTreeMap<PathBuf, Planned>,
    path: &JobPath,
    to: &Path,
) -> Result<Option<Why>, Failure> {
    let (look, came, verdict) = (Look::at(to), known.came(path)?, known.verdict(path, to)?);
    if let Fate::Left(why) = verdict.fate {
        return Ok(Some(why));
    }
    if let Some(why) = unwritable(to) {
        return Ok(Some(Why::CannotWrite(why)));
    }
    planned.insert(to.to_owned(), Planned { path: path.clone(), look, came, verdict });
    Ok(None)
}

/// Why nothing can be put there, if so.
fn unwritable(to: &Path) -> Option<String> {
    let around = to.ancestors().skip(1).find(|around| around.exists())?;
    let error = rustix::fs::access(around, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some(format!("`{}`: {}", around.display(), io::Error::from(error)))
}

/// Where the source was taken from, if it was on this machine; the error: that is not there any more.
fn checkout(job: &JobRecord) -> Option<Result<PathBuf, &Path>> {
    let root = job.plan.freight.source.as_ref()?.root(&job.directory)?;
    // Another name may have become a link to it.
    Some(root.canonicalize().ok().filter(|it| it.is_dir()).ok_or(root))
}

/// A job of this machine that succeeded has kept what there was of each root.
fn is_pruned(job: &JobRecord, context: &Context<'_>) -> bool {
    let Some(roots) = there(job, context).filter(|_| job.state == State::Succeeded) else {
        return false;
    };
    let outputs = &job.plan.spec.outputs;
    Root::ALL.iter().any(|root| outputs.first_in(*root).is_some() && !roots.of(*root).is_dir())
}

/// What the roots of the job become here.
fn into(
    checkout: Option<Result<PathBuf, &Path>>,
    folder: Option<&Path>,
    job: &JobRecord,
    context: &Context<'_>,
    entries: &[FileEntry],
) -> Result<Roots, Failure> {
    let files = context.directory.join(folder.unwrap_or(Path::new(".")));
    // What came there is known by the one name that it has.
    let files = files.canonicalize().unwrap_or_else(|_| files.components().collect());
    let takes_one = entries.iter().any(|entry| JobPath::split(&entry.path).0 == Root::Source);
    let why = match checkout {
        Some(Ok(source)) => return Ok(Roots { files, source }),
        _ if !takes_one => return Ok(Roots { source: PathBuf::new(), files }),
        Some(Err(gone)) => format!("the checkout `{}` is not there any more", gone.display()),
        None => "the job was not submitted from a checkout of this machine".to_owned(),
    };
    Err(Failure {
        kind: Kind::Failed,
        error: anyhow::anyhow!(why),
        hint: Some(format!(
            "computes files get {} --into FOLDER brings them elsewhere, also to where it is by now",
            job.id.short()
        )),
    })
}

/// The jobs that this one is a retry of, and when what all of them brought along was looked for.
fn retried(engines: &mut Engines<'_>, job: &JobRecord) -> Result<(Vec<JobId>, Millis), Failure> {
    let mut first = job.clone();
    let mut before_it = Vec::new();
    while let Some(before) = first.retry_of {
        before_it.push(before);
        match engines.ledger().job(before) {
            Ok(before) => first = before,
            Err(error) if error.is_about_a_name() => break,
            Err(error) => return Err(EngineError::from(error).into()),
        }
    }
    Ok((before_it, first.id.made_at().unwrap_or(first.accepted_at)))
}
