//! Why a job of this machine waits or why it ended.

use super::{LocalEngine, lease, machine, waiting};
use crate::engine::{EngineError, Explanation};
use crate::job::{FailureClass, JobId, State};
use crate::ledger::{JobRecord, Ledger};

impl LocalEngine<'_> {
    /// What the ledger and the workers tell.
    ///
    /// # Errors
    /// When they can't be read.
    pub(in crate::engine) fn explain(
        &self,
        ledger: &Ledger,
        id: JobId,
    ) -> Result<Explanation, EngineError> {
        let job = ledger.job(id)?;
        let mut explanation = Explanation { reason: job.reason.clone(), ..Explanation::default() };
        match job.state {
            State::Accepted | State::Submitting | State::Queued | State::Blocked => {
                self.why_it_waits(ledger, &job, &mut explanation)?;
            }
            State::Starting | State::Running if job.cancel_requested_at.is_some() => {
                explanation.find("it is being ended: by SIGTERM, and by SIGKILL after local.grace");
            }
            State::Starting | State::Running if self.is_left_alone(ledger, &job)? => {
                explanation.find("its worker is gone, and nobody has noticed yet");
                explanation.hint(format!("computes wait {} starts another", id.short()));
            }
            State::Starting => explanation.find("a worker has it and starts it"),
            State::Running => explanation.find("it runs"),
            State::Succeeded => explanation.find("it succeeded"),
            State::Cancelled => explanation.find("its end was asked for"),
            State::Lost => explanation.find("nobody knows how it ended"),
            State::Failed => why_it_failed(&job, &mut explanation),
        }
        Ok(explanation)
    }

    /// What holds up a job that waits; `None`: it is about to start.
    ///
    /// # Errors
    /// When the ledger and the workers can't be read.
    pub(in crate::engine) fn waits(
        &self,
        ledger: &Ledger,
        id: JobId,
    ) -> Result<Option<Explanation>, EngineError> {
        let job = ledger.job(id)?;
        let mut explanation = Explanation::default();
        let is_held_up =
            job.state == State::Queued && self.why_it_waits(ledger, &job, &mut explanation)?;
        Ok(is_held_up.then_some(explanation))
    }

    /// Does a job go on, as the ledger has it, while no worker that lives has it?
    fn is_left_alone(&self, ledger: &Ledger, job: &JobRecord) -> Result<bool, EngineError> {
        for worker in lease::live_workers(&self.dir, ledger)? {
            if ledger.held_by(worker.seq)?.iter().any(|held| held.id == job.id) {
                return Ok(false);
            }
        }
        // It may have ended meanwhile.
        let now = ledger.standing(job.id)?;
        Ok((now.state, now.attempt) == (job.state, job.attempt))
    }

    /// False: nothing holds it up, and a worker takes it, or is started for it, at any moment.
    fn why_it_waits(
        &self,
        ledger: &Ledger,
        job: &JobRecord,
        explanation: &mut Explanation,
    ) -> Result<bool, EngineError> {
        let spec = &job.plan.spec;
        let size = spec.resources.on_this_machine();
        explanation.since = Some(ledger.waits_since(job)?);
        let mut takers = lease::live_workers(&self.dir, ledger)?;
        let is_nobody_there = takers.is_empty();
        takers.retain(|worker| worker.worker.queues.contains(&spec.queue));
        let is_queue_left = takers.is_empty();
        takers.retain(|worker| size.fits_in(&worker.worker.capacity));
        let before = ledger.queued_before(job.seq)?;
        let has_room = waiting::room(explanation, &size, &takers, ledger.holdings()?);
        if is_nobody_there {
            explanation.find("no worker runs");
            explanation.hint(format!("computes wait {} starts one", job.id.short()));
        } else if is_queue_left {
            explanation.find(format!("no worker takes jobs of `{}`", spec.queue));
            explanation.hint(format!("computes worker --queue {}", spec.queue));
        } else if takers.is_empty() {
            let machine = machine::capacity();
            explanation.find(format!(
                "it asks for {size}, which no worker has; the machine has {machine}"
            ));
            explanation.hint("ask for less with --vcpus, --memory and --gpus");
        }
        explanation.stands_behind(before);
        Ok(!is_nobody_there && (before > 0 || !has_room))
    }
}

fn why_it_failed(job: &JobRecord, explanation: &mut Explanation) {
    let Some(class) = job.class else { return };
    explanation.find(format!("it failed: {}", class.told(job.exit_code, None)));
    explanation.hint(match class {
        FailureClass::ExitCode if job.exit_code == Some(127) => format!(
            "127 is what shells give for a program that they don't find: computes logs {} names \
             it, and -e PATH passes your PATH on",
            job.id.short()
        ),
        FailureClass::ExitCode | FailureClass::Signal => {
            format!("the command ended by itself: computes logs {}", job.id.short())
        }
        FailureClass::TimedOut => "raise --timeout, or split the work".to_owned(),
        FailureClass::OutOfMemory => "raise --memory".to_owned(),
        FailureClass::Interrupted => {
            "give it more --attempts, or a queue that is never interrupted".to_owned()
        }
        // Who asks knows more of the program.
        FailureClass::StartFailed if matches!(job.exit_code, Some(126 | 127)) => return,
        FailureClass::StartFailed => "the reason says what could not be had".to_owned(),
        FailureClass::KeepAliveLost => {
            "its workers were lost time and again: raise local.lost_retries, or look at the \
             machine's memory"
                .to_owned()
        }
        FailureClass::ImagePull | FailureClass::DependencyFailed | FailureClass::Refused => return,
    });
}
