//! How an attempt or a job ended, and why.

use serde::{Deserialize, Serialize};

/// Why a job failed. Every `failed` job has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The command ended by itself with a code other than 0.
    ExitCode,
    /// The command was ended by a signal that the engine did not send.
    Signal,
    /// It ran longer than its timeout.
    TimedOut,
    /// It used more memory than it asked for.
    OutOfMemory,
    /// The host was reclaimed or the worker was asked to leave.
    Interrupted,
    /// The container image could not be had.
    ImagePull,
    /// The command could not be started at all.
    StartFailed,
    /// A job that this one waits for failed.
    DependencyFailed,
    /// The worker went silent, more often than is made up for.
    KeepAliveLost,
    /// The engine did not accept the job.
    Refused,
}

impl FailureClass {
    pub const ALL: [Self; 10] = [
        Self::ExitCode,
        Self::Signal,
        Self::TimedOut,
        Self::OutOfMemory,
        Self::Interrupted,
        Self::ImagePull,
        Self::StartFailed,
        Self::DependencyFailed,
        Self::KeepAliveLost,
        Self::Refused,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExitCode => "exit_code",
            Self::Signal => "signal",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::Interrupted => "interrupted",
            Self::ImagePull => "image_pull",
            Self::StartFailed => "start_failed",
            Self::DependencyFailed => "dependency_failed",
            Self::KeepAliveLost => "keep_alive_lost",
            Self::Refused => "refused",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// As people are told it: `exit code 7`, `timed out, Job attempt duration exceeded timeout`.
    #[must_use]
    pub fn told(self, exit_code: Option<i32>, reason: Option<&str>) -> String {
        let what = match (self, exit_code) {
            (Self::ExitCode, Some(code)) => format!("exit code {code}"),
            _ => self.as_str().replace('_', " "),
        };
        match reason {
            Some(reason) if self == Self::Signal && reason.starts_with("ended by") => {
                reason.to_owned()
            }
            // It says no more than the class.
            Some(reason) if self == Self::OutOfMemory && reason.starts_with("OutOfMemoryError") => {
                what
            }
            Some(reason) if reason != what => format!("{what}, {reason}"),
            _ => what,
        }
    }
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Succeeded,
    Failed(FailureClass),
    /// Ended because a cancel was asked for.
    Cancelled,
}

/// The end of an attempt as the engine saw it, with the words that Batch would use,
/// so that retry rules written for Batch hold on every engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    /// The command's exit code; 128 + signal where a signal ended it.
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Batch's `statusReason`.
    pub status_reason: String,
    /// Batch's `container.reason`.
    pub reason: Option<String>,
}

impl Outcome {
    /// Why it did not succeed, or what was odd about it; for people and for the ledger.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self.verdict {
            Verdict::Succeeded => self.reason.as_deref(),
            Verdict::Failed(_) | Verdict::Cancelled => {
                Some(self.reason.as_deref().unwrap_or(&self.status_reason))
            }
        }
    }

    #[must_use]
    pub fn class(&self) -> Option<FailureClass> {
        match self.verdict {
            Verdict::Failed(class) => Some(class),
            Verdict::Succeeded | Verdict::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_twice() {
        use FailureClass::{ExitCode, OutOfMemory, Signal, StartFailed};
        for (class, code, reason, told) in [
            (ExitCode, Some(7), Some("exit code 7"), "exit code 7"),
            (ExitCode, Some(7), Some("CannotSay: x"), "exit code 7, CannotSay: x"),
            (ExitCode, None, Some("without an exit code"), "exit code, without an exit code"),
            (Signal, Some(137), Some("ended by SIGKILL"), "ended by SIGKILL"),
            (StartFailed, Some(125), Some("exit code 125"), "start failed, exit code 125"),
            (StartFailed, None, None, "start failed"),
            (OutOfMemory, Some(137), Some("OutOfMemoryError: Container killed"), "out of memory"),
            (OutOfMemory, Some(137), Some("the host had none"), "out of memory, the host had none"),
        ] {
            assert_eq!(class.told(code, reason), told);
        }
    }
}
