//! Job definitions with secrets that AWS fetches.
//!
//! Batch takes the sources of secrets from definitions only. So one is derived from the chosen
//! one, once for each set of secrets: its name is made of what is in it, and whoever needs the
//! same finds it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_batch::types::{ContainerProperties, JobDefinition, JobDefinitionType, Secret};

use super::client::Clients;
use super::observe::account_of;
use super::{Action, AwsError};
use crate::job::{EnvName, JobSpec, SecretSource};
use crate::plan::digits_of;

pub const DESCRIBE_DEFINITIONS: Action = Action("batch:DescribeJobDefinitions");
pub const REGISTER: Action = Action("batch:RegisterJobDefinition");

/// `RegisterJobDefinition`: a name has at most 128 characters.
const LONGEST_NAME: usize = 128;
const ACTIVE: &str = "ACTIVE";

/// The definition to send in the place of the one that was asked for, if the job has secrets
/// that AWS fetches.
pub async fn for_job(clients: &Clients, spec: &JobSpec) -> Result<Option<String>, AwsError> {
    if spec.secret_sources.is_empty() {
        return Ok(None);
    }
    let region = spec.region().unwrap_or_else(|| clients.region());
    let base = find(clients, region, &spec.job_definition).await?;
    let base = base.ok_or_else(|| wrong(&spec.job_definition, "is not there, or not active"))?;
    let arn = base.job_definition_arn.clone().unwrap_or_default();
    let secrets: Vec<Secret> = spec
        .secret_sources
        .iter()
        .map(|(name, source)| {
            Secret::builder().name(name.as_str()).value_from(value_from(source, &arn)).build()
        })
        .collect();
    let name = derived_name(&base, &arn, &secrets);
    let derived = derive(&base, secrets)?;
    if let Some(there) = find(clients, region, &name).await?
        && there.container_properties.as_ref().is_some_and(|there| is_same(there, &derived))
    {
        return Ok(Some(numbered(&name, there.revision)));
    }
    let revision = register(clients, region, base, (&name, derived)).await?;
    Ok(Some(numbered(&name, revision)))
}

/// Does a definition that was found start what was derived? Whoever may register one knows its name.
/// Compared is what says which program runs, as whom, and what it reaches.
fn is_same(there: &ContainerProperties, derived: &ContainerProperties) -> bool {
    let by_name = |container: &ContainerProperties| {
        let secrets = container.secrets().iter();
        let pairs = secrets.map(|it| (it.name.clone(), it.value_from.clone()));
        pairs.collect::<BTreeSet<_>>()
    };
    there.image == derived.image
        && there.user == derived.user
        && there.privileged.unwrap_or_default() == derived.privileged.unwrap_or_default()
        && there.job_role_arn == derived.job_role_arn
        && there.execution_role_arn == derived.execution_role_arn
        && there.volumes() == derived.volumes()
        && there.mount_points() == derived.mount_points()
        && by_name(there) == by_name(derived)
}

/// What was found out for the jobs of a batch, which mostly ask for the same.
#[derive(Default)]
pub struct Definitions(Vec<(Asked, Option<String>)>);

/// A job definition, where it is, and the secrets that are to be added.
type Asked = (String, Option<String>, BTreeMap<EnvName, SecretSource>);

impl Definitions {
    /// As [`for_job`].
    pub async fn of(
        &mut self,
        clients: &Clients,
        spec: &JobSpec,
    ) -> Result<Option<String>, AwsError> {
        let region = spec.region().map(str::to_owned);
        let asked = (spec.job_definition.clone(), region, spec.secret_sources.clone());
        if let Some((_, known)) = self.0.iter().find(|(before, _)| *before == asked) {
            return Ok(known.clone());
        }
        let found = for_job(clients, spec).await?;
        self.0.push((asked, found.clone()));
        Ok(found)
    }
}

fn numbered(name: &str, revision: Option<i32>) -> String {
    match revision {
        Some(revision) => format!("{name}:{revision}"),
        None => name.to_owned(),
    }
}

fn wrong(name: &str, what: &'static str) -> AwsError {
    AwsError::Definition { name: name.to_owned(), what }
}

/// The newest active revision of a name, or the very one that is named.
pub async fn find(
    clients: &Clients,
    region: &str,
    wanted: &str,
) -> Result<Option<JobDefinition>, AwsError> {
    let mut newest: Option<JobDefinition> = None;
    let mut token = None;
    loop {
        let definitions = clients.batch(region).describe_job_definitions();
        let call = if wanted.contains(':') {
            definitions.job_definitions(wanted)
        } else {
            definitions.job_definition_name(wanted).status(ACTIVE).set_next_token(token)
        };
        let answer = clients.call(DESCRIBE_DEFINITIONS, call.send()).await?;
        let found = answer.job_definitions.unwrap_or_default().into_iter();
        let active = found.filter(|it| it.status.as_deref().is_none_or(|it| it == ACTIVE));
        newest = active.chain(newest).max_by_key(|it| it.revision);
        token = answer.next_token;
        if token.is_none() {
            return Ok(newest);
        }
    }
}

/// What the definition says where the value is. Secrets Manager is asked by ARN only.
fn value_from(source: &SecretSource, definition_arn: &str) -> String {
    match source {
        SecretSource::Ssm(name) => name.clone(),
        SecretSource::SecretsManager(id) if id.starts_with("arn:") => id.clone(),
        SecretSource::SecretsManager(id) => {
            let part = |index| definition_arn.split(':').nth(index).unwrap_or_default();
            let account = account_of(definition_arn).unwrap_or_default();
            format!("arn:{}:secretsmanager:{}:{account}:secret:{id}", part(1), part(3))
        }
    }
}

/// `<base>--secrets-<what is in it>`.
fn derived_name(base: &JobDefinition, arn: &str, secrets: &[Secret]) -> String {
    let mut texts = vec![arn];
    for secret in secrets {
        texts.extend(secret.name.as_deref());
        texts.extend(secret.value_from.as_deref());
    }
    let end = format!("--secrets-{}", digits_of(&texts));
    let name = base.job_definition_name.as_deref().unwrap_or("job");
    format!("{}{end}", &name[..name.len().min(LONGEST_NAME - end.len())])
}

/// The container of a definition, with more secrets.
fn derive(base: &JobDefinition, secrets: Vec<Secret>) -> Result<ContainerProperties, AwsError> {
    let called = base.job_definition_name.as_deref().unwrap_or_default();
    let mut container = base
        .container_properties
        .clone()
        .ok_or_else(|| wrong(called, "has not one container, so no secret can be added to it"))?;
    if container.execution_role_arn.is_none() {
        return Err(wrong(called, "has no execution role, which is what fetches secrets"));
    }
    let mut all = container.secrets.take().unwrap_or_default();
    all.retain(|known| !secrets.iter().any(|new| new.name == known.name));
    all.extend(secrets);
    container.secrets = Some(all);
    Ok(container)
}

async fn register(
    clients: &Clients,
    region: &str,
    base: JobDefinition,
    (name, container): (&str, ContainerProperties),
) -> Result<Option<i32>, AwsError> {
    let capabilities = base.platform_capabilities.filter(|it| !it.is_empty());
    let call = clients
        .batch(region)
        .register_job_definition()
        .job_definition_name(name)
        .r#type(JobDefinitionType::Container)
        .container_properties(container)
        .set_parameters(base.parameters.filter(|it| !it.is_empty()))
        .set_retry_strategy(base.retry_strategy)
        .set_timeout(base.timeout)
        .set_propagate_tags(base.propagate_tags)
        .set_platform_capabilities(capabilities)
        .set_scheduling_priority(base.scheduling_priority)
        .send();
    let answer = clients.call(REGISTER, call).await?;
    Ok(answer.revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_secrets_manager_becomes_an_arn_of_the_same_account() {
        let definition = "arn:aws:batch:eu-west-1:123456789012:job-definition/default:3";
        let manager = SecretSource::SecretsManager("prod/db".to_owned());
        assert_eq!(
            value_from(&manager, definition),
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db"
        );
        let whole = SecretSource::SecretsManager("arn:aws:secretsmanager:x".to_owned());
        assert_eq!(value_from(&whole, definition), "arn:aws:secretsmanager:x");
        assert_eq!(value_from(&SecretSource::Ssm("/a/b".to_owned()), definition), "/a/b");
    }
}
