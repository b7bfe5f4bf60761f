//! Reading objects of git, one process for all of a repository.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::ParcelError;
use super::git::command;

/// `git cat-file --batch`, by repository.
#[derive(Default)]
pub struct Blobs {
    processes: BTreeMap<PathBuf, Process>,
}

struct Process {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Blobs {
    /// # Errors
    /// When git does not give it.
    pub fn read(&mut self, repository: &Path, id: &str) -> Result<Vec<u8>, ParcelError> {
        let failed = |error: io::Error| ParcelError::Git {
            what: format!("cat-file {id}"),
            says: error.to_string(),
        };
        if !self.processes.contains_key(repository) {
            let process = Process::start(repository).map_err(ParcelError::NoGit)?;
            self.processes.insert(repository.to_owned(), process);
        }
        let process = self.processes.get_mut(repository);
        let process = process.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        process.read(id).map_err(failed)
    }
}

impl Process {
    fn start(repository: &Path) -> io::Result<Self> {
        let mut child = command(repository)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let gone = || io::Error::other("git has no pipe");
        let asks = child.stdin.take().ok_or_else(gone)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        Ok(Self { child, asks, answers })
    }

    /// One question, one answer: `<id> blob <bytes>`, the content, a newline.
    fn read(&mut self, id: &str) -> io::Result<Vec<u8>> {
        writeln!(self.asks, "{id}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let bytes = line.trim_end().rsplit(' ').next().and_then(|bytes| bytes.parse().ok());
        let bytes: usize = bytes.ok_or_else(|| io::Error::other(line.trim_end().to_owned()))?;
        let mut content = vec![0; bytes];
        self.answers.read_exact(&mut content)?;
        self.answers.read_exact(&mut [0])?;
        Ok(content)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has nothing to lose. It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
