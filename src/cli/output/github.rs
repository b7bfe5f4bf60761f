//! What GitHub Actions shows of a failure: an annotation of the run, and a part of its summary.
//!
//! The formats are GitHub's: "Workflow commands for GitHub Actions", and its Markdown.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::json::JobView;
use crate::job::one_line;

/// The runner takes a summary of 1 MiB for each step, and refuses all of one that is longer.
const SUMMARY_BYTES: u64 = 1024 * 1024;

/// A step of GitHub Actions.
pub struct GitHub {
    /// Where its summary is written.
    summary: Option<PathBuf>,
}

impl GitHub {
    /// `None` anywhere else.
    pub fn of(env: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let is_there = env("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        let summary = env("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty());
        is_there.then(|| Self { summary: summary.map(PathBuf::from) })
    }

    /// Adds to the summary of the step, as long as there is room.
    pub fn summarise(&self, text: &str) -> io::Result<()> {
        self.summary.as_deref().map_or(Ok(()), |path| append(path, text))
    }
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    if length + text.len() as u64 > SUMMARY_BYTES {
        return Ok(());
    }
    file.write_all(text.as_bytes())
}

/// The line that makes an annotation. The runner reads it from stderr as well as from stdout.
pub fn annotation(title: &str, message: &str) -> String {
    let message = escaped(message);
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::error title={title}::{message}")
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A job that did not succeed, as a part of the summary. `took` is empty for one that never ran.
pub fn summary(job: &JobView, took: &str) -> String {
    let reason = job.reason.as_deref();
    let why = match job.class {
        Some(class) => class.told(job.exit_code, reason),
        None => reason.unwrap_or_default().to_owned(),
    };
    let mut text = format!("### `{}` {}\n\n| | |\n| --- | --- |\n", job.name, job.state);
    let on_aws = job.engine_id.clone().unwrap_or_default();
    let tries = match (job.attempt, job.attempts) {
        (0, _) => String::new(),
        (attempt, Some(most)) => format!("{attempt} of {most}"),
        (attempt, None) => attempt.to_string(),
    };
    let rows = [
        ("why", why.as_str()),
        ("queue", job.queue.as_str()),
        ("job", &job.id),
        ("on AWS", &on_aws),
        ("attempt", &tries),
        ("took", took),
    ];
    for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a String can't fail.
        let _ = writeln!(text, "| {name} | {} |", cell(value));
    }
    let id = if on_aws.is_empty() { &job.id } else { &on_aws };
    let _ = writeln!(text, "\n`computes logs {id}` and `computes explain {id}` tell more.\n");
    text
}

/// A text as it stands, within a cell of a table of Markdown.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in one_line(text).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' | '@' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_means_by_itself_is_escaped() {
        assert_eq!(
            annotation("a: b, c", "50 %: first\r\nsecond::x"),
            "::error title=a%3A b%2C c::50 %25: first%0D%0Asecond::x"
        );
    }

    #[test]
    fn nothing_gets_out_of_a_cell() {
        assert_eq!(cell("a|b\n<img src=x> `c` @team"), "a\\|b &lt;img src=x> \\`c\\` \\@team");
    }

    #[test]
    fn a_summary_that_is_full_stays_as_it_is() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        append(file.path(), &"x".repeat(1024 * 1024 - 1)).expect("written");
        append(file.path(), "yy").expect("left");
        append(file.path(), "z").expect("written");
        let text = std::fs::read_to_string(file.path()).expect("read");
        assert!(text.ends_with("xz"));
    }
}
