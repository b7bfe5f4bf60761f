//! What the user is told when something goes wrong, and with which exit code.

use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::engine::aws::AwsError;
use crate::job::{FailureClass, SpecError, State};
use crate::ledger::{JobRecord, LedgerError};
use crate::parcel::ParcelError;
use crate::plan::{LimitError, RequestError};

/// Exit codes that are not the job's own. docs/exit-codes.md explains them.
pub mod code {
    pub const USAGE: u8 = 2;
    pub const CANCELLED: u8 = 120;
    pub const TIMED_OUT: u8 = 121;
    pub const INTERRUPTED: u8 = 122;
    pub const OUT_OF_MEMORY: u8 = 123;
    pub const LIMIT_REACHED: u8 = 124;
    pub const FAILED: u8 = 125;
    /// As shells have it for a program that SIGINT and SIGTERM ended.
    pub const DETACHED_BY_INT: u8 = 130;
    pub const DETACHED_BY_TERM: u8 = 143;
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for is wrong, wherever it would run.
    Usage,
    /// It can't be done here and now.
    Failed,
    /// Whoever reads our output has gone away: no error at all.
    ReaderGone,
}

#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    pub error: anyhow::Error,
    pub hint: Option<String>,
}

impl Failure {
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind: Kind::Usage,
            error: anyhow::Error::msg(message.into()),
            hint: Some(hint.into()),
        }
    }

    fn new(kind: Kind, hint: Option<String>, error: impl Into<anyhow::Error>) -> Self {
        Self { kind, hint, error: error.into() }
    }

    /// Says what was being done: `cannot submit `nightly`: …`.
    #[must_use]
    pub fn doing(self, what: impl std::fmt::Display) -> Self {
        Self { error: self.error.context(format!("cannot {what}")), ..self }
    }

    /// Adds the line that takes up the work again.
    #[must_use]
    pub fn or_come_back(self, line: &str) -> Self {
        let hint = match self.hint {
            Some(hint) => format!("{hint}; nothing is lost, to come back: {line}"),
            None => format!("nothing is lost, to come back: {line}"),
        };
        Self { hint: Some(hint), ..self }
    }

    pub const fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Usage => code::USAGE,
            Kind::Failed => code::FAILED,
            Kind::ReaderGone => 0,
        }
    }

    /// The whole chain of causes in one line.
    pub fn message(&self) -> String {
        let mut causes: Vec<String> = Vec::new();
        for cause in self.error.chain().map(ToString::to_string) {
            // Some libraries say the same thing again one level down.
            if causes.last().is_none_or(|last| !cause.ends_with(last.as_str())) {
                causes.push(cause);
            }
        }
        causes.join(": ")
    }
}

/// Adds what was being done to whatever went wrong.
pub trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| error.into().doing(what()))
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        Self::new(Kind::Usage, error.hint(), error)
    }
}

impl From<LimitError> for Failure {
    fn from(error: LimitError) -> Self {
        let hint = "put large values into a file that is an input, and many inputs into one folder";
        let hint = hint.to_owned();
        Self::new(Kind::Usage, Some(hint), error)
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        let hint = match &error {
            RequestError::NullValue(name) => Some(format!("export {name} before the JSON is made")),
            RequestError::RulesAlone => Some("say how often, as in \"attempts\": 3".to_owned()),
            _ => None,
        };
        Self::new(Kind::Usage, hint, error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Kind::Usage, error.hint(), error)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let kind = if error.is_about_a_name() { Kind::Usage } else { Kind::Failed };
        Self::new(kind, error.hint(), error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Ledger(error) => error.into(),
            EngineError::Aws(error) => error.into(),
            EngineError::Parcel(error) => error.into(),
            EngineError::NeverFits(_) | EngineError::NoFiles(_) => {
                Self::new(Kind::Usage, error.hint(), error)
            }
            error => Self::new(Kind::Failed, error.hint(), error),
        }
    }
}

impl From<ParcelError> for Failure {
    fn from(error: ParcelError) -> Self {
        let kind = if error.is_about_the_request() { Kind::Usage } else { Kind::Failed };
        Self::new(kind, error.hint(), error)
    }
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        let kind = if error.is_about_the_request() { Kind::Usage } else { Kind::Failed };
        Self::new(kind, error.hint(), error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::BrokenPipe => Kind::ReaderGone,
            _ => Kind::Failed,
        };
        Self::new(kind, None, error)
    }
}

/// The exit code of `run` and `wait` for a job that is over.
pub fn exit_code(job: &JobRecord) -> u8 {
    match (job.state, job.class) {
        (State::Succeeded, _) => 0,
        (State::Cancelled, _) => code::CANCELLED,
        (_, Some(FailureClass::TimedOut)) => code::TIMED_OUT,
        (_, Some(FailureClass::Interrupted)) => code::INTERRUPTED,
        (_, Some(FailureClass::OutOfMemory)) => code::OUT_OF_MEMORY,
        (_, Some(FailureClass::ExitCode | FailureClass::Signal | FailureClass::StartFailed)) => {
            // A job that failed never gives 0, whatever the engine saw.
            job.exit_code
                .and_then(|code| u8::try_from(code).ok())
                .filter(|code| *code != 0)
                .unwrap_or(code::FAILED)
        }
        _ => code::FAILED,
    }
}
