//! Staying with a job until it is over: its log, its end, and the ways to leave early.

use std::time::Duration;

use tokio::time::Instant;

use super::context::{Context, internal};
use super::doubts;
use super::error::{Doing, Failure, code};
use super::interrupts::{Interrupts, Wake};
use super::log_lines::How;
use super::meant;
use super::news::{News, which};
use super::output::{EventLine, JobView};
use super::tail::Tail;
use crate::engine::{EngineError, Engines, Watch, until};
use crate::job::{JobId, State};
use crate::ledger::JobRecord;

/// How following ended.
pub enum End {
    /// The job is over.
    Over(Box<JobRecord>),
    /// The job goes on without us; this is our exit code.
    Left(u8),
}

/// What comes first to who waits for several jobs.
pub enum First {
    End(End),
    /// Others of the jobs are over, and the one that is followed goes on.
    Others(Vec<JobId>),
}

/// The jobs that somebody waits for beside the one that is followed. They are looked at now and then, since
/// thousands may end within seconds.
#[derive(Default)]
pub struct Others {
    /// When to look. `None`: when something has changed.
    due: Option<Instant>,
    earliest: Option<Instant>,
}

/// Between two looks at the others: so long, and so many times as long as one takes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
const AS_LONG_AS_LOOKS: u32 = 20;

impl Others {
    fn stir(&mut self) {
        self.due = self.due.or(self.earliest).or_else(|| Some(Instant::now()));
    }

    /// Those that are over, if it is time to look.
    fn look(&mut self, engines: &mut Engines<'_>, others: &[JobId]) -> Result<Vec<JobId>, Failure> {
        let begun = Instant::now();
        if self.due.is_none_or(|due| due > begun) {
            return Ok(Vec::new());
        }
        self.due = None;
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let over = engines.ledger().over(others)?;
        self.earliest = Some(begun + BETWEEN_LOOKS.max(begun.elapsed() * AS_LONG_AS_LOOKS));
        Ok(over)
    }
}

/// What to do on the way.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Show what the job writes, in this way.
    pub log: Option<How>,
    /// A Ctrl-C or SIGTERM cancels the job at once.
    pub cancel_on_interrupt: bool,
    /// A second Ctrl-C cancels. Who only looks on can't cancel.
    pub may_cancel: bool,
}

/// What somebody waits for.
pub struct Followed<'a> {
    /// The first of them is followed.
    pub jobs: &'a [JobId],
    /// What was told of it.
    pub news: &'a mut News,
    pub others: &'a mut Others,
}

/// Follows a job to its end.
pub async fn follow_one(
    engines: &mut Engines<'_>,
    watch: &mut dyn Watch,
    interrupts: &mut Interrupts,
    job: JobId,
    options: &Options,
    context: &Context<'_>,
) -> Result<End, Failure> {
    let (news, others) = (&mut News::new(job), &mut Others::default());
    let followed = Followed { jobs: &[job], news, others };
    match follow(engines, watch, interrupts, followed, options, context).await? {
        First::End(end) => Ok(end),
        First::Others(_) => Err(internal("there are no others")),
    }
}

/// Follows the first of the jobs until it or others are over; an interrupt that cancels is meant for all of
/// them. `interrupts` outlives it, so that one limit holds for many jobs.
pub async fn follow(
    engines: &mut Engines<'_>,
    watch: &mut dyn Watch,
    interrupts: &mut Interrupts,
    followed: Followed<'_>,
    options: &Options,
    context: &Context<'_>,
) -> Result<First, Failure> {
    let Followed { jobs, news, others } = followed;
    let [job, beside @ ..] = jobs else { return Err(internal("there is no job to follow")) };
    let job = *job;
    let newest = engines.ledger().standing(job)?.attempt;
    let mut tail = options.log.clone().map(|how| Tail::new(job, how, newest));
    others.stir();
    let mut attend = true;
    let mut away = false;
    let mut more = false;
    loop {
        let now = engines.ledger().standing(job)?;
        attend |= now.state == State::Queued && news.has_moved(&now);
        // What an attempt wrote is shown before its end is told, and that before the next.
        let ended = news.next_end(engines.ledger(), &now)?;
        if ended.is_none() {
            news.tell_state(engines, &now, context)?;
        }
        let state = now.state;
        let attempt = ended.as_ref().map_or(now.attempt, |ended| ended.number);
        let is_over = ended.is_some() || state.is_terminal();
        if let Some(tail) = &mut tail {
            if attempt > 0 {
                watch.follow_log(job, attempt)?;
            }
            more = tokio::select! {
                more = tail.up_to(engines, attempt, is_over, context) => more?,
                wake = interrupts.early(), if interrupts.pending.is_none() => {
                    if state.is_terminal() {
                        context.output.note(&cut_short(job, &wake));
                    }
                    interrupts.pending = Some(wake);
                    false
                }
            };
            if context.output.reader_is_gone() && !options.may_cancel {
                return Ok(First::End(End::Left(0)));
            }
            for doubt in tail.doubts().into_iter().filter(|doubt| context.output.is_news(doubt)) {
                context.output.warning(&doubt);
            }
            if let Some(error) = tail.failure() {
                let why = Failure::from(error);
                context.output.warning(&format!("no more of the log: {}", why.message()));
            }
        }
        if let Some(ended) = ended.filter(|_| interrupts.pending.is_none()) {
            news.tell_end(engines, &ended, context)?;
            continue;
        }
        if state.is_terminal() {
            return Ok(First::End(End::Over(Box::new(engines.ledger().job(job)?))));
        }
        let over = others.look(engines, beside)?;
        if !over.is_empty() {
            return Ok(First::Others(over));
        }
        if interrupts.pending.is_none() && std::mem::take(&mut attend) {
            match attended(engines, interrupts, jobs, &mut away, context).await? {
                Some(true) if !news.is_old(&engines.ledger().standing(job)?) => continue,
                Some(_) => {}
                None => attend = true,
            }
        }
        if std::mem::take(&mut more) && interrupts.pending.is_none() {
            // The log goes on at once, with a look at the job in between.
            attend = true;
            continue;
        }
        if interrupts.pending.is_none() {
            tokio::select! {
                told = news.tell_wait(engines, context) => told?,
                wake = interrupts.early() => interrupts.pending = Some(wake),
            }
        }
        let wake = tokio::select! {
            wake = interrupts.wake(watch) => wake?,
            () = until(news.wait_is_due()) => continue,
            () = until(others.due) => continue,
        };
        match wake {
            Wake::Changed(changes) => {
                attend = changes.workers;
                news.stir();
                others.stir();
            }
            Wake::Limit => return Ok(First::End(End::Left(code::LIMIT_REACHED))),
            wake => {
                if let Some(code) =
                    interrupted(engines, interrupts, &wake, jobs, options, context).await?
                {
                    return Ok(First::End(End::Left(code)));
                }
            }
        }
    }
}

/// Has the engine look after the jobs. True: the ledger may know more now; false: the engine can't be
/// asked just now, which is told once; `None`: it was broken off, and is to be taken up again.
async fn attended(
    engines: &mut Engines<'_>,
    interrupts: &mut Interrupts,
    jobs: &[JobId],
    away: &mut bool,
    context: &Context<'_>,
) -> Result<Option<bool>, Failure> {
    let attended = tokio::select! {
        attended = engines.attend(jobs) => attended,
        wake = interrupts.early() => {
            interrupts.pending = Some(wake);
            return Ok(None);
        }
    };
    match attended {
        Ok(attended) => {
            doubts::tell(attended.doubts, context);
            let was_away = std::mem::replace(away, attended.later.is_some());
            if let Some(error) = attended.later.filter(|_| !was_away) {
                let why = Failure::from(error).message();
                context.output.warning(&format!("cannot look at the job just now: {why}"));
            }
        }
        Err(error @ EngineError::Aws(_)) => {
            let first = jobs.first().map(JobId::short).unwrap_or_default();
            let failure = Failure::from(error).doing(format!("go on following {first}"));
            return Err(failure.or_come_back(&resume(jobs)));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Some(!*away))
}

/// `None`: go on following.
async fn interrupted(
    engines: &mut Engines<'_>,
    interrupts: &mut Interrupts,
    wake: &Wake,
    jobs: &[JobId],
    options: &Options,
    context: &Context<'_>,
) -> Result<Option<u8>, Failure> {
    match wake {
        Wake::Interrupt | Wake::Terminate if options.cancel_on_interrupt => {}
        Wake::Interrupt if interrupts.is_second() => {}
        Wake::Interrupt
            if options.may_cancel
                && context.output.is_interactive()
                && !are_ending(engines, jobs)? =>
        {
            let seconds = interrupts.ask()?.as_secs();
            let (what, do_so) =
                if jobs.len() == 1 { ("the job", "it does") } else { ("the jobs", "they do") };
            context.output.warning(&format!(
                "press Ctrl-C again to cancel {what}, or any other key to detach: {} then, as {do_so} if \
                 nothing is pressed for {seconds} s",
                goes_on(false, jobs)
            ));
            return Ok(None);
        }
        Wake::Terminate => return Ok(Some(code::DETACHED_BY_TERM)),
        _ => return Ok(Some(code::DETACHED_BY_INT)),
    }
    interrupts.answered();
    context.output.status(if jobs.len() == 1 {
        "cancelling the job"
    } else {
        "cancelling the jobs"
    });
    for (job, ended) in engines.cancel(jobs, "interrupted while following").await? {
        ended.doing(|| format!("cancel {}", job.short()))?;
    }
    Ok(None)
}

/// Of a job that is over, where nobody waits for all of its log.
fn cut_short(job: JobId, by: &Wake) -> String {
    let why = if matches!(by, Wake::Limit) { "the limit is reached" } else { "interrupted" };
    format!("{why}: the end of the log may be missing; computes logs {} shows it", job.short())
}

/// Tells that the wait ends before the jobs do, and how to come back to them.
pub fn say_left(
    engines: &mut Engines<'_>,
    ids: &[JobId],
    exit_code: u8,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let what = goes_on(are_ending(engines, ids)?, ids);
    tell_left(ids, exit_code, what, &resume(ids), context)
}

/// Was it asked for the end of all of these?
fn are_ending(engines: &mut Engines<'_>, ids: &[JobId]) -> Result<bool, Failure> {
    for id in ids {
        if engines.ledger().job(*id)?.cancel_requested_at.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same, with what becomes of what we leave.
pub fn tell_left(
    ids: &[JobId],
    exit_code: u8,
    goes_on: &str,
    resume: &str,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let at_limit = exit_code == code::LIMIT_REACHED;
    if context.output.json {
        let ids = ids.iter().map(ToString::to_string).collect();
        context.output.json_line_while_read(&if at_limit {
            EventLine::LimitReached { ids, resume }
        } else {
            EventLine::Detached { ids, resume }
        })?;
    } else {
        let why = if at_limit { "the limit was reached" } else { "detached" };
        context.output.warning(&format!("{why}; {goes_on}. To come back: {resume}"));
    }
    Ok(exit_code)
}

const fn goes_on(are_ending: bool, jobs: &[JobId]) -> &'static str {
    match (are_ending, jobs.len()) {
        (false, 1) => "the job goes on",
        (false, _) => "the jobs go on",
        (true, 1) => "the job is being ended all the same",
        (true, _) => "the jobs are being ended all the same",
    }
}

/// The line that takes up the wait again.
pub fn resume(jobs: &[JobId]) -> String {
    let ids: Vec<_> = jobs.iter().map(JobId::short).collect();
    match ids.as_slice() {
        [one] => format!("computes logs --follow {one}, or computes wait {one}"),
        several => format!("computes wait {}", several.join(" ")),
    }
}

/// Tells how a job ended, and gives the exit code.
pub fn say_end(record: &JobRecord, context: &Context<'_>) -> Result<u8, Failure> {
    let code = super::error::exit_code(record);
    let view = JobView::new(record, &context.config.state_dir);
    let took = match (record.started_at, record.finished_at) {
        (Some(from), Some(to)) => {
            super::output::duration(Duration::from_millis((to - from).max(0).unsigned_abs()))
        }
        _ => String::new(),
    };
    let line = end_line(record, &took);
    if context.output.json {
        context.output.json_line_while_read(&EventLine::Ended { job: &view })?;
    } else {
        context.output.status(&line);
    }
    if let (State::Succeeded, Some(doubt)) = (record.state, &record.reason)
        && !record.is_here()
    {
        context.output.warning(&format!("{}: {doubt}", record.id.short()));
    }
    if let Some(doubt) = unseen(record) {
        context.output.warning(&doubt);
    }
    if record.state != State::Succeeded {
        context.output.job_failed(&view, &line, &took);
    }
    for hint in meant::hints(record).filter(|hint| context.output.is_news(hint)) {
        context.output.note(&hint);
    }
    Ok(code)
}

/// The doubt about a job that counts as over though nobody could see whether AWS Batch has it.
pub fn unseen(job: &JobRecord) -> Option<String> {
    let why = job.engine_reason.as_ref().filter(|_| job.may_be_there())?;
    let short = job.id.short();
    Some(format!("{short}: {why}; computes cancel {short} looks again, and ends it if it is there"))
}

fn end_line(record: &JobRecord, took: &str) -> String {
    let why = match (record.state, record.reason.as_deref(), record.class) {
        (_, reason, Some(class)) => format!(": {}", class.told(record.exit_code, reason)),
        (State::Cancelled | State::Lost, Some(reason), None) => format!(": {reason}"),
        _ => String::new(),
    };
    // So long took the last of them.
    let last = match record.attempt {
        0 | 1 => String::new(),
        last => format!(" in {}", which(record, last)),
    };
    let after = if took.is_empty() { String::new() } else { format!("{last} after {took}") };
    let (short, name, state) = (record.id.short(), &record.plan.spec.name, record.state);
    format!("{short} {name} {state}{after}{why}")
}
