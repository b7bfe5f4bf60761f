//! Showing what a job writes.

use std::time::{Duration, Instant};

use super::context::Context;
use super::error::Failure;
use super::output::{EventLine, LogLine};
use crate::engine::{EngineError, Engines, LogReader};
use crate::job::JobId;

/// So long what a job that goes on writes keeps us from looking at the job.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// How much of a log is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// What there is, for a while: more may come faster than it can be shown.
    AWhile,
    /// What there is.
    Now,
    /// All that will ever be.
    TheEnd,
}

/// What the job writes, attempt after attempt.
pub struct Tail {
    job: JobId,
    attempt: u32,
    reader: Option<Box<dyn LogReader>>,
    /// With JSON, the line that has not ended yet.
    line: Vec<u8>,
    page: Vec<u8>,
    /// Why nothing more of the log is shown.
    failed: Option<EngineError>,
    /// What may be missing of what was shown.
    doubts: Vec<String>,
}

impl Tail {
    pub const fn new(job: JobId) -> Self {
        Self {
            job,
            attempt: 0,
            reader: None,
            line: Vec::new(),
            page: Vec::new(),
            failed: None,
            doubts: Vec::new(),
        }
    }

    /// One attempt alone.
    pub fn of_attempt(job: JobId, attempt: u32, engines: &Engines<'_>) -> Result<Self, Failure> {
        Ok(Self { attempt, reader: Some(engines.log(job, attempt)?), ..Self::new(job) })
    }

    /// Shows what came since; of a job that is over, all that is left. True: there is more.
    pub async fn up_to(
        &mut self,
        engines: &Engines<'_>,
        attempt: u32,
        is_over: bool,
        context: &Context<'_>,
    ) -> Result<bool, Failure> {
        let more = self.show(engines, attempt, context).await?;
        if is_over {
            self.finish(engines, context).await?;
            return Ok(false);
        }
        Ok(more)
    }

    /// Shows what came since, up to the end of the attempt's log so far.
    pub async fn show(
        &mut self,
        engines: &Engines<'_>,
        attempt: u32,
        context: &Context<'_>,
    ) -> Result<bool, Failure> {
        while self.attempt < attempt {
            self.finish(engines, context).await?;
            self.attempt += 1;
            self.reader = Some(engines.log(self.job, self.attempt)?);
        }
        self.drain(engines, Until::AWhile, context).await
    }

    async fn drain(
        &mut self,
        engines: &Engines<'_>,
        until: Until,
        context: &Context<'_>,
    ) -> Result<bool, Failure> {
        let Some(reader) = &mut self.reader else { return Ok(false) };
        let is_over = until == Until::TheEnd;
        let start = Instant::now();
        while until != Until::AWhile || start.elapsed() < LONGEST_LOOK {
            self.page.clear();
            match engines.read(&mut **reader, is_over, &mut self.page).await {
                Ok(()) => {}
                // It is read on from there with the next look.
                Err(EngineError::Aws(error)) if error.passes() && !is_over => {
                    return Ok(false);
                }
                Err(error) => {
                    // Whatever is wrong with the log, the job's end counts.
                    self.failed = Some(error);
                    self.reader = None;
                    return Ok(false);
                }
            }
            if self.page.is_empty() {
                return Ok(false);
            }
            if context.output.json {
                let mut lines = self.page.split(|byte| *byte == b'\n');
                // What comes before the first end of a line belongs to the line before it.
                self.line.extend_from_slice(lines.next().unwrap_or_default());
                for next in lines {
                    show_line(self.attempt, &self.line, context)?;
                    self.line.clear();
                    self.line.extend_from_slice(next);
                }
            } else {
                context.output.data_while_read(&self.page)?;
            }
        }
        Ok(true)
    }

    /// Nothing more comes of this attempt.
    pub async fn finish(
        &mut self,
        engines: &Engines<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        self.drain(engines, Until::TheEnd, context).await?;
        self.doubts.extend(self.reader.as_mut().and_then(|reader| reader.doubt()));
        self.last_line(context)
    }

    /// What there is of an attempt that goes on, and no more.
    pub async fn so_far(
        &mut self,
        engines: &Engines<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        self.drain(engines, Until::Now, context).await?;
        self.last_line(context)
    }

    fn last_line(&mut self, context: &Context<'_>) -> Result<(), Failure> {
        if !self.line.is_empty() {
            show_line(self.attempt, &std::mem::take(&mut self.line), context)?;
        }
        Ok(())
    }

    /// What may be missing of the log, told once.
    pub fn doubts(&mut self) -> Vec<String> {
        std::mem::take(&mut self.doubts)
    }

    /// What went wrong with the log, told once.
    pub const fn failure(&mut self) -> Option<EngineError> {
        self.failed.take()
    }
}

fn show_line(attempt: u32, line: &[u8], context: &Context<'_>) -> Result<(), Failure> {
    let line = LogLine { attempt, line: String::from_utf8_lossy(line) };
    context.output.json_line_while_read(&EventLine::Log(line))
}
