//! When to look at a job again. Batch tells nobody that a job changed, so it has to be asked:
//! often for a job that just changed, seldom for one that has been as it is for long.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::engine::{Changes, EngineError, Watch, until};
use crate::job::JobId;
use crate::ledger::Millis;

/// A job that has been in its state for a minute is looked at every three seconds.
const PART_OF_ITS_TIME: u32 = 20;
/// Nobody waits longer than this to hear of an end.
const LONGEST: Duration = Duration::from_secs(15);

/// `since`: how long the job has been as it is, in milliseconds; `calls`: how many calls a look
/// takes.
pub fn pause(least: Duration, since: Millis, calls: usize) -> Duration {
    let since = Duration::from_millis(since.max(0).unsigned_abs());
    let wanted = (since / PART_OF_ITS_TIME).clamp(least, LONGEST.max(least));
    // Ten thousand jobs take a hundred calls a look.
    wanted.max(least * u32::try_from(calls / 4).unwrap_or(u32::MAX))
}

/// Wakes when it is time to look.
pub struct Poll {
    due: Rc<Cell<Option<Instant>>>,
}

impl Poll {
    pub const fn new(due: Rc<Cell<Option<Instant>>>) -> Self {
        Self { due }
    }
}

#[async_trait(?Send)]
impl Watch for Poll {
    async fn changed(&mut self) -> Result<Changes, EngineError> {
        until(self.due.get()).await;
        self.due.set(None);
        Ok(Changes { jobs: true, workers: true, log: true })
    }

    fn follow_log(&mut self, _: JobId, _: u32) -> Result<(), EngineError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_a_job_is_as_it_is_the_seldomer_it_is_looked_at() {
        let least = Duration::from_secs(2);
        assert_eq!(pause(least, 0, 1), least);
        assert_eq!(pause(least, -5, 1), least);
        assert_eq!(pause(least, 60_000, 1), Duration::from_secs(3));
        assert_eq!(pause(least, 86_400_000, 1), LONGEST);
        assert_eq!(pause(least, 0, 100), Duration::from_secs(50));
        assert_eq!(pause(Duration::from_mins(1), 0, 1), Duration::from_mins(1));
    }
}
