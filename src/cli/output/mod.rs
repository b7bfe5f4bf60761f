//! The only place that prints. stdout is data, stderr is everything else.

mod aws;
mod explanation;
mod files;
mod github;
mod human;
mod jobs;
mod json;
mod log;
mod progress;
mod prune;
mod queues;
mod screen;
mod table;
mod time;
mod usage;

pub use aws::{AwsQueueView, CheckView, ListedView, check_lines};
pub use explanation::{ExplanationView, explanation_lines, waiting_line};
pub use files::{FileView, file_lines};
pub use human::job_details;
pub use jobs::Jobs;
pub use json::{EventLine, JobView, LogLine, QueueView, Rehearsed, WorkerReady, WorkerView};
pub use log::{Label, log_line};
pub use progress::{Meter, Progress};
pub use prune::{PruneView, jobs, pruned, thousands};
pub use queues::{aws_queue_lines, queue_lines, worker_lines};
pub use time::{duration, timestamp};
pub use usage::usage;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use serde::Serialize;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use self::github::GitHub;
use self::table::Look;
use super::error::{Failure, Kind};
use crate::engine::aws::TELL_NO_SECRET;
use crate::job::one_line;

pub struct Output {
    pub json: bool,
    quiet: bool,
    /// Whoever read our stdout has gone.
    reader_gone: Cell<bool>,
    /// What was written to stdout last has not ended its line.
    is_in_line: Cell<bool>,
    /// What need not be said again.
    said: RefCell<BTreeSet<String>>,
    /// Set in a step of GitHub Actions.
    github: Option<GitHub>,
    /// What moves at the end of stderr; lines go above it.
    bars: MultiProgress,
}

impl Output {
    #[must_use]
    pub fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            reader_gone: Cell::new(false),
            is_in_line: Cell::new(false),
            said: RefCell::new(BTreeSet::new()),
            github: None,
            bars: MultiProgress::new(),
        }
    }

    /// Has the pipeline hear of failures, if `env` says that this is a step of one. Who reads JSON
    /// hears of them that way.
    #[must_use]
    pub fn in_pipeline(self, env: impl Fn(&str) -> Option<OsString>) -> Self {
        let github = if self.json { None } else { GitHub::of(env) };
        Self { github, ..self }
    }

    /// Data, as it is.
    ///
    /// # Errors
    /// When stdout can't take it; with [`Kind::ReaderGone`] if nobody reads it any more.
    pub fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        if let Some(last) = bytes.last() {
            self.is_in_line.set(*last != b'\n');
        }
        let written = self.bars.suspend(|| stdout.write_all(bytes).and_then(|()| stdout.flush()));
        Ok(written.inspect_err(|error| {
            self.reader_gone.set(error.kind() == io::ErrorKind::BrokenPipe);
        })?)
    }

    /// Data of a job that goes on, whether somebody reads it or not.
    pub fn data_while_read(&self, bytes: &[u8]) -> Result<(), Failure> {
        if self.reader_gone.get() {
            return Ok(());
        }
        match self.data(bytes) {
            Err(failure) if failure.kind == Kind::ReaderGone => Ok(()),
            result => result,
        }
    }

    /// Has whoever read our stdout gone?
    pub const fn reader_is_gone(&self) -> bool {
        self.reader_gone.get()
    }

    pub fn line(&self, line: &str) -> Result<(), Failure> {
        self.data(format!("{line}\n").as_bytes())
    }

    pub fn json_line(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(&to_json(value))
    }

    pub fn json_line_while_read(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.data_while_read(format!("{}\n", to_json(value)).as_bytes())
    }

    pub fn json_pretty(&self, value: &impl Serialize) -> Result<(), Failure> {
        // As in `to_json`.
        self.line(&serde_json::to_string_pretty(value).unwrap_or_default())
    }

    /// A whole text, as it is or as one JSON object.
    pub fn text(&self, text: &[u8]) -> Result<(), Failure> {
        if self.json {
            self.json_line(&json::TextView { text: String::from_utf8_lossy(text) })
        } else {
            self.data(text)
        }
    }

    /// What happens, for people.
    pub fn status(&self, line: &str) {
        if !self.quiet {
            self.complain(&one_line(line));
        }
    }

    /// Is this said for the first time?
    pub fn is_news(&self, text: &str) -> bool {
        self.said.borrow_mut().insert(text.to_owned())
    }

    /// Something that the user may not expect.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.complain(&one_line(&format!("note: {text}")));
        }
    }

    /// Something that the user has to know, quiet or not.
    pub fn warning(&self, text: &str) {
        self.complain(&one_line(&format!("warning: {text}")));
    }

    /// Tells the pipeline, if there is one that listens, of a job that did not succeed. `line` is
    /// what people were told of its end, `took` how long it ran.
    pub fn job_failed(&self, job: &JobView, line: &str, took: &str) {
        let Some(github) = &self.github else { return };
        let id = job.engine_id.as_ref().unwrap_or(&job.id);
        let message = format!("{}\ncomputes explain {id}", one_line(line));
        self.complain(&github::annotation(&format!("{} {}", job.name, job.state), &message));
        if let Err(error) = github.summarise(&github::summary(job, took)) {
            self.warning(&format!("cannot write to the file in GITHUB_STEP_SUMMARY: {error}"));
        }
    }

    /// Prints what went wrong and gives the exit code.
    pub fn failure(&self, failure: &Failure) -> u8 {
        if failure.kind == Kind::ReaderGone {
            return failure.exit_code();
        }
        let exit_code = failure.exit_code();
        if self.json {
            // As it is: JSON has its own ways to keep it in the line.
            let (message, hint) = (failure.message(), failure.hint.as_deref());
            self.complain(&to_json(&json::ErrorLine { error: &message, hint, exit_code }));
            return exit_code;
        }
        let message = one_line(&failure.message());
        let hint = failure.hint.as_deref().map(one_line);
        let (red, bold, plain) =
            if colour(&io::stderr()) { ("\x1b[31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        self.complain(&format!("{red}{bold}error{plain}: {message}"));
        if let Some(hint) = &hint {
            self.complain(&format!("{bold}hint{plain}: {hint}"));
        }
        if self.github.is_some() {
            let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
            let message = format!("{message}{hint}");
            self.complain(&github::annotation("computes", &message));
        }
        exit_code
    }

    fn complain(&self, line: &str) {
        // Where both are seen together, a line of ours begins on one of its own.
        let in_line = self.is_in_line.replace(false);
        let begin = if in_line && io::stdout().is_terminal() && io::stderr().is_terminal() {
            "\n"
        } else {
            ""
        };
        // There is nowhere left to say that stderr is closed.
        let _ = self.bars.suspend(|| writeln!(io::stderr().lock(), "{begin}{line}"));
    }

    /// Bars move only where somebody sees them.
    pub fn progress(&self, total: u64) -> Progress {
        let visible = !self.quiet && !self.json && io::stderr().is_terminal();
        Progress::new(&self.bars, visible, total)
    }

    /// The same for bytes.
    pub fn meter(&self, doing: &'static str, total: u64) -> Meter<'_> {
        Meter::new(self, !self.quiet && !self.json && io::stderr().is_terminal(), doing, total)
    }

    /// What a table on stdout may look like.
    #[expect(clippy::unused_self, reason = "stdout is reached through an Output")]
    pub fn look(&self) -> Look {
        Look { width: width(), colour: colour(&io::stdout()) }
    }

    /// Does somebody sit at a terminal who can answer?
    #[expect(clippy::unused_self, reason = "the terminal is reached through an Output")]
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }
}

/// Asks whoever sits at the terminal for the code of a device. It is seen, as it does once.
pub fn ask_for_code(serial: &str) -> Option<String> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    let mut code = String::new();
    write!(io::stderr().lock(), "code of {}: ", one_line(serial)).ok()?;
    io::stdin().read_line(&mut code).ok()?;
    Some(code.trim().to_owned()).filter(|code| !code.is_empty())
}

/// Structures of texts, numbers and lists always have a JSON form.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Do colours mean anything there, and does nobody forbid them?
fn colour(stream: &impl IsTerminal) -> bool {
    let is_unset = |value: &OsString| value.is_empty();
    stream.is_terminal()
        && std::env::var_os("NO_COLOR").as_ref().is_none_or(is_unset)
        && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// Columns of stdout: `COLUMNS` says it, or the terminal.
fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let there = || {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    };
    said.or_else(there).filter(|columns| *columns > 0)
}

/// Writes the program's own story to stderr, if `COMPUTES_LOG` asks for it.
pub fn trace(env: &dyn Fn(&str) -> Option<OsString>) {
    let level = env("COMPUTES_LOG").and_then(|level| level.to_str()?.parse().ok());
    if let Some(level) = level {
        let level: tracing::Level = level;
        let told = Targets::new().with_target("computes", level);
        let told = TELL_NO_SECRET
            .iter()
            .fold(told, |told, target| told.with_target(*target, level.min(tracing::Level::DEBUG)));
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(told));
        // Only the first one counts, and this is called once.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}
