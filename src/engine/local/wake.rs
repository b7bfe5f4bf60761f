//! How processes wake each other, without polling and without missing anything.
//!
//! A bell is an empty file. Whoever is about to change something opens the bell for writing
//! *before* the change and closes it after; inotify tells every listener of the closing.
//! The kernel closes what a killed process held, so a change is never made unheard, and a
//! worker that holds `workers` open all its life can't die unheard either. Who listens
//! starts to listen before the first look, so nothing falls in between.

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::ledger::StateDir;

/// A reason to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bell {
    /// There may be a job to claim.
    Queue,
    /// A job that is held should end.
    Cancel,
    /// Some job changed its state.
    Jobs,
    /// A worker left.
    Workers,
}

impl Bell {
    const fn file(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Cancel => "cancel",
            Self::Jobs => "jobs",
            Self::Workers => "workers",
        }
    }
}

/// A bell that rings when this is dropped, or when its holder dies.
#[must_use = "dropping it rings the bell"]
pub struct Held(File);

/// For a child process, which then holds the bell in our place.
impl From<Held> for Stdio {
    fn from(held: Held) -> Self {
        held.0.into()
    }
}

/// # Errors
/// When the bell can't be opened.
pub fn hold(dir: &StateDir, bell: Bell) -> io::Result<Held> {
    let path = dir.wake().join(bell.file());
    // No O_TRUNC and no write: the closing alone is the signal, and costs no disk.
    OpenOptions::new().append(true).create(true).open(path).map(Held)
}

/// Which bells rang since the last time.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a set of bells")]
pub struct Rings {
    pub queue: bool,
    pub cancel: bool,
    pub jobs: bool,
    pub workers: bool,
    /// A log that is followed grew.
    pub log: bool,
}

pub struct Listener {
    inotify: AsyncFd<Arc<OwnedFd>>,
    bells: Vec<(i32, Bell)>,
    logs: Vec<i32>,
}

/// Room for a good many events; those of one bell that follow each other are one.
const BUFFER: usize = 4096;

impl Listener {
    /// # Errors
    /// When the kernel gives no more watches.
    pub fn new(dir: &StateDir, bells: &[Bell]) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mut watched = Vec::new();
        for &bell in bells {
            // It may have been swept away; a bell that nobody can hear helps nobody. It is not
            // opened for writing: that would ring it.
            let path = dir.wake().join(bell.file());
            let flags = OFlags::CREATE | OFlags::RDONLY | OFlags::CLOEXEC;
            drop(rustix::fs::open(&path, flags, Mode::from_raw_mode(0o666))?);
            watched.push((inotify::add_watch(&fd, &path, WatchFlags::CLOSE_WRITE)?, bell));
        }
        Ok(Self {
            inotify: crate::engine::readable(Arc::new(fd))?,
            bells: watched,
            logs: Vec::new(),
        })
    }

    /// Listens to the growth of a log too, and gives what it is to be forgotten by. `None`: it is
    /// not there.
    ///
    /// # Errors
    /// When the kernel gives no more watches.
    pub fn follow(&mut self, log: &Path) -> io::Result<Option<i32>> {
        match inotify::add_watch(self.inotify.get_ref(), log, WatchFlags::MODIFY) {
            Ok(watch) => {
                self.logs.push(watch);
                Ok(Some(watch))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// # Errors
    /// When there is no such watch.
    pub fn forget(&mut self, log: i32) -> io::Result<()> {
        self.logs.retain(|watch| *watch != log);
        Ok(inotify::remove_watch(self.inotify.get_ref(), log)?)
    }

    /// Sleeps until a bell rings.
    ///
    /// # Errors
    /// When the kernel's queue can't be read.
    pub async fn rung(&mut self) -> io::Result<Rings> {
        loop {
            let mut ready = self.inotify.readable().await?;
            let rings = self.drain()?;
            ready.clear_ready();
            if let Some(rings) = rings {
                return Ok(rings);
            }
        }
    }

    fn drain(&self) -> io::Result<Option<Rings>> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(self.inotify.get_ref(), &mut buffer);
        let mut rings: Option<Rings> = None;
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(rings),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let rings = rings.get_or_insert_default();
            if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) {
                // Some were dropped: look at everything.
                *rings = Rings { queue: true, cancel: true, jobs: true, workers: true, log: true };
            }
            if self.logs.contains(&event.wd()) {
                rings.log = true;
            }
            for (_, bell) in self.bells.iter().filter(|(watch, _)| *watch == event.wd()) {
                match bell {
                    Bell::Queue => rings.queue = true,
                    Bell::Cancel => rings.cancel = true,
                    Bell::Jobs => rings.jobs = true,
                    Bell::Workers => rings.workers = true,
                }
            }
        }
    }
}
