//! Waiting for something to change on this machine.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::time::Instant;

use super::lease;
use super::wake::{Bell, Listener};
use crate::engine::{Changes, EngineError, Watch, until};
use crate::job::JobId;
use crate::ledger::StateDir;

/// Bells, and the logs that are followed.
pub struct LocalWatch {
    dir: StateDir,
    listener: Listener,
    second_look: Option<Instant>,
    /// The attempt of each job whose log is watched, and by what.
    logs: BTreeMap<JobId, (u32, i32)>,
}

impl LocalWatch {
    pub fn new(dir: StateDir) -> Result<Self, EngineError> {
        let listener = Listener::new(&dir, &[Bell::Jobs, Bell::Workers])
            .map_err(EngineError::io("watch the jobs"))?;
        Ok(Self { dir, listener, second_look: Some(Self::in_a_moment()), logs: BTreeMap::new() })
    }

    /// When to look at the workers again, after a first look.
    fn in_a_moment() -> Instant {
        Instant::now() + lease::SECOND_LOOK
    }
}

#[async_trait(?Send)]
impl Watch for LocalWatch {
    async fn changed(&mut self) -> Result<Changes, EngineError> {
        tokio::select! {
            rings = self.listener.rung() => {
                let rings = rings.map_err(EngineError::io("watch the jobs"))?;
                if rings.workers {
                    self.second_look = Some(Self::in_a_moment());
                }
                Ok(Changes { jobs: rings.jobs, workers: rings.workers, log: rings.log })
            }
            () = until(self.second_look) => {
                self.second_look = None;
                Ok(Changes { workers: true, ..Changes::default() })
            }
        }
    }

    fn follow_log(&mut self, job: JobId, attempt: u32) -> Result<(), EngineError> {
        let before = self.logs.get(&job).copied();
        if before.is_some_and(|(watched, _)| watched == attempt) {
            return Ok(());
        }
        let watch = || EngineError::io("watch the job's log");
        let Some(now) = self.listener.follow(&self.dir.log(job, attempt)).map_err(watch())? else {
            return Ok(());
        };
        self.logs.insert(job, (attempt, now));
        before.map_or(Ok(()), |(_, before)| self.listener.forget(before)).map_err(watch())
    }
}
