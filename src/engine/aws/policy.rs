//! The least that IAM has to allow, as a policy. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Action;
use super::cancel::TERMINATE;
use super::definition::{DESCRIBE_DEFINITIONS, REGISTER};
use super::describe::DESCRIBE;
use super::doctor::{FILE_SYSTEMS, LOG_GROUPS, MOUNT_TARGETS};
use super::logs::READ;
use super::queues::{DESCRIBE_ENVIRONMENTS, DESCRIBE_QUEUES, SNAPSHOT};
use super::send::{LIST, SUBMIT};
use crate::job::Queue;

/// `tags` of a request need it besides SubmitJob.
const TAG: Action = Action("batch:TagResource");
/// For a definition that names roles.
const PASS: Action = Action("iam:PassRole");

/// What a verb, or an option that costs more, asks of AWS.
pub const VERBS: [(&str, &[Action]); 14] = [
    ("submit", &[SUBMIT]),
    ("run", &[SUBMIT, DESCRIBE, READ, TERMINATE]),
    ("wait", &[DESCRIBE, TERMINATE]),
    ("status", &[DESCRIBE]),
    ("list", &[DESCRIBE, LIST]),
    ("logs", &[DESCRIBE, READ]),
    ("cancel", &[DESCRIBE, TERMINATE]),
    ("retry", &[DESCRIBE, SUBMIT]),
    ("queues", &[DESCRIBE_QUEUES, DESCRIBE_ENVIRONMENTS, LIST]),
    ("explain", &[DESCRIBE, DESCRIBE_QUEUES, DESCRIBE_ENVIRONMENTS, SNAPSHOT]),
    (
        "doctor",
        &[
            DESCRIBE,
            LIST,
            DESCRIBE_QUEUES,
            DESCRIBE_ENVIRONMENTS,
            DESCRIBE_DEFINITIONS,
            FILE_SYSTEMS,
            MOUNT_TARGETS,
            LOG_GROUPS,
            READ,
            TERMINATE,
        ],
    ),
    // Not verbs: finding a job again whose acceptance nobody heard of, and `--once`; tags;
    // secrets that AWS fetches.
    ("once", &[DESCRIBE, LIST]),
    ("tags", &[TAG]),
    (SECRETS, &[DESCRIBE_DEFINITIONS, REGISTER, PASS]),
];

/// Where a policy holds.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// `*` for all.
    pub region: &'a str,
    /// `*` for all.
    pub account: &'a str,
    /// As the settings have it: a name, `name:revision` or an ARN.
    pub job_definition: &'a str,
}

/// The policy as JSON.
///
/// # Errors
/// The first word that is none of [`VERBS`].
pub fn policy<'w>(words: &[&'w str], scope: &Scope<'_>) -> Result<Value, &'w str> {
    let mut actions = BTreeSet::new();
    for word in words {
        let (_, of_word) = VERBS.iter().find(|(verb, _)| verb == word).ok_or(*word)?;
        actions.extend(of_word.iter().copied());
    }
    // Actions that may be done to the same things share a statement.
    let mut statements: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
    for action in &actions {
        let mut resources = resources(*action, scope);
        if *action == SUBMIT && words.contains(&SECRETS) {
            resources.push(derived(scope));
        }
        statements.entry(resources).or_default().push(action.0);
    }
    let statements: Vec<_> = statements
        .into_iter()
        .map(|(resources, actions)| {
            let mut statement = json!({
                "Effect": "Allow", "Action": actions, "Resource": resources,
            });
            if actions == [PASS.0] {
                statement["Condition"] =
                    json!({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}});
            }
            statement
        })
        .collect();
    Ok(json!({"Version": "2012-10-17", "Statement": statements}))
}

/// The word for secrets that AWS fetches.
const SECRETS: &str = "secrets";

/// The job definitions that are made for them.
fn derived(scope: &Scope<'_>) -> String {
    format!("arn:aws:batch:{}:{}:job-definition/*--secrets-*", scope.region, scope.account)
}

/// To what an action may be done. Those that IAM can't narrow are allowed on `*` (AWS, Service
/// Authorization Reference).
fn resources(action: Action, scope: &Scope<'_>) -> Vec<String> {
    let batch = |rest: &str| format!("arn:aws:batch:{}:{}:{rest}", scope.region, scope.account);
    let queues = || Queue::ALL.map(|queue| batch(&format!("job-queue/{queue}"))).to_vec();
    let definition = match scope.job_definition {
        arn if arn.starts_with("arn:") => arn.to_owned(),
        name => batch(&format!("job-definition/{name}")),
    };
    match action {
        SUBMIT => std::iter::once(definition).chain(queues()).collect(),
        TERMINATE => vec![batch("job/*")],
        TAG => vec![batch("job/*"), batch("job-definition/*")],
        SNAPSHOT => queues(),
        REGISTER => vec![derived(scope)],
        READ => {
            let group = format!("arn:aws:logs:{}:{}:log-group:", scope.region, scope.account);
            vec![format!("{group}/aws/batch/job:log-stream:*")]
        }
        PASS => vec![format!("arn:aws:iam::{}:role/*", scope.account)],
        _ => vec!["*".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYWHERE: Scope<'_> = Scope { region: "*", account: "*", job_definition: "default" };

    #[test]
    fn to_submit_takes_one_action_on_a_definition_and_four_queues() {
        let policy = policy(&["submit"], &ANYWHERE).expect("known");
        assert_eq!(
            policy["Statement"],
            json!([{
                "Effect": "Allow",
                "Action": ["batch:SubmitJob"],
                "Resource": [
                    "arn:aws:batch:*:*:job-definition/default",
                    "arn:aws:batch:*:*:job-queue/default",
                    "arn:aws:batch:*:*:job-queue/asap",
                    "arn:aws:batch:*:*:job-queue/default-uninterruptible",
                    "arn:aws:batch:*:*:job-queue/asap-uninterruptible",
                ],
            }])
        );
    }

    #[test]
    fn what_is_not_known_is_given_back() {
        assert_eq!(policy(&["submit", "fly"], &ANYWHERE), Err("fly"));
    }
}
