//! Where the code comes from that a job works on.

use serde::{Deserialize, Serialize};

/// What of the caller's repository goes with the job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What git tracks and what it doesn't ignore, as it is on the disk.
    Tree,
    /// What HEAD holds, nothing else.
    Commit,
    /// Nothing: it is in the image, or, on this machine, where the caller stands.
    #[default]
    Image,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is none of tree, commit and image, which `source` takes")]
pub struct UnknownSource(pub String);

impl Source {
    pub const ALL: [Self; 3] = [Self::Tree, Self::Commit, Self::Image];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Commit => "commit",
            Self::Image => "image",
        }
    }
}

impl std::str::FromStr for Source {
    type Err = UnknownSource;
    fn from_str(text: &str) -> Result<Self, UnknownSource> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| UnknownSource(text.to_owned()))
    }
}
