//! AWS Batch: jobs are written down here, sent there exactly once, and looked at until they
//! are over.
//!
//! All types of AWS stay in this folder. What comes out are the program's own words.

mod began;
mod came;
mod cancel;
mod classify;
mod client;
mod containers;
mod credentials;
mod definition;
mod describe;
mod doctor;
mod ecr;
mod error;
mod explain;
mod fargate;
mod fenced;
mod files;
mod find;
mod get;
mod inside;
mod list;
mod logs;
mod mfa;
mod objects;
mod observe;
mod pace;
mod patient;
mod place;
mod policy;
mod poll;
mod queues;
mod request;
mod roots;
mod send;
mod sender;
mod steps;
mod strays;
mod streams;
mod submit;
mod twice;
mod urls;

pub use describe::{Status, unwritten_end};
pub use doctor::{Check, Expected, Health};
pub use error::{Action, AwsError, Trouble};
pub use inside::{Around, Claim, Command as InsideCommand, Inside, Runs, Signals};
pub use list::{Listed, Looked, MOST_LOOKED_AT};
pub use mfa::AskForCode;
pub use policy::{INSIDE, Scope, policy, policy_words};
pub use queues::{Details, Environment, QueueOnAws};
pub use streams::LOG_GROUP;

use std::cell::Cell;
use std::collections::HashMap;
use std::env::VarError;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use self::client::Clients;
use self::submit::Delivered;
use super::{
    Accepted, Attended, Bring, Cancelled, Clock, Engine, EngineError, FileEntry, Hear, Kept,
    LogReader, Pruning, Submission, Watch,
};
use crate::job::{JobId, Secrets};
use crate::ledger::{JobRecord, Ledger, StateDir};
use crate::parcel::Made;

/// How AWS is asked; from the table `[aws]` of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// Where to ask, if a queue or job definition in the settings is named by its ARN.
    pub region: Option<String>,
    /// The shortest time between two looks at a job.
    pub poll: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// How long a job is looked for whose acceptance nobody heard of, before it is sent again.
    pub settle: Duration,
    /// How long after a job's end its log is waited for.
    pub log_settle: Duration,
    /// Calls a second.
    pub rate: u32,
    /// How often a job that runs looks for files that were put to it, and keeps its outputs.
    pub look: Duration,
    /// How long a job that fetches by URLs may wait until it starts.
    pub start_within: Duration,
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self {
            region: None,
            poll: Duration::from_secs(2),
            timeout: Duration::from_secs(20),
            settle: Duration::from_secs(10),
            log_settle: Duration::from_secs(15),
            // SubmitJob: 50 a second for an account and region, and others use it too.
            rate: 40,
            look: Duration::from_secs(15),
            start_within: Duration::from_mins(30),
        }
    }
}

/// Crates whose own story has no secret in it: where credentials are looked for, and
/// connections. The rest of the SDK shows whole requests.
pub const TELL_NO_SECRET: [&str; 3] = ["aws_config", "hyper_util", "rustls"];

/// How the caller's environment is asked.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Result<String, VarError>;

pub struct AwsEngine<'a> {
    dir: StateDir,
    settings: AwsSettings,
    clock: &'a dyn Clock,
    lookup: Lookup<'a>,
    ask: AskForCode,
    /// Made with the first call.
    clients: Option<Rc<Clients>>,
    /// When jobs that are waited for are to be looked at again.
    due: Rc<Cell<Option<Instant>>>,
    /// The secrets of jobs that are not handed over yet.
    secrets: HashMap<JobId, Secrets>,
    /// How often in a row AWS could not be asked.
    in_vain: u32,
    /// What logs showed of commands.
    seen: Rc<began::Seen>,
    /// The caller was not refused when the queue was looked at.
    may_see_places: bool,
}

impl<'a> AwsEngine<'a> {
    #[must_use]
    pub fn new(
        dir: StateDir,
        settings: AwsSettings,
        clock: &'a dyn Clock,
        lookup: Lookup<'a>,
        ask: AskForCode,
    ) -> Self {
        Self {
            dir,
            settings,
            clock,
            lookup,
            ask,
            clients: None,
            due: Rc::default(),
            secrets: HashMap::new(),
            in_vain: 0,
            seen: Rc::default(),
            may_see_places: true,
        }
    }

    /// Those that ask AWS.
    async fn clients(&mut self) -> Result<Rc<Clients>, AwsError> {
        Clients::of(&mut self.clients, &self.settings, self.ask).await
    }
}

#[async_trait(?Send)]
impl Engine for AwsEngine<'_> {
    async fn send_ahead(
        &mut self,
        submissions: &[Submission],
        made: Vec<Made>,
        hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        self.send_parcels(submissions, made, hear).await
    }

    async fn submit(
        &mut self,
        ledger: &mut Ledger,
        submissions: &[Submission],
    ) -> Result<Accepted, EngineError> {
        self.take(ledger, submissions).await
    }

    async fn files(&mut self, job: &JobRecord) -> Result<Vec<FileEntry>, EngineError> {
        self.list_files(job).await
    }

    async fn get(
        &mut self,
        job: &JobRecord,
        entries: &[(FileEntry, PathBuf)],
        how: Bring<'_>,
    ) -> Result<(), EngineError> {
        self.get_files(job, entries, how).await
    }

    async fn put(
        &mut self,
        job: &JobRecord,
        made: Made,
        paths: Vec<String>,
        hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        self.put_files(job, made, paths, hear).await
    }

    fn watch(&mut self) -> Result<Box<dyn Watch>, EngineError> {
        Ok(Box::new(poll::Poll::new(Rc::clone(&self.due))))
    }

    async fn attend(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
    ) -> Result<Attended, EngineError> {
        let Delivered { failed, doubts } = self.hand_over_left(ledger, jobs).await?;
        let mut ours = None;
        for (job, error) in failed {
            if jobs.first() == Some(&job) {
                ours = Some(error);
            } else {
                // The first is the one that is waited for; the others come to their turn.
                tracing::debug!(%error, %job, "cannot hand over");
            }
        }
        let attended = match ours {
            Some(error) => Err(error),
            None => self.observe(ledger, jobs).await,
        };
        match attended {
            Ok(attended) => Ok(Attended { doubts, ..attended }),
            // Doubts come up once, and what is wrong does again.
            Err(error) if !doubts.is_empty() => Ok(Attended { later: Some(error), doubts }),
            Err(error) => Err(error),
        }
    }

    async fn cancel(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
        reason: &str,
    ) -> Result<Vec<Result<Cancelled, EngineError>>, EngineError> {
        self.end(ledger, jobs, reason).await
    }

    fn log(&self, job: JobId, attempt: u32) -> Box<dyn LogReader> {
        let (settings, clients) = (self.settings.clone(), self.clients.clone());
        let made = logs::Made { now: self.clock.now(), at: Instant::now() };
        let log = logs::AwsLog::new(settings, clients, Rc::clone(&self.seen), (job, attempt), made);
        Box::new(log.asking(self.ask))
    }
}

#[async_trait(?Send)]
impl Kept for AwsEngine<'_> {
    async fn remove(&mut self, job: &JobRecord, pruning: &Pruning) -> Result<u64, EngineError> {
        self.remove_objects(job, pruning.dry_run).await
    }

    /// Parcels in the bucket expire; what is on EFS only a job can remove.
    async fn sweep(&mut self, _: &Ledger, _: &Pruning) -> Result<u64, EngineError> {
        Ok(0)
    }
}
