//! Times and durations for people and for machines.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::ledger::Millis;

/// RFC 3339 in UTC, with milliseconds.
pub fn timestamp(millis: Millis) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) => format!("{time:.3}"),
        // Beyond the year 9999: the number itself still tells.
        Err(_) => millis.to_string(),
    }
}

/// A day and a time of day where the caller is, as `--since` takes it.
pub fn date(millis: Millis) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => millis.to_string(),
    }
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minute, hour, day) = (60, 3600, 86400);
    match seconds {
        0..10 => format!("{}.{} s", seconds, duration.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / minute, seconds % minute),
        3600..86400 => format!("{} h {} min", seconds / hour, seconds % hour / minute),
        _ => format!("{} d {} h", seconds / day, seconds % day / hour),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_are_enough() {
        let of = |millis| duration(Duration::from_millis(millis));
        assert_eq!(of(420), "0.4 s");
        assert_eq!(of(59_900), "59 s");
        assert_eq!(of(200_000), "3 min 20 s");
        assert_eq!(of(7_500_000), "2 h 5 min");
        assert_eq!(of(349_200_000), "4 d 1 h");
    }

    #[test]
    fn timestamps_are_utc() {
        assert_eq!(timestamp(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
