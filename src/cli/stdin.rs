//! What the command of a job reads on its stdin.

use std::fs::File;
use std::future::pending;
use std::io::{self, IsTerminal, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use rustix::fs::{FileType, fstat, stat, tell};
use rustix::io::ioctl_fionread;

use super::context::Context;
use super::error::{Doing, Failure};
use crate::engine::{Submission, readable};
use crate::job::Stdin;
use crate::parcel::{Contents, size};

/// Bytes that can be packed.
pub struct Fed {
    pub contents: Contents,
    /// Where they are if they had to be read first: a file that is gone with this.
    _kept: Option<File>,
}

/// The bytes that are meant, in a file by itself.
///
/// # Errors
/// When there are none, or more than a source may have.
pub fn found(stdin: &Stdin, context: &Context<'_>) -> Result<Fed, Failure> {
    let limit = context.config.source_limit;
    let (path, kept) = match stdin {
        Stdin::Callers => {
            if is_null() {
                context.output.note(
                    "stdin is closed, or it is /dev/null: the job that is to read it reads nothing",
                );
            }
            if io::stdin().is_terminal() {
                context.output.note("what you type goes to the job; Ctrl-D ends it");
            }
            read(io::stdin().lock(), limit)?
        }
        Stdin::File(name) => {
            let path = context.directory.join(name);
            let read_it = || format!("read `{name}`, which is to be the job's stdin");
            let file = File::open(&path).map_err(|error| unreadable(&error)).doing(read_it)?;
            let seen = file.metadata().map_err(|error| unreadable(&error)).doing(read_it)?;
            if seen.is_dir() {
                return Err(Failure::usage(
                    format!("`{name}` is a folder, and a job's stdin is one file"),
                    format!("bring it along with --input {name}, and read what is in /files"),
                ));
            }
            // What comes out of a pipe comes once.
            if seen.is_file() { (path, None) } else { read(file, limit)? }
        }
    };
    let contents = Contents::alone(&path)?;
    check(contents.bytes(), limit)?;
    Ok(Fed { contents, _kept: kept })
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::usage(error.to_string(), "name a file, or - for what is on your own stdin")
}

fn check(bytes: u64, limit: u64) -> Result<(), Failure> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Failure::usage(
        format!("the job's stdin has more than {}, which source_limit allows", size(limit)),
        "raise source_limit in computes.toml, or bring a file along with --input and read it there",
    ))
}

/// Reads to the end, into a file that has no name and so leaves nothing behind.
fn read(from: impl Read, limit: u64) -> Result<(PathBuf, Option<File>), Failure> {
    let keep = || "keep what is to be the job's stdin".to_owned();
    let mut kept = tempfile::tempfile().doing(keep)?;
    let bytes = io::copy(&mut from.take(limit.saturating_add(1)), &mut kept).doing(keep)?;
    check(bytes, limit)?;
    Ok((PathBuf::from(format!("/dev/fd/{}", kept.as_raw_fd())), Some(kept)))
}

/// What is on our own stdin and goes to no job, which is told once.
pub struct Unread {
    is_told: bool,
}

impl Unread {
    /// Beside jobs that are to be submitted. Where one of them has a stdin nothing is told.
    pub fn beside(submissions: &[Submission]) -> Self {
        let is_given = |it: &Submission| it.job.plan.freight.stdin.is_some();
        Self { is_told: submissions.iter().any(is_given) }
    }

    /// Tells if there is something by now.
    pub fn tell(&mut self, context: &Context<'_>) {
        if self.is_told || !is_left_unread() {
            return;
        }
        self.is_told = true;
        context.output.note(
            "what is on stdin does not go to the job, whose stdin is empty: --stdin - sends it, and \
             </dev/null says that it need not",
        );
    }

    /// Tells when something comes while something else is done.
    pub async fn tell_while<T>(
        &mut self,
        work: impl Future<Output = T>,
        context: &Context<'_>,
    ) -> T {
        let mut work = pin!(work);
        let done = tokio::select! {
            done = &mut work => Some(done),
            () = moved(), if !self.is_told => None,
        };
        self.tell(context);
        match done {
            Some(done) => done,
            None => work.await,
        }
    }
}

/// Until something comes through the pipe on our own stdin, or its other end is closed.
async fn moved() {
    let handle = io::stdin().as_fd().try_clone_to_owned().and_then(|own| readable(Arc::new(own)));
    // There is nothing to wait for in a file or a device.
    let Ok(handle) = handle else { return pending().await };
    if handle.readable().await.is_err() {
        pending::<()>().await;
    }
}

/// Is there something on our own stdin that nobody reads? A terminal and a device have no end, and a
/// pipe that is open for no reason is empty.
fn is_left_unread() -> bool {
    let stdin = io::stdin();
    let Ok(seen) = fstat(&stdin) else { return false };
    match FileType::from_raw_mode(seen.st_mode) {
        FileType::RegularFile => {
            tell(&stdin).is_ok_and(|at| i64::try_from(at).is_ok_and(|at| at < seen.st_size))
        }
        FileType::Fifo | FileType::Socket => ioctl_fionread(&stdin).is_ok_and(|bytes| bytes > 0),
        _ => false,
    }
}

/// Is our own stdin the device that has nothing? One that was closed is, because Rust opens the device
/// in its place before anything of ours begins.
fn is_null() -> bool {
    let seen = fstat(io::stdin());
    let null = stat("/dev/null");
    seen.is_ok_and(|seen| {
        FileType::from_raw_mode(seen.st_mode) == FileType::CharacterDevice
            && null.is_ok_and(|null| null.st_rdev == seen.st_rdev)
    })
}
