//! From a claimed job to a running command, and to its end.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::process::{WaitId, WaitIdOptions, waitid};
use tokio::task::{JoinError, JoinHandle};

use super::agenda::{Due, Task};
use super::running::{self, Kept, Process, Running, Start};
use super::starter::{Begun, Order};
use super::{Worker, millis};
use crate::engine::changes::Before;
use crate::engine::local::keeping::keep;
use crate::engine::local::outcome::{Exit, not_started};
use crate::engine::local::{freight, memory, processes};
use crate::engine::{EngineError, in_one_line, readable};
use crate::ledger::{Assignment, Holder, StateDir};
use crate::parcel::remove_folder;

/// How long a start waits to be written down together with what comes next, in ms: a job
/// that is over by then costs one commit and not two. That it was given to this worker, and
/// in which attempt, is in the ledger before it starts.
const STARTS_WAIT: i64 = 2;

/// The exit code of a job whose source or inputs can't be had, as the line of shell gives it on AWS.
const NO_FREIGHT: i32 = 125;

/// An order whose freight was dealt with.
pub struct Unloaded {
    order: Order,
    /// How its source looked, and what its command reads.
    result: Result<(Before, Option<File>), EngineError>,
}

/// A command that ended, or whose end could not be seen.
pub struct Ended {
    holder: Holder,
    exit: io::Result<Exit>,
    /// What has to end before the log is whole.
    log: Option<Log>,
    /// What became of the outputs, once that is known.
    kept: Option<Kept>,
}

type Log = JoinHandle<io::Result<()>>;

impl Worker<'_> {
    /// Has the command of a claimed job started.
    pub(super) fn start(&mut self, holder: Holder, assignment: Assignment) {
        let used_before = running::used_before(&assignment, holder);
        let Assignment { id, plan, directory, rehearse_after, .. } = assignment;
        let plan = Arc::new(plan);
        let takes = plan.spec.resources.on_this_machine();
        let count = usize::try_from(takes.gpus).unwrap_or(usize::MAX);
        let gpus = self.free_gpus.split_off(self.free_gpus.len().saturating_sub(count));
        let order = Order {
            holder,
            id,
            plan: Arc::clone(&plan),
            directory,
            gpus: gpus.clone(),
            stdin: None,
        };
        let carries = freight::has_any(self.dir, &plan, id);
        self.running.push(Running {
            holder,
            id,
            plan,
            gpus,
            rehearse_after,
            process: None,
            stop: None,
            before: Arc::default(),
            used_before,
            log_noted: 0,
        });
        if carries {
            // It may take long, and nobody else is to wait for it.
            let dir = self.dir.clone();
            self.unloading.spawn_blocking(move || {
                let (id, attempt) = (order.id, order.holder.attempt);
                let result = freight::unload(&dir, &order.plan, id, attempt)
                    .and_then(|before| Ok((before, freight::stdin(&dir, &order.plan, id)?)));
                Unloaded { order, result }
            });
        } else {
            self.starter.start(order);
        }
    }

    /// What a job brings along is there, or can't be.
    pub(super) fn unloaded(&mut self, unloaded: Result<Unloaded, JoinError>) {
        let Unloaded { order, result } = match unloaded {
            Ok(unloaded) => unloaded,
            // Unpacking neither panics nor is aborted.
            Err(error) => return tracing::error!(%error, "lost sight of a job"),
        };
        let Some(index) = self.place(order.holder) else { return };
        let error = match result {
            Ok((before, stdin)) if self.running[index].stop.is_none() => {
                self.running[index].before = Arc::new(before);
                return self.starter.start(Order { stdin, ..order });
            }
            // Its end was asked for in the meantime.
            Ok(_) => None,
            Err(error) => Some(error),
        };
        let job = self.taken_out(index);
        self.finished.push(match error {
            None => job.finished(Exit::Signal(libc::SIGKILL)),
            Some(error) => {
                let why = format!("cannot unpack what it brings along: {}", in_one_line(&error));
                job.finished_with(not_started(NO_FREIGHT, &why))
            }
        });
    }

    fn place(&self, holder: Holder) -> Option<usize> {
        let is_it =
            |job: &Running| job.holder.seq == holder.seq && job.holder.attempt == holder.attempt;
        self.running.iter().position(is_it)
    }

    /// A job that is over, with all that it held given back.
    fn taken_out(&mut self, index: usize) -> Running {
        let mut job = self.running.swap_remove(index);
        self.free_gpus.append(&mut job.gpus);
        self.look = true;
        if job.plan.freight.source.is_some() {
            let source = self.dir.source(job.id, job.holder.attempt);
            tokio::task::spawn_blocking(move || {
                if let Err(error) = remove_folder(&source) {
                    tracing::warn!(%error, "a source is left behind");
                }
            });
        }
        job
    }

    /// The command was started, or could not be.
    pub(super) fn begun(&mut self, begun: Begun) {
        let Some(index) = self.running.iter().position(|job| job.holder.seq == begun.seq) else {
            return;
        };
        match begun.result {
            Ok(launched) => {
                let handle = Arc::new(launched.handle);
                let job = &mut self.running[index];
                job.process = Some(Process { pid: launched.pid, handle: Arc::clone(&handle) });
                let holder = job.holder;
                self.children.spawn(end(holder, handle, launched.log));
                let at = self.clock.now();
                self.started.push(Start { seq: holder.seq, pid: launched.pid, at });
                self.agenda.at(self.clock.monotonic() + STARTS_WAIT, Due::WriteStarts);
                self.set_times(index);
                // Somebody may have asked for its end in the meantime.
                if let Some(why) = self.running[index].stop {
                    self.carry_out_stop(index, why);
                }
            }
            Err((exit_code, why)) => {
                let job = self.taken_out(index);
                tracing::info!(job = %job.id, why, "could not be started");
                self.finished.push(job.finished_with(not_started(exit_code, &why)));
            }
        }
    }

    fn set_times(&mut self, index: usize) {
        let now = self.clock.monotonic();
        let job = &self.running[index];
        let Holder { seq, attempt, .. } = job.holder;
        let mut at = |at: i64, task| self.agenda.at(at, Due::Job { seq, attempt, task });
        if let Some(timeout) = job.plan.spec.timeout {
            at(now + millis(timeout.duration()), Task::TimeOut);
        }
        if let Some(after) = job.rehearse_after.filter(|_| attempt == 1) {
            at(now + i64::from(after), Task::Rehearse);
        }
        let look = memory::next_look(0, job.resources().memory.bytes());
        at(now + millis(look), Task::Look);
    }

    /// Takes along what has happened beside what woke us.
    pub(super) fn collect(&mut self) {
        while let Some(unloaded) = self.unloading.try_join_next() {
            self.unloaded(unloaded);
        }
        while let Some(begun) = self.starter.try_begun() {
            self.begun(begun);
        }
        while let Some(ended) = self.children.try_join_next() {
            self.note(ended);
        }
    }

    pub(super) fn note(&mut self, ended: Result<Ended, JoinError>) {
        let Ended { holder, exit, log, kept } = match ended {
            Ok(ended) => ended,
            // A wait neither panics nor is aborted.
            Err(error) => return tracing::error!(%error, "lost sight of a job"),
        };
        let Some(index) = self.place(holder) else { return };
        // Before the log is waited for: it is whole when nobody can write to it any more.
        if !self.mounted {
            self.clear_leftovers(index);
        }
        if let Some(log) = log {
            self.running[index].process = None;
            self.children.spawn(whole(holder, exit, log));
            return;
        }
        let job = &mut self.running[index];
        if exit.is_ok() && kept.is_none() && !job.plan.spec.outputs.is_empty() {
            job.process = None;
            self.children.spawn(keeping(self.dir.clone(), job, exit));
            return;
        }
        let job = self.taken_out(index);
        self.finished.push(match (exit, kept) {
            (Ok(exit), Some(kept)) => job.finished_keeping(exit, kept),
            (Ok(exit), None) => job.finished(exit),
            (Err(error), _) => {
                job.finished_with(not_started(125, &format!("its end was not seen: {error}")))
            }
        });
    }

    /// Without a process id namespace a job's orphans outlive it, as children of ours. They
    /// carry its mark; one that shook it off is the job's if nobody else runs.
    fn clear_leftovers(&self, index: usize) {
        let alone = self.running.len() == 1;
        let job = &self.running[index];
        loop {
            let children = processes::children(std::process::id());
            let known = |pid: &u32| self.running.iter().any(|job| job.pid() == Some(*pid));
            let left: Vec<u32> = children
                .into_iter()
                .filter(|pid| !known(pid) && (alone || processes::carries(*pid, job.id)))
                .collect();
            if left.is_empty() {
                return;
            }
            for pid in left {
                processes::end_child(pid);
            }
        }
    }
}

async fn end(holder: Holder, handle: Arc<OwnedFd>, log: Option<Log>) -> Ended {
    let exit = exit(handle).await;
    Ended { holder, exit, log, kept: None }
}

async fn whole(holder: Holder, exit: io::Result<Exit>, log: Log) -> Ended {
    match log.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the log is not whole"),
        Err(error) => tracing::error!(%error, "the log is not whole"),
    }
    Ended { holder, exit, log: None, kept: None }
}

/// Keeps what a command left that has ended.
fn keeping(
    dir: StateDir,
    job: &Running,
    exit: io::Result<Exit>,
) -> impl Future<Output = Ended> + use<> {
    let (holder, id) = (job.holder, job.id);
    let (plan, before) = (Arc::clone(&job.plan), Arc::clone(&job.before));
    async move {
        // It may take long, and nobody else is to wait for it.
        let kept = tokio::task::spawn_blocking(move || {
            keep(&dir, &plan, id, holder.attempt, &before).map_err(|error| in_one_line(&error))
        });
        let kept = kept.await.unwrap_or_else(|error| Err(error.to_string()));
        Ended { holder, exit, log: None, kept: Some(kept) }
    }
}

async fn exit(handle: Arc<OwnedFd>) -> io::Result<Exit> {
    let handle = readable(handle)?;
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
