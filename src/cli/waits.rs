//! When it is told what a job waits for: soon, and when that changes, but not each time that one of
//! thousands ends.

use std::time::Duration;

use tokio::time::Instant;

/// A job that starts sooner waited for nothing.
const SOON: Duration = Duration::from_secs(1);
/// As long as a log usually takes to show what was written.
const A_LOG: Duration = Duration::from_secs(4);
/// Between two lines, at first. It doubles with each, up to the longest.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What was told of one wait.
pub struct Waits {
    /// When to look what holds the job up; `None` while nothing has changed.
    due: Option<Instant>,
    /// Not to look before.
    earliest: Instant,
    pause: Duration,
    told: Option<String>,
}

impl Waits {
    pub fn begin(now: Instant) -> Self {
        Self::after(SOON, now)
    }

    /// Of a job that is over, and whose log is to show how: most often it does soon.
    pub fn for_the_log(now: Instant) -> Self {
        Self::after(A_LOG, now)
    }

    fn after(pause: Duration, now: Instant) -> Self {
        Self { due: Some(now + pause), earliest: now + pause, pause: PAUSE, told: None }
    }

    /// When to look; `None`: when something has changed.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Something changed, if not for this job.
    pub fn stir(&mut self) {
        self.due.get_or_insert(self.earliest);
    }

    /// The engine says something else of this very job.
    pub const fn hurry(&mut self, now: Instant) {
        self.due = Some(now);
    }

    pub const fn was_told(&self) -> bool {
        self.told.is_some()
    }

    /// What a look found. True: it is to be told.
    pub fn looked(&mut self, found: Option<String>, now: Instant) -> bool {
        self.due = None;
        if found.is_none() {
            self.earliest = now + SOON;
            return false;
        }
        self.earliest = now + self.pause;
        if found == self.told {
            return false;
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.told = found;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_the_same_is_told_once_and_costs_nothing() {
        let start = Instant::now();
        let mut waits = Waits::begin(start);
        assert_eq!(waits.due(), Some(start + SOON));
        assert!(waits.looked(Some("a".to_owned()), start + SOON));
        assert_eq!(waits.due(), None);
        waits.stir();
        assert_eq!(waits.due(), Some(start + SOON + PAUSE));
        assert!(!waits.looked(Some("a".to_owned()), start + SOON + PAUSE));
    }

    #[test]
    fn thousands_of_ends_are_a_few_lines() {
        let start = Instant::now();
        let mut waits = Waits::begin(start);
        let mut lines = 0;
        // One ends every 10 ms, for ten minutes.
        for step in 0..60_000 {
            let now = start + Duration::from_millis(step * 10);
            waits.stir();
            if waits.due().is_some_and(|due| due <= now) {
                lines += usize::from(waits.looked(Some(step.to_string()), now));
            }
        }
        assert_eq!(lines, 13);
    }

    #[test]
    fn what_the_engine_says_of_the_job_itself_comes_at_once() {
        let start = Instant::now();
        let mut waits = Waits::begin(start);
        assert!(waits.looked(Some("RUNNABLE".to_owned()), start + SOON));
        waits.hurry(start + SOON);
        assert_eq!(waits.due(), Some(start + SOON));
    }
}
