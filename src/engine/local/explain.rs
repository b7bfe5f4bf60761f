//! Why a job of this machine waits or why it ended.

use super::{LocalEngine, lease, machine};
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
            State::Starting => explanation.find("a worker has it and starts it"),
            State::Running => explanation.find("it runs"),
            State::Succeeded => explanation.find("it succeeded"),
            State::Cancelled => explanation.find("its end was asked for"),
            State::Lost => explanation.find("nobody knows how it ended"),
            State::Failed => why_it_failed(&job, &mut explanation),
        }
        Ok(explanation)
    }

    fn why_it_waits(
        &self,
        ledger: &Ledger,
        job: &JobRecord,
        explanation: &mut Explanation,
    ) -> Result<(), EngineError> {
        let spec = &job.plan.spec;
        let size = spec.resources.on_this_machine();
        explanation.find("it waits for a worker that has room");
        explanation.stands_behind(ledger.queued_before(job.seq)?);
        let workers = lease::live_workers(&self.dir, ledger)?;
        let takes = |queue| workers.iter().any(|worker| worker.worker.queues.contains(&queue));
        if workers.is_empty() {
            explanation.find("no worker runs");
            explanation.hint(format!("computes wait {} starts one", job.id.short()));
        } else if !takes(spec.queue) {
            explanation.find(format!("no worker takes jobs of `{}`", spec.queue));
            explanation.hint(format!("computes worker --queue {}", spec.queue));
        } else if !workers.iter().any(|it| size.fits_in(&it.worker.capacity)) {
            let machine = machine::capacity();
            explanation.find(format!(
                "it asks for {size}, which no worker has; the machine has {machine}"
            ));
            explanation.hint("ask for less with --vcpus, --memory and --gpus");
        }
        Ok(())
    }
}

fn why_it_failed(job: &JobRecord, explanation: &mut Explanation) {
    let Some(class) = job.class else { return };
    explanation.find(format!("it failed: {}", class.told(job.exit_code, None)));
    explanation.hint(match class {
        FailureClass::ExitCode | FailureClass::Signal => {
            format!("the command ended by itself: computes logs {}", job.id.short())
        }
        FailureClass::TimedOut => "raise --timeout, or split the work".to_owned(),
        FailureClass::OutOfMemory => "raise --memory".to_owned(),
        FailureClass::Interrupted => {
            "give it more --attempts, or a queue that is never interrupted".to_owned()
        }
        FailureClass::StartFailed => "is the command there, and may it be executed?".to_owned(),
        FailureClass::KeepAliveLost => {
            "its workers were lost time and again: raise local.lost_retries, or look at the \
             machine's memory"
                .to_owned()
        }
        FailureClass::ImagePull | FailureClass::DependencyFailed | FailureClass::Refused => return,
    });
}
