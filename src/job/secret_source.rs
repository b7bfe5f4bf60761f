//! Secrets whose values never pass whoever submits: the engine fetches them for the job.

use serde::{Deserialize, Serialize};

/// Where AWS has a secret's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretSource {
    /// A parameter of the SSM Parameter Store: its name or ARN.
    Ssm(String),
    /// A secret of Secrets Manager: its name or ARN, which may end in
    /// `:json-key:version-stage:version-id`.
    SecretsManager(String),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` names no secret: it is `ssm:` and a parameter, or `secretsmanager:` and a secret")]
pub struct NoSecretSource(pub String);

const SSM: &str = "ssm:";
const SECRETS_MANAGER: &str = "secretsmanager:";

impl SecretSource {
    /// Does the text say where a value is, rather than being a value?
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SSM) || text.starts_with(SECRETS_MANAGER)
    }
}

impl std::str::FromStr for SecretSource {
    type Err = NoSecretSource;
    fn from_str(text: &str) -> Result<Self, NoSecretSource> {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        text.strip_prefix(SSM)
            .and_then(named)
            .map(Self::Ssm)
            .or_else(|| {
                text.strip_prefix(SECRETS_MANAGER).and_then(named).map(Self::SecretsManager)
            })
            .ok_or_else(|| NoSecretSource(text.to_owned()))
    }
}

impl std::fmt::Display for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ssm(name) => write!(f, "{SSM}{name}"),
            Self::SecretsManager(name) => write!(f, "{SECRETS_MANAGER}{name}"),
        }
    }
}

impl TryFrom<String> for SecretSource {
    type Error = NoSecretSource;
    fn try_from(text: String) -> Result<Self, NoSecretSource> {
        text.parse()
    }
}

impl From<SecretSource> for String {
    fn from(source: SecretSource) -> Self {
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_as_they_are_written() {
        for text in ["ssm:/team/token", "secretsmanager:prod/db", "ssm:arn:aws:ssm:eu-west-1:1:p/x"]
        {
            assert_eq!(text.parse::<SecretSource>().map(|it| it.to_string()), Ok(text.to_owned()));
        }
        for text in ["ssm:", "secretsmanager:", "vault:x", ""] {
            assert_eq!(text.parse::<SecretSource>(), Err(NoSecretSource(text.to_owned())));
        }
    }
}
