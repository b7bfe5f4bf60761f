//! Handing jobs over: what `run`, `submit` and `retry` have in common.

use uuid::Uuid;

use super::context::Context;
use super::error::{Doing, Failure};
use super::intake;
use super::job_options::JobOptions;
use crate::engine::{Clock, Engine, Submission, local};
use crate::job::{Draft, JobId};
use crate::ledger::NewJob;
use crate::plan::Plan;

/// The jobs that the options describe, checked, and written down nowhere.
pub fn prepare(
    options: &JobOptions,
    rehearse_after: Option<u32>,
    context: &Context<'_>,
) -> Result<Vec<Submission>, Failure> {
    intake::check_engine(options)?;
    let mut ids = Ids::at(context.clock.now());
    let mut submissions = Vec::new();
    let drafts = intake::drafts(options)?;
    let count = drafts.len();
    for (index, draft) in drafts.into_iter().enumerate() {
        let asked = draft.name.clone();
        let called = asked.clone().or_else(|| draft.command.as_ref().map(|words| words.join(" ")));
        let called = called.filter(|name| !name.is_empty()).map(|name| format!("`{name}`"));
        let number = (count > 1).then(|| format!("job {} of {count}", index + 1));
        let which: Vec<_> = number.into_iter().chain(called).collect();
        let submission = submission(draft, rehearse_after, &mut ids, context)
            .doing(|| format!("submit {}", which.join(", ")).trim_end().to_owned())?;
        let name = &submission.job.plan.spec.name;
        if let Some(asked) = asked.filter(|asked| asked != name.as_str()) {
            context.output.note(&format!("job name `{asked}` became `{name}`"));
        }
        submissions.push(submission);
    }
    Ok(submissions)
}

fn submission(
    draft: Draft,
    rehearse_after: Option<u32>,
    ids: &mut Ids,
    context: &Context<'_>,
) -> Result<Submission, Failure> {
    let draft = draft.over(context.config.job.clone());
    let (spec, secrets) = draft.resolve(&|name| std::env::var(name))?;
    if rehearse_after.is_some() && !spec.queue.interruptible() {
        return Err(Failure::usage(
            format!("queue `{}` is never interrupted, so there is nothing to rehearse", spec.queue),
            "rehearse it in the queue `default` or `asap`",
        ));
    }
    let plan = Plan::new(spec, context.config.files_mount.clone(), &secrets)?;
    let directory = context.directory.clone();
    if directory.to_str().is_none() {
        return Err(Failure::usage(
            format!("the working directory `{}` is not UTF-8", directory.display()),
            "submit from another directory",
        ));
    }
    let job = NewJob { id: ids.next(), plan, directory, rehearse_after, retry_of: None };
    Ok(Submission { job, secrets })
}

/// What can be refused before there is a ledger.
pub fn check_first(submissions: &[Submission], context: &Context<'_>) -> Result<(), Failure> {
    local::check_first_fit(&context.config.state_dir, submissions).doing(|| called(submissions))
}

fn called(submissions: &[Submission]) -> String {
    match submissions {
        [one] => format!("submit `{}`", one.job.plan.spec.name),
        several => format!("submit {} jobs", several.len()),
    }
}

/// Hands them over. From then on they are there, whether somebody runs them yet or not.
pub async fn hand_over(
    engine: &mut dyn Engine,
    submissions: &[Submission],
    context: &Context<'_>,
) -> Result<(), Failure> {
    let accepted = engine.submit(submissions).await.doing(|| called(submissions))?;
    if let Some(error) = accepted.unattended {
        let why = Failure::from(error).message();
        context.output.warning(&format!(
            "in the queue, but nobody runs it yet: {why}; `computes wait` or any submit tries again"
        ));
    }
    Ok(())
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
