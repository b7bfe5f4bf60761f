//! Jobs that are meant by what they are, rather than one by one.

use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::Failure;
use crate::job::{Queue, SpecError, State, meant, parse_duration};
use crate::ledger::{Filter, Millis};

/// All that are given have to hold.
#[derive(Debug, Default, Args)]
pub struct Selection {
    /// Only jobs in these states, as in queued,running; `unfinished` is all that are not over
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',')]
    states: Vec<String>,
    /// Only jobs of these queues
    #[arg(long = "queue", value_name = "QUEUE", value_delimiter = ',')]
    queues: Vec<String>,
    /// Only jobs whose name holds this text
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only jobs submitted since: 2h or 7d ago, on 2026-03-01, at 2026-03-01T14:30 or in RFC 3339
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only jobs submitted before, in the same words
    #[arg(long, value_name = "WHEN")]
    before: Option<String>,
}

impl Selection {
    /// Is there anything by which jobs are meant?
    pub const fn is_given(&self) -> bool {
        let Self { states, queues, name, since, before } = self;
        let is_bare = states.is_empty() && queues.is_empty() && name.is_none();
        !is_bare || since.is_some() || before.is_some()
    }

    /// # Errors
    /// When there is no such state, queue or time.
    pub fn filter(&self, now: Millis) -> Result<Filter, Failure> {
        let zone = TimeZone::system();
        let moment = |option: &str, text: &Option<String>| {
            text.as_deref().map(|text| moment(option, text, now, &zone)).transpose()
        };
        let queues = words(&self.queues, "--queue", Queue::Asap.as_str())?;
        let queues = queues.into_iter().map(str::parse::<Queue>);
        Ok(Filter {
            states: states(&words(&self.states, "--state", State::Failed.as_str())?)?,
            queues: queues.collect::<Result<_, _>>().map_err(SpecError::Queue)?,
            name_contains: self.name.clone(),
            since: moment("--since", &self.since)?,
            before: moment("--before", &self.before)?,
            ..Filter::default()
        })
    }
}

impl Selection {
    /// The same of jobs that are not over, for a verb that changes them.
    ///
    /// # Errors
    /// When there is no such state, queue or time, when a state is an end, or when the text that
    /// names are to hold is empty, as an unset variable of a shell is.
    pub fn of_unfinished(&self, now: Millis) -> Result<Filter, Failure> {
        if self.name.as_deref() == Some("") {
            return Err(Failure::usage(
                "--name is empty, and every name holds that",
                "say --all if every job is meant",
            ));
        }
        let mut filter = self.filter(now)?;
        if let Some(end) = filter.states.iter().find(|state| state.is_terminal()) {
            return Err(Failure::usage(
                format!("a job in state `{end}` is over"),
                format!("jobs that are not over are {UNFINISHED}, or else {}", listed()),
            ));
        }
        if filter.states.is_empty() {
            filter.states = Filter::unfinished().states;
        }
        Ok(filter)
    }
}

fn listed() -> String {
    let states = Filter::unfinished().states;
    states.into_iter().map(State::as_str).collect::<Vec<_>>().join(", ")
}

/// What stands between the commas. One behind the last is left where a line was completed half-way, but of a list
/// that holds nothing, as an unset variable of a shell does, nobody can tell what it means.
fn words<'a>(said: &'a [String], option: &str, one: &str) -> Result<Vec<&'a str>, Failure> {
    let words = said.iter().map(|word| word.trim()).filter(|word| !word.is_empty());
    let words: Vec<_> = words.collect();
    if words.is_empty() && !said.is_empty() {
        let hint = format!("name at least one, as in {option} {one}");
        return Err(Failure::usage(format!("{option} is empty"), hint));
    }
    Ok(words)
}

fn states(names: &[&str]) -> Result<Vec<State>, Failure> {
    let mut states = Vec::new();
    for name in names {
        match State::parse(name) {
            Some(state) => states.push(state),
            None if *name == UNFINISHED => states.extend(Filter::unfinished().states),
            None => {
                let known = State::ALL.map(State::as_str);
                let known = [&[UNFINISHED], known.as_slice()].concat();
                let hint = meant(name, &known, "the states are");
                return Err(Failure::usage(format!("there is no state `{name}`"), hint));
            }
        }
    }
    Ok(states)
}

/// All states that are not the end.
const UNFINISHED: &str = "unfinished";

/// So long ago, or a day or a time of day in the caller's zone, or an exact time.
fn moment(option: &str, text: &str, now: Millis, zone: &TimeZone) -> Result<Millis, Failure> {
    let is_bare = text.bytes().all(|byte| byte.is_ascii_digit());
    let ago = parse_duration(text).filter(|_| !is_bare);
    let ago = ago.and_then(|ago| i64::try_from(ago.as_millis()).ok());
    let exact = || text.parse::<jiff::Timestamp>().ok();
    let here = || Some(text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()?.timestamp());
    ago.map(|ago| now.saturating_sub(ago))
        .or_else(|| Some(exact().or_else(here)?.as_millisecond()))
        .filter(|_| !is_bare)
        .ok_or_else(|| {
            Failure::usage(
                format!("{option}: `{text}` is no time"),
                "say how long ago, as in 2h or 7d, or when, as in 2026-03-01 or 2026-03-01T14:30",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_ago_or_of_the_callers_zone_or_exact() {
        const NOW: Millis = 1_800_000_000_000;
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let of = |text| moment("--since", text, NOW, &zone).ok();
        assert_eq!(of("90s"), Some(NOW - 90_000));
        assert_eq!(of("1d 1h"), Some(NOW - 90_000_000));
        // Midnight two hours east of Greenwich.
        assert_eq!(of("2027-01-15"), Some(1_799_964_000_000));
        assert_eq!(of("2027-01-15T02:00"), Some(1_799_971_200_000));
        assert_eq!(of("2027-01-15 02:00:01"), Some(1_799_971_201_000));
        assert_eq!(of("2027-01-15T00:00:00Z"), Some(1_799_971_200_000));
        assert_eq!(of("2027-01-15T01:00:00+01:00"), Some(1_799_971_200_000));
        for text in ["", "20270115", "yesterday", "-2h", "2027-13-01"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
