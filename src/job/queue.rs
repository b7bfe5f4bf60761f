//! The four queues.

use serde::{Deserialize, Serialize};

/// Where a job waits: how urgent it is, and whether its host may be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Queue {
    Default,
    Asap,
    DefaultUninterruptible,
    AsapUninterruptible,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no queue `{0}`")]
pub struct UnknownQueue(pub String);

impl Queue {
    pub const ALL: [Self; 4] =
        [Self::Default, Self::Asap, Self::DefaultUninterruptible, Self::AsapUninterruptible];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Asap => "asap",
            Self::DefaultUninterruptible => "default-uninterruptible",
            Self::AsapUninterruptible => "asap-uninterruptible",
        }
    }

    /// Higher goes first. The values are those of the queues on AWS.
    #[must_use]
    pub const fn priority(self) -> u16 {
        match self {
            Self::Default | Self::DefaultUninterruptible => 1,
            Self::Asap | Self::AsapUninterruptible => 10,
        }
    }

    /// May the host be taken away while a job of this queue runs?
    #[must_use]
    pub const fn interruptible(self) -> bool {
        match self {
            Self::Default | Self::Asap => true,
            Self::DefaultUninterruptible | Self::AsapUninterruptible => false,
        }
    }

    /// The queue that an urgent one goes before.
    #[must_use]
    pub const fn usual(self) -> Option<Self> {
        match self {
            Self::Default | Self::DefaultUninterruptible => None,
            Self::Asap => Some(Self::Default),
            Self::AsapUninterruptible => Some(Self::DefaultUninterruptible),
        }
    }

    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Default => "when there is room; may be interrupted",
            Self::Asap => "first; may be interrupted",
            Self::DefaultUninterruptible => "when there is room; never interrupted",
            Self::AsapUninterruptible => "first; never interrupted",
        }
    }
}

impl std::str::FromStr for Queue {
    type Err = UnknownQueue;
    fn from_str(text: &str) -> Result<Self, UnknownQueue> {
        Self::ALL
            .into_iter()
            .find(|queue| queue.as_str() == text)
            .ok_or_else(|| UnknownQueue(text.to_owned()))
    }
}

impl std::fmt::Display for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
