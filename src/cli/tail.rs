//! Showing what a job writes.

use super::context::Context;
use super::error::{Doing, Failure};
use super::output::{EventLine, LogLine};
use crate::engine::{Engine, LogReader};
use crate::job::JobId;

/// Enough for a page of a log at a time.
const CHUNK: usize = 64 * 1024;

/// What the job writes, attempt after attempt.
pub struct Tail {
    job: JobId,
    attempt: u32,
    reader: Option<LogReader>,
    /// With JSON, the line that has not ended yet.
    line: Vec<u8>,
    buffer: Vec<u8>,
}

impl Tail {
    pub fn new(job: JobId) -> Self {
        Self { job, attempt: 0, reader: None, line: Vec::new(), buffer: vec![0; CHUNK] }
    }

    /// One attempt alone.
    pub fn of_attempt(job: JobId, attempt: u32, engine: &mut dyn Engine) -> Self {
        Self { attempt, reader: Some(engine.log(job, attempt)), ..Self::new(job) }
    }

    /// Shows what came since, up to the end of the attempt's log so far.
    pub fn show(
        &mut self,
        engine: &mut dyn Engine,
        attempt: u32,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        self.drain(context)?;
        while self.attempt < attempt {
            self.finish(context)?;
            self.attempt += 1;
            self.reader = Some(engine.log(self.job, self.attempt));
            self.drain(context)?;
        }
        Ok(())
    }

    fn drain(&mut self, context: &Context<'_>) -> Result<(), Failure> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        loop {
            let count = reader
                .read(&mut self.buffer)
                .doing(|| format!("read `{}`", reader.path().display()))?;
            if count == 0 {
                return Ok(());
            }
            if context.output.json {
                let mut lines = self.buffer[..count].split(|byte| *byte == b'\n');
                // What comes before the first end of a line belongs to the line before it.
                self.line.extend_from_slice(lines.next().unwrap_or_default());
                for next in lines {
                    show_line(self.attempt, &self.line, context)?;
                    self.line.clear();
                    self.line.extend_from_slice(next);
                }
            } else {
                context.output.data_while_read(&self.buffer[..count])?;
            }
        }
    }

    /// Nothing more comes of this attempt.
    pub fn finish(&mut self, context: &Context<'_>) -> Result<(), Failure> {
        self.drain(context)?;
        if !self.line.is_empty() {
            show_line(self.attempt, &std::mem::take(&mut self.line), context)?;
        }
        Ok(())
    }
}

fn show_line(attempt: u32, line: &[u8], context: &Context<'_>) -> Result<(), Failure> {
    let line = LogLine { attempt, line: String::from_utf8_lossy(line) };
    context.output.json_line_while_read(&EventLine::Log(line))
}
