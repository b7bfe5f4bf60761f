//! What a job finds at `/files`.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobFiles {
    /// A directory of the job's own, the same in each of its attempts.
    #[default]
    Kept,
    /// A directory of the attempt's own, empty when it starts.
    Fresh,
    /// Nothing: the command is left as it is.
    None,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is none of kept, fresh and none, which `files` takes")]
pub struct UnknownFiles(pub String);

impl JobFiles {
    pub const ALL: [Self; 3] = [Self::Kept, Self::Fresh, Self::None];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Fresh => "fresh",
            Self::None => "none",
        }
    }

    /// For serde: what is left out of a record.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        *self == Self::Kept
    }
}

impl std::str::FromStr for JobFiles {
    type Err = UnknownFiles;
    fn from_str(text: &str) -> Result<Self, UnknownFiles> {
        Self::ALL
            .into_iter()
            .find(|files| files.as_str() == text)
            .ok_or_else(|| UnknownFiles(text.to_owned()))
    }
}
