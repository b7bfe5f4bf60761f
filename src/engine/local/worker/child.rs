//! Starting the command of a claimed job, and waiting for its end.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{WaitId, WaitIdOptions, waitid};
use tokio::task::{JoinError, JoinHandle};

use super::agenda::{Due, Task};
use super::running::{self, Running, Start};
use super::{Worker, millis};
use crate::engine::local::launch::{DEFAULT_PATH, Launch, LaunchError};
use crate::engine::local::outcome::{Exit, not_started};
use crate::engine::local::output::Output;
use crate::engine::local::{memory, processes, secrets};
use crate::job::Secrets;
use crate::ledger::{Assignment, Holder};

/// A command that ended, or whose end could not be seen.
pub struct Ended {
    seq: i64,
    attempt: u32,
    exit: io::Result<Exit>,
}

impl Worker<'_> {
    /// Starts what was claimed. What can't be started has ended.
    pub(super) fn start(&mut self, holder: Holder, assignment: Assignment) {
        let used_before = running::used_before(&assignment, holder);
        let Assignment { id, plan, directory, rehearse_after, .. } = assignment;
        let count = usize::try_from(plan.spec.resources.gpus).unwrap_or(usize::MAX);
        let gpus = self.free_gpus.split_off(self.free_gpus.len().saturating_sub(count));
        let mut job = Running { holder, id, plan, gpus, pid: 0, stop: None, used_before };
        match self.launch(&job, &directory) {
            Ok((pid, handle, log)) => {
                job.pid = pid;
                self.set_times(&job, rehearse_after);
                self.children.spawn(end(holder, handle, log));
                self.started.push(Start { seq: holder.seq, pid });
                self.running.push(job);
            }
            Err((exit_code, why)) => {
                tracing::info!(job = %id, why, "could not be started");
                let outcome = not_started(exit_code, &why);
                let event = running::event(&job.plan, used_before + 1, &outcome);
                self.free_gpus.append(&mut job.gpus);
                self.finished.push(job.ended(event, outcome));
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "three things that the caller takes apart at once")]
    fn launch(
        &mut self,
        job: &Running,
        directory: &std::path::Path,
    ) -> Result<(u32, OwnedFd, Option<JoinHandle<io::Result<()>>>), (i32, String)> {
        let cannot =
            |what: &'static str| move |error: io::Error| (126, format!("cannot {what}: {error}"));
        let files = self.dir.files(job.id);
        match fs::create_dir(&files) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(cannot("make the job's directory")(error));
            }
            _ => {}
        }
        let secrets = if job.plan.spec.secrets.is_empty() {
            Secrets::default()
        } else {
            secrets::read(self.dir, job.id).map_err(cannot("read the job's secrets"))?
        };
        let log = self.dir.log(job.id, job.holder.attempt);
        let output = Output::open(&log, &secrets).map_err(cannot("make the log"))?;
        let environment = self.environment(job, &secrets);
        let launched = self
            .launcher
            .launch(&Launch {
                words: job.plan.spec.command.words(),
                environment: &environment,
                directory,
                files: self.mounted.then_some(&files),
                output: output.writer(),
            })
            .map_err(|error: LaunchError| (error.exit_code(), error.to_string()))?;
        Ok((launched.pid, launched.handle, output.handed_over()))
    }

    /// What the job declared, what Batch sets, and what every container has.
    fn environment(&self, job: &Running, secrets: &Secrets) -> Vec<(String, String)> {
        let mut environment = vec![
            ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
            ("AWS_BATCH_CE_NAME".to_owned(), "local".to_owned()),
            ("AWS_BATCH_JOB_ATTEMPT".to_owned(), job.holder.attempt.to_string()),
            ("AWS_BATCH_JOB_ID".to_owned(), job.id.to_string()),
            ("AWS_BATCH_JQ_NAME".to_owned(), job.plan.spec.queue.to_string()),
        ];
        if let Ok(home) = std::env::var("HOME") {
            environment.push(("HOME".to_owned(), home));
        }
        if !self.mounted {
            let files = self.dir.files(job.id).to_string_lossy().into_owned();
            environment.push(("COMPUTES_FILES".to_owned(), files));
        }
        if !job.gpus.is_empty() {
            let gpus: Vec<_> = job.gpus.iter().map(u32::to_string).collect();
            environment.push(("CUDA_VISIBLE_DEVICES".to_owned(), gpus.join(",")));
        }
        let declared = job.plan.spec.environment.iter();
        let declared = declared.map(|(name, value)| (name.to_string(), value.clone()));
        let secret =
            secrets.iter().map(|(name, secret)| (name.to_string(), secret.expose().to_owned()));
        for (name, value) in declared.chain(secret) {
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value));
        }
        environment
    }

    fn set_times(&mut self, job: &Running, rehearse_after: Option<u32>) {
        let now = self.clock.monotonic();
        let Holder { seq, attempt, .. } = job.holder;
        let mut at = |at: i64, task| self.agenda.at(at, Due::Job { seq, attempt, task });
        if let Some(timeout) = job.plan.spec.timeout {
            at(now + millis(timeout.duration()), Task::TimeOut);
        }
        if let Some(after) = rehearse_after.filter(|_| attempt == 1) {
            at(now + i64::from(after), Task::Rehearse);
        }
        let look = memory::next_look(0, job.resources().memory.bytes());
        at(now + millis(look), Task::LookAtMemory);
    }

    pub(super) fn collect_ended(&mut self) {
        while let Some(ended) = self.children.try_join_next() {
            self.note(ended);
        }
    }

    pub(super) fn note(&mut self, ended: Result<Ended, JoinError>) {
        let Ended { seq, attempt, exit } = match ended {
            Ok(ended) => ended,
            // A wait neither panics nor is aborted.
            Err(error) => return tracing::error!(%error, "lost sight of a job"),
        };
        let is_it = |job: &Running| job.holder.seq == seq && job.holder.attempt == attempt;
        let Some(index) = self.running.iter().position(is_it) else { return };
        let mut job = self.running.swap_remove(index);
        self.free_gpus.append(&mut job.gpus);
        if !self.mounted {
            self.clear_leftovers(&job);
        }
        self.finished.push(match exit {
            Ok(exit) => job.finished(exit),
            Err(error) => {
                let outcome = not_started(125, &format!("its end was not seen: {error}"));
                let event = running::event(&job.plan, job.used_before + 1, &outcome);
                job.ended(event, outcome)
            }
        });
        self.look = true;
    }

    /// Without a process id namespace a job's orphans outlive it, as children of ours.
    fn clear_leftovers(&self, job: &Running) {
        let me = std::process::id();
        let known = |pid: &u32| self.running.iter().any(|job| job.pid == *pid);
        let children = processes::children(me);
        if children.iter().all(known) {
            return;
        }
        processes::kill_marked(job.id);
        for pid in children.iter().filter(|pid| !known(pid)) {
            let pid = i32::try_from(*pid).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                // One that belongs to another job still runs: nothing to take away then.
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
                let _ = waitid(WaitId::Pid(pid), options);
            }
        }
    }
}

async fn end(holder: Holder, handle: OwnedFd, log: Option<JoinHandle<io::Result<()>>>) -> Ended {
    let exit = exit(handle).await;
    if let Some(log) = log {
        match log.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the log is not whole"),
            Err(error) => tracing::error!(%error, "the log is not whole"),
        }
    }
    Ended { seq: holder.seq, attempt: holder.attempt, exit }
}

async fn exit(handle: OwnedFd) -> io::Result<Exit> {
    let handle = crate::engine::local::ready::readable(handle)?;
    loop {
        let mut ready = handle.readable().await?;
        let id = WaitId::PidFd(handle.get_ref().as_fd());
        match waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOHANG)? {
            Some(status) => {
                return match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Ok(Exit::Code(code)),
                    (None, Some(signal)) => Ok(Exit::Signal(signal)),
                    (None, None) => Err(io::Error::other("neither a code nor a signal")),
                };
            }
            None => ready.clear_ready(),
        }
    }
}
