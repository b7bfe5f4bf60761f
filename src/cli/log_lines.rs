//! From the bytes of a log to what is shown of it.

use std::collections::VecDeque;

use super::context::Context;
use super::error::Failure;
use super::output::{EventLine, Label, LogLine, log_line};
use crate::engine::{Clock, EngineError};
use crate::job::JobId;
use crate::ledger::Millis;

/// How a log is shown.
#[derive(Debug, Clone, Default)]
pub struct How {
    pub timestamps: bool,
    /// Only so many lines of what there is at first.
    pub last: Option<usize>,
    /// The job's name before each line, where there are several jobs.
    pub label: Option<Label>,
}

pub struct LogLines {
    job: JobId,
    how: How,
    attempt: u32,
    /// How many bytes of the attempt's log came before.
    before: u64,
    /// The line that has not ended yet, and when it began.
    line: Line,
    /// The last lines, until it is known that they are.
    held: Option<VecDeque<Line>>,
}

#[derive(Debug, Default)]
struct Line {
    text: Vec<u8>,
    at: Option<Millis>,
}

/// When a byte of the log was written.
pub type TimeOf<'a> = &'a mut dyn FnMut(u64) -> Result<Option<Millis>, EngineError>;

impl LogLines {
    pub const fn new(job: JobId, how: How) -> Self {
        let line = Line { text: Vec::new(), at: None };
        Self { job, how, attempt: 0, before: 0, line, held: None }
    }

    /// An attempt's log begins. Gives how many of its last lines are wanted, if not all.
    pub fn begin(&mut self, attempt: u32) -> Option<usize> {
        self.attempt = attempt;
        self.before = 0;
        self.held = self.how.last.map(|_| VecDeque::new());
        self.how.last
    }

    pub fn show(
        &mut self,
        page: &[u8],
        time_of: TimeOf<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        if self.is_plain(context) {
            return context.output.data_while_read(page);
        }
        for piece in page.split_inclusive(|byte| *byte == b'\n') {
            if self.line.text.is_empty() && self.how.timestamps {
                let now = context.clock.now();
                self.line.at = Some(time_of(self.before)?.unwrap_or(now));
            }
            self.before += piece.len() as u64;
            self.line.text.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.take(line, context)?;
            }
        }
        Ok(())
    }

    /// Are bytes shown as they come?
    const fn is_plain(&self, context: &Context<'_>) -> bool {
        self.held.is_none()
            && !self.how.timestamps
            && self.how.label.is_none()
            && !context.output.json
    }

    fn take(&mut self, line: Line, context: &Context<'_>) -> Result<(), Failure> {
        let (Some(held), Some(last)) = (&mut self.held, self.how.last) else {
            return self.print(&line, context);
        };
        held.push_back(line);
        if held.len() > last {
            held.pop_front();
        }
        Ok(())
    }

    /// Nothing more is there just now, so the last lines are known.
    pub fn are_all_for_now(&mut self, context: &Context<'_>) -> Result<(), Failure> {
        let Some(mut held) = self.held.take() else { return Ok(()) };
        // A line without an end is one of the last too.
        match self.how.last.take() {
            Some(0) => self.line = Line::default(),
            Some(last) if held.len() == last && !self.line.text.is_empty() => {
                held.pop_front();
            }
            _ => {}
        }
        held.iter().try_for_each(|line| self.print(line, context))?;
        if self.is_plain(context) && !self.line.text.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.print(&line, context)?;
        }
        Ok(())
    }

    /// The line that has no end has one now.
    pub fn end(&mut self, context: &Context<'_>) -> Result<(), Failure> {
        self.are_all_for_now(context)?;
        if self.line.text.is_empty() {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        self.print(&line, context)
    }

    fn print(&self, line: &Line, context: &Context<'_>) -> Result<(), Failure> {
        let Line { text, at } = line;
        if context.output.json {
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            let line = LogLine::new(self.job, self.attempt, *at, text);
            return context.output.json_line_while_read(&EventLine::Log(line));
        }
        let shown = log_line(self.how.label.as_ref(), *at, text, context.output.look().colour);
        context.output.data_while_read(&shown)
    }
}
