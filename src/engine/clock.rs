//! Time, passed in.

use crate::ledger::Millis;

pub trait Clock {
    /// Milliseconds since the epoch.
    fn now(&self) -> Millis;

    /// Milliseconds of a clock that all processes of this machine share, that never jumps,
    /// and that stands still while the machine sleeps.
    fn monotonic(&self) -> Millis;
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        millis(rustix::time::clock_gettime(rustix::time::ClockId::Realtime))
    }

    fn monotonic(&self) -> Millis {
        millis(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
    }
}

/// Sleeps until then, and without a time for ever.
pub async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn millis(time: rustix::time::Timespec) -> Millis {
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
