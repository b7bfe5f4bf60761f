//! `computes cancel`: end jobs, whatever state they are in.

use std::pin::pin;
use std::time::Duration;

use clap::Args;

use super::context::{Context, block_on};
use super::ending::until_over;
use super::error::{Doing, Failure, code};
use super::follow;
use super::interrupts::Interrupts;
use super::output::{JobView, thousands};
use super::selection::Selection;
use crate::engine::aws::unwritten_end;
use crate::engine::{Attended, Cancelled, Clock, EngineError, EngineName, Engines};
use crate::job::{JobId, JobRef, State};
use crate::ledger::{Filter, HandOver, JobRecord};

#[derive(Debug, Args)]
pub struct Options {
    /// Ids, the beginning of ids, or `last`
    #[arg(value_name = "JOB")]
    jobs: Vec<JobRef>,
    /// Every job that is not over yet
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    selection: Selection,
    /// Wait until they are over, however they end
    #[arg(long)]
    wait: bool,
    /// Stop waiting after so long, with exit code 124; they are being ended all the same
    #[arg(long, value_name = "DURATION", requires = "wait")]
    limit: Option<String>,
    /// Look no more for a job of which nobody can tell whether AWS Batch has it; it may go on there
    #[arg(long)]
    give_up: bool,
    /// Why; it is kept with the job
    #[arg(long, value_name = "TEXT", default_value = "cancelled by the user")]
    reason: String,
}

/// CancelJob and TerminateJob: at most 1,024 characters.
const LONGEST_REASON: usize = 1024;

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    if options.reason.chars().count() > LONGEST_REASON {
        return Err(Failure::usage(
            format!("the reason is longer than {LONGEST_REASON} characters"),
            "AWS Batch takes no more; shorten it",
        ));
    }
    let limit = options.limit.as_deref();
    let limit = limit.map(|text| super::run::parse("--limit", text)).transpose()?;
    check_which(options)?;
    let Some(first) = options.jobs.first() else {
        let filter = options.selection.of_unfinished(context.clock.now())?;
        if context.ledger()?.is_none() {
            context.output.note("no job was ever submitted");
            return Ok(0);
        }
        let mut engines = context.engines()?;
        return block_on(async {
            let ids = selected(&mut engines, filter, context).await?;
            if ids.is_empty() {
                context.output.note("nothing to cancel: no such job waits or runs");
            }
            cancel(&mut engines, &ids, Told::selected(ids.len()), limit, options, context).await
        });
    };
    let mut engines = context.engines_of_existing(first)?;
    block_on(async {
        // All are found before the first is cancelled, so that a typing error changes nothing.
        let ids = engines.find_all(&options.jobs).await?;
        cancel(&mut engines, &ids, Told::Each, limit, options, context).await
    })
}

/// More lines than that nobody reads.
const MANY: usize = 20;

/// What is told of the jobs.
enum Told {
    /// Of each what became of it: somebody named it.
    Each,
    /// With its name: somebody said what is meant. Of one that ended by itself meanwhile nobody has to hear.
    WithNames,
    /// How many were cancelled, and how many are being ended.
    Counted([usize; 2]),
}

impl Told {
    const fn selected(count: usize) -> Self {
        if count > MANY { Self::Counted([0; 2]) } else { Self::WithNames }
    }
}

/// Jobs are named, or meant by what they are; a slip in the one must not widen the other.
fn check_which(options: &Options) -> Result<(), Failure> {
    match (options.jobs.is_empty(), options.all || options.selection.is_given()) {
        (true, false) => Err(Failure::usage(
            "no job is named",
            "name some, or say which are meant: --all, --state running, --name test",
        )),
        (false, true) => Err(Failure::usage(
            "some jobs are named, and others are meant by what they are",
            "cancel those that are named by a call of their own",
        )),
        _ => Ok(()),
    }
}

/// Those of this ledger. What others submitted is ended only by its id.
async fn selected(
    engines: &mut Engines<'_>,
    filter: Filter,
    context: &Context<'_>,
) -> Result<Vec<JobId>, Failure> {
    let engine = (engines.chosen() == EngineName::Aws).then_some(EngineName::Aws.as_str());
    let filter = Filter { engine, ..filter };
    let ids = |jobs: Vec<JobRecord>| jobs.into_iter().map(|job| job.id).collect::<Vec<_>>();
    // What is known of those far away may be old.
    let any = Filter { states: Filter::unfinished().states, ..filter.clone() };
    let unfinished = ids(engines.ledger().list(&any)?);
    match engines.refresh(&unfinished).await {
        Ok(Attended { later: None, .. }) => {}
        Ok(Attended { later: Some(error), .. }) | Err(error) => {
            let why = Failure::from(error).message();
            context.output.warning(&format!("by what was known when last looked at: {why}"));
        }
    }
    Ok(ids(engines.ledger().list(&filter)?))
}

async fn cancel(
    engines: &mut Engines<'_>,
    ids: &[JobId],
    mut told: Told,
    limit: Option<Duration>,
    options: &Options,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    // Those that wait go first: the end of one that runs would let them start.
    let (mut waiting, mut held) = (Vec::new(), Vec::new());
    for id in ids {
        let is_held = engines.ledger().standing(*id)?.state.is_held();
        if is_held { held.push(*id) } else { waiting.push(*id) }
    }
    waiting.append(&mut held);
    // From here on a signal leaves, and says what goes on.
    let mut interrupts = Interrupts::new(limit)?;
    let ends = ends(engines, &waiting, &options.reason, context);
    let ends = match interrupts.unless_left(ends).await {
        Ok(ends) => ends?,
        Err(exit_code) => return Ok(say_cut(&waiting, exit_code, context)),
    };
    let mut failed = Vec::new();
    let mut asked = Vec::new();
    for (id, end) in ends {
        match end.doing(|| format!("cancel {}", id.short())) {
            Err(failure) => {
                let given_up = if options.give_up { engines.give_up(id)? } else { None };
                if options.give_up && engines.ledger().job(id)?.may_be_there() && given_up.is_none()
                {
                    // That was said before.
                    tell(engines, id, Cancelled::TooLate, &mut told, context)?;
                    tell_if_unseen(engines, id, context)?;
                } else if let Some(sent) = given_up {
                    tell_doubt(engines, id, &sent, context)?;
                    show(engines, id, context)?;
                } else {
                    failed.push(or_give_up(engines, id, failure)?);
                }
            }
            Ok(Cancelled::Asked) if options.wait => {
                tell(engines, id, Cancelled::Asked, &mut told, context)?;
                asked.push(id);
            }
            Ok(Cancelled::As(other)) => {
                tell(engines, id, Cancelled::As(other), &mut told, context)?;
                if options.wait && !engines.ledger().standing(other)?.state.is_terminal() {
                    asked.push(other);
                } else {
                    show(engines, other, context)?;
                }
            }
            Ok(end) => {
                tell(engines, id, end, &mut told, context)?;
                show(engines, id, context)?;
                tell_if_unseen(engines, id, context)?;
            }
        }
    }
    if let Told::Counted([cancelled, asked]) = told
        && !context.output.json
        && (cancelled + asked > 0 || failed.is_empty())
    {
        let parts = [(cancelled, "cancelled"), (asked, "being ended")];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<_> =
            parts.map(|(count, what)| format!("{} {what}", thousands(count as u64))).collect();
        if parts.is_empty() {
            context.output.note("nothing to cancel: all of them are over by now");
        } else {
            context.output.status(&parts.join(", "));
        }
    }
    // Before the wait, which somebody may leave.
    let exit_code = tell_failed(failed, context);
    let mut watch = engines.watch()?;
    for index in 0..asked.len() {
        let rest = &asked[index..];
        let left = until_over(engines, &mut *watch, &mut interrupts, rest, context).await?;
        if let Some(left) = left {
            return Ok(say_left(rest, left, context));
        }
        let record = engines.ledger().job(asked[index])?;
        if context.output.json {
            show(engines, record.id, context)?;
        } else {
            follow::say_end(&record, context)?;
        }
    }
    Ok(exit_code)
}

/// After so long it is told why it takes so long.
const UNTOLD: Duration = Duration::from_secs(2);

/// What became of the wishes. One of which nobody knows whether it was sent is looked for first.
async fn ends(
    engines: &mut Engines<'_>,
    jobs: &[JobId],
    reason: &str,
    context: &Context<'_>,
) -> Result<Vec<(JobId, Result<Cancelled, EngineError>)>, Failure> {
    let mut unclear = Vec::new();
    for job in jobs {
        // Here nothing is unclear, and there may be thousands.
        if engines.of(*job)? == EngineName::Local {
            continue;
        }
        let record = engines.ledger().job(*job)?;
        let sent = engines.ledger().hand_over_of(record.seq)?;
        let is_unclear = record.state == State::Submitting
            || record.may_be_there()
            || sent.is_some_and(|sent| sent.may_be_twice());
        unclear.extend(is_unclear.then(|| job.short()));
    }
    let mut ends = pin!(engines.cancel(jobs, reason));
    let ended = tokio::select! {
        ended = &mut ends => Some(ended),
        () = tokio::time::sleep(UNTOLD), if !unclear.is_empty() => None,
    };
    if let Some(ended) = ended {
        return ended.doing(|| "cancel".to_owned());
    }
    context.output.note(&format!(
        "looking for {} on AWS Batch, whose list is late at times: it may have been sent, or more than once",
        unclear.join(" ")
    ));
    ends.await.doing(|| "cancel".to_owned())
}

/// Nobody saw it on AWS Batch, and nobody can know that it is not there.
fn tell_if_unseen(
    engines: &mut Engines<'_>,
    id: JobId,
    context: &Context<'_>,
) -> Result<(), Failure> {
    if engines.of(id)? == EngineName::Local {
        return Ok(());
    }
    let job = engines.ledger().job(id)?;
    if let Some(doubt) = follow::unseen(&job) {
        context.output.warning(&doubt);
    }
    Ok(())
}

/// Tells what could not be cancelled, and why: of each, as far as anybody reads on. Gives the exit code.
fn tell_failed(failed: Vec<Failure>, context: &Context<'_>) -> u8 {
    let mut failed = failed.into_iter();
    let Some(last) = failed.next_back() else { return 0 };
    let many = failed.len().saturating_sub(MANY);
    for failure in failed.take(MANY) {
        context.output.warning(&failure.message());
    }
    if many > 0 {
        context.output.warning(&format!("so it is with {many} more"));
    }
    context.output.failure(&last)
}

/// It may be at work, and whoever may look can find it.
fn tell_doubt(
    engines: &mut Engines<'_>,
    id: JobId,
    sent: &HandOver,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let HandOver { name, region, .. } = sent;
    let job = engines.ledger().job(id)?;
    let queue = job.plan.spec.queue_id();
    context.output.warning(&format!(
        "{} is given up, and may be on AWS Batch all the same; who may list jobs sees it with aws \
         batch list-jobs --region {region} --job-queue {queue} --filters name=JOB_NAME,values={name}",
        id.short()
    ));
    Ok(())
}

/// Adds what is left to do about a job that nobody can look for.
fn or_give_up(engines: &mut Engines<'_>, id: JobId, failure: Failure) -> Result<Failure, Failure> {
    if engines.ledger().standing(id)?.state != State::Submitting {
        return Ok(failure);
    }
    let last = format!(
        "the wish is kept: whoever finds the job ends it; computes cancel --give-up {} looks for it \
         no more",
        id.short()
    );
    let hint = failure.hint.map_or_else(|| last.clone(), |hint| format!("{hint}; {last}"));
    Ok(Failure { hint: Some(hint), ..failure })
}

/// What became of a wish, for people.
fn tell(
    engines: &mut Engines<'_>,
    id: JobId,
    end: Cancelled,
    told: &mut Told,
    context: &Context<'_>,
) -> Result<(), Failure> {
    if context.output.json {
        return Ok(());
    }
    let mut job = id.short();
    match (told, end) {
        (Told::Counted([cancelled, _]), Cancelled::AtOnce) => {
            *cancelled += 1;
            return Ok(());
        }
        (Told::Counted([_, asked]), Cancelled::Asked | Cancelled::As(_)) => {
            *asked += 1;
            return Ok(());
        }
        (Told::Counted(_) | Told::WithNames, Cancelled::TooLate) => return Ok(()),
        (Told::WithNames, _) => {
            let name = engines.ledger().job(id)?.plan.spec.name;
            job = format!("{job} {name}");
        }
        (Told::Each, _) => {}
    }
    match end {
        Cancelled::AtOnce => context.output.status(&format!("{job} cancelled")),
        Cancelled::Asked => context.output.status(&format!("{job} is being ended")),
        Cancelled::As(other) => {
            let state = engines.ledger().standing(other)?.state;
            let how = if state.is_terminal() {
                format!(": {state}")
            } else {
                ", and is being ended".to_owned()
            };
            context.output.status(&format!("{job} is on AWS Batch as {}{how}", other.short()));
        }
        Cancelled::TooLate => {
            let standing = engines.ledger().standing(id)?;
            context.output.status(&match unwritten_end(&standing) {
                Some(theirs) => format!(
                    "{job} is over already: {} on AWS Batch, and its log is to show how it was",
                    theirs.as_str()
                ),
                None => format!("{job} is over already: {}", standing.state),
            });
        }
    }
    Ok(())
}

/// The job as it is now, for programs.
fn show(engines: &mut Engines<'_>, id: JobId, context: &Context<'_>) -> Result<(), Failure> {
    if !context.output.json {
        return Ok(());
    }
    let record = engines.ledger().job(id)?;
    context.output.json_line(&JobView::new(&record, &context.config.state_dir))
}

/// Nobody waits until all wishes are passed on.
fn say_cut(ids: &[JobId], exit_code: u8, context: &Context<'_>) -> u8 {
    let why =
        if exit_code == code::LIMIT_REACHED { "the limit was reached" } else { "interrupted" };
    let shorts = ids.iter().map(JobId::short).collect::<Vec<_>>().join(" ");
    context.output.warning(&format!(
        "{why} before all was looked for and ended. To go on: computes cancel {shorts}"
    ));
    exit_code
}

fn say_left(ids: &[JobId], exit_code: u8, context: &Context<'_>) -> u8 {
    let why = if exit_code == code::LIMIT_REACHED { "the limit was reached" } else { "detached" };
    let (what, shorts) = match ids {
        [one] => ("the job is", one.short()),
        several => ("the jobs are", several.iter().map(JobId::short).collect::<Vec<_>>().join(" ")),
    };
    context.output.warning(&format!(
        "{why}; {what} being ended all the same. To come back: computes wait {shorts}"
    ));
    exit_code
}
