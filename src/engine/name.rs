//! The engines by name.

/// What runs a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EngineName {
    /// The embedded engine: this machine.
    #[default]
    Local,
    /// AWS Batch.
    Aws,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no engine `{0}`")]
pub struct UnknownEngine(pub String);

impl EngineName {
    pub const ALL: [Self; 2] = [Self::Local, Self::Aws];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => crate::ledger::LOCAL,
            Self::Aws => "aws",
        }
    }
}

impl std::str::FromStr for EngineName {
    type Err = UnknownEngine;
    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        Self::ALL
            .into_iter()
            .find(|engine| engine.as_str() == text)
            .ok_or_else(|| UnknownEngine(text.to_owned()))
    }
}

impl std::fmt::Display for EngineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
