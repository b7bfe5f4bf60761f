//! Single keys that are pressed at the terminal.

use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcgetpgrp, tcsetattr,
};
use tokio::io::unix::AsyncFd;

use crate::engine::readable;

/// While it has the terminal, keys come as they are pressed, and none is shown. Ctrl-C and Ctrl-Z
/// are signals as ever.
#[derive(Default)]
pub struct Keyboard(Option<Taken>);

struct Taken {
    handle: AsyncFd<Arc<OwnedFd>>,
    /// How the terminal is to be when it is given back.
    before: Termios,
}

impl Keyboard {
    /// Where keys go to somebody else, or can't be had, none comes.
    pub fn take(&mut self) {
        if self.0.is_none() {
            self.0 = Taken::now();
        }
    }

    pub fn give_back(&mut self) {
        self.0 = None;
    }

    /// Stops this process as Ctrl-Z asks for, with the terminal given back until it goes on.
    pub fn stop(&mut self) -> io::Result<()> {
        let had = self.0.is_some();
        self.give_back();
        kill_process(getpid(), Signal::STOP)?;
        if had {
            self.take();
        }
        Ok(())
    }

    /// Until this key is pressed.
    pub async fn pressed(&self, key: u8) {
        self.until(|keys| keys.contains(&key)).await;
    }

    /// Until any key is.
    pub async fn any(&self) {
        self.until(|_| true).await;
    }

    async fn until(&self, is_meant: impl Fn(&[u8]) -> bool) {
        let Some(taken) = &self.0 else { return pending().await };
        loop {
            let Ok(mut ready) = taken.handle.readable().await else { return pending().await };
            let mut keys = [0; 64];
            match rustix::io::read(taken.handle.get_ref(), &mut keys) {
                Ok(0) | Err(_) => return pending().await,
                Ok(count) if is_meant(&keys[..count]) => return,
                Ok(_) => ready.clear_ready(),
            }
        }
    }
}

/// In the place of a key that is to mean nothing (`_POSIX_VDISABLE` on Linux and macOS differ).
const DISABLED: u8 = if cfg!(target_os = "macos") { 0xff } else { 0 };

impl Taken {
    fn now() -> Option<Self> {
        let stdin = std::io::stdin();
        // Who touches the terminal from the background is stopped.
        if tcgetpgrp(&stdin).ok()? != getpgrp() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let handle = readable(Arc::new(stdin.as_fd().try_clone_to_owned().ok()?)).ok()?;
        // What was typed before is meant for somebody else, or for nobody.
        tcflush(&stdin, QueueSelector::IFlush).ok()?;
        let mut single = before.clone();
        single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        // Ctrl-\\ would end us before the terminal is given back. It is a key as any other here.
        single.special_codes[SpecialCodeIndex::VQUIT] = DISABLED;
        tcsetattr(&stdin, OptionalActions::Now, &single).ok()?;
        Some(Self { handle, before })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // The terminal may be gone by now, and nobody is left to be told.
        let _ = tcsetattr(self.handle.get_ref(), OptionalActions::Now, &self.before);
    }
}
