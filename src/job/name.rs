//! Names of jobs, as AWS Batch allows them.

use serde::{Deserialize, Serialize};

/// SubmitJob: at most 128 characters, the first alphanumeric, then letters, digits,
/// `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct JobName(String);

const LONGEST: usize = 128;
/// A name that nobody chose stays readable in a table.
const LONGEST_DERIVED: usize = 48;

impl JobName {
    /// Any text becomes a valid name. What can't stay turns into single dashes.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(normalise(text, LONGEST))
    }

    /// The name of a job that was given none: the program and its arguments.
    #[must_use]
    pub fn from_command(words: &[String]) -> Self {
        let mut words = words.iter().map(String::as_str);
        let program = words.next().unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or_default();
        let text = std::iter::once(program).chain(words).collect::<Vec<_>>().join("-");
        Self(normalise(&text, LONGEST_DERIVED))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn normalise(text: &str, longest: usize) -> String {
    let mut name = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || (!name.is_empty() && (c == '_' || c == '-')) {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.len() == longest {
            break;
        }
    }
    if text.ends_with(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-') {
        name.truncate(name.trim_end_matches('-').len());
    }
    if name.is_empty() { "job".to_owned() } else { name }
}

impl From<String> for JobName {
    fn from(text: String) -> Self {
        Self::from_text(&text)
    }
}

impl From<JobName> for String {
    fn from(name: JobName) -> Self {
        name.0
    }
}

impl std::fmt::Display for JobName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_becomes_a_name() {
        for (text, name) in [
            ("nightly", "nightly"),
            ("build & test: main", "build-test-main"),
            ("-x", "x"),
            ("", "job"),
            ("päckchen", "p-ckchen"),
            ("a--b_", "a--b_"),
            ("v1.2!", "v1-2"),
        ] {
            assert_eq!(JobName::from_text(text).as_str(), name, "{text:?}");
        }
    }

    #[test]
    fn a_command_names_its_job() {
        let words = ["./build.sh", "test_job", "hello world"].map(String::from);
        assert_eq!(JobName::from_command(&words).as_str(), "build-sh-test_job-hello-world");
    }

    proptest! {
        #[test]
        fn every_name_is_valid_and_stays(text in ".{0,300}") {
            let name = JobName::from_text(&text);
            let s = name.as_str();
            prop_assert!(!s.is_empty() && s.len() <= LONGEST);
            prop_assert!(s.starts_with(|c: char| c.is_ascii_alphanumeric()));
            prop_assert!(s.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            prop_assert_eq!(JobName::from_text(s), name.clone());
        }
    }
}
