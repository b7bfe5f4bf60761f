//! Reading what an attempt wrote.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// Reads an attempt's log from where the last read stopped. A log that is not there yet
/// reads as empty: it is no error of the job.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    file: Option<File>,
}

impl LogReader {
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// What has come since; 0 where that is nothing for now.
    ///
    /// # Errors
    /// When the log is there and can't be read.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                Err(error) => return Err(error),
            }
        }
        match &mut self.file {
            Some(file) => file.read(buffer),
            None => Ok(0),
        }
    }

    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}
