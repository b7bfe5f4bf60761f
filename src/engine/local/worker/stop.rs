//! Ending jobs before they end by themselves.

use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};

use super::agenda::{Due, Task};
use super::running::Process;
use super::{Worker, millis};
use crate::engine::local::outcome::Stop;
use crate::engine::local::{memory, processes};
use crate::engine::{EngineError, note_growth};

impl Worker<'_> {
    pub(super) fn do_for(&mut self, seq: i64, attempt: u32, task: Task) {
        let is_it = |job: &&super::Running| job.holder.seq == seq && job.holder.attempt == attempt;
        let Some(job) = self.running.iter().find(is_it) else { return };
        let Some(pid) = job.pid() else { return };
        match task {
            Task::TimeOut => self.stop(seq, Stop::Timeout),
            Task::Rehearse => self.stop(seq, Stop::Rehearsal),
            Task::Kill => self.kill(seq),
            Task::Look => {
                let limit = job.resources().memory.bytes();
                let used = memory::used(pid, limit);
                if used > limit {
                    self.stop(seq, Stop::OutOfMemory);
                } else {
                    let at = self.clock.monotonic() + millis(memory::next_look(used, limit));
                    self.agenda.at(at, Due::Job { seq, attempt, task });
                }
                self.note_growth(seq);
            }
        }
    }

    /// So that it can be told when a line was written, to a second.
    fn note_growth(&mut self, seq: i64) {
        let now = self.clock.now();
        let Some(job) = self.running.iter_mut().find(|job| job.holder.seq == seq) else { return };
        let attempt = (job.id, job.holder.attempt);
        if let Err(error) = note_growth(self.dir, attempt, &mut job.log_noted, now) {
            tracing::warn!(job = %job.id, %error, "cannot note how long its log is");
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
        self.let_go_of_right()?;
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

    fn stop(&mut self, seq: i64, why: Stop) {
        let found = self.running.iter().position(|job| job.holder.seq == seq);
        let Some(index) = found else { return };
        let job = &mut self.running[index];
        // Only a cancel overrides another reason: it decides whether the job is tried again.
        if job.stop.is_some() && (why != Stop::Cancel || job.stop == Some(Stop::Cancel)) {
            return;
        }
        job.stop = Some(why);
        // One that is being started is stopped as soon as it has been.
        if job.process.is_some() {
            self.carry_out_stop(index, why);
        }
    }

    /// SIGTERM, then SIGKILL after the grace, as Batch does it.
    pub(super) fn carry_out_stop(&mut self, index: usize, why: Stop) {
        let job = &self.running[index];
        let Some(process) = &job.process else { return };
        tracing::info!(job = %job.id, ?why, "is being stopped");
        // SIGTERM does nothing to the first process of a namespace that has no handler for
        // it, here as in a container. Somebody who wants the job gone need not wait for it;
        // a job whose host goes away has the time to finish.
        let reaches = !self.mounted || processes::catches_term(process.pid);
        let at_once = match why {
            Stop::OutOfMemory => true,
            Stop::Cancel | Stop::Timeout => !reaches,
            Stop::Leave | Stop::Rehearsal => false,
        };
        if at_once {
            return send(process, Signal::KILL);
        }
        send(process, Signal::TERM);
        let (seq, attempt) = (job.holder.seq, job.holder.attempt);
        let at = self.clock.monotonic() + millis(self.settings.grace);
        self.agenda.at(at, Due::Job { seq, attempt, task: Task::Kill });
    }

    /// Ends the whole tree. With a process id namespace the kernel takes all of it along;
    /// without one what is left is found by its mark once the command itself has ended.
    pub(super) fn kill(&self, seq: i64) {
        let job = self.running.iter().find(|job| job.holder.seq == seq);
        if let Some(process) = job.and_then(|job| job.process.as_ref()) {
            send(process, Signal::KILL);
        }
    }
}

fn send(process: &Process, signal: Signal) {
    match pidfd_send_signal(&process.handle, signal) {
        // It has ended by itself.
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => tracing::error!(%error, ?signal, "could not signal a job"),
    }
}
