//! The states of a job.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In the ledger; no engine has it.
    Accepted,
    /// The hand-over is under way; whether the engine has it is unknown.
    Submitting,
    /// The engine has it and nothing has started it.
    Queued,
    /// An attempt was given to a host.
    Starting,
    /// The command runs.
    Running,
    /// Waits for a condition to clear.
    Blocked,
    Succeeded,
    Failed,
    Cancelled,
    /// The engine no longer knows the job, and its end was not seen.
    Lost,
}

impl State {
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::Submitting,
        Self::Queued,
        Self::Starting,
        Self::Running,
        Self::Blocked,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Lost,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Submitting => "submitting",
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Nothing follows.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Lost => true,
            Self::Accepted
            | Self::Submitting
            | Self::Queued
            | Self::Starting
            | Self::Running
            | Self::Blocked => false,
        }
    }

    /// An attempt is open.
    #[must_use]
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
