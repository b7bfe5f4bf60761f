//! How long an attempt may run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Seconds from an attempt's start. SubmitJob: at least 60; the wait in the queue does
/// not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeout(u32);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimeoutError {
    #[error("a timeout of {0} s is below the 60 s that AWS Batch asks for at least")]
    TooShort(u64),
    #[error("a timeout of {0} s is beyond what AWS Batch can hold")]
    TooLong(u64),
    #[error("`{0}` is no duration: it is a number of seconds, or has units such as `90m` or `1h`")]
    Malformed(String),
}

const LEAST_SECONDS: u64 = 60;
/// `attemptDurationSeconds` is a signed 32-bit number.
const MOST_SECONDS: u64 = i32::MAX as u64;

impl Timeout {
    /// # Errors
    /// Outside of what Batch takes.
    pub fn from_seconds(seconds: u64) -> Result<Self, TimeoutError> {
        match u32::try_from(seconds) {
            Ok(_) if seconds < LEAST_SECONDS => Err(TimeoutError::TooShort(seconds)),
            Ok(exact) if seconds <= MOST_SECONDS => Ok(Self(exact)),
            _ => Err(TimeoutError::TooLong(seconds)),
        }
    }

    /// One that was checked on its way into the ledger.
    #[must_use]
    pub const fn from_ledger(seconds: u32) -> Self {
        Self(seconds)
    }

    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl std::str::FromStr for Timeout {
    type Err = TimeoutError;
    fn from_str(text: &str) -> Result<Self, TimeoutError> {
        let duration =
            parse_duration(text).ok_or_else(|| TimeoutError::Malformed(text.to_owned()))?;
        Self::from_seconds(duration.as_secs())
    }
}

/// `3600`, `90m`, `1h 30m`, `500ms`, `2d`; a bare number is seconds, and a day has 24 hours.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let span: jiff::Span = text.parse().ok()?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_units() {
        for (text, seconds) in [
            ("60", 60),
            ("3600", 3600),
            ("1h", 3600),
            ("90m", 5400),
            ("1h 30m", 5400),
            ("2d", 172_800),
            ("1d 1h", 90_000),
            ("1w", 604_800),
        ] {
            assert_eq!(text.parse::<Timeout>().expect(text).seconds(), seconds);
        }
        assert_eq!("59".parse::<Timeout>(), Err(TimeoutError::TooShort(59)));
        assert_eq!("1s".parse::<Timeout>(), Err(TimeoutError::TooShort(1)));
        assert_eq!("99999999999".parse::<Timeout>(), Err(TimeoutError::TooLong(99_999_999_999)));
        for text in ["", "soon", "-1h", "1 hour-ish", "1 month", "1 year"] {
            assert!(matches!(text.parse::<Timeout>(), Err(TimeoutError::Malformed(_))), "{text}");
        }
    }
}
