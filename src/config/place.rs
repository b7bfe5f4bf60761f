//! Where something was said.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{ConfigError, Problem};

/// A spot in a file, or an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Line and column count from 1, the column in characters.
    File {
        path: PathBuf,
        line: usize,
        column: usize,
    },
    Variable(String),
}

impl Place {
    /// Where a file is once `before` of it has been read.
    pub(super) fn after(path: &Path, before: &str) -> Self {
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        // A byte order mark is no character that an editor shows.
        let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
        let line = before.matches('\n').count() + 1;
        Self::File { path: path.to_owned(), line, column }
    }

    pub(super) fn wrong(&self, problem: impl Into<Problem>) -> ConfigError {
        ConfigError::Wrong { place: self.clone(), problem: Box::new(problem.into()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Self::Variable(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_columns_in_characters() {
        let at = |before| Place::after(Path::new("f"), before).to_string();
        assert_eq!(at(""), "f:1:1");
        assert_eq!(at("ab"), "f:1:3");
        assert_eq!(at("ab\n"), "f:2:1");
        assert_eq!(at("ab\r\n\r\näö"), "f:3:3");
        assert_eq!(at("\u{feff}a"), "f:1:2");
    }
}
