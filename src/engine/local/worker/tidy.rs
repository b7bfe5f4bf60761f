//! What a worker that has nothing to do sees to: that the write-ahead log is short, and that no job
//! is kept for longer than it should be.

use std::time::Duration;

use tokio::runtime::Handle;

use super::Worker;
use crate::engine::local::KeptHere;
use crate::engine::{EngineError, EngineName, Expires, Kept, Pruning, is_due, prune};
use crate::ledger::{Durability, Ledger, Millis, StateDir};

impl Worker<'_> {
    /// In a thread of its own, which jobs don't wait for. A worker that leaves waits for it.
    pub(super) fn tidy(&mut self) -> Result<(), EngineError> {
        let now = self.clock.now();
        let history = match self.settings.history {
            Some(history) if is_due(&self.ledger, now)? => Some(history),
            _ => None,
        };
        let is_tidying = self.tidying.as_ref().is_some_and(|it| !it.is_finished());
        if is_tidying || (history.is_none() && !self.ledger.has_long_log()) {
            return Ok(());
        }
        let (dir, handle) = (self.dir.clone(), Handle::current());
        self.tidying = Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = handle.block_on(tidy(&dir, history, now)) {
                tracing::warn!(error = crate::engine::in_one_line(&error), "cannot tidy up");
            }
        }));
        Ok(())
    }
}

async fn tidy(dir: &StateDir, history: Option<Duration>, now: Millis) -> Result<(), EngineError> {
    let mut ledger = Ledger::open(dir, Durability::KilledProcess)?;
    let Some(history) = history else { return Ok(ledger.fold_log()?) };
    let pruning = Pruning::of_history(history, now);
    let (mut here, mut expires) = (KeptHere(dir.clone()), Expires);
    let all: [(EngineName, &mut dyn Kept); 2] =
        [(EngineName::Local, &mut here), (EngineName::Aws, &mut expires)];
    for (engine, kept) in all {
        let pruned = prune(&mut ledger, engine, kept, &pruning).await?;
        tracing::info!(%engine, jobs = pruned.jobs, bytes = pruned.bytes, "old jobs were removed");
        if let Some((jobs, why)) = pruned.failed {
            let why = crate::engine::in_one_line(&why);
            tracing::warn!(jobs, why, "jobs that can't be removed stay");
        }
    }
    Ok(())
}
