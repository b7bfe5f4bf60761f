//! The state machine: the one function that knows which change follows which event.

use std::fmt::Write as _;

use super::State;

/// What may happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The hand-over to the engine begins.
    HandOver,
    /// The engine has the job.
    HandedOver,
    /// Another job of the engine turned out to be the one: it does the work, and is looked at from
    /// here on.
    Superseded,
    /// The engine turned out not to have it, so it can be handed over again.
    NotHandedOver,
    /// A host took the job and opened an attempt.
    Claimed,
    /// The command was started.
    Started,
    /// The command ended with exit code 0.
    Succeeded,
    /// The job failed and is not tried again.
    Failed,
    /// The attempt failed and another follows.
    Retried,
    /// The host left; the attempt doesn't count.
    Interrupted,
    /// The host went silent; the attempt doesn't count, but such losses are counted.
    WorkerLost,
    /// Somebody asked for the job to end.
    CancelRequested,
    /// The engine that has the job was asked to end it, and will.
    CancelPassedOn,
    /// It ended because of that.
    Cancelled,
    /// A transient condition holds the job up.
    Blocked,
    /// That condition cleared.
    Released,
    /// The engine no longer knows the job.
    Vanished,
}

/// What goes with a change of state. The ledger carries these out in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A new attempt with the next number, which fences all earlier ones.
    OpenAttempt,
    /// The open attempt is over.
    CloseAttempt,
    /// The ended attempt was interrupted and is not counted.
    CountInterruption,
    /// The ended attempt was lost and is not counted.
    CountLoss,
    /// The wish to cancel stays on the job, for whoever holds it to act on.
    RememberCancel,
    /// The job is over.
    Finish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {state} can't go through `{event}`")]
pub struct IllegalTransition {
    pub state: State,
    pub event: Event,
}

impl Event {
    pub const ALL: [Self; 17] = [
        Self::HandOver,
        Self::HandedOver,
        Self::Superseded,
        Self::NotHandedOver,
        Self::Claimed,
        Self::Started,
        Self::Succeeded,
        Self::Failed,
        Self::Retried,
        Self::Interrupted,
        Self::WorkerLost,
        Self::CancelRequested,
        Self::CancelPassedOn,
        Self::Cancelled,
        Self::Blocked,
        Self::Released,
        Self::Vanished,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HandOver => "hand_over",
            Self::HandedOver => "handed_over",
            Self::Superseded => "superseded",
            Self::NotHandedOver => "not_handed_over",
            Self::Claimed => "claimed",
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Retried => "retried",
            Self::Interrupted => "interrupted",
            Self::WorkerLost => "worker_lost",
            Self::CancelRequested => "cancel_requested",
            Self::CancelPassedOn => "cancel_passed_on",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
            Self::Released => "released",
            Self::Vanished => "vanished",
        }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which state follows, and what goes with it.
///
/// # Errors
/// When the event can't happen to a job in that state.
pub const fn transition(
    state: State,
    event: Event,
) -> Result<(State, &'static [Effect]), IllegalTransition> {
    use Effect::{CloseAttempt, CountInterruption, CountLoss, Finish, OpenAttempt, RememberCancel};
    use State::{
        Accepted, Blocked, Cancelled, Failed, Lost, Queued, Running, Starting, Submitting,
        Succeeded,
    };

    // An engine that is asked now and then may miss states in between, so `queued` can go
    // straight to `running` or to an end. A hand-over that is one with the acceptance, as
    // the local engine's is, skips `submitting`.
    let next: (State, &'static [Effect]) = match (event, state) {
        (Event::HandOver, Accepted) => (Submitting, &[]),
        (Event::HandedOver, Accepted | Submitting) => (Queued, &[]),
        // Batch numbers the attempts of both from 1, so that what is open of the one is the other's.
        (Event::Superseded, Queued | Starting | Running) => (state, &[]),
        (Event::NotHandedOver, Submitting) | (Event::Released, Blocked) => (Accepted, &[]),

        (Event::Claimed, Queued) => (Starting, &[OpenAttempt]),
        (Event::Started, Queued) => (Running, &[OpenAttempt]),
        (Event::Started, Starting) => (Running, &[]),

        (Event::Succeeded, Queued) => (Succeeded, &[OpenAttempt, CloseAttempt, Finish]),
        (Event::Succeeded, Starting | Running) => (Succeeded, &[CloseAttempt, Finish]),
        (Event::Failed, Accepted | Submitting | Queued | Blocked) => (Failed, &[Finish]),
        (Event::Failed, Starting | Running) => (Failed, &[CloseAttempt, Finish]),

        (Event::Retried, Starting | Running) => (Queued, &[CloseAttempt]),
        (Event::Interrupted, Starting | Running) => (Queued, &[CloseAttempt, CountInterruption]),
        (Event::WorkerLost, Starting | Running) => (Queued, &[CloseAttempt, CountLoss]),

        (Event::CancelRequested, Accepted | Queued | Blocked) => {
            (Cancelled, &[RememberCancel, Finish])
        }
        (Event::CancelRequested, Submitting | Starting | Running)
        | (Event::CancelPassedOn, Queued | Starting | Running) => (state, &[RememberCancel]),
        (Event::Cancelled, Accepted | Submitting | Queued | Blocked) => (Cancelled, &[Finish]),
        (Event::Cancelled, Starting | Running) => (Cancelled, &[CloseAttempt, Finish]),

        (Event::Blocked, Accepted | Submitting | Queued) => (Blocked, &[]),
        (Event::Blocked, Starting | Running) => (Blocked, &[CloseAttempt]),
        (Event::Vanished, Submitting | Queued) => (Lost, &[Finish]),
        (Event::Vanished, Starting | Running) => (Lost, &[CloseAttempt, Finish]),

        // Every pair that can't be, by name, so that a new state or event has to be thought of.
        (Event::HandOver, Submitting | Queued | Starting | Running | Blocked)
        | (Event::HandedOver, Queued | Starting | Running | Blocked)
        | (Event::NotHandedOver, Accepted | Queued | Starting | Running | Blocked)
        | (Event::Claimed, Accepted | Submitting | Starting | Running | Blocked)
        | (
            Event::Started | Event::Succeeded | Event::CancelPassedOn | Event::Superseded,
            Accepted | Submitting | Blocked,
        )
        | (Event::Started, Running)
        | (
            Event::Retried | Event::Interrupted | Event::WorkerLost,
            Accepted | Submitting | Queued | Blocked,
        )
        | (Event::Blocked, Blocked)
        | (Event::Released, Accepted | Submitting | Queued | Starting | Running)
        | (Event::Vanished, Accepted | Blocked)
        | (
            Event::HandOver
            | Event::HandedOver
            | Event::Superseded
            | Event::NotHandedOver
            | Event::Claimed
            | Event::Started
            | Event::Succeeded
            | Event::Failed
            | Event::Retried
            | Event::Interrupted
            | Event::WorkerLost
            | Event::CancelRequested
            | Event::CancelPassedOn
            | Event::Cancelled
            | Event::Blocked
            | Event::Released
            | Event::Vanished,
            Succeeded | Failed | Cancelled | Lost,
        ) => return Err(IllegalTransition { state, event }),
    };
    Ok(next)
}

/// The machine as text, one line a pair that is allowed: the snapshot of the tests.
#[must_use]
pub fn table() -> String {
    let mut text = String::new();
    for state in State::ALL {
        for event in Event::ALL {
            if let Ok((next, effects)) = transition(state, event) {
                // Writing to a String can't fail.
                let _ = writeln!(text, "{state:<10} {event:<16} → {next:<10} {effects:?}");
            }
        }
    }
    text
}

/// The machine as a diagram, for ARCHITECTURE.md.
#[must_use]
pub fn mermaid() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> accepted\n");
    for state in State::ALL {
        for next in State::ALL {
            let events: Vec<_> = Event::ALL
                .into_iter()
                .filter(|event| matches!(transition(state, *event), Ok((to, _)) if to == next))
                .map(Event::as_str)
                .collect();
            if !events.is_empty() {
                let _ = writeln!(text, "    {state} --> {next}: {}", events.join(", "));
            }
        }
        if state.is_terminal() {
            let _ = writeln!(text, "    {state} --> [*]");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_open_and_close_in_pairs() {
        for state in State::ALL {
            for event in Event::ALL {
                let Ok((next, effects)) = transition(state, event) else { continue };
                let count = |wanted: Effect| effects.iter().filter(|e| **e == wanted).count();
                let held_after = usize::from(state.is_held()) + count(Effect::OpenAttempt)
                    - count(Effect::CloseAttempt);
                assert_eq!(held_after, usize::from(next.is_held()), "{state} {event}");
                assert_eq!(count(Effect::Finish) == 1, next.is_terminal(), "{state} {event}");
            }
        }
    }

    #[test]
    fn nothing_follows_an_end() {
        for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
            for event in Event::ALL {
                assert_eq!(transition(state, event), Err(IllegalTransition { state, event }));
            }
        }
    }
}
