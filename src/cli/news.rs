//! What is told of a job while it is followed: its states, what it waits for, and how its attempts
//! ended.

use tokio::time::Instant;

use super::context::Context;
use super::error::Failure;
use super::output::{EventLine, ExplanationView, waiting_line};
use super::waits::Waits;
use crate::engine::Engines;
use crate::job::{JobId, State};
use crate::ledger::{AttemptRecord, JobRecord, Ledger, Standing};

/// What was told of one job.
pub struct News {
    job: JobId,
    seen: Option<Standing>,
    /// Of so many attempts the end was told.
    ends: usize,
    /// Of all that ended until the job stood like this.
    ends_until: Option<Standing>,
    /// While it waits, for its start or for what shows its end.
    waits: Option<Waits>,
    /// That it waits was told, and that it runs was not yet.
    waited: bool,
}

impl News {
    pub const fn new(job: JobId) -> Self {
        Self { job, seen: None, ends: 0, ends_until: None, waits: None, waited: false }
    }

    /// Was this told already?
    pub fn is_old(&self, now: &Standing) -> bool {
        self.seen.as_ref() == Some(now)
    }

    /// Is the job in another state or attempt than when it was told of last?
    pub fn has_moved(&self, now: &Standing) -> bool {
        let place = |standing: &Standing| (standing.state, standing.attempt);
        self.seen.as_ref().map(place) != Some(place(now))
    }

    /// The next attempt whose end is to be told: another followed it, perhaps between two looks.
    pub fn next_end(
        &mut self,
        ledger: &Ledger,
        now: &Standing,
    ) -> Result<Option<AttemptRecord>, Failure> {
        if self.ends_until.as_ref() == Some(now) {
            return Ok(None);
        }
        let attempts = ledger.attempts(&ledger.job(self.job)?)?;
        let followed = |attempt: &AttemptRecord| attempt.retry_reason.is_some();
        let next = attempts.into_iter().filter(followed).nth(self.ends);
        if next.is_none() {
            self.ends_until = Some(now.clone());
        }
        Ok(next)
    }

    /// How an attempt ended, and why another follows.
    pub fn tell_end(
        &mut self,
        engines: &mut Engines<'_>,
        attempt: &AttemptRecord,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        self.ends += 1;
        if is_mute(context) {
            return Ok(());
        }
        let job = engines.ledger().job(self.job)?;
        let (number, why) = (attempt.number, attempt.retry_reason.as_deref().unwrap_or_default());
        let attempts = job.most_attempts_in_all();
        if context.output.json {
            return context.output.json_line_while_read(&EventLine::AttemptEnded {
                id: job.id.to_string(),
                attempt: number,
                attempts,
                exit_code: attempt.exit_code,
                signal: attempt.signal,
                class: attempt.class,
                reason: attempt.reason.as_deref(),
                retry_reason: why,
            });
        }
        let (short, which, ended) = (job.id.short(), which(&job, number), how_it_ended(attempt));
        context.output.status(&format!("{short} {which} failed: {ended}; another follows: {why}"));
        Ok(())
    }

    /// When to look what the job waits for.
    pub fn wait_is_due(&self) -> Option<Instant> {
        self.waits.as_ref().and_then(Waits::due)
    }

    /// Jobs changed; of this one nothing is known.
    pub fn stir(&mut self) {
        if let Some(waits) = &mut self.waits {
            waits.stir();
        }
    }

    fn hear_of_wait(&mut self, now: &Standing, has_moved: bool, context: &Context<'_>) {
        let at = Instant::now();
        let said = |standing: &Standing| standing.engine_status.clone();
        let says_else = self.seen.as_ref().map(said) != Some(said(now));
        match &mut self.waits {
            // The engine has its end, perhaps, and looks how it was.
            waits if now.state == State::Running && !is_mute(context) => {
                let is_new = has_moved || says_else;
                *waits = if is_new { Some(Waits::for_the_log(at)) } else { waits.take() };
            }
            _ if now.state != State::Queued || is_mute(context) => self.waits = None,
            waits if has_moved => *waits = Some(Waits::begin(at)),
            Some(waits) if waits.was_told() || now.engine_reason.is_some() => waits.hurry(at),
            _ => {}
        }
    }

    /// What holds the job up, if that is due and news.
    pub async fn tell_wait(
        &mut self,
        engines: &mut Engines<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        let Some(waits) = &mut self.waits else { return Ok(()) };
        let now = Instant::now();
        if waits.due().is_none_or(|due| due > now) {
            return Ok(());
        }
        let explanation = Box::pin(engines.waits(self.job)).await?;
        let record = engines.ledger().job(self.job)?;
        let view = explanation.map(|explanation| ExplanationView::new(&record, explanation));
        if !waits.looked(view.as_ref().map(waiting_line), now) {
            return Ok(());
        }
        let Some(view) = view else { return Ok(()) };
        self.waited = true;
        if context.output.json {
            return context.output.json_line_while_read(&EventLine::Waiting(Box::new(view)));
        }
        context.output.status(&waiting_line(&view));
        if !view.hints.is_empty() {
            context.output.status(&format!("computes explain {} tells more", view.short));
        }
        Ok(())
    }

    /// How the job stands, if that was not told yet. The end is told apart, with its exit code.
    pub fn tell_state(
        &mut self,
        engines: &mut Engines<'_>,
        now: &Standing,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        if self.is_old(now) {
            return Ok(());
        }
        let (has_moved, is_first) = (self.has_moved(now), self.seen.is_none());
        self.hear_of_wait(now, has_moved, context);
        self.seen = Some(now.clone());
        let is_submitted = is_first && now.state == State::Queued;
        if is_submitted || now.state.is_terminal() || is_mute(context) {
            return Ok(());
        }
        let record = engines.ledger().job(self.job)?;
        // It went on since: the next look tells, and it may be the end.
        if (record.state, record.attempt) != (now.state, now.attempt) {
            return Ok(());
        }
        if context.output.json {
            let line = EventLine::State {
                id: record.id.to_string(),
                state: record.state.as_str(),
                attempt: record.attempt,
                reason: record.reason.as_deref(),
                engine_status: record.engine_status.as_deref(),
                engine_reason: record.engine_reason.as_deref(),
            };
            return context.output.json_line_while_read(&line);
        }
        let (short, attempt) = (record.id.short(), record.attempt);
        match now.state {
            State::Running if has_moved && attempt > 1 => {
                context.output.status(&format!("{short} running, {}", which(&record, attempt)));
            }
            State::Running if has_moved && std::mem::take(&mut self.waited) => {
                context.output.status(&format!("{short} running"));
            }
            // Minutes or days lie between these there.
            State::Starting | State::Running if has_moved && !record.is_here() => {
                context.output.status(&format!("{short} {}", now.state));
            }
            _ => {}
        }
        let attempts = engines.ledger().attempts(&record)?;
        if now.state == State::Running
            && attempts.last().is_some_and(|last| last.mounted == Some(false))
        {
            context.output.note(
                "this machine gives jobs no /files: the directory is in $COMPUTES_FILES (docs/files.md)",
            );
        }
        Ok(())
    }
}

/// Which attempt it is, and of how many.
pub fn which(job: &JobRecord, attempt: u32) -> String {
    match job.most_attempts_in_all() {
        Some(most) => format!("attempt {attempt} of {most}"),
        None => format!("attempt {attempt}"),
    }
}

/// How an attempt failed.
pub fn how_it_ended(attempt: &AttemptRecord) -> String {
    let reason = attempt.reason.as_deref();
    match attempt.class {
        Some(class) => class.told(attempt.exit_code, reason),
        None => reason.unwrap_or_default().to_owned(),
    }
}

/// Nobody hears of what happens.
const fn is_mute(context: &Context<'_>) -> bool {
    context.output.is_quiet() && !context.output.json
}
