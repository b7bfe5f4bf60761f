//! Our own identifiers of jobs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A UUID version 7: sorted by the time of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Without dashes, as part of a name on AWS Batch.
    #[must_use]
    pub const fn simple(&self) -> uuid::fmt::Simple {
        self.0.simple()
    }

    /// A number from 0 to 1 that is another for almost every job.
    #[must_use]
    pub fn scatter(&self) -> f64 {
        let [.., low, high] = self.0.into_bytes();
        f64::from(u16::from_be_bytes([low, high])) / f64::from(u16::MAX)
    }

    /// When it was made, in milliseconds since the epoch; `None` for one that carries no time.
    #[must_use]
    pub fn made_at(&self) -> Option<i64> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        i64::try_from(seconds).ok()?.checked_mul(1000)?.checked_add((nanos / 1_000_000).into())
    }

    /// The start of the last group: the front of a version 7 UUID is the time, and alike for
    /// all jobs of the same minute. Four digits count the jobs of a batch, four are random.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.hyphenated().to_string()[SHORT_FROM..SHORT_FROM + SHORT_LENGTH].to_owned()
    }
}

/// Where the last group of a hyphenated UUID begins.
const SHORT_FROM: usize = 24;
const SHORT_LENGTH: usize = 8;

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl std::str::FromStr for JobId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// A job as a person names it on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobRef {
    /// The job that was accepted last.
    Last,
    /// The start of an id, of its last group, or an engine's id.
    Text(String),
}

impl std::str::FromStr for JobRef {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "last" => Self::Last,
            other => Self::Text(other.to_owned()),
        })
    }
}

impl std::fmt::Display for JobRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Last => f.write_str("last"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_is_the_random_end() {
        let id: JobId = "019a9f3e-5b7c-7d11-8f0a-3f9c2a71b0de".parse().expect("a uuid");
        assert_eq!(id.short(), "3f9c2a71");
    }
}
