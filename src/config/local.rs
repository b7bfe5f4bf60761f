//! What the embedded engine can be told.

use std::time::Duration;

use crate::job::parse_duration;

use super::said::Said;
use super::{ConfigError, Problem};

/// A worker renews its lease several times before it ends: below a second a busy machine
/// would lose jobs that are well.
const LEAST_LEASE: Duration = Duration::from_secs(1);
/// A year, far from where sums with a point in time overflow.
const MOST: Duration = Duration::from_hours(365 * 24);

pub(super) fn lease(said: &Said<'_>) -> Result<Duration, ConfigError> {
    let lease = duration(said)?;
    if lease < LEAST_LEASE {
        let (key, text) = (said.key(), said.text()?);
        return Err(said.wrong(Problem::TooShort { key, text, least: "1s" }));
    }
    Ok(lease)
}

/// Whoever follows a job sees its end before it is gone.
const LEAST_HISTORY: Duration = Duration::from_hours(1);

/// As long as one likes.
pub(super) fn history(said: &Said<'_>) -> Result<Duration, ConfigError> {
    let (key, text) = (said.key(), said.text()?);
    let problem = match parse_duration(&text) {
        Some(duration) if duration >= LEAST_HISTORY => return Ok(duration),
        Some(_) => Problem::TooShort { key, text, least: "1h" },
        None => Problem::NotDuration { key, text },
    };
    Err(said.wrong(problem))
}

pub(super) fn duration(said: &Said<'_>) -> Result<Duration, ConfigError> {
    let (key, text) = (said.key(), said.text()?);
    let problem = match parse_duration(&text) {
        Some(duration) if duration <= MOST => return Ok(duration),
        Some(_) => Problem::TooLong { key, text, most: "8760h" },
        None => Problem::NotDuration { key, text },
    };
    Err(said.wrong(problem))
}
