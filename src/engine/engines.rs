//! All engines, and the ledger that they share: each job goes to its own.

use std::path::PathBuf;

use async_trait::async_trait;

use super::aws::{AwsEngine, Trouble};
use super::local::{KeptHere, LocalEngine};
use super::{
    Accepted, Attended, Bring, Cancelled, Changes, Engine, EngineError, EngineName, Explanation,
    FileEntry, Hear, Kept, LogReader, Pruned, Pruning, Submission, Watch, prune,
};
use crate::job::{JobId, JobRef};
use crate::ledger::{HandOver, JobRecord, Ledger, LedgerError, Millis};
use crate::parcel::Made;
use crate::plan::Fetch;

pub struct Engines<'a> {
    ledger: Ledger,
    local: LocalEngine<'a>,
    aws: AwsEngine<'a>,
    /// Where new jobs go, and whom to ask for those that the ledger does not know.
    chosen: EngineName,
}

impl<'a> Engines<'a> {
    #[must_use]
    pub const fn new(
        ledger: Ledger,
        local: LocalEngine<'a>,
        aws: AwsEngine<'a>,
        chosen: EngineName,
    ) -> Self {
        Self { ledger, local, aws, chosen }
    }

    pub const fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    pub const fn aws(&mut self) -> (&mut AwsEngine<'a>, &mut Ledger) {
        (&mut self.aws, &mut self.ledger)
    }

    /// Writes the jobs down, all of them or none, and hands them over.
    ///
    /// # Errors
    /// When they can't be written down.
    pub async fn submit(&mut self, submissions: &[Submission]) -> Result<Accepted, EngineError> {
        match self.chosen {
            EngineName::Local => self.local.submit(&mut self.ledger, submissions).await,
            EngineName::Aws => self.aws.submit(&mut self.ledger, submissions).await,
        }
    }

    /// Sees to it that what jobs bring along is where they will look for it.
    ///
    /// # Errors
    /// When it can't be sent, or is not there.
    pub async fn send_ahead(
        &mut self,
        submissions: &[Submission],
        made: Vec<Made>,
        hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        match self.chosen {
            EngineName::Local => self.local.send_ahead(submissions, made, hear).await,
            EngineName::Aws => self.aws.send_ahead(submissions, made, hear).await,
        }
    }

    /// What is in the `/files` of a job, sorted by path.
    ///
    /// # Errors
    /// When its engine can't tell.
    pub async fn files(&mut self, job: &JobRecord) -> Result<Vec<FileEntry>, EngineError> {
        self.engine_of(job.id)?.files(job).await
    }

    /// Brings files of a job to paths on this machine, whose folders are there.
    ///
    /// # Errors
    /// When one can't be read or written.
    pub async fn get(
        &mut self,
        job: &JobRecord,
        entries: &[(FileEntry, PathBuf)],
        how: Bring<'_>,
    ) -> Result<(), EngineError> {
        self.engine_of(job.id)?.get(job, entries, how).await
    }

    /// Brings files to the `/files` of a job.
    ///
    /// # Errors
    /// When they can't be brought there.
    pub async fn put(
        &mut self,
        job: &JobRecord,
        made: Made,
        paths: Vec<String>,
        hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        self.engine_of(job.id)?.put(job, made, paths, hear).await
    }

    /// Removes jobs of the engine that new jobs go to.
    ///
    /// # Errors
    /// When the ledger fails, or the engine can't tell what is left over.
    pub async fn prune(&mut self, pruning: &Pruning) -> Result<Pruned, EngineError> {
        let mut here = KeptHere(self.ledger.dir().clone());
        let kept: &mut dyn Kept = match self.chosen {
            EngineName::Local => &mut here,
            EngineName::Aws => &mut self.aws,
        };
        prune(&mut self.ledger, self.chosen, kept, pruning).await
    }

    /// Learns for which outputs of a job that is over nothing is there, where that can be known and is not
    /// yet.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn look_for_outputs(&mut self, job: JobRecord) -> Result<JobRecord, EngineError> {
        let by_program = job.plan.carrier().is_some_and(|(_, fetch)| fetch == Fetch::Program);
        let is_known = job.is_here() || job.missing_outputs.is_some();
        if is_known || !by_program || job.plan.spec.outputs.is_empty() || job.attempt == 0 {
            return Ok(job);
        }
        match self.aws.missing_outputs(&job).await {
            Ok(Some(missing)) => {
                self.ledger.write(|change| change.note_missing(job.seq, &missing))?;
                Ok(self.ledger.job(job.id)?)
            }
            Ok(None) => Ok(job),
            // The job's log tells it, too.
            Err(error) => {
                tracing::warn!(job = %job.id, why = super::in_one_line(&error), "looked for outputs in vain");
                Ok(job)
            }
        }
    }

    fn engine_of(&mut self, job: JobId) -> Result<&mut dyn Engine, EngineError> {
        Ok(match self.of(job)? {
            EngineName::Local => &mut self.local,
            EngineName::Aws => &mut self.aws,
        })
    }

    /// Where new jobs go.
    #[must_use]
    pub const fn chosen(&self) -> EngineName {
        self.chosen
    }

    /// From here on new jobs go there.
    pub const fn choose(&mut self, engine: EngineName) {
        self.chosen = engine;
    }

    /// Wakes whoever looks at jobs. Taken before the first look.
    ///
    /// # Errors
    /// When the machine gives no more watches.
    pub fn watch(&mut self) -> Result<Box<dyn Watch>, EngineError> {
        Ok(Box::new(WatchAll { local: self.local.watch()?, aws: self.aws.watch()? }))
    }

    /// Sees to it that jobs that wait will be run, and that the ledger knows how they stand.
    /// The first is the one that is waited for.
    ///
    /// # Errors
    /// When that can't be, now or later.
    pub async fn attend(&mut self, jobs: &[JobId]) -> Result<Attended, EngineError> {
        let Some(first) = jobs.first() else { return Ok(Attended::default()) };
        match self.of(*first)? {
            EngineName::Local => self.local.attend(&mut self.ledger, jobs).await,
            EngineName::Aws => self.aws.attend(&mut self.ledger, jobs).await,
        }
    }

    /// Ends jobs, and tells what became of each wish. One that can't be ended keeps no other alive.
    ///
    /// # Errors
    /// When an engine can't be told of any.
    pub async fn cancel(
        &mut self,
        jobs: &[JobId],
        reason: &str,
    ) -> Result<Vec<(JobId, Result<Cancelled, EngineError>)>, EngineError> {
        let mut ends = Vec::new();
        for engine in EngineName::ALL {
            let mut ours = Vec::new();
            for job in jobs {
                if self.of(*job)? == engine {
                    ours.push(*job);
                }
            }
            if ours.is_empty() {
                continue;
            }
            let ended = match engine {
                EngineName::Local => self.local.cancel(&mut self.ledger, &ours, reason).await?,
                EngineName::Aws => self.aws.cancel(&mut self.ledger, &ours, reason).await?,
            };
            ends.extend(ours.into_iter().zip(ended));
        }
        Ok(ends)
    }

    /// Looks no more for a job of which nobody can tell whether its engine has it. `None`: it is
    /// told, or somebody is at it.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn give_up(&mut self, job: JobId) -> Result<Option<HandOver>, EngineError> {
        match self.of(job)? {
            EngineName::Local => Ok(None),
            EngineName::Aws => self.aws.give_up(&mut self.ledger, job),
        }
    }

    /// What an attempt wrote.
    ///
    /// # Errors
    /// When there is no such job.
    pub fn log(&self, job: JobId, attempt: u32) -> Result<Box<dyn LogReader>, EngineError> {
        Ok(match self.of(job)? {
            EngineName::Local => self.local.log(job, attempt),
            EngineName::Aws => self.aws.log(job, attempt),
        })
    }

    /// Reads on in the log of an attempt.
    ///
    /// # Errors
    /// When the log is there and can't be read.
    pub async fn read(
        &self,
        log: &mut dyn LogReader,
        is_over: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        if is_over { log.rest(&self.ledger, out).await } else { log.read(&self.ledger, out).await }
    }

    /// When a byte of a log that was read was written, as far as anybody knows.
    ///
    /// # Errors
    /// When what tells of it can't be read.
    pub fn time_of(
        &self,
        log: &mut dyn LogReader,
        byte: u64,
    ) -> Result<Option<Millis>, EngineError> {
        log.time_of(&self.ledger, byte)
    }

    /// Finds the one job that a person means: in the ledger, and where new jobs go to AWS, there
    /// as well.
    ///
    /// # Errors
    /// When the text fits no job or several, or nobody can be asked.
    pub async fn find(&mut self, job: &JobRef) -> Result<JobId, EngineError> {
        match self.ledger.find(job) {
            Err(LedgerError::NoSuchJob(_)) if self.chosen == EngineName::Aws => {
                self.aws.find(&mut self.ledger, job).await
            }
            found => Ok(found?),
        }
    }

    /// The jobs that are meant, each once, in the order given.
    ///
    /// # Errors
    /// As those of [`find`](Self::find).
    pub async fn find_all(&mut self, jobs: &[JobRef]) -> Result<Vec<JobId>, EngineError> {
        let mut ids = Vec::new();
        for job in jobs {
            let id = self.find(job).await?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// Brings what the ledger knows of these jobs up to date, as far as their engines have to
    /// be asked for that.
    ///
    /// # Errors
    /// When an engine refuses to tell.
    pub async fn refresh(&mut self, jobs: &[JobId]) -> Result<Attended, EngineError> {
        let mut away = Vec::new();
        for job in jobs {
            if self.of(*job)? == EngineName::Aws {
                away.push(*job);
            }
        }
        if away.is_empty() {
            return Ok(Attended::default());
        }
        match self.aws.observe(&mut self.ledger, &away).await {
            // What the ledger knows can be told all the same.
            Err(EngineError::Aws(error)) if error.trouble() == Trouble::Denied => {
                Ok(Attended { later: Some(error.into()), ..Attended::default() })
            }
            observed => observed,
        }
    }

    /// Why a job waits or why it ended.
    ///
    /// # Errors
    /// When its engine can't tell.
    pub async fn explain(&mut self, job: JobId) -> Result<Explanation, EngineError> {
        match self.of(job)? {
            EngineName::Local => self.local.explain(&self.ledger, job),
            EngineName::Aws => self.aws.explain(&mut self.ledger, job).await,
        }
    }

    /// What holds up a job that waits; `None`: nothing that is worth telling.
    ///
    /// # Errors
    /// When its engine can't tell.
    pub async fn waits(&mut self, job: JobId) -> Result<Option<Explanation>, EngineError> {
        match self.of(job)? {
            EngineName::Local => self.local.waits(&self.ledger, job),
            EngineName::Aws => self.aws.waits(&self.ledger, job).await,
        }
    }

    /// The engine that has a job.
    ///
    /// # Errors
    /// When there is no such job.
    pub fn of(&self, job: JobId) -> Result<EngineName, EngineError> {
        let engine = self.ledger.engine_of(job)?;
        engine.parse().map_err(|_| LedgerError::Corrupt(format!("engine `{engine}`")).into())
    }
}

/// Bells of this machine, and the time when an engine far away is to be asked again.
struct WatchAll {
    local: Box<dyn Watch>,
    aws: Box<dyn Watch>,
}

#[async_trait(?Send)]
impl Watch for WatchAll {
    async fn changed(&mut self) -> Result<Changes, EngineError> {
        tokio::select! {
            changes = self.local.changed() => changes,
            changes = self.aws.changed() => changes,
        }
    }

    fn follow_log(&mut self, job: JobId, attempt: u32) -> Result<(), EngineError> {
        self.local.follow_log(job, attempt)
    }
}
