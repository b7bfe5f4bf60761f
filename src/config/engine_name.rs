//! The engines by name.

use super::Problem;

/// What runs the jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EngineName {
    /// The embedded engine: this machine.
    #[default]
    Local,
}

impl EngineName {
    pub const ALL: [Self; 1] = [Self::Local];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
        }
    }
}

impl std::str::FromStr for EngineName {
    type Err = Problem;
    fn from_str(text: &str) -> Result<Self, Problem> {
        Self::ALL
            .into_iter()
            .find(|engine| engine.as_str() == text)
            .ok_or_else(|| Problem::UnknownEngine(text.to_owned()))
    }
}

impl std::fmt::Display for EngineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
