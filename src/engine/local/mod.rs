//! The embedded engine: the ledger is the queue, and workers on this machine pull from it.
//!
//! No daemon: the one who submits starts a worker in the background where none runs, and it
//! leaves when it is idle. Nobody polls: see [`wake`].

mod claim;
mod client;
mod explain;
mod inherited;
mod launch;
mod lease;
mod machine;
mod memory;
mod outcome;
mod output;
mod processes;
mod ready;
mod room;
mod secrets;
mod terminal;
mod wake;
mod worker;

pub use client::{LocalEngine, check_first_fit};
pub use lease::{live_workers, unattended};
pub use machine::capacity;
pub use terminal::leave_terminal;
pub use worker::{Ready, WorkerOptions, run_worker};

use std::time::Duration;

/// How the embedded engine behaves; from the table `[local]` of the settings.
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
        }
    }
}
