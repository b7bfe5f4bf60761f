//! Who is alive, and what becomes of the jobs of those who are not.
//!
//! A worker locks a file as long as it lives; the kernel lets go of the lock when it dies,
//! however it dies. One that hangs keeps its lock but lets its lease run out. Either way
//! the next worker that looks strikes it off and puts its jobs back into the queue.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::{LocalSettings, processes, secrets, wake};
use crate::engine::{Clock, EngineError};
use crate::job::{Event, FailureClass, Queue, Resources, RetryReason};
use crate::ledger::{Detail, Held, Ledger, StateDir, WorkerRecord};

/// A dead worker may seem to live for a moment, until the kernel has freed all that it held.
/// Who hears of a death looks once more after so long.
pub const SECOND_LOOK: Duration = Duration::from_millis(100);

/// The lock that says that a worker lives, and the bell that rings when it is gone, in
/// whichever way.
///
/// Who hears the bell should find the lock free: here they go in the order of the fields, and
/// of the dead the kernel closes first what was opened last.
pub struct Life {
    path: PathBuf,
    _lock: File,
    _bell: wake::Held,
}

impl Life {
    pub fn begin(dir: &StateDir, id: &str) -> io::Result<Self> {
        let bell = wake::hold(dir, wake::Bell::Workers)?;
        let path = path(dir, id);
        let lock = OpenOptions::new().create(true).append(true).open(&path)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { path, _lock: lock, _bell: bell })
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // The next recovery removes what is left; there is nobody here to tell.
        let _ = fs::remove_file(&self.path);
    }
}

/// The right to be the background worker. Whoever starts one takes it and hands it on as the
/// worker's stdout, so that it is held without a gap from the decision to the worker's end,
/// and two that decide at the same moment start one.
#[derive(Debug)]
pub struct BackgroundRight(File);

impl From<BackgroundRight> for Stdio {
    fn from(right: BackgroundRight) -> Self {
        right.0.into()
    }
}

/// `None`: somebody has it.
pub fn background_right(dir: &StateDir) -> io::Result<Option<BackgroundRight>> {
    let path = dir.workers().join("background");
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(BackgroundRight(file))),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn path(dir: &StateDir, id: &str) -> PathBuf {
    dir.workers().join(id)
}

fn is_locked(dir: &StateDir, id: &str) -> io::Result<bool> {
    let file = match File::open(path(dir, id)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Does this worker run, and answer?
pub fn lives(dir: &StateDir, worker: &WorkerRecord, boot: &str) -> Result<bool, EngineError> {
    Ok(worker.worker.boot == boot
        && is_locked(dir, &worker.worker.id).map_err(EngineError::io("look for a worker"))?)
}

/// Is there a worker that would take such a job?
pub fn somebody_takes(
    dir: &StateDir,
    ledger: &Ledger,
    queue: Queue,
    resources: &Resources,
) -> Result<bool, EngineError> {
    let boot = super::machine::boot_id();
    for worker in ledger.workers()? {
        if worker.takes(queue, resources) && lives(dir, &worker, &boot)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The workers that run and answer.
///
/// # Errors
/// When the ledger or the state directory can't be read.
pub fn live_workers(dir: &StateDir, ledger: &Ledger) -> Result<Vec<WorkerRecord>, EngineError> {
    let boot = super::machine::boot_id();
    let mut live = Vec::new();
    for worker in ledger.workers()? {
        if lives(dir, &worker, &boot)? {
            live.push(worker);
        }
    }
    Ok(live)
}

/// Is there nobody who would run the jobs that wait?
///
/// # Errors
/// When the ledger or the state directory can't be read.
pub fn unattended(dir: &StateDir, ledger: &Ledger) -> Result<bool, EngineError> {
    Ok(live_workers(dir, ledger)?.is_empty())
}

/// What there was to take over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recovered {
    /// Some worker was lost.
    pub lost: bool,
    /// The time (of the monotonic clock) at which to look again at those who hold jobs.
    pub look_again: Option<i64>,
}

/// Strikes off the workers that are gone or silent, and puts their jobs back.
pub fn recover(
    dir: &StateDir,
    ledger: &mut Ledger,
    settings: &LocalSettings,
    clock: &dyn Clock,
    myself: i64,
) -> Result<Recovered, EngineError> {
    let boot = super::machine::boot_id();
    let mut recovered = Recovered::default();
    for worker in ledger.workers()? {
        if worker.seq == myself {
            continue;
        }
        let held = ledger.held_by(worker.seq)?;
        let expires = worker.lease.filter(|_| !held.is_empty());
        let silent = expires.is_some_and(|lease| lease < clock.monotonic());
        if lives(dir, &worker, &boot)? && !silent {
            if let Some(expires) = expires {
                let at = recovered.look_again.map_or(expires, |at| at.min(expires));
                recovered.look_again = Some(at);
            }
            continue;
        }
        tracing::warn!(worker = worker.worker.id, jobs = held.len(), silent, "a worker was lost");
        // Whatever still runs of them has to end before they may run again.
        for job in &held {
            processes::kill_marked(job.id);
        }
        strike_off(dir, ledger, settings, clock, &worker)?;
        match fs::remove_file(path(dir, &worker.worker.id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(EngineError::io("remove a dead worker's file")(error));
            }
            _ => {}
        }
        recovered.lost = true;
    }
    Ok(recovered)
}

/// Removes the secrets that somebody who was killed left behind: of jobs that are over, and of
/// those that were never accepted. False: somebody is writing some, so it has to be done later.
pub fn sweep(dir: &StateDir, ledger: &Ledger) -> Result<bool, EngineError> {
    secrets::sweep(dir, |job| match ledger.standing(job) {
        Ok(standing) => Ok(standing.state.is_terminal()),
        Err(error) if error.is_about_a_name() => Ok(true),
        Err(error) => Err(Sweep(EngineError::Ledger(error))),
    })
    .map_err(|Sweep(error)| error)
}

struct Sweep(EngineError);

impl From<io::Error> for Sweep {
    fn from(error: io::Error) -> Self {
        Self(EngineError::io("sweep away the secrets of jobs that are over")(error))
    }
}

fn strike_off(
    dir: &StateDir,
    ledger: &mut Ledger,
    settings: &LocalSettings,
    clock: &dyn Clock,
    worker: &WorkerRecord,
) -> Result<(), EngineError> {
    let ring = EngineError::io("wake those who wait");
    let _bells = wake::hold(dir, wake::Bell::Jobs)
        .and_then(|jobs| Ok((jobs, wake::hold(dir, wake::Bell::Queue)?)))
        .map_err(ring)?;
    let now = clock.now();
    ledger.write(|change| {
        // What it holds is read again: in the meantime it may have ended a job after all, or
        // somebody else may have struck it off.
        for Held { holder, losses, .. } in change.held_by(worker.seq)? {
            let (event, class, retry) = if losses < settings.lost_retries {
                (Event::WorkerLost, None, Some(&RetryReason::WorkerLost))
            } else {
                (Event::Failed, Some(FailureClass::KeepAliveLost), None)
            };
            let reason = Some("the worker was lost");
            change.apply(
                holder,
                event,
                Detail { class, reason, retry, ..Detail::default() },
                now,
            )?;
        }
        change.strike_off(worker.seq)
    })?;
    Ok(())
}
