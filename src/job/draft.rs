//! A job that is still being put together from flags, files and settings.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::declared::{self, EnvironmentEntry, Lookup, environment, secret_sources};
use super::spec::{check_priority, check_share, check_tags, region_of};
use super::{
    Arn, Command, ExitRule, Freight, JobFiles, JobName, JobSpec, Memory, Outputs, Queue, Requested,
    RetryOn, RetryStrategy, Root, Secrets, SizeError, SpecError, Timeout, UnknownQueue, Vcpus,
};

/// What one source says about a job; what it doesn't say is left to the next.
/// A job file (`--from`) is this, as TOML or JSON.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub name: Option<String>,
    pub queue: Option<String>,
    #[serde(default, deserialize_with = "super::command_words")]
    pub command: Option<Vec<String>>,
    #[serde(default, rename = "env", deserialize_with = "declared::entries")]
    pub environment: Vec<EnvironmentEntry>,
    /// `NAME`, or `NAME=ssm:…` and `NAME=secretsmanager:…` for a [`SecretSource`].
    #[serde(default)]
    pub secrets: BTreeSet<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    pub vcpus: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    pub memory: Option<String>,
    pub gpus: Option<u32>,
    pub attempts: Option<u64>,
    #[serde(default)]
    pub retry_rules: Vec<ExitRule>,
    /// A [`RetryOn`] by name; goes together with the rules.
    pub retry_on: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    pub timeout: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub job_definition: Option<String>,
    /// A [`JobFiles`] by name.
    pub files: Option<String>,
    /// A [`Source`] by name.
    pub source: Option<String>,
    /// `LOCAL` or `LOCAL=PATH`, as [`Input`] reads them.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// [`Output`](super::Output)s.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// A file, or `-`, as [`Stdin`](super::Stdin) reads it.
    pub stdin: Option<String>,
    /// What was made of a source and inputs before: of a request that a dry run printed.
    #[serde(skip)]
    pub freight: Option<Freight>,
    pub share: Option<String>,
    pub priority: Option<u32>,
    /// Do tags go to the task too? Where nobody says so, they do.
    #[serde(skip)]
    pub propagate_tags: Option<bool>,
    /// It is a request as AWS Batch takes it, to which nothing is added.
    #[serde(skip)]
    pub is_request: bool,
}

impl Draft {
    /// What `self` doesn't say, `beneath` may.
    #[must_use]
    pub fn over(self, beneath: Self) -> Self {
        let mut environment = beneath.environment;
        environment.extend(self.environment);
        let mut secrets = beneath.secrets;
        secrets.extend(self.secrets);
        let mut tags = beneath.tags;
        tags.extend(self.tags);
        let mut inputs = beneath.inputs;
        inputs.extend(self.inputs);
        let says_when = self.retry_on.is_some() || !self.retry_rules.is_empty();
        let (retry_on, retry_rules) = if says_when {
            (self.retry_on, self.retry_rules)
        } else {
            (beneath.retry_on, beneath.retry_rules)
        };
        Self {
            name: self.name.or(beneath.name),
            queue: self.queue.or(beneath.queue),
            command: self.command.or(beneath.command),
            environment,
            secrets,
            vcpus: self.vcpus.or(beneath.vcpus),
            memory: self.memory.or(beneath.memory),
            gpus: self.gpus.or(beneath.gpus),
            attempts: self.attempts.or(beneath.attempts),
            retry_on,
            retry_rules,
            timeout: self.timeout.or(beneath.timeout),
            tags,
            job_definition: self.job_definition.or(beneath.job_definition),
            files: self.files.or(beneath.files),
            source: self.source.or(beneath.source),
            inputs,
            stdin: self.stdin.or(beneath.stdin),
            freight: self.freight.or(beneath.freight),
            outputs: if self.outputs.is_empty() { beneath.outputs } else { self.outputs },
            share: self.share.or(beneath.share),
            priority: self.priority.or(beneath.priority),
            propagate_tags: self.propagate_tags.or(beneath.propagate_tags),
            is_request: self.is_request || beneath.is_request,
        }
    }

    /// Where on AWS jobs go, if the queue or the definition is named so that it says.
    #[must_use]
    pub fn region(&self) -> Option<String> {
        let definition = self.job_definition.as_deref().unwrap_or_default();
        region_of(self.queue.as_deref(), definition).ok().flatten().map(str::to_owned)
    }

    /// What is said of its size.
    ///
    /// # Errors
    /// When it is malformed or out of range.
    pub fn size(&self) -> Result<Requested, SizeError> {
        resources(self.vcpus.as_deref(), self.memory.as_deref(), self.gpus)
    }

    /// The job, and the values of its secrets apart from it.
    ///
    /// # Errors
    /// When something is missing, malformed or out of range.
    pub fn resolve(self, lookup: Lookup<'_>) -> Result<(JobSpec, Secrets), SpecError> {
        let resources = self.size()?;
        let command = self.command.map(Command::new).transpose()?;
        let (queue, queue_arn) = queue(self.queue.as_deref())?;
        let timeout = self.timeout.as_deref().map(str::parse::<Timeout>).transpose()?;
        let attempts = self.attempts.unwrap_or(1);
        let retry_on = self.retry_on.as_deref().map(str::parse::<RetryOn>).transpose()?;
        let rules = match retry_on {
            // One attempt is followed by none, whatever the rules.
            _ if !self.retry_rules.is_empty() => self.retry_rules,
            _ if attempts <= 1 => Vec::new(),
            on => on.unwrap_or(RetryOn::Interruption).rules(),
        };
        let retry = RetryStrategy::new(attempts, rules)?;
        // SubmitJob takes no rules without a number of attempts.
        let retry = self.attempts.map(|_| retry);
        // What makes `/files` on AWS stands before the command.
        let usual = if command.is_some() { JobFiles::Kept } else { JobFiles::None };
        let files = self.files.as_deref().map_or(Ok(usual), str::parse)?;
        let mut outputs = Outputs::parse(&self.outputs)?;
        if files == JobFiles::None && (command.is_some() || self.files.is_some()) {
            // Of a job that has no `/files` nothing is left there.
            outputs = outputs.without(Root::Files);
        }
        let share = self.share.map(check_share).transpose()?;
        let priority = self.priority.map(check_priority).transpose()?;
        check_tags(&self.tags)?;
        let usual = (!self.tags.is_empty() && !self.is_request).then_some(true);
        let propagate_tags = self.propagate_tags.or(usual);
        let job_definition = self.job_definition.unwrap_or_else(|| "default".to_owned());
        if job_definition.is_empty() {
            return Err(SpecError::JobDefinition(job_definition));
        }
        region_of(queue_arn.as_deref(), &job_definition)?;
        let name = match (&self.name, &command) {
            (Some(text), _) => JobName::from_text(text),
            (None, Some(command)) => JobName::from_command(command.words()),
            (None, None) => {
                JobName::from_text(job_definition.rsplit('/').next().unwrap_or_default())
            }
        };
        let (secret_names, secret_sources) = secret_sources(self.secrets)?;
        let (environment, secrets) = environment(self.environment, secret_names, lookup)?;
        if let Some(twice) = secret_sources
            .keys()
            .find(|name| environment.contains_key(name) || secrets.get(name).is_some())
        {
            return Err(SpecError::SecretTwice(twice.clone()));
        }
        let spec = JobSpec {
            name,
            queue,
            queue_arn,
            command,
            environment,
            secrets: secrets.iter().map(|(name, _)| name.clone()).collect(),
            secret_sources,
            resources,
            retry,
            timeout,
            tags: self.tags,
            propagate_tags,
            job_definition,
            files,
            outputs,
            share,
            priority,
        };
        check_hidden(self.name.as_deref(), &spec, &secrets)?;
        Ok((spec, secrets))
    }
}

/// By its name, or by an ARN that ends in it.
fn queue(said: Option<&str>) -> Result<(Queue, Option<String>), SpecError> {
    let Some(text) = said else { return Ok((Queue::Default, None)) };
    match Arn::of(text, Arn::QUEUE)? {
        // Which it is not, is told as it was said.
        Some(arn) => match arn.name.parse() {
            Ok(queue) => Ok((queue, Some(text.to_owned()))),
            Err(_) => Err(UnknownQueue(text.to_owned()).into()),
        },
        None => Ok((text.parse()?, None)),
    }
}

/// Whatever describes a job is seen by everybody: no value of a secret may stand in it.
fn check_hidden(name: Option<&str>, spec: &JobSpec, secrets: &Secrets) -> Result<(), SpecError> {
    let variables = spec.environment.iter();
    let variables = variables.map(|(name, value)| (value.as_str(), format!("variable `{name}`")));
    let tags = spec.tags.iter().flat_map(|(key, value)| {
        [(key.as_str(), "key of a tag".to_owned()), (value, format!("tag `{key}`"))]
    });
    let share = spec.share.as_deref().map(|share| (share, "share".to_owned()));
    let definition = (spec.job_definition.as_str(), "name of the job definition".to_owned());
    let words = spec.command.iter().flat_map(Command::words);
    let words = words.map(|word| (word.as_str(), "command".to_owned()));
    let name = name.map(|name| (name, "name of the job".to_owned()));
    let named = name.into_iter().chain(share).chain([definition]);
    let seen: Vec<_> = named.chain(words).chain(variables).chain(tags).collect();
    for (secret, value) in secrets.iter() {
        let telling: Vec<_> =
            value.parts().filter(|part| part.len() >= super::secret::TELLING).collect();
        let shows = |text: &str| telling.iter().any(|part| text.contains(part));
        if let Some((_, place)) = seen.iter().find(|(text, _)| shows(text)) {
            return Err(SpecError::SecretShown { secret: secret.clone(), place: place.clone() });
        }
    }
    Ok(())
}

fn resources(
    vcpus: Option<&str>,
    memory: Option<&str>,
    gpus: Option<u32>,
) -> Result<Requested, SizeError> {
    if let Some(gpus) = gpus.filter(|gpus| *gpus > super::resources::MOST_GPUS) {
        return Err(SizeError::Gpus(gpus.to_string()));
    }
    Ok(Requested {
        vcpus: vcpus.map(str::parse::<Vcpus>).transpose()?,
        memory: memory.map(str::parse::<Memory>).transpose()?,
        gpus,
    })
}

/// `1024`, `0.25` or `"1GiB"`.
fn text_or_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a size or duration takes a number or a text")]
    enum Form {
        Text(String),
        Whole(u64),
        Part(f64),
    }
    Ok(Option::<Form>::deserialize(from)?.map(|form| match form {
        Form::Text(text) => text,
        Form::Whole(number) => number.to_string(),
        Form::Part(number) => number.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use std::env::VarError;

    use super::*;
    use crate::job::{EnvName, Secret};

    fn nothing(_: &str) -> Result<String, VarError> {
        Err(VarError::NotPresent)
    }

    fn draft() -> Draft {
        Draft { command: Some(vec!["true".into()]), ..Draft::default() }
    }

    #[test]
    fn a_command_is_enough() {
        let (spec, secrets) = draft().resolve(&nothing).expect("a job");
        assert_eq!(spec.name.as_str(), "true");
        assert_eq!(spec.queue, Queue::Default);
        assert!(secrets.is_empty());
    }

    #[test]
    fn what_nobody_said_is_left_open() {
        let (spec, _) = Draft::default().resolve(&nothing).expect("a job");
        assert_eq!(spec.command, None);
        assert_eq!(spec.resources, Requested::default());
        assert_eq!((spec.retry, spec.timeout), (None, None));
        assert_eq!((spec.name.as_str(), spec.files), ("default", JobFiles::None));
        let one = Draft { memory: Some("2GiB".into()), ..draft() };
        let (spec, _) = one.resolve(&nothing).expect("a job");
        let memory = Some(Memory::mib(2048).expect("a size"));
        assert_eq!(spec.resources, Requested { memory, ..Requested::default() });
        assert_eq!(spec.resources.on_this_machine().to_string(), "1 vCPU, 2 GiB");
    }

    #[test]
    fn tags_that_aws_refuses() {
        let refused = |key: &str, value: &str| {
            let tags = [(key.to_owned(), value.to_owned())].into();
            Draft { tags, ..draft() }.resolve(&nothing).map(|_| ())
        };
        let key = || "team".to_owned();
        assert_eq!(
            refused("cost centre", "R&D"),
            Err(SpecError::TagCharacter { key: "cost centre".to_owned(), character: '&' })
        );
        for (tag, value) in [("AWS:x", "1"), ("team", "aws:1")] {
            assert_eq!(refused(tag, value), Err(SpecError::TagReserved(tag.to_owned())));
        }
        assert_eq!(refused("", "1"), Err(SpecError::Tag(String::new())));
        assert_eq!(refused("team", &"x".repeat(257)), Err(SpecError::Tag(key())));
        assert_eq!(refused("team/Übersee", "a b+c-d=e.f_g:h@1"), Ok(()));
    }

    #[test]
    fn rules_without_attempts_say_nothing() {
        let rules = Draft { retry_on: Some("any".into()), ..draft() };
        assert_eq!(rules.clone().resolve(&nothing).expect("a job").0.retry, None);
        let both = Draft { attempts: Some(2), ..rules };
        let retry = both.resolve(&nothing).expect("a job").0.retry;
        assert_eq!(retry.map(|retry| retry.attempts), Some(2));
    }

    #[test]
    fn an_unset_variable_is_an_error_and_never_an_empty_text() {
        let mut job = draft();
        job.environment.push(EnvironmentEntry::parse("A"));
        assert_eq!(
            job.resolve(&nothing).map(|_| ()),
            Err(SpecError::Unset(EnvName::new("A").expect("a name")))
        );
    }

    #[test]
    fn a_secret_leaves_the_environment() {
        let mut job = draft();
        job.environment.push(EnvironmentEntry::parse("TOKEN=hunter2"));
        job.secrets.insert("TOKEN".into());
        let (spec, secrets) = job.resolve(&nothing).expect("a job");
        let token = EnvName::new("TOKEN").expect("a name");
        assert!(spec.environment.is_empty());
        assert!(spec.secrets.contains(&token));
        assert_eq!(secrets.get(&token).map(Secret::expose), Some("hunter2"));
        assert!(!format!("{spec:?}").contains("hunter2"));
    }

    #[test]
    fn flags_win_over_what_lies_beneath() {
        let flags = Draft { queue: Some("asap".into()), ..Draft::default() };
        let mut file = draft();
        file.queue = Some("default".into());
        file.memory = Some("2GiB".into());
        let (spec, _) = flags.over(file).resolve(&nothing).expect("a job");
        assert_eq!(spec.queue, Queue::Asap);
        assert_eq!(spec.resources.memory.map(Memory::as_mib), Some(2048));
    }
}
