//! Reading what an attempt wrote.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::EngineError;
use crate::job::JobId;
use crate::ledger::{Ledger, Millis, StateDir};

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

    /// Before the first read: leaves out what precedes the last so many lines, as far as that can be
    /// had for little.
    ///
    /// # Errors
    /// As those of `read`.
    fn start_near_end(&mut self, _lines: usize) -> Result<(), EngineError> {
        Ok(())
    }

    /// When a byte that was read was written; they are counted as they were given out, and asked
    /// for in their order. `None`: just now, as far as anybody knows.
    ///
    /// # Errors
    /// When what tells of it can't be read.
    fn time_of(&mut self, _ledger: &Ledger, _byte: u64) -> Result<Option<Millis>, EngineError> {
        Ok(None)
    }
}

/// A log that is a file of this machine.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Option<File>,
    job: JobId,
    attempt: u32,
    /// How much of the file was left out at its beginning.
    skipped: u64,
    growth: Growth,
}

/// Enough for a page of a log at a time.
const PAGE: u64 = 64 * 1024;

impl LogFile {
    #[must_use]
    pub fn new(dir: &StateDir, job: JobId, attempt: u32) -> Self {
        let growth = Growth { path: dir.log_growth(job, attempt), ..Growth::default() };
        Self { path: dir.log(job, attempt), file: None, job, attempt, skipped: 0, growth }
    }

    fn open(&mut self) -> io::Result<Option<&mut File>> {
        if self.file.is_none() {
            self.file = open(&self.path)?;
        }
        Ok(self.file.as_mut())
    }

    fn page(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(file) = self.open()? {
            file.take(PAGE).read_to_end(out)?;
        }
        Ok(())
    }

    fn skip_to(&mut self, lines: usize) -> io::Result<()> {
        let Some(file) = self.open()? else { return Ok(()) };
        let start = last_lines(file, lines)?;
        file.seek(SeekFrom::Start(start))?;
        self.skipped = start;
        Ok(())
    }

    fn cannot_read(&self) -> impl FnOnce(io::Error) -> EngineError + use<> {
        EngineError::io(format!("read `{}`", self.path.display()))
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some),
    }
}

/// Where the last so many lines begin.
fn last_lines(file: &mut File, lines: usize) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut left = lines;
    let mut is_last = true;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(PAGE);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        file.take(end - start).read_to_end(&mut block)?;
        for (index, _) in block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            // The one at the very end begins no line.
            if std::mem::take(&mut is_last) && start + index as u64 + 1 == end {
                continue;
            }
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(start + index as u64 + 1);
            }
        }
        is_last = false;
        end = start;
    }
    Ok(0)
}

#[async_trait(?Send)]
impl LogReader for LogFile {
    async fn read(&mut self, _: &Ledger, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.page(out).map_err(self.cannot_read())
    }

    fn start_near_end(&mut self, lines: usize) -> Result<(), EngineError> {
        self.skip_to(lines).map_err(self.cannot_read())
    }

    fn time_of(&mut self, ledger: &Ledger, byte: u64) -> Result<Option<Millis>, EngineError> {
        let known = self.growth.time_of(self.skipped + byte).map_err(self.cannot_read())?;
        if known.is_some() {
            return Ok(known);
        }
        let attempts = ledger.attempts(&ledger.job(self.job)?)?;
        let it = attempts.iter().find(|attempt| attempt.number == self.attempt);
        Ok(it.and_then(|attempt| attempt.closed_at))
    }
}

/// How long the log was when, as the worker noted it: see
/// [ADR 0025](../../docs/adr/0025-times-of-lines.md).
#[derive(Debug, Default)]
struct Growth {
    path: PathBuf,
    /// How much of the notes was read.
    read: u64,
    notes: Vec<(u64, Millis)>,
    next: usize,
}

impl Growth {
    /// The first note of a log that is longer than that.
    fn time_of(&mut self, byte: u64) -> io::Result<Option<Millis>> {
        if self.notes.last().is_none_or(|(length, _)| *length <= byte) {
            self.read_on()?;
        }
        while let Some((length, at)) = self.notes.get(self.next) {
            if *length > byte {
                return Ok(Some(*at));
            }
            self.next += 1;
        }
        Ok(None)
    }

    fn read_on(&mut self) -> io::Result<()> {
        let Some(mut file) = open(&self.path)? else { return Ok(()) };
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // One that is being written has no end yet.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            self.read += line.len() as u64;
            let note = line.trim_end().split_once(' ');
            let note = note.and_then(|(length, at)| Some((length.parse().ok()?, at.parse().ok()?)));
            self.notes.extend(note);
        }
        Ok(())
    }
}

/// Notes how long a log is now, if it has grown beyond `noted`.
///
/// # Errors
/// When the log can't be looked at, or the note can't be written.
pub fn note_growth(
    dir: &StateDir,
    (job, attempt): (JobId, u32),
    noted: &mut u64,
    now: Millis,
) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let length = std::fs::metadata(dir.log(job, attempt))?.len();
    if length <= *noted {
        return Ok(());
    }
    *noted = length;
    let path = dir.log_growth(job, attempt);
    let mut file = File::options().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(format!("{length} {now}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_lines_begin_where_they_do() {
        let last = |text: &str, lines| {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(text.as_bytes()).expect("written");
            let start = last_lines(&mut file, lines).expect("readable");
            text[usize::try_from(start).expect("small")..].to_owned()
        };
        assert_eq!(last("a\nb\nc\n", 1), "c\n");
        assert_eq!(last("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last("a\nb\nc", 2), "b\nc");
        assert_eq!(last("a\nb\nc\n", 9), "a\nb\nc\n");
        assert_eq!(last("a\n\n\n", 2), "\n\n");
        assert_eq!(last("", 3), "");
        let long = format!("a\n{}\nz\n", "x".repeat(200_000));
        assert_eq!(last(&long, 2), long[2..]);
        // A line that ends with a block.
        let page = usize::try_from(PAGE).expect("small");
        let long = format!("{}\n{}\n", "x".repeat(page), "y".repeat(page - 1));
        assert_eq!(last(&long, 1), long[page + 1..]);
    }

    #[test]
    fn a_byte_is_as_old_as_the_first_look_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("growth");
        let mut growth = Growth { path: path.clone(), ..Growth::default() };
        assert_eq!(growth.time_of(0).expect("readable"), None);
        std::fs::write(&path, "10 1000\n20 2000\n3").expect("written");
        assert_eq!(growth.time_of(0).expect("readable"), Some(1000));
        assert_eq!(growth.time_of(10).expect("readable"), Some(2000));
        assert_eq!(growth.time_of(20).expect("readable"), None);
        std::fs::write(&path, "10 1000\n20 2000\n30 3000\n").expect("written");
        assert_eq!(growth.time_of(20).expect("readable"), Some(3000));
    }
}
