//! How the embedded engine and its workers behave.

use std::time::Duration;

use crate::job::{Queue, Resources};

/// From the table `[local]` of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSettings {
    /// A worker that is silent for longer loses its jobs.
    pub lease: Duration,
    /// How often a job is put back because its worker was lost.
    pub lost_retries: u32,
    /// When a background worker that has nothing to do leaves.
    pub idle_exit: Duration,
    /// From SIGTERM to SIGKILL.
    pub grace: Duration,
    /// Is a job's directory mounted at `/files` where the machine can?
    pub mount: bool,
    /// Jobs that have been over for longer are removed, by whoever has nothing else to do.
    pub history: Option<Duration>,
}

impl Default for LocalSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            lost_retries: 2,
            idle_exit: Duration::from_mins(1),
            // AWS Batch: the time between SIGTERM and SIGKILL.
            grace: Duration::from_secs(30),
            mount: true,
            history: None,
        }
    }
}

/// What one worker brings, and how long it stays.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    pub id: String,
    pub capacity: Resources,
    pub queues: Vec<Queue>,
    /// Started by a submit, with the right to be the only one of its kind as stdout.
    pub background: bool,
    /// Leave after so long without a job.
    pub idle_exit: Option<Duration>,
}

/// What a worker tells when it is ready.
#[derive(Debug)]
pub struct Ready<'a> {
    pub options: &'a WorkerOptions,
    /// Why jobs find their directory in `COMPUTES_FILES` and not at `/files`.
    pub no_mount: Option<&'a str>,
}
