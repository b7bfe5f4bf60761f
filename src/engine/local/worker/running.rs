//! A job while the worker holds it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::engine::changes::Before;
use crate::engine::local::outcome::{Exit, Stop, not_kept};
use crate::job::{
    Decision, Event, FailureClass, JobId, Outcome, Output, Resources, RetryReason, Verdict, decide,
};
use crate::ledger::{Assignment, Holder, Millis};
use crate::plan::Plan;

pub struct Running {
    pub holder: Holder,
    pub id: JobId,
    pub plan: Arc<Plan>,
    pub gpus: Vec<u32>,
    pub rehearse_after: Option<u32>,
    /// There once the command was started.
    pub process: Option<Process>,
    pub stop: Option<Stop>,
    /// How its source looked before the command started.
    pub before: Arc<Before>,
    /// Attempts used up before this one.
    pub used_before: u32,
    /// How long its log was when that was last noted.
    pub log_noted: u64,
}

pub struct Process {
    pub pid: u32,
    /// Means this process for ever, also when the number is another's.
    pub handle: Arc<OwnedFd>,
}

/// Outputs for which nothing is there, or why they could not be kept.
pub type Kept = Result<Vec<Output>, String>;

/// A start that is not in the ledger yet.
pub struct Start {
    pub seq: i64,
    pub pid: u32,
    pub at: Millis,
}

/// An end that is not in the ledger yet.
pub struct Finished {
    pub holder: Holder,
    pub id: JobId,
    pub event: Event,
    pub outcome: Outcome,
    /// Where another attempt follows, why.
    pub retry: Option<RetryReason>,
    pub has_secrets: bool,
    /// Outputs for which nothing is there, if that was looked at.
    pub missing: Option<Vec<Output>>,
}

/// Attempts that count, before the one that was opened last.
pub fn used_before(assignment: &Assignment, holder: Holder) -> u32 {
    (holder.attempt - 1).saturating_sub(assignment.interruptions + assignment.losses)
}

impl Running {
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.pid)
    }

    pub fn resources(&self) -> Resources {
        self.plan.spec.resources.on_this_machine()
    }

    pub fn finished(self, exit: Exit) -> Finished {
        let outcome = crate::engine::local::outcome::outcome(exit, self.stop);
        let interrupted = outcome.verdict == Verdict::Failed(FailureClass::Interrupted);
        let next = if self.stop == Some(Stop::Leave) && interrupted {
            (Event::Interrupted, Some(RetryReason::Interrupted))
        } else {
            next(&self.plan, self.used_before + 1, &outcome)
        };
        self.ended(next, outcome)
    }

    /// The same, with what became of the outputs. A job whose results are lost has not succeeded.
    pub fn finished_keeping(self, exit: Exit, kept: Kept) -> Finished {
        match kept {
            Ok(missing) => Finished { missing: Some(missing), ..self.finished(exit) },
            Err(why) if exit == Exit::Code(0) && self.stop.is_none() => {
                self.finished_with(not_kept(&why))
            }
            Err(why) => {
                tracing::warn!(job = %self.id, why, "outputs are not kept");
                self.finished(exit)
            }
        }
    }

    /// An end that no signal of ours brought about.
    pub fn finished_with(self, outcome: Outcome) -> Finished {
        let next = next(&self.plan, self.used_before + 1, &outcome);
        self.ended(next, outcome)
    }

    fn ended(self, (event, retry): (Event, Option<RetryReason>), outcome: Outcome) -> Finished {
        Finished {
            holder: self.holder,
            id: self.id,
            event,
            outcome,
            retry,
            has_secrets: !self.plan.spec.secrets.is_empty(),
            missing: None,
        }
    }
}

/// What follows from an attempt's end. `used` counts the attempt itself.
fn next(plan: &Plan, used: u32, outcome: &Outcome) -> (Event, Option<RetryReason>) {
    match outcome.verdict {
        Verdict::Succeeded => (Event::Succeeded, None),
        Verdict::Cancelled => (Event::Cancelled, None),
        Verdict::Failed(_) => {
            let retry = plan.spec.retry.clone().unwrap_or_default();
            match decide(&retry, used, outcome) {
                Decision::Again(why) => (Event::Retried, Some(why)),
                Decision::Over => (Event::Failed, None),
            }
        }
    }
}
