//! Showing what a job writes.

use std::pin::pin;
use std::time::{Duration, Instant};

use super::context::Context;
use super::error::Failure;
use super::log_lines::{How, LogLines};
use crate::engine::{EngineError, Engines, LogReader};
use crate::job::JobId;

/// So long what a job that goes on writes keeps us from looking at the job.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Whoever waits longer for the end of a log wants to know why.
const A_WHILE: Duration = Duration::from_secs(4);

/// What takes a while is told.
async fn or_tell<T>(work: impl Future<Output = T>, tell: impl FnOnce()) -> T {
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(A_WHILE) => tell(),
    }
    work.await
}

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
    lines: LogLines,
    page: Vec<u8>,
    /// Why nothing more of the log is shown.
    failed: Option<EngineError>,
    /// What may be missing of what was shown.
    doubts: Vec<String>,
}

impl Tail {
    /// All attempts; where only the last lines are wanted, those of the newest and what follows.
    pub fn new(job: JobId, how: How, newest: u32) -> Self {
        let first = if how.last.is_some() { newest.max(1) } else { 1 };
        Self {
            job,
            attempt: first - 1,
            reader: None,
            lines: LogLines::new(job, how),
            page: Vec::new(),
            failed: None,
            doubts: Vec::new(),
        }
    }

    /// One attempt alone.
    pub fn of_attempt(
        job: JobId,
        attempt: u32,
        how: How,
        engines: &Engines<'_>,
    ) -> Result<Self, Failure> {
        let mut tail = Self::new(job, how, attempt);
        tail.begin(attempt, engines)?;
        Ok(tail)
    }

    fn begin(&mut self, attempt: u32, engines: &Engines<'_>) -> Result<(), Failure> {
        let mut reader = engines.log(self.job, attempt)?;
        if let Some(lines) = self.lines.begin(attempt) {
            reader.start_near_end(lines)?;
        }
        self.attempt = attempt;
        self.reader = Some(reader);
        Ok(())
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
            self.begin(self.attempt + 1, engines)?;
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
                    self.lines.are_all_for_now(context)?;
                    return Ok(false);
                }
            }
            if self.page.is_empty() {
                self.lines.are_all_for_now(context)?;
                return Ok(false);
            }
            let time_of = &mut |byte| engines.time_of(&mut **reader, byte);
            self.lines.show(&self.page, time_of, context)?;
            // However much there is, signals and limits have their turn.
            tokio::task::yield_now().await;
        }
        Ok(true)
    }

    /// Nothing more comes of this attempt.
    pub async fn finish(
        &mut self,
        engines: &Engines<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        let line = format!("{}: the end of its log is awaited", self.job.short());
        let drained = self.drain(engines, Until::TheEnd, context);
        or_tell(drained, || context.output.status(&line)).await?;
        self.doubts.extend(self.reader.as_mut().and_then(|reader| reader.doubt()));
        self.lines.end(context)
    }

    /// What there is of an attempt that goes on, and no more.
    pub async fn so_far(
        &mut self,
        engines: &Engines<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        self.drain(engines, Until::Now, context).await?;
        self.lines.end(context)
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
