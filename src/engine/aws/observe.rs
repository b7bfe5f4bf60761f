//! From what Batch says of a job to what happened to it: the steps that the ledger is behind.

use super::classify;
use super::describe::{self, AT_ONCE, Ended, Observed, Status};
use super::{AwsEngine, AwsError, poll};
use crate::engine::{Attended, EngineError};
use crate::job::{
    Decision, Event, ExitRule, JobId, Outcome, RetryReason, RetryStrategy, State, Verdict, decide,
};
use crate::ledger::{
    Applied, Change, Detail, HandOver, Holder, JobRecord, Ledger, LedgerError, Millis,
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    event: Event,
    at: Option<Millis>,
    outcome: Option<Outcome>,
    /// Where another attempt follows, why.
    retry: Option<RetryReason>,
}

/// A job that Batch does not know so long after it was taken is gone: it keeps jobs for a week,
/// and shows a new one within seconds.
const SURELY_KNOWN_AFTER: Millis = 10 * 60 * 1000;
/// So often in a row AWS may fail to answer those who wait, a minute or two in all. The job goes
/// on meanwhile.
const MOST_IN_VAIN: u32 = 12;

impl AwsEngine<'_> {
    /// Asks Batch how these jobs stand and writes it down, then says when to ask again.
    pub(in crate::engine) async fn observe(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
    ) -> Result<Attended, EngineError> {
        let calls = jobs.len().div_ceil(AT_ONCE);
        let looked = self.look(ledger, jobs).await;
        let first = jobs.first().map(|job| ledger.job(*job)).transpose()?;
        let since = first.map_or(0, |job| self.clock.now() - since(&job));
        let pause = poll::pause(self.settings.poll, since, calls);
        self.due.set(Some(tokio::time::Instant::now() + pause));
        match looked {
            Ok(elsewhere) => {
                self.in_vain = 0;
                Ok(elsewhere.map_or(Attended::Done, |error| Attended::Later(error.into())))
            }
            Err(EngineError::Aws(error)) if error.passes() && self.in_vain < MOST_IN_VAIN => {
                self.in_vain += 1;
                Ok(Attended::Later(error.into()))
            }
            Err(error) => Err(error),
        }
    }

    /// Gives what is wrong with a job that is not the first.
    async fn look(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
    ) -> Result<Option<AwsError>, EngineError> {
        let mut there: Vec<(HandOver, String, JobRecord)> = Vec::new();
        let mut elsewhere = None;
        for id in jobs {
            if ledger.standing(*id)?.state.is_terminal() {
                continue;
            }
            let record = ledger.job(*id)?;
            let sent = ledger.hand_over_of(record.seq)?;
            if let (Some(engine_id), Some(sent)) = (record.engine_id.clone(), sent) {
                there.push((sent, engine_id, record));
            }
        }
        there.sort_by(|a, b| a.0.region.cmp(&b.0.region));
        for of_region in there.chunk_by(|a, b| a.0.region == b.0.region) {
            for some in of_region.chunks(AT_ONCE) {
                let clients = self.clients().await?;
                let region = some.first().map(|job| job.0.region.clone()).unwrap_or_default();
                let ids: Vec<_> = some.iter().map(|(_, id, _)| id.clone()).collect();
                let mut found = describe::describe(&clients, &region, &ids).await?;
                let now = self.clock.now();
                let (mut missing, mut unended) = (Vec::new(), Vec::new());
                // Batch tells it again.
                ledger.note(|change| {
                    for (sent, engine_id, record) in some {
                        match found.remove(engine_id) {
                            Some(job) => {
                                let seen = Observed::new(&job);
                                apply(change, record.id, &seen, now)?;
                                let is_ending = seen.is_ended || seen.status.is_over();
                                if record.cancel_requested_at.is_some() && !is_ending {
                                    unended.push(engine_id);
                                }
                            }
                            None if now - sent.sent_at > SURELY_KNOWN_AFTER => {
                                missing.push(record.id);
                            }
                            None => {}
                        }
                    }
                    Ok(())
                })?;
                // Whoever was to pass the wish on did not get to it.
                for engine_id in unended {
                    let reason = "its end was asked for";
                    super::cancel::terminate(&clients, &region, engine_id, reason).await?;
                }
                for id in missing {
                    match self.vanished(ledger, id).await {
                        // It stands in nobody's way but its own.
                        Err(EngineError::Aws(error @ AwsError::OtherAccount { .. }))
                            if jobs.first() != Some(&id) =>
                        {
                            elsewhere = Some(error);
                        }
                        vanished => vanished?,
                    }
                }
            }
        }
        Ok(elsewhere)
    }

    /// Batch does not know the job. Is it gone, or was another account asked?
    async fn vanished(&mut self, ledger: &mut Ledger, id: JobId) -> Result<(), EngineError> {
        let record = ledger.job(id)?;
        let arn = ledger.hand_over_of(record.seq)?.and_then(|sent| sent.arn);
        let job = arn.as_deref().and_then(account_of).unwrap_or_default().to_owned();
        let caller = self.account().await?;
        if !job.is_empty() && job != caller {
            return Err(AwsError::OtherAccount { job, caller }.into());
        }
        let now = self.clock.now();
        ledger.write(|change| {
            let detail = Detail {
                reason: Some("AWS Batch no longer knows the job; it keeps them for a week"),
                ..Detail::default()
            };
            let holder = change.holder(id)?;
            // Somebody else may have found out meanwhile.
            if !holder.state.is_terminal() {
                change.apply(holder, Event::Vanished, detail, now)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// `arn:aws:batch:<region>:<account>:job/<id>`.
pub fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// When the job came to be as it is.
fn since(job: &JobRecord) -> Millis {
    job.started_at.unwrap_or(job.accepted_at)
}

/// Brings the ledger up to what Batch says. Where another process was sooner, there is less to do.
fn apply(
    change: &Change<'_>,
    id: JobId,
    observed: &Observed,
    now: Millis,
) -> Result<(), LedgerError> {
    let mut holder = change.holder(id)?;
    if holder.state.is_terminal() {
        return Ok(());
    }
    let wished = change.is_to_end(holder.seq)?;
    for step in steps(holder, observed, wished) {
        let (outcome, retry) = (step.outcome.as_ref(), step.retry.as_ref());
        let detail = Detail { outcome, retry, ..Detail::default() };
        match change.observe(holder, step.event, detail, step.at.unwrap_or(now))? {
            Applied::Done(next) => holder = next,
            Applied::Stale => return Ok(()),
        }
    }
    let reason = observed.newest.status_reason.as_deref();
    change.say_status(holder.seq, observed.status.as_str(), reason)?;
    let over = observed.attempts.iter().enumerate();
    for (index, attempt) in over {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if let Some(stream) = &attempt.log_stream {
            change.say_log(holder.seq, number, &observed.log_group, stream)?;
        }
    }
    let newest = holder.attempt as usize;
    // Until the new attempt has its stream, that of the one before is shown.
    let is_old = |stream: &String| {
        observed.attempts.iter().any(|attempt| attempt.log_stream.as_ref() == Some(stream))
    };
    if let Some(stream) = observed.newest.log_stream.as_ref().filter(|stream| !is_old(stream))
        && newest > observed.attempts.len()
    {
        change.say_log(holder.seq, holder.attempt, &observed.log_group, stream)?;
    }
    Ok(())
}

/// What happened to a job since the ledger last heard of it. `wished`: its end was asked for here.
fn steps(holder: Holder, observed: &Observed, wished: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut state = holder.state;
    let mut attempt = holder.attempt as usize;
    let step = |event, at, outcome| Step { event, at, outcome, retry: None };
    let is_over = observed.status.is_over();
    // Attempts that ended. The last one of a job that is over ends the job.
    for (index, ended) in observed.attempts.iter().enumerate() {
        let number = index + 1;
        let is_open = state.is_held() && attempt == number;
        if number < attempt || (number == attempt && !is_open) {
            continue;
        }
        let is_last = is_over
            && number == observed.attempts.len()
            && !classify::is_of_the_queue(&observed.newest);
        if !is_open || state == State::Starting {
            // One that never ran has no start; it had its place all the same.
            steps.push(step(Event::Started, ended.started_at.or(ended.stopped_at), None));
            attempt = number;
        }
        let (event, outcome, retry) = if is_last {
            let (event, outcome) = last(observed, ended, wished);
            (event, outcome, None)
        } else {
            let outcome = classify::outcome(Status::Failed, ended, false);
            let why = why_again(&observed.retry_rules, ended, &outcome);
            (Event::Retried, outcome, Some(why))
        };
        let at = ended.stopped_at.or(observed.newest.stopped_at);
        steps.push(Step { event, at, outcome: Some(outcome), retry });
        state = if is_last { State::Failed } else { State::Queued };
    }
    if state == State::Failed {
        return steps;
    }
    let newest = &observed.newest;
    match observed.status {
        Status::Starting if state == State::Queued => steps.push(step(Event::Claimed, None, None)),
        Status::Running if state != State::Running => {
            steps.push(step(Event::Started, newest.started_at, None));
        }
        // One that was taken back before it ran gets its place among the attempts later.
        Status::Submitted
        | Status::Pending
        | Status::Runnable
        | Status::Starting
        | Status::Running => {}
        Status::Succeeded | Status::Failed => {
            let (event, outcome) = last(observed, newest, wished);
            // It ran, though Batch lists no attempt.
            let ran = newest.started_at.is_some() || newest.exit_code.is_some();
            // Of one that ended while it waited for its next attempt, this is the last one's.
            if ran && observed.attempts.is_empty() && state != State::Running {
                steps.push(step(Event::Started, newest.started_at, None));
            }
            steps.push(step(event, newest.stopped_at, Some(outcome)));
        }
    }
    steps
}

/// Batch tried again. By its rules, which are compared with its own words.
fn why_again(rules: &[ExitRule], attempt: &Ended, outcome: &Outcome) -> RetryReason {
    let strategy = RetryStrategy { attempts: u8::MAX, evaluate_on_exit: rules.to_vec() };
    let outcome = Outcome { reason: attempt.reason.clone(), ..outcome.clone() };
    match decide(&strategy, 1, &outcome) {
        Decision::Again(why) => why,
        Decision::Over => RetryReason::Engine,
    }
}

/// How the job ended, with its last attempt.
fn last(observed: &Observed, attempt: &Ended, wished: bool) -> (Event, Outcome) {
    let ended = observed.is_ended || wished;
    let outcome = classify::outcome(observed.status, attempt, ended);
    let event = match outcome.verdict {
        Verdict::Succeeded => Event::Succeeded,
        Verdict::Failed(_) => Event::Failed,
        Verdict::Cancelled => Event::Cancelled,
    };
    (event, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn observed(status: Status, attempts: &[i32]) -> Observed {
        let ended = |code: &i32| Ended {
            started_at: Some(1),
            stopped_at: Some(2),
            exit_code: Some(*code),
            status_reason: Some("Essential container in task exited".to_owned()),
            ..Ended::default()
        };
        let attempts: Vec<_> = attempts.iter().map(ended).collect();
        let newest = attempts.last().cloned().unwrap_or_default();
        Observed {
            status,
            created_at: Some(0),
            attempts,
            newest,
            log_group: String::new(),
            retry_rules: Vec::new(),
            is_ended: false,
        }
    }

    fn events(state: State, attempt: u32, observed: &Observed) -> Vec<Event> {
        let holder = Holder { seq: 1, attempt, state };
        steps(holder, observed, false).into_iter().map(|step| step.event).collect()
    }

    #[test]
    fn what_was_missed_is_made_up_for() {
        use Event::{Cancelled, Claimed, Failed, Retried, Started, Succeeded};
        for (state, attempt, seen, expected) in [
            (State::Queued, 0, observed(Status::Runnable, &[]), vec![]),
            (State::Queued, 0, observed(Status::Starting, &[]), vec![Claimed]),
            (State::Queued, 0, observed(Status::Running, &[]), vec![Started]),
            (State::Starting, 1, observed(Status::Running, &[]), vec![Started]),
            (State::Running, 1, observed(Status::Running, &[]), vec![]),
            (State::Running, 1, observed(Status::Succeeded, &[0]), vec![Succeeded]),
            (State::Queued, 0, observed(Status::Succeeded, &[0]), vec![Started, Succeeded]),
            (State::Queued, 0, observed(Status::Succeeded, &[]), vec![Succeeded]),
            (State::Queued, 0, observed(Status::Failed, &[]), vec![Failed]),
            (
                State::Queued,
                0,
                observed(Status::Failed, &[1, 2]),
                vec![Started, Retried, Started, Failed],
            ),
            (State::Running, 1, observed(Status::Runnable, &[1]), vec![Retried]),
            (State::Queued, 1, observed(Status::Runnable, &[1]), vec![]),
            (State::Queued, 1, observed(Status::Running, &[1]), vec![Started]),
            (State::Running, 1, observed(Status::Running, &[1]), vec![Retried, Started]),
            (State::Running, 2, observed(Status::Failed, &[1, 3]), vec![Failed]),
            (State::Starting, 1, observed(Status::Runnable, &[]), vec![]),
            (State::Starting, 1, observed(Status::Runnable, &[9]), vec![Started, Retried]),
        ] {
            assert_eq!(events(state, attempt, &seen), expected, "{state} {attempt} {seen:?}");
        }
        let mut ended = observed(Status::Failed, &[]);
        ended.is_ended = true;
        assert_eq!(events(State::Queued, 0, &ended), vec![Cancelled]);
    }

    proptest! {
        /// Whatever the ledger knows and Batch says, the steps are legal, and a second look at
        /// the same finds nothing to do.
        #[test]
        fn steps_are_legal_and_come_once(
            status in proptest::sample::select(Status::ALL.to_vec()),
            codes in proptest::collection::vec(0..3_i32, 0..4),
            state in proptest::sample::select(vec![State::Queued, State::Starting, State::Running]),
            attempt in 0..4_u32,
        ) {
            let attempt = attempt.max(u32::from(state.is_held()));
            let seen = observed(status, &codes);
            // Batch never knows of fewer attempts than it told before, the newest aside.
            prop_assume!(attempt as usize <= codes.len() + 1);
            prop_assume!(state.is_held() || attempt as usize <= codes.len());
            let mut holder = Holder { seq: 1, attempt, state };
            for step in steps(holder, &seen, false) {
                let next = crate::job::transition(holder.state, step.event);
                prop_assert!(next.is_ok(), "{holder:?} {step:?}");
                let (next, effects) = next.expect("legal");
                let opens = effects.contains(&crate::job::Effect::OpenAttempt);
                holder = Holder { state: next, attempt: holder.attempt + u32::from(opens), ..holder };
            }
            if !holder.state.is_terminal() {
                prop_assert_eq!(steps(holder, &seen, false), vec![]);
            }
        }
    }
}
