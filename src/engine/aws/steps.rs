//! What happened to a job since the ledger last heard of it: from how the ledger has it and what Batch
//! says of it, the events in between. Pure.

use super::began::Began;
use super::classify;
use super::describe::{Ended, Observed, Status};
use crate::job::{
    Decision, Event, ExitRule, Outcome, RetryReason, RetryStrategy, State, Verdict, decide,
};
use crate::ledger::{Holder, Millis};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub event: Event,
    pub at: Option<Millis>,
    pub outcome: Option<Outcome>,
    /// Where another attempt follows, why.
    pub retry: Option<RetryReason>,
}

/// What happened to a job since the ledger last heard of it. `wished`: since when its end is asked for here.
pub fn steps(holder: Holder, observed: &Observed, wished: Option<Millis>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut state = holder.state;
    let mut attempt = holder.attempt as usize;
    let step = |event, at, outcome| Step { event, at, outcome, retry: None };
    let is_over = observed.status.is_over();
    // Attempts that ended. The last one of a job that is over ends the job.
    for (index, ended) in observed.attempts.iter().enumerate() {
        let number = observed.number(index);
        let is_open = state.is_held() && attempt == number;
        if number < attempt || (number == attempt && !is_open) {
            continue;
        }
        let is_newest = index + 1 == observed.attempts.len();
        // It may end the job, which Batch is about to say: nothing is tried again that succeeded, and
        // another attempt would show by now if the job ran.
        let may_be_last = ended.exit_code == Some(0)
            || observed.most_attempts.is_some_and(|most| observed.attempts.len() >= most)
            || observed.status == Status::Running && ended.is_same_as(&observed.newest);
        if is_newest && may_be_last && !is_over {
            break;
        }
        let is_last = is_over
            && is_newest
            && !classify::is_of_the_queue(&observed.newest)
            && !ended_after(observed, ended);
        if !is_open || state == State::Starting {
            // One that never ran has no start; it had its place all the same.
            steps.push(step(Event::Started, ended.started_at.or(ended.stopped_at), None));
            attempt = number;
        }
        if is_last && observed.began == Began::Later {
            return steps;
        }
        let (event, outcome, retry) = if is_last {
            let (event, outcome) = last(observed, ended, wished);
            (event, outcome, None)
        } else {
            let outcome = classify::outcome(Status::Failed, ended, false);
            let outcome = classify::fenced(outcome, ended, &observed.came);
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
            if observed.began == Began::Later {
                return steps;
            }
            steps.push(step(event, newest.stopped_at, Some(outcome)));
        }
    }
    steps
}

/// Was the job ended when this attempt had been over for a while, and another was to follow?
fn ended_after(observed: &Observed, attempt: &Ended) -> bool {
    // One that was ended has the code of a signal most often; else the times alone tell.
    let ended_itself = attempt.exit_code.is_some_and(|code| (1..128).contains(&code));
    let a_while = if ended_itself { MOMENT } else { A_WHILE };
    let times = observed.newest.stopped_at.zip(attempt.stopped_at);
    observed.is_ended && times.is_some_and(|(job, attempt)| job - attempt > a_while)
}

/// Longer than it takes Batch to end a job whose last attempt is over: most often, and surely.
const MOMENT: Millis = 1_000;
const A_WHILE: Millis = 5_000;

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
fn last(observed: &Observed, attempt: &Ended, wished: Option<Millis>) -> (Event, Outcome) {
    // What was over before keeps its own end, unless Batch says that it was ended.
    let is_wished = |at| attempt.stopped_at.is_none_or(|stopped| stopped >= at);
    let ended = observed.is_ended || wished.is_some_and(is_wished);
    let outcome =
        classify::begun(classify::outcome(observed.status, attempt, ended), &observed.began);
    let mut outcome = classify::fenced(outcome, attempt, &observed.came);
    if outcome.verdict == Verdict::Cancelled
        && let Some(reason) = &observed.newest.status_reason
    {
        // Whoever ended it said why; its attempt has Batch's words.
        outcome.status_reason.clone_from(reason);
    }
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
        Observed::bare(status, attempts.iter().map(ended).collect())
    }

    /// The attempts, and one after them that goes on.
    fn followed(status: Status, attempts: &[i32]) -> Observed {
        let newest = Ended { started_at: Some(3), ..Ended::default() };
        Observed { newest, ..observed(status, attempts) }
    }

    fn events(state: State, attempt: u32, observed: &Observed) -> Vec<Event> {
        let holder = Holder { seq: 1, attempt, state };
        steps(holder, observed, None).into_iter().map(|step| step.event).collect()
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
            // The attempt shows before the end of the job does.
            (State::Running, 1, observed(Status::Running, &[0]), vec![]),
            (State::Queued, 1, observed(Status::Running, &[1, 0]), vec![Started]),
            (State::Running, 1, observed(Status::Running, &[1]), vec![]),
            (State::Running, 1, observed(Status::Running, &[1, 2]), vec![Retried, Started]),
            (State::Queued, 1, followed(Status::Running, &[1]), vec![Started]),
            (State::Running, 1, followed(Status::Running, &[1]), vec![Retried, Started]),
            (State::Running, 2, observed(Status::Failed, &[1, 3]), vec![Failed]),
            (State::Starting, 1, observed(Status::Runnable, &[]), vec![]),
            (State::Starting, 1, observed(Status::Runnable, &[9]), vec![Started, Retried]),
        ] {
            assert_eq!(events(state, attempt, &seen), expected, "{state} {attempt} {seen:?}");
        }
        // It was the only one that it may have, whatever Batch calls its state.
        let only = Observed { most_attempts: Some(1), ..observed(Status::Starting, &[1]) };
        assert_eq!(events(State::Starting, 1, &only), vec![]);
        // Its end came while it waited for its next attempt.
        let mut waited = observed(Status::Failed, &[5]);
        waited.is_ended = true;
        waited.newest.stopped_at = Some(2_000);
        waited.newest.status_reason = Some("no longer needed".to_owned());
        assert_eq!(events(State::Queued, 0, &waited), vec![Started, Retried, Cancelled]);
        assert_eq!(events(State::Queued, 1, &waited), vec![Cancelled]);
        // What the second had before it came to the fence comes before what the first had.
        let seen = Observed { before: 1, ..observed(Status::Succeeded, &[1, 0]) };
        let missed = vec![Started, Retried, Started, Succeeded];
        assert_eq!(events(State::Queued, 1, &seen), missed);
        assert_eq!(events(State::Running, 2, &seen), missed[1..]);
        // Until its log shows that it ran, and for ever if it does not.
        let mut unseen = observed(Status::Succeeded, &[0]);
        unseen.began = Began::Later;
        assert_eq!(events(State::Queued, 0, &unseen), vec![Started]);
        assert_eq!(events(State::Running, 1, &unseen), vec![]);
        unseen.began = Began::No;
        assert_eq!(events(State::Running, 1, &unseen), vec![Failed]);
        let mut ended = observed(Status::Failed, &[]);
        ended.is_ended = true;
        assert_eq!(events(State::Queued, 0, &ended), vec![Cancelled]);
    }

    #[test]
    fn what_was_over_before_its_end_was_asked_for_keeps_its_own() {
        let holder = Holder { seq: 1, attempt: 1, state: State::Running };
        let end = |seen: &Observed, wished| {
            let steps = steps(holder, seen, Some(wished));
            steps.into_iter().map(|step| step.event).collect::<Vec<_>>()
        };
        // It ended at 2.
        let mut seen = observed(Status::Failed, &[4]);
        assert_eq!(end(&seen, 3), vec![Event::Failed]);
        assert_eq!(end(&seen, 2), vec![Event::Cancelled]);
        seen.is_ended = true;
        assert_eq!(end(&seen, 3), vec![Event::Cancelled]);
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
            before in 0..3_u32,
            began in proptest::sample::select(vec![Began::Yes, Began::No, Began::Later]),
        ) {
            let attempt = attempt.max(u32::from(state.is_held()));
            let mut seen = Observed { before, ..observed(status, &codes) };
            seen.began = if status == Status::Succeeded { began } else { Began::Yes };
            // Batch never knows of fewer attempts than it told before, the newest aside.
            prop_assume!(attempt as usize <= codes.len() + 1);
            prop_assume!(state.is_held() || attempt as usize <= codes.len());
            let mut holder = Holder { seq: 1, attempt: before + attempt, state };
            for step in steps(holder, &seen, None) {
                let next = crate::job::transition(holder.state, step.event);
                prop_assert!(next.is_ok(), "{holder:?} {step:?}");
                let (next, effects) = next.expect("legal");
                let opens = effects.contains(&crate::job::Effect::OpenAttempt);
                holder = Holder { state: next, attempt: holder.attempt + u32::from(opens), ..holder };
            }
            if !holder.state.is_terminal() {
                prop_assert_eq!(steps(holder, &seen, None), vec![]);
            }
        }
    }
}
