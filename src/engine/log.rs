//! Reading what an attempt wrote.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use async_trait::async_trait;

use super::EngineError;
use crate::ledger::Ledger;

/// Reads an attempt's log from where the last read stopped. A log that is not there yet
/// reads as empty: it is no error of the job.
#[async_trait(?Send)]
pub trait LogReader {
    /// Adds what has come since, a page at a time. Nothing is added where that is all for now.
    ///
    /// # Errors
    /// When the log is there and can't be read.
    async fn read(&mut self, ledger: &Ledger, out: &mut Vec<u8>) -> Result<(), EngineError>;

    /// As [`read`](Self::read), of an attempt that is over: nothing is added once that is all.
    ///
    /// # Errors
    /// As those of `read`.
    async fn rest(&mut self, ledger: &Ledger, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.read(ledger, out).await
    }

    /// What may be missing of a log that was read to its end; told once.
    fn doubt(&mut self) -> Option<String> {
        None
    }
}

/// A log that is a file of this machine.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Option<File>,
}

/// Enough for a page of a log at a time.
const PAGE: u64 = 64 * 1024;

impl LogFile {
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    fn page(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if let Some(file) = &mut self.file {
            file.take(PAGE).read_to_end(out)?;
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl LogReader for LogFile {
    async fn read(&mut self, _: &Ledger, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.page(out).map_err(|source| {
            let what = format!("read `{}`", self.path.display());
            EngineError::Io { what, source }
        })
    }
}
