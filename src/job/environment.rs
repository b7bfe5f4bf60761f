//! Names of environment variables that a job may be given.

use serde::{Deserialize, Serialize};

/// A variable's name: not empty, without `=` or NUL, and not one of Batch's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvName(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvNameError {
    #[error("an environment variable needs a name")]
    Empty,
    /// Without what follows the `=`, which may be a secret.
    #[error("`{0}=…` is no name for an environment variable: it holds `=` or a NUL byte")]
    Malformed(String),
    /// SubmitJob: names that start with `AWS_BATCH` are reserved for Batch.
    #[error("environment variable `{0}`: names starting with `AWS_BATCH` belong to AWS Batch")]
    Reserved(String),
}

impl EnvName {
    /// # Errors
    /// When Batch or the kernel would refuse the name.
    pub fn new(name: impl Into<String>) -> Result<Self, EnvNameError> {
        let name = name.into();
        if name.is_empty() {
            Err(EnvNameError::Empty)
        } else if name.contains(['=', '\0']) {
            let front = name.split(['=', '\0']).next().unwrap_or_default();
            Err(EnvNameError::Malformed(front.to_owned()))
        } else if name.to_ascii_uppercase().starts_with("AWS_BATCH") {
            Err(EnvNameError::Reserved(name))
        } else {
            Ok(Self(name))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for EnvName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EnvName {
    type Error = EnvNameError;
    fn try_from(name: String) -> Result<Self, EnvNameError> {
        Self::new(name)
    }
}

impl From<EnvName> for String {
    fn from(name: EnvName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_keeps_its_own_names() {
        assert!(matches!(EnvName::new("AWS_BATCH_JOB_ID"), Err(EnvNameError::Reserved(_))));
        assert!(EnvName::new("AWS_REGION").is_ok());
        assert_eq!(EnvName::new(""), Err(EnvNameError::Empty));
        assert!(matches!(EnvName::new("A=B"), Err(EnvNameError::Malformed(_))));
    }
}
