//! What ends a wait before its time: signals, the time limit, and a key.

use std::future::{Future, pending};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::error::{Doing, Failure, code};
use super::keyboard::Keyboard;
use crate::engine::{Changes, Watch, until};

/// Within this time a second Ctrl-C cancels the job; after it the first one detaches.
const SECOND_THOUGHTS: Duration = Duration::from_secs(10);

/// One of them holds for all that a verb waits for.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// Whoever pressed Ctrl-C is being asked.
    asked: Option<Asked>,
    /// Ctrl-Z, once somebody was asked.
    suspend: Option<Signal>,
    limit: Option<Instant>,
    /// Came while something else was being done.
    pub pending: Option<Wake>,
}

/// A question at the terminal.
struct Asked {
    /// Until when a second Ctrl-C cancels.
    until: Instant,
    keys: Keyboard,
}

pub enum Wake {
    Changed(Changes),
    Interrupt,
    Terminate,
    /// The time for a second Ctrl-C is over, or another key was pressed.
    Detach,
    Limit,
}

impl Interrupts {
    pub fn new(limit: Option<Duration>) -> Result<Self, Failure> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            asked: None,
            suspend: None,
            // One that is beyond all clocks is none.
            limit: limit.and_then(|limit| Instant::now().checked_add(limit)),
            pending: None,
        })
    }

    /// From here on, and for so long, a second Ctrl-C cancels, and any other key detaches.
    pub fn ask(&mut self) -> Result<Duration, Failure> {
        let until = Instant::now() + SECOND_THOUGHTS;
        if self.suspend.is_none() {
            self.suspend =
                Some(listen(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?);
        }
        let mut keys = Keyboard::default();
        keys.take();
        self.asked = Some(Asked { until, keys });
        Ok(SECOND_THOUGHTS)
    }

    /// Is a Ctrl-C that comes now the second one?
    pub fn is_second(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.until > Instant::now())
    }

    pub fn answered(&mut self) {
        self.asked = None;
    }

    /// The exit code of whoever leaves.
    pub async fn leave(&mut self) -> u8 {
        match self.early().await {
            Wake::Limit => code::LIMIT_REACHED,
            Wake::Terminate => code::DETACHED_BY_TERM,
            _ => code::DETACHED_BY_INT,
        }
    }

    /// Does something to its end, unless somebody wants us to leave: then it is the exit code that
    /// says so.
    pub async fn unless_left<T>(&mut self, work: impl Future<Output = T>) -> Result<T, u8> {
        tokio::select! {
            // What is done already takes nobody's time.
            biased;
            done = work => Ok(done),
            code = self.leave() => Err(code),
        }
    }

    /// What ends a call that takes long.
    pub async fn early(&mut self) -> Wake {
        let limit = self.limit;
        loop {
            tokio::select! {
                () = detached(self.asked.as_ref()) => return Wake::Detach,
                _ = self.interrupt.recv() => return Wake::Interrupt,
                _ = self.terminate.recv() => return Wake::Terminate,
                () = until(limit) => return Wake::Limit,
                () = suspended(self.suspend.as_mut()) => self.stop(),
            }
        }
    }

    /// Until the shell says that it goes on.
    fn stop(&mut self) {
        let stopped = match &mut self.asked {
            Some(asked) => asked.keys.stop(),
            None => Keyboard::default().stop(),
        };
        if let Err(error) = stopped {
            tracing::debug!(%error, "cannot stop");
        }
    }

    pub async fn wake(&mut self, watch: &mut dyn Watch) -> Result<Wake, Failure> {
        if let Some(wake) = self.pending.take() {
            return Ok(wake);
        }
        Ok(tokio::select! {
            changes = watch.changed() => Wake::Changed(changes?),
            wake = self.early() => wake,
        })
    }
}

async fn detached(asked: Option<&Asked>) {
    let Some(Asked { until: end, keys }) = asked else { return pending().await };
    tokio::select! {
        () = until(Some(*end)) => {}
        () = keys.any() => {}
    }
}

async fn suspended(suspend: Option<&mut Signal>) {
    match suspend {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).doing(|| "listen for signals".to_owned())
}
