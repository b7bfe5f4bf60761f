//! Why there are no settings to go on with.

use std::io;
use std::path::PathBuf;

use super::{Place, Problem};

/// What went wrong, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{place}: {problem}")]
    Wrong { place: Place, problem: Box<Problem> },
    #[error("cannot read `{}`", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "there is no place for the state directory: \
         none of COMPUTES_STATE_DIR, XDG_STATE_HOME and HOME is set to an absolute path"
    )]
    NoStateDir,
}

impl ConfigError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Wrong { problem, .. } => return problem.hint(),
            Self::Unreadable { .. } => "make the file readable, or move it away".to_owned(),
            Self::NoStateDir => {
                "set COMPUTES_STATE_DIR to a directory on a disk of this machine".to_owned()
            }
        })
    }
}
