//! Handing jobs over: what `run`, `submit` and `retry` have in common.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::context::Context;
use super::error::{Doing, Failure};
use super::freight::{Loading, Prepared};
use super::intake;
use super::job_options::JobOptions;
use super::{doubts, meant, programs};
use crate::engine::aws::Trouble;
use crate::engine::{Accepted, Clock, EngineError, EngineName, Engines, Sent, Submission, local};
use crate::job::{
    CommandError, Draft, Freight, JobFiles, JobId, JobSpec, Root, Sending, Source, SpecError,
};
use crate::ledger::NewJob;
use crate::parcel::Store;
use crate::plan::{FETCH, FREIGHT, Plan};

/// The jobs that the options describe, checked, and written down nowhere.
pub fn prepare(options: &JobOptions, how: How, context: &Context<'_>) -> Result<Prepared, Failure> {
    let mut loading = Loading::default();
    let mut ids = Ids::at(context.clock.now());
    let mut submissions = Vec::new();
    let mut told = BTreeSet::new();
    let drafts = intake::drafts(options)?;
    let count = drafts.len();
    for (index, draft) in drafts.into_iter().enumerate() {
        let (asked, memory) = (draft.name.clone(), draft.memory.clone());
        let called = asked.clone().or_else(|| draft.command.as_ref().map(|words| words.join(" ")));
        let called = called.filter(|name| !name.is_empty()).map(|name| format!("`{name}`"));
        let number = (count > 1).then(|| format!("job {} of {count}", index + 1));
        let which: Vec<_> = number.into_iter().chain(called).collect();
        let number = usize::from(count > 1);
        let submission =
            submission(draft, how, &mut ids, &mut loading, context).map_err(|failure| {
                // The command would show what it is about.
                let is_seen = failure.error.downcast_ref().is_some_and(|error: &SpecError| {
                    matches!(error, SpecError::SecretShown { .. })
                });
                let which = if is_seen { &which[..number] } else { &which };
                failure.doing(format!("submit {}", which.join(", ")).trim_end())
            })?;
        let spec = &submission.job.plan.spec;
        for note in meant::notes(memory.as_deref(), spec, &context.directory) {
            if told.insert(note.clone()) {
                context.output.note(&note);
            }
        }
        let JobSpec { name, retry, .. } = spec;
        if options.retry_on.is_some() && retry.is_none() {
            context.output.note("--retry-on says nothing without --attempts");
        }
        if let Some(asked) = asked.filter(|asked| asked != name.as_str()) {
            context.output.note(&format!("job name `{asked}` became `{name}`"));
        }
        submissions.push(submission);
    }
    Ok(Prepared { submissions, loading })
}

/// A job that this program itself wants done.
pub fn of_ours(draft: Draft, context: &Context<'_>) -> Result<Submission, Failure> {
    let mut ids = Ids::at(context.clock.now());
    submission(draft, How::default(), &mut ids, &mut Loading::default(), context)
}

/// What is the same for all jobs of a call.
#[derive(Clone, Copy, Default)]
pub struct How {
    pub rehearse_after: Option<u32>,
    pub once: bool,
    /// Is there to be something that comes back?
    pub gets: bool,
}

fn submission(
    draft: Draft,
    how: How,
    ids: &mut Ids,
    loading: &mut Loading,
    context: &Context<'_>,
) -> Result<Submission, Failure> {
    let How { rehearse_after, once, gets } = how;
    // Who sends no source wants nothing of it that settings would keep.
    let sends_none = draft.source.as_deref() == Some(Source::Image.as_str());
    let says_outputs = !draft.outputs.is_empty();
    let mut draft = draft.over(context.config.job.clone());
    let sending = draft.sending()?;
    if gets && draft.outputs.is_empty() && sending.source != Source::Image {
        draft.outputs.push(Root::Source.as_str().to_owned());
    }
    let made_before = draft.freight.take();
    let (spec, secrets) = draft.resolve(&|name| std::env::var(name))?;
    if rehearse_after.is_some() && !spec.queue.interruptible() {
        return Err(Failure::usage(
            format!("queue `{}` is never interrupted, so there is nothing to rehearse", spec.queue),
            "rehearse it in the queue `default` or `asap`",
        ));
    }
    let config = &context.config;
    check_engine(&spec, rehearse_after, config.engine)?;
    check_command(&spec, &sending, config.engine)?;
    meant::check_program(&spec)?;
    let plan = Plan::new(spec, config.files_mount.clone(), &secrets)?;
    let freight = match made_before {
        Some(made) => {
            let stdin = loading.stdin(&sending, context)?;
            Freight { stdin: stdin.or_else(|| made.stdin.clone()), ..made }
        }
        None => loading.look(&sending, context)?,
    };
    let mut plan = plan.with(freight, config.bucket.clone(), config.fetch, &secrets)?;
    if sends_none && !says_outputs {
        plan.spec.outputs = plan.spec.outputs.without(Root::Source);
    }
    check_source(&plan)?;
    if gets && plan.spec.outputs.is_empty() {
        return Err(nothing_to_get());
    }
    check_carrier(&plan, config.engine)?;
    check_names(&plan)?;
    let directory = context.directory.clone();
    if directory.to_str().is_none() {
        return Err(Failure::usage(
            format!("the working directory `{}` is not UTF-8", directory.display()),
            "submit from another directory",
        ));
    }
    let job = NewJob { id: ids.next(), plan, directory, rehearse_after, retry_of: None };
    Ok(Submission { job, secrets, once })
}

/// What only one of the engines can do.
fn check_engine(
    spec: &JobSpec,
    rehearse_after: Option<u32>,
    engine: EngineName,
) -> Result<(), Failure> {
    match (engine, spec.secret_sources.iter().next()) {
        (EngineName::Aws, _) if rehearse_after.is_some() => Err(Failure::usage(
            "an interruption can be rehearsed on the local engine only",
            "add --engine local",
        )),
        (EngineName::Local, Some((name, source))) => Err(Failure::usage(
            format!("secret `{name}` is in `{source}`, which the local engine does not ask"),
            format!("export {name} and pass --secret {name}, or submit with --engine aws"),
        )),
        _ => Ok(()),
    }
}

/// A job without a command does on AWS what its definition says, and nothing of ours runs in it.
fn check_command(spec: &JobSpec, sending: &Sending, engine: EngineName) -> Result<(), Failure> {
    if spec.command.is_some() {
        return Ok(());
    }
    let (what, without) = match engine {
        EngineName::Local => return Err(SpecError::Command(CommandError::Empty).into()),
        EngineName::Aws if spec.files != JobFiles::None => ("/files", "add --no-files"),
        EngineName::Aws if sending.source != Source::Image => ("a source", "add --source image"),
        EngineName::Aws if !sending.inputs.is_empty() => ("inputs", "leave them out"),
        EngineName::Aws if sending.stdin.is_some() => ("a stdin", "leave --stdin out"),
        EngineName::Aws if !spec.outputs.is_empty() => {
            ("outputs", "leave them out, or add --no-files")
        }
        EngineName::Aws => return Ok(()),
    };
    Err(Failure::usage(
        format!("there is no command, and only a command of the job's own is given {what}"),
        format!("name it after `--`; or, for that of the job definition, {without}"),
    ))
}

/// What is brought to AWS or back takes a bucket.
fn check_carrier(plan: &Plan, engine: EngineName) -> Result<(), Failure> {
    if engine == EngineName::Local || !plan.carries() || plan.bucket.is_some() {
        return Ok(());
    }
    let (what, without) = match &plan.freight {
        Freight { source: Some(_), .. } => {
            ("a source", "submit with --source image, which sends nothing")
        }
        Freight { stdin: Some(_), .. } => ("a stdin", "leave --stdin out"),
        Freight { inputs, .. } if !inputs.is_empty() => ("inputs", "leave them out"),
        _ => ("outputs", "leave them out"),
    };
    Err(Failure::usage(
        format!("the job has {what}, and no bucket is set to bring them to AWS and back"),
        format!("set it in computes.toml, as in bucket = \"s3://builds\"; or {without}"),
    ))
}

/// What is kept of a source takes one.
fn check_source(plan: &Plan) -> Result<(), Failure> {
    match plan.spec.outputs.first_in(Root::Source) {
        Some(output) if plan.freight.source.is_none() => Err(Failure::usage(
            format!("output `{output}` is in the source, and the job brings none along"),
            "add --source tree, or name what the job leaves in /files, as in --output dist",
        )),
        _ => Ok(()),
    }
}

fn nothing_to_get() -> Failure {
    Failure::usage(
        "there is nothing that --get could bring back: the job brings no source along, and names no \
         outputs",
        "add --source tree, or name what the job leaves in /files, as in --output dist",
    )
}

/// The variables by which a job is told what it brings along are ours.
fn check_names(plan: &Plan) -> Result<(), Failure> {
    let spec = &plan.spec;
    let names = spec.environment.keys().chain(&spec.secrets).chain(spec.secret_sources.keys());
    let mut taken = names.filter(|name| [FREIGHT, FETCH].contains(&name.as_str()));
    match taken.next().filter(|_| plan.carries()) {
        Some(name) => Err(Failure::usage(
            format!("variable `{name}` tells a job what it brings along"),
            "choose another name",
        )),
        None => Ok(()),
    }
}

/// What can be refused before anything is packed or written down.
pub fn check_first(
    submissions: &[Submission],
    engine: EngineName,
    context: &Context<'_>,
) -> Result<(), Failure> {
    match engine {
        EngineName::Aws => Ok(()),
        EngineName::Local => {
            local::check_fit(&context.config.state_dir, submissions).doing(|| called(submissions))
        }
    }
}

fn called(submissions: &[Submission]) -> String {
    match submissions {
        [one] => format!("submit `{}`", one.job.plan.spec.name),
        several => format!("submit {} jobs", several.len()),
    }
}

/// Jobs that are written down, and which of them are not on their way.
pub struct HandedOver {
    /// In the order in which they were given; those that do the same already in the place of
    /// those that were not taken.
    ids: Vec<JobId>,
    failed: Vec<(JobId, EngineError)>,
}

impl HandedOver {
    /// The first, of which there always is one.
    pub fn first(&self) -> JobId {
        self.ids.first().copied().unwrap_or_else(|| JobId::new(Uuid::nil()))
    }

    /// Those that were handed over, or that somebody else had.
    pub fn on_their_way(&self) -> impl Iterator<Item = JobId> + '_ {
        let failed = |id: &JobId| self.failed.iter().any(|(failed, _)| failed == id);
        self.ids.iter().copied().filter(move |id| !failed(id))
    }

    /// Tells what went wrong with some; the first is the error.
    pub fn check(self, context: &Context<'_>) -> Result<Self, Failure> {
        let Self { ids, failed } = self;
        let mut failed = failed.into_iter();
        let Some((first, error)) = failed.next() else {
            return Ok(Self { ids, failed: Vec::new() });
        };
        for (id, error) in failed {
            let why = Failure::from(error).message();
            context.output.warning(&format!("{} was not handed over: {why}", id.short()));
        }
        Err(not_handed_over(first, error))
    }
}

fn not_handed_over(id: JobId, error: EngineError) -> Failure {
    let is_refused = matches!(&error, EngineError::Aws(error)
        if matches!(error.trouble(), Trouble::Refused | Trouble::NotFound));
    let is_unclear =
        matches!(&error, EngineError::Aws(error) if error.trouble() == Trouble::Unclear);
    let failure = Failure::from(error).doing(format!("hand {} over", id.short()));
    if is_refused {
        return failure;
    }
    let short = id.short();
    let kept = if is_unclear {
        format!(
            "the job is kept: computes wait {short} looks for it, and sends it only if it is not there"
        )
    } else {
        format!(
            "the job is kept: computes wait {short} tries again, computes cancel {short} drops it"
        )
    };
    let hint = failure.hint.map_or_else(|| kept.clone(), |hint| format!("{hint}; {kept}"));
    Failure { hint: Some(hint), ..failure }
}

/// Packs what goes along, and sees to it that it is where the jobs will look for it. Nothing of the
/// jobs is written down yet.
pub async fn send_ahead(
    engines: &mut Engines<'_>,
    prepared: Prepared,
    context: &Context<'_>,
) -> Result<Vec<Submission>, Failure> {
    let which = called(&prepared.submissions);
    let store = Store::new(context.config.state_dir.parcels());
    let (submissions, made) = prepared.pack(&store, context).doing(|| which.clone())?;
    let meter = context.output.meter("sending", 0);
    engines
        .send_ahead(&submissions, made, &mut |sent| match sent {
            Sent::Expected(bytes) => meter.expect(bytes),
            Sent::Bytes(bytes) => meter.add(bytes),
        })
        .await
        .doing(|| which)?;
    Ok(submissions)
}

/// Writes them down and hands them over. From then on they are there, whether somebody runs
/// them yet or not.
pub async fn hand_over(
    engines: &mut Engines<'_>,
    submissions: &[Submission],
    context: &Context<'_>,
) -> Result<HandedOver, Failure> {
    let sent: Vec<_> = submissions.iter().filter(|it| !it.secrets.is_empty()).collect();
    if let Some(first) = sent.first().filter(|_| engines.chosen() == EngineName::Aws) {
        let names: Vec<_> = first.secrets.iter().map(|(name, _)| name.to_string()).collect();
        context.output.note(&format!(
            "whoever may call DescribeJobs sees the value of {}; --secret NAME=ssm:PARAMETER sends none",
            names.join(", ")
        ));
    }
    if engines.chosen() == EngineName::Local {
        programs::tell(submissions, context);
    }
    let accepted = engines.submit(submissions).await.doing(|| called(submissions))?;
    let Accepted { unattended, instead, not_handed_over, doubts, notes } = accepted;
    for note in notes {
        context.output.note(&note);
    }
    doubts::tell(doubts, context);
    if let Some(error) = unattended {
        let why = Failure::from(error).message();
        context.output.warning(&format!(
            "in the queue, but nobody runs it yet: {why}; `computes wait` or any submit tries again"
        ));
    }
    let taken = |id: JobId| instead.iter().find(|(ours, _)| *ours == id).map_or(id, |it| it.1);
    let ids = submissions.iter().map(|submission| taken(submission.job.id)).collect();
    Ok(HandedOver { ids, failed: not_handed_over })
}

/// Ids in the order of their making, also within the same millisecond.
pub struct Ids {
    context: uuid::ContextV7,
    seconds: u64,
    nanos: u32,
}

impl Ids {
    pub fn at(now: i64) -> Self {
        let now = now.unsigned_abs();
        let nanos = u32::try_from(now % 1000 * 1_000_000).unwrap_or(0);
        Self { context: uuid::ContextV7::new(), seconds: now / 1000, nanos }
    }

    pub fn next(&mut self) -> JobId {
        let time = uuid::Timestamp::from_unix(&self.context, self.seconds, self.nanos);
        JobId::new(Uuid::new_v7(time))
    }
}
