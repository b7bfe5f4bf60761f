//! What ends a wait before its time: signals, the time limit, and a key.

use std::future::{Future, pending};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::getpgrp;
use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::error::{Doing, Failure, code};
use crate::engine::{Changes, Watch, readable, until};

/// Within this time a second Ctrl-C cancels the job; after it the first one detaches.
const SECOND_THOUGHTS: Duration = Duration::from_secs(10);

/// One of them holds for all that a verb waits for.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// Whoever pressed Ctrl-C is being asked.
    asked: Option<Asked>,
    limit: Option<Instant>,
    /// Came while something else was being done.
    pub pending: Option<Wake>,
}

/// A question at the terminal.
struct Asked {
    /// Until when a second Ctrl-C cancels.
    until: Instant,
    keys: Option<Keys>,
}

/// What is typed at the terminal, line by line.
struct Keys(AsyncFd<Arc<OwnedFd>>);

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
        let listen = |kind| signal(kind).doing(|| "listen for signals".to_owned());
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            asked: None,
            // One that is beyond all clocks is none.
            limit: limit.and_then(|limit| Instant::now().checked_add(limit)),
            pending: None,
        })
    }

    /// From here on, and for so long, a second Ctrl-C cancels, and Enter detaches.
    pub fn ask(&mut self) -> Duration {
        let until = Instant::now() + SECOND_THOUGHTS;
        self.asked = Some(Asked { until, keys: Keys::of_terminal() });
        SECOND_THOUGHTS
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
            done = work => Ok(done),
            code = self.leave() => Err(code),
        }
    }

    /// What ends a call that takes long.
    pub async fn early(&mut self) -> Wake {
        let limit = self.limit;
        tokio::select! {
            () = detached(self.asked.as_ref()) => Wake::Detach,
            _ = self.interrupt.recv() => Wake::Interrupt,
            _ = self.terminate.recv() => Wake::Terminate,
            () = until(limit) => Wake::Limit,
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
        () = Keys::pressed(keys.as_ref()) => {}
    }
}

impl Keys {
    /// `None`: keys go to somebody else, or can't be waited for. A Ctrl-C does not need them.
    fn of_terminal() -> Option<Self> {
        let stdin = std::io::stdin();
        // Who touches the terminal from the background is stopped.
        if tcgetpgrp(&stdin).ok()? != getpgrp() {
            return None;
        }
        // What was typed before the question is no answer to it.
        tcflush(&stdin, QueueSelector::IFlush).ok()?;
        let handle = stdin.as_fd().try_clone_to_owned().ok()?;
        Some(Self(readable(Arc::new(handle)).ok()?))
    }

    /// Until there is a line. It is meant for us, and not for whoever reads the terminal next.
    async fn pressed(keys: Option<&Self>) {
        match keys {
            Some(Self(handle)) if handle.readable().await.is_ok() => {
                if let Err(error) = tcflush(handle.get_ref(), QueueSelector::IFlush) {
                    tracing::debug!(%error, "a key is left at the terminal");
                }
            }
            _ => pending().await,
        }
    }
}
