//! The variables that a draft declares: with a value, with that of the caller, or as secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::env::VarError;

use serde::Deserialize;

use super::{EnvName, Secret, SecretSource, Secrets, SpecError};

/// A variable with its value, or one whose value the caller's environment has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentEntry {
    pub name: String,
    pub value: Option<String>,
}

/// How the caller's environment is asked.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Result<String, VarError>;

/// Those whose value we are to find, and those that say where it is.
pub(super) fn secret_sources(
    secrets: BTreeSet<String>,
) -> Result<(BTreeSet<String>, BTreeMap<EnvName, SecretSource>), SpecError> {
    let mut names = BTreeSet::new();
    let mut sources = BTreeMap::new();
    for secret in secrets {
        match secret.split_once('=') {
            Some((name, source)) if SecretSource::is_meant(source) => {
                sources.insert(EnvName::new(name)?, source.parse()?);
            }
            Some((name, _)) => return Err(SpecError::SecretGiven(EnvName::new(name)?)),
            None => {
                names.insert(secret);
            }
        }
    }
    // A name alone, said beneath, means the same secret.
    names.retain(|name| !sources.keys().any(|source| source.as_str() == name));
    Ok((names, sources))
}

/// Later entries win. A variable that is named as a secret is one, wherever its value is from.
pub(super) fn environment(
    entries: Vec<EnvironmentEntry>,
    secret_names: BTreeSet<String>,
    lookup: Lookup<'_>,
) -> Result<(BTreeMap<EnvName, String>, Secrets), SpecError> {
    let mut given = BTreeMap::new();
    for entry in entries {
        given.insert(EnvName::new(entry.name)?, entry.value);
    }
    let mut secrets = Secrets::default();
    for name in secret_names {
        let name = EnvName::new(name)?;
        let value = match given.remove(&name).flatten() {
            Some(value) => value,
            None => {
                from_caller(&name, lookup)?.ok_or_else(|| SpecError::SecretUnset(name.clone()))?
            }
        };
        if value.is_empty() {
            return Err(SpecError::SecretEmpty(name));
        }
        if value.contains('\0') {
            return Err(SpecError::NulInSecret(name));
        }
        secrets.insert(name, Secret::new(value));
    }
    let mut environment = BTreeMap::new();
    for (name, value) in given {
        let value = match value {
            Some(value) => value,
            None => from_caller(&name, lookup)?.ok_or_else(|| SpecError::Unset(name.clone()))?,
        };
        if value.contains('\0') {
            return Err(SpecError::NulInValue(name));
        }
        environment.insert(name, value);
    }
    Ok((environment, secrets))
}

fn from_caller(name: &EnvName, lookup: Lookup<'_>) -> Result<Option<String>, SpecError> {
    match lookup(name.as_str()) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(SpecError::NotUnicode(name.clone())),
    }
}

/// A table of `NAME = "value"`, or a list of `"NAME"` and `"NAME=value"` as on the command line.
pub(super) fn entries<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Vec<EnvironmentEntry>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "`env` takes a table of names and texts, or a list of `NAME` and `NAME=value`"
    )]
    enum Form {
        Table(BTreeMap<String, String>),
        List(Vec<String>),
    }
    Ok(match Form::deserialize(from)? {
        Form::Table(table) => table
            .into_iter()
            .map(|(name, value)| EnvironmentEntry { name, value: Some(value) })
            .collect(),
        Form::List(list) => list.iter().map(|text| EnvironmentEntry::parse(text)).collect(),
    })
}

impl EnvironmentEntry {
    /// `NAME` or `NAME=VALUE`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Self { name: text.to_owned(), value: None },
        }
    }
}
