//! What SubmitJob takes, in the types of AWS.

use aws_sdk_batch::types::{
    ContainerOverrides, EvaluateOnExit, KeyValuePair, ResourceRequirement, RetryAction,
};

use crate::job::{self, EnvName, Secrets};
use crate::plan;

/// Here and nowhere else the secrets take their place.
pub fn overrides(overrides: &plan::ContainerOverrides, secrets: &Secrets) -> ContainerOverrides {
    let environment = overrides
        .environment
        .iter()
        .map(|variable| {
            let secret = EnvName::new(&*variable.name).ok().and_then(|name| secrets.get(&name));
            let value = match secret {
                Some(secret) => Some(secret.expose().to_owned()),
                None => variable.value.clone(),
            };
            KeyValuePair::builder().name(&variable.name).set_value(value).build()
        })
        .collect::<Vec<_>>();
    let requirements = overrides
        .resource_requirements
        .iter()
        .map(|requirement| {
            ResourceRequirement::builder()
                .r#type(requirement.kind.as_str().into())
                .value(&requirement.value)
                .build()
        })
        .collect::<Vec<_>>();
    ContainerOverrides::builder()
        .set_command(overrides.command.clone())
        .set_environment((!environment.is_empty()).then_some(environment))
        .set_resource_requirements((!requirements.is_empty()).then_some(requirements))
        .build()
}

pub fn rule(rule: &job::ExitRule) -> EvaluateOnExit {
    let text = |pattern: &Option<job::Pattern>| pattern.as_ref().map(|pattern| pattern.0.clone());
    EvaluateOnExit::builder()
        .set_on_status_reason(text(&rule.on_status_reason))
        .set_on_reason(text(&rule.on_reason))
        .set_on_exit_code(text(&rule.on_exit_code))
        .action(match rule.action {
            job::Action::Retry => RetryAction::Retry,
            job::Action::Exit => RetryAction::Exit,
        })
        .build()
}
