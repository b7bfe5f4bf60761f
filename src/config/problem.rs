//! What can be wrong with what a source says.

use crate::job::SpecError;
use crate::plan::{NoBucket, UnknownFetch};

use super::{quotes_missing, settings};
use crate::engine::{EngineName, UnknownEngine};

/// Without the place, which [`ConfigError`](super::ConfigError) adds. No value is in it that
/// may be a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("{0}")]
    Syntax(String),
    #[error("not valid UTF-8")]
    NotUtf8,
    #[error("unknown setting `{key}`")]
    Unknown { key: String, meant: Option<String> },
    /// `what` is a setting or a part of one.
    #[error("{what} takes {expected}, not {found}")]
    WrongKind { what: String, expected: String, found: &'static str, hint: Option<&'static str> },
    #[error("`{text}` is no whole number that `{key}` can take")]
    NotWhole { key: &'static str, text: String },
    #[error(
        "`{text}` is no duration: `{key}` takes a number of seconds, \
         or units such as `500ms` or `1h`"
    )]
    NotDuration { key: &'static str, text: String },
    #[error("`{text}` is too short: `{key}` is at least {least}")]
    TooShort { key: &'static str, text: String, least: &'static str },
    #[error("`{text}` is too small: `{key}` is at least {least}")]
    TooSmall { key: &'static str, text: String, least: &'static str },
    #[error("`{text}` is too long: `{key}` is at most {most}")]
    TooLong { key: &'static str, text: String, most: &'static str },
    #[error("`{text}` is no absolute path, and `{key}` has to be one")]
    NotAbsolute { key: &'static str, text: String },
    #[error("`{text}` is neither `on` nor `off`, which `{key}` has to be")]
    NotOnOrOff { key: &'static str, text: String },
    #[error(transparent)]
    Bucket(#[from] NoBucket),
    #[error(transparent)]
    Fetch(#[from] UnknownFetch),
    #[error(transparent)]
    UnknownEngine(#[from] UnknownEngine),
    #[error("secret `{0}` is given with its value, and settings hold only the names of secrets")]
    SecretValue(String),
    #[error(transparent)]
    Job(#[from] SpecError),
}

impl Problem {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotUtf8 => "save it as UTF-8".to_owned(),
            Self::Unknown { meant: Some(meant), .. } => format!("did you mean `{meant}`?"),
            Self::Unknown { meant: None, .. } => {
                let keys: Vec<_> = settings().iter().map(|setting| setting.key).collect();
                format!("the settings are {}", keys.join(", "))
            }
            Self::WrongKind { hint, .. } => return hint.map(str::to_owned),
            Self::UnknownEngine(_) => {
                format!("the engines are {}", EngineName::ALL.map(EngineName::as_str).join(", "))
            }
            Self::SecretValue(name) => format!(
                "take the value out and export {name}: it is read from your environment when a \
                 job is submitted"
            ),
            Self::Job(error) => return error.hint(),
            Self::Syntax(message) => return quotes_missing(message).map(str::to_owned),
            Self::NotWhole { .. }
            | Self::NotDuration { .. }
            | Self::TooShort { .. }
            | Self::TooSmall { .. }
            | Self::TooLong { .. }
            | Self::NotAbsolute { .. }
            | Self::NotOnOrOff { .. }
            | Self::Bucket(_)
            | Self::Fetch(_) => return None,
        })
    }
}
