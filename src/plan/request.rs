//! `SubmitJob` as AWS Batch's API spells it: written for dry runs and for AWS, read for
//! `--cli-input-json` and `--container-overrides`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::batch_name::BatchName;
use super::cargo::{Cargo, FETCH, FREIGHT, USUAL_LOOK};
use super::{Fetch, Plan, files};
use crate::job::{
    Draft, EnvName, EnvironmentEntry, ExitRule, JobSpec, MASK, Requested, command_words,
};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SubmitJob {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_definition: Option<String>,
    #[serde(skip_serializing_if = "ContainerOverrides::are_none")]
    pub container_overrides: ContainerOverrides,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_strategy: Option<EvaluatedRetry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TimeoutSeconds>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling_priority_override: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ContainerOverrides {
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "command_words")]
    pub command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<KeyValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_requirements: Vec<ResourceRequirement>,
    /// Read for old callers, never written: Batch ignores it where the definition has
    /// `resourceRequirements`.
    #[serde(skip_serializing)]
    pub vcpus: Option<u32>,
    /// MiB; read for old callers, never written.
    #[serde(skip_serializing)]
    pub memory: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyValue {
    pub name: String,
    /// `null` is what `jq` makes of a variable that is not set.
    pub value: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceRequirement {
    #[serde(rename = "type")]
    pub kind: String,
    pub value: String,
}

/// `retryStrategy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EvaluatedRetry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evaluate_on_exit: Vec<ExitRule>,
}

/// `timeout`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TimeoutSeconds {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_duration_seconds: Option<u64>,
}

/// The variable that says which others are secrets, so that whoever shows the job's log, on
/// whatever machine, knows what to mask.
pub const SECRETS: &str = "COMPUTES_MASKED";
/// The one character that no name of a variable holds.
const BETWEEN: &str = "=";

impl EvaluatedRetry {
    /// # Errors
    /// When AWS Batch would refuse it.
    pub fn checked(self) -> Result<Self, RequestError> {
        if self.attempts.is_none() && !self.evaluate_on_exit.is_empty() {
            return Err(RequestError::RulesAlone);
        }
        Ok(self)
    }

    /// Attempts without rules are Batch's own way: whatever fails is retried.
    #[must_use]
    pub fn retry_on(&self) -> Option<String> {
        (self.attempts.is_some() && self.evaluate_on_exit.is_empty()).then(|| "any".to_owned())
    }
}

/// What a request asks for that this program would have to leave out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequestError {
    #[error("environment variable `{0}` has no value: it was not set where the JSON was made")]
    NullValue(String),
    #[error("the retry strategy has `evaluateOnExit` and no `attempts`, which AWS Batch refuses")]
    RulesAlone,
    #[error("resource requirement `{0}` is none of VCPU, MEMORY and GPU")]
    ResourceType(String),
    #[error("`{value}` is no value for resource requirement `{kind}`")]
    ResourceValue { kind: String, value: String },
    #[error("variable `{FREIGHT}` is not what computes writes there: {0}")]
    Freight(String),
}

impl SubmitJob {
    /// What the request says about a job.
    ///
    /// # Errors
    /// When it says something that can't be kept to.
    pub fn into_draft(self) -> Result<Draft, RequestError> {
        let overrides = self.container_overrides.into_draft()?;
        let retry = self.retry_strategy.unwrap_or_default().checked()?;
        let retry_on = retry.retry_on();
        Ok(Draft {
            name: self.job_name.map(|name| match BatchName::parse(&name) {
                Some(ours) => ours.job.to_owned(),
                None => name,
            }),
            queue: self.job_queue,
            job_definition: self.job_definition,
            attempts: retry.attempts,
            retry_rules: retry.evaluate_on_exit,
            retry_on,
            share: self.share_identifier,
            priority: self.scheduling_priority_override,
            timeout: self
                .timeout
                .and_then(|timeout| timeout.attempt_duration_seconds)
                .map(|seconds| seconds.to_string()),
            tags: self.tags,
            propagate_tags: self.propagate_tags,
            is_request: true,
            ..overrides
        })
    }
}

impl ContainerOverrides {
    /// Is the container of the job definition left as it is?
    #[must_use]
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// What the overrides say about a job.
    ///
    /// # Errors
    /// When they say something that can't be kept to.
    pub fn into_draft(self) -> Result<Draft, RequestError> {
        let (command, files) = match self.command.map(files::without_prefix) {
            Some((command, files)) => (Some(command), files),
            None => (None, None),
        };
        let mut draft = Draft {
            command,
            files: files.map(|(files, _)| files.as_str().to_owned()),
            vcpus: self.vcpus.map(|vcpus| vcpus.to_string()),
            memory: self.memory.map(|mib| mib.to_string()),
            ..Draft::default()
        };
        let secrets = self.environment.iter().find(|variable| variable.name == SECRETS);
        let secrets = secrets.and_then(|variable| variable.value.clone()).unwrap_or_default();
        let is_secret = |name: &str| secrets.split(BETWEEN).any(|secret| secret == name);
        for KeyValue { name, value } in self.environment {
            if name == SECRETS || name == FETCH {
                continue;
            }
            let value = value.ok_or_else(|| RequestError::NullValue(name.clone()))?;
            if name == FREIGHT {
                let cargo = Cargo::parse(&value)?;
                draft.outputs = cargo.outputs.iter().map(ToString::to_string).collect();
                draft.freight = Some(cargo.freight);
                continue;
            }
            if value == MASK || is_secret(&name) {
                // A secret, whose value only the caller has.
                draft.secrets.insert(name);
                continue;
            }
            draft.environment.push(EnvironmentEntry { name, value: Some(value) });
        }
        for ResourceRequirement { kind, value } in self.resource_requirements {
            match kind.as_str() {
                "VCPU" => draft.vcpus = Some(value),
                "MEMORY" => draft.memory = Some(value),
                "GPU" => match value.parse() {
                    Ok(count) => draft.gpus = Some(count),
                    Err(_) => return Err(RequestError::ResourceValue { kind, value }),
                },
                _ => return Err(RequestError::ResourceType(kind)),
            }
        }
        Ok(draft)
    }
}

pub(super) fn from_plan(
    plan: &Plan,
    command: Option<Vec<String>>,
    secret: impl Fn(&EnvName) -> String,
) -> SubmitJob {
    let spec = &plan.spec;
    let given = spec.environment.iter().map(|(name, value)| (name, value.clone()));
    let secrets = spec.secrets.iter().map(|name| (name, secret(name)));
    let mut environment: Vec<_> = given
        .chain(secrets)
        .map(|(name, value)| KeyValue { name: name.to_string(), value: Some(value) })
        .collect();
    let mut names: Vec<_> = spec.secrets.iter().map(EnvName::as_str).collect();
    if let Some((bucket, fetch)) = plan.carrier() {
        let cargo = Cargo {
            bucket: bucket.clone(),
            freight: plan.freight.clone(),
            outputs: spec.outputs.clone(),
            fetch,
            job: None,
            region: None,
            look: USUAL_LOOK,
        };
        let value = Some(cargo.text());
        environment.push(KeyValue { name: FREIGHT.to_owned(), value });
        if fetch == Fetch::Urls
            && let Ok(name) = EnvName::new(FETCH)
        {
            let value = Some(secret(&name));
            environment.push(KeyValue { name: FETCH.to_owned(), value });
            names.push(FETCH);
        }
    }
    if !names.is_empty() {
        let value = Some(names.join(BETWEEN));
        environment.push(KeyValue { name: SECRETS.to_owned(), value });
    }
    SubmitJob {
        job_name: Some(spec.name.to_string()),
        job_queue: Some(spec.queue_id().to_owned()),
        job_definition: Some(spec.job_definition.clone()),
        container_overrides: ContainerOverrides {
            command,
            environment,
            resource_requirements: requirements(spec),
            vcpus: None,
            memory: None,
        },
        retry_strategy: spec.retry.as_ref().map(|retry| EvaluatedRetry {
            attempts: Some(retry.attempts.into()),
            evaluate_on_exit: retry.evaluate_on_exit.clone(),
        }),
        timeout: spec.timeout.map(|timeout| TimeoutSeconds {
            attempt_duration_seconds: Some(timeout.seconds().into()),
        }),
        propagate_tags: spec.propagate_tags,
        tags: spec.tags.clone(),
        share_identifier: spec.share.clone(),
        scheduling_priority_override: spec.priority.map(u32::from),
    }
}

fn requirements(spec: &JobSpec) -> Vec<ResourceRequirement> {
    let Requested { vcpus, memory, gpus } = spec.resources;
    let said = [
        ("VCPU", vcpus.map(|vcpus| vcpus.to_string())),
        ("MEMORY", memory.map(|memory| memory.as_mib().to_string())),
        // Batch has no word for none: those of a definition can't be taken away.
        ("GPU", gpus.filter(|gpus| *gpus > 0).map(|gpus| gpus.to_string())),
    ];
    said.into_iter()
        .filter_map(|(kind, value)| {
            Some(ResourceRequirement { kind: kind.to_owned(), value: value? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{FilesMount, Plan};

    #[test]
    fn what_is_written_is_what_is_read() {
        let asked = r#"{
            "jobName": "n", "jobDefinition": "default:3",
            "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/asap",
            "containerOverrides": {
                "command": ["./build.sh", "test"],
                "environment": [{"name": "A", "value": "1"}],
                "memory": 2048, "vcpus": 2
            },
            "retryStrategy": {"attempts": 3},
            "timeout": {"attemptDurationSeconds": 3600},
            "tags": {"team": "x"}
        }"#;
        let draft = serde_json::from_str::<SubmitJob>(asked).expect("json").into_draft();
        let (spec, secrets) = draft
            .expect("a draft")
            .resolve(&|_| Err(std::env::VarError::NotPresent))
            .expect("a job");
        let plan = Plan::new(spec.clone(), FilesMount::default(), &secrets).expect("within limits");
        let written = plan.masked_request(None);
        let command = written.container_overrides.command.clone().expect("a command");
        assert_eq!(command[0], "sh");
        let (again, _) = written
            .into_draft()
            .expect("a draft")
            .resolve(&|_| Err(std::env::VarError::NotPresent))
            .expect("a job");
        assert_eq!(again, spec);
    }

    #[test]
    fn null_is_an_unset_variable() {
        let overrides: ContainerOverrides =
            serde_json::from_str(r#"{"environment": [{"name": "SECRET1", "value": null}]}"#)
                .expect("json");
        assert_eq!(
            overrides.into_draft().map(|_| ()),
            Err(RequestError::NullValue("SECRET1".into()))
        );
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let error = serde_json::from_str::<SubmitJob>(r#"{"arrayProperties": {"size": 2}}"#);
        assert!(error.expect_err("unknown").to_string().contains("arrayProperties"));
    }
}
