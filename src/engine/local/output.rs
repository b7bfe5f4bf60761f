//! Where a job's stdout and stderr go: straight into the log of the attempt, or, if it has
//! secrets, through a mask.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::engine::mask::Mask;
use crate::job::Secrets;

pub enum Output {
    Straight(File),
    Masked { write_end: OwnedFd, done: JoinHandle<io::Result<()>> },
}

const BUFFER: usize = 64 * 1024;

impl Output {
    /// Makes the log and what leads to it.
    pub fn open(log: &Path, secrets: &Secrets, runtime: &Handle) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(log)?;
        let mask = Mask::new(secrets).map_err(io::Error::other)?;
        let Some(mask) = mask else { return Ok(Self::Straight(file)) };
        let (read_end, write_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let done = runtime.spawn_blocking(move || pump(File::from(read_end), file, mask));
        Ok(Self::Masked { write_end, done })
    }

    pub fn writer(&self) -> BorrowedFd<'_> {
        match self {
            Self::Straight(file) => file.as_fd(),
            Self::Masked { write_end, .. } => write_end.as_fd(),
        }
    }

    /// Lets go of the log once the command has it, and gives what has to end before the log
    /// is whole.
    pub fn handed_over(self) -> Option<JoinHandle<io::Result<()>>> {
        match self {
            Self::Straight(_) => None,
            Self::Masked { done, .. } => Some(done),
        }
    }
}

fn pump(mut from: File, mut to: File, mut mask: Mask) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut shown = Vec::new();
    loop {
        let count = match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        if count == 0 {
            mask.finish(&mut shown);
        } else {
            mask.push(&buffer[..count], &mut shown);
        }
        to.write_all(&shown)?;
        shown.clear();
        if count == 0 {
            return Ok(());
        }
    }
}
