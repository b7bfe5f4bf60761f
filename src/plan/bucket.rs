//! Where on AWS parcels and results are kept, and what brings them to a job.

use serde::{Deserialize, Serialize};

/// A bucket of S3, and what all keys in it begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bucket {
    pub name: String,
    /// Without slashes around it; may be empty.
    pub prefix: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no bucket: give its name, or s3://NAME/PREFIX")]
pub struct NoBucket(pub String);

impl std::str::FromStr for Bucket {
    type Err = NoBucket;
    /// `NAME`, `NAME/PREFIX`, each with `s3://` or without.
    fn from_str(text: &str) -> Result<Self, NoBucket> {
        let wrong = || NoBucket(text.to_owned());
        let rest = text.strip_prefix("s3://").unwrap_or(text);
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // S3, "Bucket naming rules".
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        if !(3..=63).contains(&name.len()) || !name.chars().all(known) {
            return Err(wrong());
        }
        let prefix = prefix.trim_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=".contains(c);
        if !prefix.chars().all(plain) || prefix.split('/').any(|part| part == "..") {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), prefix: prefix.to_owned() })
    }
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}", self.name)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl TryFrom<String> for Bucket {
    type Error = NoBucket;
    fn try_from(text: String) -> Result<Self, NoBucket> {
        text.parse()
    }
}

impl From<Bucket> for String {
    fn from(bucket: Bucket) -> Self {
        bucket.to_string()
    }
}

/// What brings parcels to a job on AWS and its results back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fetch {
    /// This program, which the image holds, with the role of the job.
    #[default]
    Program,
    /// `curl` or `wget`, by URLs that were signed when the job was submitted.
    Urls,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is none of program and urls, which `fetch` takes")]
pub struct UnknownFetch(pub String);

impl Fetch {
    pub const ALL: [Self; 2] = [Self::Program, Self::Urls];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Urls => "urls",
        }
    }

    /// For serde: what is left out of a record.
    #[must_use]
    pub fn is_program(&self) -> bool {
        *self == Self::Program
    }
}

impl std::str::FromStr for Fetch {
    type Err = UnknownFetch;
    fn from_str(text: &str) -> Result<Self, UnknownFetch> {
        Self::ALL
            .into_iter()
            .find(|fetch| fetch.as_str() == text)
            .ok_or_else(|| UnknownFetch(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_in_several_ways() {
        for (text, shown) in [
            ("builds", "s3://builds"),
            ("s3://builds/", "s3://builds"),
            ("s3://my.builds-1/team/ci/", "s3://my.builds-1/team/ci"),
        ] {
            assert_eq!(text.parse::<Bucket>().map(|it| it.to_string()), Ok(shown.to_owned()));
        }
        for text in ["", "ab", "Builds", "s3://", "s3:///x", "b/../c/..", "builds/a b", "a_b_c"] {
            assert_eq!(text.parse::<Bucket>(), Err(NoBucket(text.to_owned())));
        }
    }
}
