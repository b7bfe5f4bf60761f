//! What is asked of a job, checked and complete.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Command, CommandError, EnvName, EnvNameError, JobName, Queue, Resources, RetryError,
    RetryStrategy, SizeError, Timeout, TimeoutError, UnknownQueue,
};

/// A job as it was asked for. Secrets are named here; their values are elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    pub name: JobName,
    pub queue: Queue,
    pub command: Command,
    pub environment: BTreeMap<EnvName, String>,
    pub secrets: BTreeSet<EnvName>,
    pub resources: Resources,
    pub retry: RetryStrategy,
    pub timeout: Option<Timeout>,
    pub tags: BTreeMap<String, String>,
    /// A name, `name:revision` or an ARN.
    pub job_definition: String,
}

/// Why what was asked for can't be a job.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SpecError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Queue(#[from] UnknownQueue),
    #[error(transparent)]
    Size(#[from] SizeError),
    #[error(transparent)]
    Retry(#[from] RetryError),
    #[error(transparent)]
    Timeout(#[from] TimeoutError),
    #[error(transparent)]
    EnvName(#[from] EnvNameError),
    #[error("environment variable `{0}` is not set")]
    Unset(EnvName),
    #[error("environment variable `{0}` is not valid UTF-8, which AWS Batch needs")]
    NotUnicode(EnvName),
    #[error("the value of environment variable `{0}` holds a NUL byte")]
    NulInValue(EnvName),
    #[error("secret `{0}` is not set")]
    SecretUnset(EnvName),
    #[error("secret `{0}` is empty")]
    SecretEmpty(EnvName),
    #[error("the value of secret `{0}` holds a NUL byte")]
    NulInSecret(EnvName),
    #[error("tag `{0}`: AWS takes keys of 1 to 128 characters and values of at most 256")]
    Tag(String),
    #[error("{0} tags: AWS Batch takes at most 50")]
    TooManyTags(usize),
    #[error("`{0}` is no job definition: it is a name, `name:revision` or an ARN")]
    JobDefinition(String),
}

impl SpecError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Command(CommandError::Empty) => {
                "name the command after `--`, as in `computes run -- ./build.sh test`".to_owned()
            }
            Self::Command(_) => {
                "leave the word out, or pass the text in an --env variable".to_owned()
            }
            Self::Queue(_) => {
                format!("the queues are {}", Queue::ALL.map(Queue::as_str).join(", "))
            }
            Self::Unset(name) => format!("export {name}, or pass --env {name}=VALUE"),
            Self::SecretUnset(name) | Self::SecretEmpty(name) => {
                format!("export {name} before you submit, or take it out of the secrets")
            }
            Self::EnvName(EnvNameError::Malformed(name)) => {
                format!(
                    "give the name alone; the value of a secret is taken from your environment: export {name}"
                )
            }
            Self::Size(SizeError::Vcpus(_)) => "as in --vcpus 2".to_owned(),
            Self::Size(SizeError::Memory(_) | SizeError::TooLittleMemory(_)) => {
                "as in --memory 512 or --memory 2GiB".to_owned()
            }
            Self::Size(SizeError::Gpus(_)) => "as in --gpus 1".to_owned(),
            Self::Retry(RetryError::Attempts(_)) => "as in --attempts 3".to_owned(),
            Self::Timeout(_) => "as in --timeout 3600 or --timeout 1h".to_owned(),
            Self::EnvName(EnvNameError::Reserved(_)) => {
                "choose another name; the job is given Batch's own variables anyway".to_owned()
            }
            _ => return None,
        })
    }
}

/// AWS: 50 tags on a resource, keys of 1 to 128 characters, values of up to 256.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), SpecError> {
    if tags.len() > 50 {
        return Err(SpecError::TooManyTags(tags.len()));
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(SpecError::Tag(key.clone()));
        }
    }
    Ok(())
}
