//! What is asked of a job, checked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Arn, Command, CommandError, EnvName, EnvNameError, FilesPath, FilesPathError, JobFiles,
    JobName, NoArn, NoSecretSource, Outputs, Queue, Requested, RetryError, RetryStrategy,
    SecretSource, SizeError, Source, Timeout, TimeoutError, UnknownFiles, UnknownQueue,
    UnknownSource, meant,
};

/// A job as it was asked for. What nobody said is left open: on AWS it is the job definition's, and
/// the local engine has defaults of its own. Secrets are named here; their values are elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    pub name: JobName,
    pub queue: Queue,
    /// How it was named, where that says the region and the account too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    pub environment: BTreeMap<EnvName, String>,
    pub secrets: BTreeSet<EnvName>,
    /// Secrets that the engine fetches; none of these is in `secrets`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_sources: BTreeMap<EnvName, SecretSource>,
    #[serde(default, skip_serializing_if = "Requested::is_nothing")]
    pub resources: Requested,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryStrategy>,
    pub timeout: Option<Timeout>,
    pub tags: BTreeMap<String, String>,
    /// SubmitJob's word for whether tags go to the task too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<bool>,
    /// A name, `name:revision` or an ARN.
    pub job_definition: String,
    #[serde(default, rename = "job_files", skip_serializing_if = "JobFiles::is_kept")]
    pub files: JobFiles,
    /// What is kept of `/files` and `/source` as the job's result.
    #[serde(default, skip_serializing_if = "Outputs::is_empty")]
    pub outputs: Outputs,
    /// Whose share of a fair-share queue the job uses up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// Within a share, higher goes first: 0 to 9999.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
}

impl JobSpec {
    /// The program that it runs; `None`: that of its job definition.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        self.command.as_ref()?.words().first().map(String::as_str)
    }

    /// The queue as AWS is asked for it.
    #[must_use]
    pub fn queue_id(&self) -> &str {
        self.queue_arn.as_deref().unwrap_or(self.queue.as_str())
    }

    /// Where on AWS it goes, if its queue or its definition is named so that it says.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        region_of(self.queue_arn.as_deref(), &self.job_definition).ok().flatten()
    }
}

/// What two ARNs say of the region.
///
/// # Errors
/// When one of them is none, or the two name different regions.
pub(super) fn region_of<'a>(
    queue: Option<&'a str>,
    definition: &'a str,
) -> Result<Option<&'a str>, SpecError> {
    let queue = queue.map(|queue| Arn::of(queue, Arn::QUEUE)).transpose()?.flatten();
    let definition = Arn::of(definition, Arn::DEFINITION)?;
    match (queue, definition) {
        (Some(queue), Some(definition)) if queue.region != definition.region => {
            Err(SpecError::Regions {
                queue: queue.region.to_owned(),
                definition: definition.region.to_owned(),
            })
        }
        (queue, definition) => Ok(queue.or(definition).map(|arn| arn.region)),
    }
}

/// Why what was asked for can't be a job.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SpecError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Queue(#[from] UnknownQueue),
    #[error(transparent)]
    Arn(#[from] NoArn),
    #[error("the queue is in {queue}, and the job definition in {definition}")]
    Regions { queue: String, definition: String },
    #[error(transparent)]
    Size(#[from] SizeError),
    #[error(transparent)]
    Retry(#[from] RetryError),
    #[error(transparent)]
    Timeout(#[from] TimeoutError),
    #[error(transparent)]
    EnvName(#[from] EnvNameError),
    #[error(transparent)]
    Files(#[from] UnknownFiles),
    #[error(transparent)]
    Source(#[from] UnknownSource),
    #[error(transparent)]
    FilesPath(#[from] FilesPathError),
    #[error("input `{0}` has no name of its own")]
    InputName(String),
    #[error("inputs `{one}` and `{other}` are both to be at /files/{path}")]
    InputTwice { one: String, other: String, path: FilesPath },
    #[error("input `{0}` has no place: the job has no /files")]
    NoFiles(String),
    #[error("the name of the file is empty that is to be the job's stdin")]
    Stdin,
    #[error("output `{0}` is left out, and nothing is named that it could be left out of")]
    NothingToLeaveOut(String),
    #[error("output `{0}` is below /files, and the job has none")]
    OutputWithoutFiles(String),
    #[error(transparent)]
    SecretSource(#[from] NoSecretSource),
    /// Without what follows the `=`, which may be the secret itself.
    #[error("secret `{0}` is given with neither `ssm:PARAMETER` nor `secretsmanager:SECRET`")]
    SecretGiven(EnvName),
    #[error("secret `{0}` is given a source and a value")]
    SecretTwice(EnvName),
    #[error(
        "share `{0}`: AWS Batch takes 1 to 255 letters, digits, `-`, `_`, `.` and `*` at the end"
    )]
    Share(String),
    #[error("priority {0}: AWS Batch takes 0 to 9999")]
    Priority(u32),
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
    #[error("the value of secret `{secret}` stands in the {place}, which is no secret")]
    SecretShown { secret: EnvName, place: String },
    #[error("tag `{0}`: AWS takes keys of 1 to 128 characters and values of at most 256")]
    Tag(String),
    #[error("tag `{key}` holds {character:?}: AWS takes letters, digits, spaces and `+-=._:/@`")]
    TagCharacter { key: String, character: char },
    #[error("tag `{0}`: what begins with `aws:` is reserved for AWS, as a key and as a value")]
    TagReserved(String),
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
            Self::Queue(UnknownQueue(said)) => {
                meant(said, &Queue::ALL.map(Queue::as_str), "the queues are")
            }
            Self::Arn(_) => {
                "as in arn:aws:batch:us-east-1:123456789012:job-queue/default".to_owned()
            }
            Self::Regions { queue, .. } => {
                format!("name a definition that is in {queue}, or give its name alone")
            }
            Self::Unset(name) => format!("export {name}, or pass --env {name}=VALUE"),
            Self::SecretUnset(name) | Self::SecretEmpty(name) => {
                format!("export {name} before you submit, or take it out of the secrets")
            }
            Self::SecretGiven(name) => format!(
                "say where AWS has its value, as in --secret {name}=ssm:PARAMETER, or take your \
                 own: export {name}, and give the name alone"
            ),
            Self::Size(SizeError::Vcpus(_)) => "as in --vcpus 2".to_owned(),
            Self::Size(SizeError::Memory(_) | SizeError::TooLittleMemory(_)) => {
                "as in --memory 512 or --memory 2GiB".to_owned()
            }
            Self::Size(SizeError::Gpus(_)) => "as in --gpus 1".to_owned(),
            Self::Retry(RetryError::Attempts(_)) => "as in --attempts 3".to_owned(),
            Self::Retry(RetryError::On(_)) => "as in --retry-on interruption".to_owned(),
            Self::SecretShown { secret, .. } => format!(
                "let a shell in the job put it in, as in sh -c 'program \"${secret}\"'; or take \
                 {secret} out of the secrets if it is none"
            ),
            Self::Source(_) => {
                format!("as in --source {}", Source::Tree.as_str())
            }
            Self::FilesPath(_) => {
                "give a path relative to /files, as in --output dist or --input data=in/data; an \
                 output may also be in /source"
                    .to_owned()
            }
            Self::NothingToLeaveOut(_) => {
                "name that too, as in --output /source --output '!/source/tmp'".to_owned()
            }
            Self::OutputWithoutFiles(_) => {
                "leave out --no-files, or keep something of the source, as in --output /source"
                    .to_owned()
            }
            Self::InputName(_) => "say where it goes, as in --input .=data".to_owned(),
            Self::InputTwice { .. } => {
                "give one of them another path, as in --input data=other".to_owned()
            }
            Self::Stdin => "as in --stdin FILE, or --stdin - for what is on your own".to_owned(),
            Self::NoFiles(_) => "leave out --no-files, or the input".to_owned(),
            Self::SecretTwice(name) => format!("take {name} out of one of the two"),
            Self::Timeout(_) => "as in --timeout 3600 or --timeout 1h".to_owned(),
            Self::EnvName(EnvNameError::Reserved(_)) => {
                "choose another name; the job is given Batch's own variables anyway".to_owned()
            }
            _ => return None,
        })
    }
}

/// AWS Batch user guide, "Tag restrictions": 50 tags on a resource, keys of 1 to 128 characters,
/// values of up to 256, of letters, digits, spaces and a few more; `aws:` is reserved, in any case.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), SpecError> {
    if tags.len() > 50 {
        return Err(SpecError::TooManyTags(tags.len()));
    }
    let known = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
    let is_reserved = |text: &str| text.to_lowercase().starts_with("aws:");
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(SpecError::Tag(key.clone()));
        }
        if let Some(character) = key.chars().chain(value.chars()).find(|c| !known(*c)) {
            return Err(SpecError::TagCharacter { key: key.clone(), character });
        }
        if is_reserved(key) || is_reserved(value) {
            return Err(SpecError::TagReserved(key.clone()));
        }
    }
    Ok(())
}

/// SubmitJob: the identifier of a share, at most 255 characters.
pub(super) fn check_share(share: String) -> Result<String, SpecError> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let plain = share.strip_suffix('*').unwrap_or(&share);
    if share.is_empty() || share.len() > 255 || !plain.chars().all(known) {
        return Err(SpecError::Share(share));
    }
    Ok(share)
}

/// SubmitJob: `schedulingPriorityOverride` is 0 to 9999.
pub(super) fn check_priority(priority: u32) -> Result<u16, SpecError> {
    u16::try_from(priority).ok().filter(|it| *it <= 9999).ok_or(SpecError::Priority(priority))
}
