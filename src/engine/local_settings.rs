//! How the embedded engine behaves.

use std::time::Duration;

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
