//! Ending jobs before they end by themselves.

use rustix::process::{Pid, Signal, kill_process};

use super::agenda::{Due, Task};
use super::{Worker, millis};
use crate::engine::EngineError;
use crate::engine::local::outcome::Stop;
use crate::engine::local::{memory, processes};

impl Worker<'_> {
    pub(super) fn do_for(&mut self, seq: i64, attempt: u32, task: Task) {
        let is_it = |job: &&super::Running| job.holder.seq == seq && job.holder.attempt == attempt;
        let Some(job) = self.running.iter().find(is_it) else { return };
        match task {
            Task::TimeOut => self.stop(seq, Stop::Timeout),
            Task::Rehearse => self.stop(seq, Stop::Rehearsal),
            Task::Kill => self.kill(seq),
            Task::LookAtMemory => {
                let limit = job.resources().memory.bytes();
                let used = memory::used(job.pid, limit);
                if used > limit {
                    self.stop(seq, Stop::OutOfMemory);
                } else {
                    let at = self.clock.monotonic() + millis(memory::next_look(used, limit));
                    self.agenda.at(at, Due::Job { seq, attempt, task });
                }
            }
        }
    }

    /// Asked to leave: what may be interrupted is, and the rest is waited for.
    pub(super) fn prepare_to_leave(&mut self) -> Result<(), EngineError> {
        if self.leaving {
            return Ok(());
        }
        tracing::info!(jobs = self.running.len(), "asked to leave");
        self.leaving = true;
        let me = self.record.seq;
        self.ledger.write(|change| change.take_no_more(me))?;
        let interruptible = self.running.iter().filter(|job| job.plan.spec.queue.interruptible());
        let interruptible: Vec<_> = interruptible.map(|job| job.holder.seq).collect();
        for seq in interruptible {
            self.stop(seq, Stop::Leave);
        }
        Ok(())
    }

    pub(super) fn stop_cancelled(&mut self) -> Result<(), EngineError> {
        let me = self.record.seq;
        for seq in self.ledger.write(|change| change.cancels_of(me))? {
            self.stop(seq, Stop::Cancel);
        }
        Ok(())
    }

    /// SIGTERM, then SIGKILL after the grace, as Batch does it.
    fn stop(&mut self, seq: i64, why: Stop) {
        let Some(job) = self.running.iter_mut().find(|job| job.holder.seq == seq) else { return };
        // Only a cancel overrides another reason: it decides whether the job is tried again.
        if job.stop.is_some() && (why != Stop::Cancel || job.stop == Some(Stop::Cancel)) {
            return;
        }
        tracing::info!(job = %job.id, ?why, "is being stopped");
        job.stop = Some(why);
        let attempt = job.holder.attempt;
        let pid = job.pid;
        // SIGTERM does nothing to the first process of a namespace that has no handler for
        // it, here as in a container. Somebody who wants the job gone need not wait for it;
        // a job whose host goes away has the time to finish.
        let reaches = !self.mounted || processes::catches_term(pid);
        let at_once = match why {
            Stop::OutOfMemory => true,
            Stop::Cancel | Stop::Timeout => !reaches,
            Stop::Leave | Stop::Rehearsal => false,
        };
        if at_once {
            return self.kill(seq);
        }
        send(pid, Signal::TERM);
        let at = self.clock.monotonic() + millis(self.settings.grace);
        self.agenda.at(at, Due::Job { seq, attempt, task: Task::Kill });
    }

    /// Ends the whole tree. With a process id namespace the kernel takes all of it along;
    /// without one what is left is found by its mark once the command itself has ended.
    pub(super) fn kill(&self, seq: i64) {
        if let Some(job) = self.running.iter().find(|job| job.holder.seq == seq) {
            send(job.pid, Signal::KILL);
        }
    }
}

/// To a child of ours that was not waited for yet: its number can't be another's.
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        && let Err(error) = kill_process(pid, signal)
    {
        tracing::error!(%error, ?signal, "could not signal a job");
    }
}
