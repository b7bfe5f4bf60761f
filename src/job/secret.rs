//! Values that are never shown.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::EnvName;

/// A value that has no `Display`, no `Serialize`, and a `Debug` that hides it; its memory
/// is wiped when it goes.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

/// Shorter texts, such as `}` or `test`, stand in others by chance.
pub const TELLING: usize = 8;

/// What stands in a secret's place wherever it would be seen.
pub const MASK: &str = "***";

impl Secret {
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value.into())
    }

    /// The value itself, for the job's environment and for the mask of its log.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What gives it away: the value, and of one of several lines (a key) each line that is long
    /// enough to mean something.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        let value = self.expose();
        let lines = value.lines().filter(|line| value.contains('\n') && line.len() >= TELLING);
        std::iter::once(value).chain(lines).filter(|part| !part.is_empty())
    }
}

/// The secrets of one job, by the name of the variable that carries each.
#[derive(Debug, Clone, Default)]
pub struct Secrets(BTreeMap<EnvName, Secret>);

impl Secrets {
    pub fn insert(&mut self, name: EnvName, secret: Secret) {
        self.0.insert(name, secret);
    }

    #[must_use]
    pub fn get(&self, name: &EnvName) -> Option<&Secret> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&EnvName, &Secret)> {
        self.0.iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_value() {
        let mut secrets = Secrets::default();
        secrets.insert(EnvName::new("TOKEN").expect("a name"), Secret::new("hunter2".into()));
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
