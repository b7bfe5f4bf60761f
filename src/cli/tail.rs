//! Showing what a job writes.

use super::context::Context;
use super::error::Failure;
use super::output::{EventLine, LogLine};
use crate::engine::{EngineError, Engines, LogReader};
use crate::job::JobId;

/// Of a job that goes on.
const PAGES_AT_ONCE: usize = 20;

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
}

impl Tail {
    pub const fn new(job: JobId) -> Self {
        Self { job, attempt: 0, reader: None, line: Vec::new(), page: Vec::new(), failed: None }
    }

    /// One attempt alone.
    pub fn of_attempt(job: JobId, attempt: u32, engines: &Engines<'_>) -> Result<Self, Failure> {
        Ok(Self { attempt, reader: Some(engines.log(job, attempt)?), ..Self::new(job) })
    }

    /// Shows what came since; of a job that is over, all that is left.
    pub async fn up_to(
        &mut self,
        engines: &Engines<'_>,
        attempt: u32,
        is_over: bool,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        self.show(engines, attempt, context).await?;
        if is_over { self.finish(engines, context).await } else { Ok(()) }
    }

    /// Shows what came since, up to the end of the attempt's log so far.
    pub async fn show(
        &mut self,
        engines: &Engines<'_>,
        attempt: u32,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        while self.attempt < attempt {
            self.finish(engines, context).await?;
            self.attempt += 1;
            self.reader = Some(engines.log(self.job, self.attempt)?);
        }
        self.drain(engines, false, context).await
    }

    async fn drain(
        &mut self,
        engines: &Engines<'_>,
        is_over: bool,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let mut pages = 0;
        // Whoever writes without end must not keep us from looking at the job.
        while is_over || pages < PAGES_AT_ONCE {
            pages += 1;
            self.page.clear();
            match engines.read(&mut **reader, is_over, &mut self.page).await {
                Ok(()) => {}
                // It is read on from there with the next look.
                Err(EngineError::Aws(error)) if error.passes() && !is_over => return Ok(()),
                Err(error) => {
                    // Whatever is wrong with the log, the job's end counts.
                    self.failed = Some(error);
                    self.reader = None;
                    return Ok(());
                }
            }
            if self.page.is_empty() {
                return Ok(());
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
        Ok(())
    }

    /// Nothing more comes of this attempt.
    pub async fn finish(
        &mut self,
        engines: &Engines<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        self.drain(engines, true, context).await?;
        self.last_line(context)
    }

    /// What there is of an attempt that goes on, and no more.
    pub async fn so_far(
        &mut self,
        engines: &Engines<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        self.drain(engines, false, context).await?;
        self.last_line(context)
    }

    fn last_line(&mut self, context: &Context<'_>) -> Result<(), Failure> {
        if !self.line.is_empty() {
            show_line(self.attempt, &std::mem::take(&mut self.line), context)?;
        }
        Ok(())
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
