//! How fast AWS is called: below what an account may, and slower once it says that this is
//! too much.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Each call takes its turn.
pub struct Pace {
    /// Between two calls when nobody complains.
    least: Duration,
    gap: Cell<Duration>,
    next: Cell<Option<Instant>>,
}

/// So much slower than allowed it gets at the most: others use the account too, but somebody
/// has to get through.
const SLOWEST: u32 = 4;

impl Pace {
    /// `rate`: calls a second, at least 1.
    pub fn new(rate: u32) -> Self {
        let least = Duration::from_secs(1) / rate.max(1);
        Self { least, gap: Cell::new(least), next: Cell::new(None) }
    }

    /// Waits for its turn. The first call has none to wait for.
    pub async fn turn(&self) {
        let now = Instant::now();
        let at = self.place(now);
        if at > now {
            sleep_until(at).await;
        }
    }

    /// When whoever comes now has its turn.
    fn place(&self, now: Instant) -> Instant {
        let at = self.next.get().map_or(now, |next| next.max(now));
        self.next.set(Some(at + self.gap.get()));
        at
    }

    /// AWS said that it was too much.
    pub fn slower(&self) {
        self.gap.set((self.gap.get() * 3 / 2).min(self.least * SLOWEST));
    }

    /// A call went well.
    pub fn faster(&self) {
        self.gap.set((self.gap.get() * 9 / 10).max(self.least));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_a_gap_apart_and_the_gap_grows_with_complaints() {
        let pace = Pace::new(40);
        let now = Instant::now();
        let turns: Vec<_> = (0..41).map(|_| pace.place(now)).collect();
        assert_eq!(turns.first(), Some(&now));
        assert_eq!(turns.last(), Some(&(now + Duration::from_secs(1))));
        for _ in 0..20 {
            pace.slower();
        }
        assert_eq!(pace.gap.get(), Duration::from_millis(100));
        for _ in 0..50 {
            pace.faster();
        }
        assert_eq!(pace.gap.get(), Duration::from_millis(25));
    }
}
