//! The embedded engine as those see it who submit, wait and cancel.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use async_trait::async_trait;

use super::lease::BackgroundRight;
use super::wake::{self, Bell};
use super::watch::LocalWatch;
use super::{LocalSettings, freight, inherited, lease, machine, secrets};
use crate::engine::{
    Accepted, Attended, Bring, Cancelled, Clock, Engine, EngineError, FileEntry, Hear, LogFile,
    LogReader, Submission, Watch,
};
use crate::job::{JobId, Queue, Resources, Shortage, State};
use crate::ledger::{
    Applied, Durability, Entry, JobRecord, LOCAL, Ledger, LedgerError, Millis, StateDir,
};
use crate::parcel::{Made, Store};

pub struct LocalEngine<'a> {
    pub(super) dir: StateDir,
    settings: LocalSettings,
    clock: &'a dyn Clock,
    in_vain: Option<InVain>,
}

/// Workers that were started one after the other for a job and ended at once.
#[derive(Debug, Clone, Copy)]
struct InVain {
    job: JobId,
    attempt: u32,
    starts: u32,
    /// When the last one was started, of a clock that never jumps.
    at: Millis,
}

/// So many are started. What ended the first ones will end all.
const MOST_STARTS: u32 = 3;
/// One that stayed for so long did not end at once.
const AT_ONCE: Millis = 10_000;

impl<'a> LocalEngine<'a> {
    #[must_use]
    pub const fn new(dir: StateDir, settings: LocalSettings, clock: &'a dyn Clock) -> Self {
        Self { dir, settings, clock, in_vain: None }
    }

    /// A worker of its own session, which outlives the terminal. It gets the settings that
    /// hold here and nothing else of the caller's environment: no credential has any business
    /// in a process that runs everybody's jobs.
    fn start_worker(&self, right: BackgroundRight) -> Result<(), EngineError> {
        let start = |source| EngineError::Io { what: "start a worker".to_owned(), source };
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.dir.background_log())
            .map_err(start)?;
        let settings = &self.settings;
        inherited::keep_to_ourselves().map_err(start)?;
        // This very program, also if another has taken its place on the disk.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0(std::env::args_os().next().unwrap_or_else(|| "computes".into()))
            .args(["worker", "--background"])
            .env_clear()
            .envs(
                ["HOME", "LANG", "COMPUTES_LOG"]
                    .iter()
                    .filter_map(|name| std::env::var_os(name).map(|value| (*name, value))),
            )
            .env("COMPUTES_STATE_DIR", self.dir.root())
            .env("COMPUTES_LOCAL_LEASE", format!("{}ms", settings.lease.as_millis()))
            .env("COMPUTES_LOCAL_LOST_RETRIES", settings.lost_retries.to_string())
            .env("COMPUTES_LOCAL_IDLE_EXIT", format!("{}ms", settings.idle_exit.as_millis()))
            .env("COMPUTES_LOCAL_GRACE", format!("{}ms", settings.grace.as_millis()))
            .envs(settings.history.map(|it| ("COMPUTES_HISTORY", format!("{}ms", it.as_millis()))))
            .env("COMPUTES_LOCAL_MOUNT", if settings.mount { "on" } else { "off" })
            .current_dir("/")
            // Rings also if the worker ends before it can do anything. The kernel closes what
            // was opened last first: who hears the bell finds the right free.
            .stdin(wake::hold(&self.dir, Bell::Workers).map_err(start)?)
            .stdout(right)
            .stderr(log);
        // Nobody waits for it: it goes on when we have ended.
        command.spawn().map(drop).map_err(start)
    }

    /// `None`: somebody has it, and is about to look at the ledger: after signing on, or, if
    /// it is the one that leaves, after it let go of the right.
    fn right(&self) -> Result<Option<BackgroundRight>, EngineError> {
        lease::background_right(&self.dir).map_err(EngineError::io("start a worker"))
    }

    /// Starts a worker for a job that has none, unless that was in vain too often.
    fn start_worker_for(&mut self, job: JobId, attempt: u32) -> Result<(), EngineError> {
        let Some(right) = self.right()? else { return Ok(()) };
        let at = self.clock.monotonic();
        let starts = self
            .in_vain
            .filter(|vain| (vain.job, vain.attempt) == (job, attempt) && at - vain.at < AT_ONCE)
            .map_or(0, |vain| vain.starts);
        if starts == MOST_STARTS {
            return Err(EngineError::WorkersEnd { starts, log: self.dir.background_log() });
        }
        self.start_worker(right)?;
        self.in_vain = Some(InVain { job, attempt, starts: starts + 1, at });
        Ok(())
    }
}

#[async_trait(?Send)]
impl Engine for LocalEngine<'_> {
    /// Parcels are kept in the state directory: what is submitted now may run much later.
    async fn send_ahead(
        &mut self,
        submissions: &[Submission],
        made: Vec<Made>,
        _: Hear<'_>,
    ) -> Result<(), EngineError> {
        let store = Store::new(self.dir.parcels());
        for one in made {
            store.keep(one)?;
        }
        submissions.iter().try_for_each(|it| freight::check(&self.dir, &it.job.plan.freight))
    }

    async fn submit(
        &mut self,
        ledger: &mut Ledger,
        submissions: &[Submission],
    ) -> Result<Accepted, EngineError> {
        let kinds = kinds(submissions);
        // It rings when the jobs are written down, or when we are killed in the middle of that.
        let bell = wake::hold(&self.dir, Bell::Queue).map_err(EngineError::io("wake a worker"))?;
        let result = self.write_down(ledger, submissions);
        let in_vain = |id: JobId| match &result {
            Ok(instead) => instead.iter().any(|(ours, _)| *ours == id),
            Err(_) => true,
        };
        for job in submissions.iter().map(|submission| submission.job.id).filter(|id| in_vain(*id))
        {
            secrets::remove(&self.dir, job).map_err(EngineError::io("remove the job's secrets"))?;
        }
        let instead = result?;
        drop(bell);
        let unattended = self.see_to(ledger, &kinds).err();
        Ok(Accepted { unattended, instead, ..Accepted::default() })
    }

    async fn files(&mut self, job: &JobRecord) -> Result<Vec<FileEntry>, EngineError> {
        self.list_files(job)
    }

    async fn get(
        &mut self,
        job: &JobRecord,
        entries: &[(FileEntry, PathBuf)],
        how: Bring<'_>,
    ) -> Result<(), EngineError> {
        self.copy_files(job, entries, how).await
    }

    async fn put(
        &mut self,
        job: &JobRecord,
        made: Made,
        _: Vec<String>,
        _: Hear<'_>,
    ) -> Result<(), EngineError> {
        self.put_files(job, made)
    }

    fn watch(&mut self) -> Result<Box<dyn Watch>, EngineError> {
        Ok(Box::new(LocalWatch::new(self.dir.clone())?))
    }

    /// The first job is the one that is waited for: a worker that is there for it is there for
    /// the others.
    async fn attend(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
    ) -> Result<Attended, EngineError> {
        if let Some(job) = jobs.first() {
            self.attend_to(ledger, *job)?;
        }
        Ok(Attended::default())
    }

    async fn cancel(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
        reason: &str,
    ) -> Result<Vec<Result<Cancelled, EngineError>>, EngineError> {
        let bells = wake::hold(&self.dir, Bell::Cancel)
            .and_then(|cancel| Ok((cancel, wake::hold(&self.dir, Bell::Jobs)?)))
            .map_err(EngineError::io("wake the worker"))?;
        let now = self.clock.now();
        // All at once: the end of one that runs would let one that waits start.
        let applied = ledger.write(|change| {
            let cancel = |job: &JobId| {
                if change.holder(*job)?.state.is_terminal() {
                    return Ok(Applied::Stale);
                }
                change.request_cancel(*job, reason, now)
            };
            jobs.iter().map(cancel).collect::<Result<Vec<_>, LedgerError>>()
        })?;
        drop(bells);
        let told = jobs.iter().zip(applied);
        Ok(told.map(|(job, applied)| self.cancelled(ledger, *job, &applied)).collect())
    }

    fn log(&self, job: JobId, attempt: u32) -> Box<dyn LogReader> {
        Box::new(LogFile::new(&self.dir, job, attempt))
    }
}

impl LocalEngine<'_> {
    /// What a wish that was written down comes to.
    fn cancelled(
        &mut self,
        ledger: &Ledger,
        job: JobId,
        applied: &Applied,
    ) -> Result<Cancelled, EngineError> {
        match applied {
            Applied::Done(holder) if holder.state.is_terminal() => {
                secrets::remove(&self.dir, job)
                    .map_err(EngineError::io("remove the job's secrets"))?;
                Ok(Cancelled::AtOnce)
            }
            Applied::Done(_) => {
                // If its worker is dead, somebody has to find out.
                self.attend_to(ledger, job)?;
                Ok(Cancelled::Asked)
            }
            Applied::Stale => Ok(Cancelled::TooLate),
        }
    }

    fn attend_to(&mut self, ledger: &Ledger, job: JobId) -> Result<(), EngineError> {
        // Jobs that a dead worker holds are taken over by whoever is started.
        for worker in ledger.workers()? {
            if !lease::lives(&self.dir, &worker, &machine::boot_id())? {
                let held = ledger.held_by(worker.seq)?;
                if let Some(held) = held.iter().find(|held| held.id == job) {
                    return self.start_worker_for(job, held.holder.attempt);
                }
            }
        }
        let standing = ledger.standing(job)?;
        if standing.state == State::Queued {
            let spec = ledger.job(job)?.plan.spec;
            let takes = spec.resources.on_this_machine();
            if !lease::somebody_takes(&self.dir, ledger, spec.queue, &takes)? {
                if let Some(shortage) = shortage(&takes) {
                    return Err(EngineError::NoWorkerFits(shortage));
                }
                return self.start_worker_for(job, standing.attempt);
            }
        }
        Ok(())
    }

    /// Starts a worker if nobody takes such jobs.
    fn see_to(&self, ledger: &Ledger, kinds: &[(Queue, Resources)]) -> Result<(), EngineError> {
        for (queue, resources) in kinds {
            if !lease::somebody_takes(&self.dir, ledger, *queue, resources)? {
                // One takes all.
                return match self.right()? {
                    Some(right) => self.start_worker(right),
                    None => Ok(()),
                };
            }
        }
        Ok(())
    }

    /// Gives the jobs that others do already.
    fn write_down(
        &mut self,
        ledger: &mut Ledger,
        submissions: &[Submission],
    ) -> Result<Vec<(JobId, JobId)>, EngineError> {
        let with_secrets: Vec<_> =
            submissions.iter().filter(|submission| !submission.secrets.is_empty()).collect();
        let write = || {
            if with_secrets.is_empty() {
                return Ok(None);
            }
            let hold = secrets::hold(&self.dir)?;
            for Submission { job, secrets, .. } in with_secrets {
                hold.write(job.id, secrets)?;
            }
            hold.sync()?;
            Ok(Some(hold))
        };
        let _hold = write().map_err(EngineError::io("write the job's secrets"))?;
        let now = self.clock.now();
        Ok(ledger.write(|change| {
            let mut instead = Vec::new();
            for Submission { job, once, .. } in submissions {
                let twin = match once {
                    true => {
                        change.active_twin(LOCAL, &job.plan.fingerprint(), Some(&job.directory))?
                    }
                    false => None,
                };
                match twin {
                    Some(twin) => instead.push((job.id, twin)),
                    None => change.accept(job, Entry::Queued, now)?,
                }
            }
            Ok(instead)
        })?)
    }
}

/// Refuses what can never run here: it fits neither the machine nor a worker, which may have been
/// told to give more than the machine has.
///
/// # Errors
/// When a job asks for more than there is.
pub fn check_fit(dir: &StateDir, submissions: &[Submission]) -> Result<(), EngineError> {
    let kinds = kinds(submissions).into_iter();
    let too_large: Vec<_> =
        kinds.filter_map(|(queue, asked)| Some((queue, asked, shortage(&asked)?))).collect();
    if too_large.is_empty() {
        // Most jobs pay nothing for the rest.
        return Ok(());
    }
    let workers = match Ledger::open_existing(dir, Durability::KilledProcess)? {
        Some(ledger) => lease::live_workers(dir, &ledger)?,
        None => Vec::new(),
    };
    let taken =
        |queue: Queue, asked: &Resources| workers.iter().any(|worker| worker.takes(queue, asked));
    match too_large.into_iter().find(|(queue, asked, _)| !taken(*queue, asked)) {
        Some((_, _, shortage)) => Err(EngineError::NeverFits(shortage)),
        None => Ok(()),
    }
}

/// What this machine lacks for such a job.
fn shortage(asked: &Resources) -> Option<Shortage> {
    let machine = machine::capacity();
    (!asked.fits_in(&machine)).then(|| asked.beyond(&machine))
}

/// What is asked for, each kind once: a batch is mostly of one.
fn kinds(submissions: &[Submission]) -> Vec<(Queue, Resources)> {
    let mut kinds = Vec::new();
    for spec in submissions.iter().map(|submission| &submission.job.plan.spec) {
        let kind = (spec.queue, spec.resources.on_this_machine());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}
