//! Lines of logs: whose they are, and when they were written.

use unicode_width::UnicodeWidthStr;

use super::table::PLAIN;
use super::time::timestamp;
use crate::ledger::Millis;

/// Whose line it is, as wide as that of every other job.
#[derive(Debug, Clone)]
pub struct Label {
    text: String,
    colour: &'static str,
}

/// Enough to tell a few jobs apart: cyan, yellow, green, magenta, blue, and bright cyan.
const COLOURS: [&str; 6] = ["\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[96m"];

impl Label {
    /// For jobs of these names and short ids: the name, and where two have one, the id too.
    pub fn of_all(jobs: &[(String, String)]) -> Vec<Self> {
        let text = |(name, short): &(String, String)| {
            let is_shared = jobs.iter().filter(|(other, _)| other == name).count() > 1;
            if is_shared { format!("{name} {short}") } else { name.clone() }
        };
        let texts: Vec<_> = jobs.iter().map(text).collect();
        let widest = texts.iter().map(|text| text.width()).max().unwrap_or_default();
        let colours = COLOURS.iter().cycle();
        let label = |(text, colour): (String, &&'static str)| {
            let padding = widest - text.width();
            Self { text: format!("{text}{:padding$} |", ""), colour: *colour }
        };
        texts.into_iter().zip(colours).map(label).collect()
    }
}

/// A line as it is shown. One that has something before it ends where it ends.
pub fn log_line(label: Option<&Label>, at: Option<Millis>, text: &[u8], colour: bool) -> Vec<u8> {
    let mut line = Vec::new();
    if let Some(label) = label {
        let (on, off) = if colour { (label.colour, PLAIN) } else { ("", "") };
        line.extend(format!("{on}{}{off} ", label.text).into_bytes());
    }
    if let Some(at) = at {
        line.extend(format!("{} ", timestamp(at)).into_bytes());
    }
    let is_bare = line.is_empty();
    line.extend_from_slice(text);
    if !is_bare && !text.ends_with(b"\n") {
        line.push(b'\n');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_enough_unless_two_jobs_share_one() {
        let jobs = [("build", "1111aaaa"), ("test", "2222bbbb"), ("test", "3333cccc")];
        let jobs = jobs.map(|(name, short)| (name.to_owned(), short.to_owned()));
        let labels: Vec<_> = Label::of_all(&jobs).into_iter().map(|label| label.text).collect();
        assert_eq!(labels, ["build         |", "test 2222bbbb |", "test 3333cccc |"]);
    }
}
