//! What only AWS has, for people and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::time::timestamp;
use crate::engine::EngineName;
use crate::engine::aws::{Check, Environment, Listed, QueueOnAws};
use crate::job::{Queue, one_line};

/// A job that only the engine knows, as a list of the engine shows it.
#[derive(Debug, Serialize)]
pub struct ListedView {
    /// Our own id, where this program submitted it on another machine.
    pub id: Option<String>,
    pub name: String,
    pub queue: Queue,
    pub engine: &'static str,
    pub engine_id: String,
    pub engine_status: &'static str,
    pub state: &'static str,
    pub reason: Option<String>,
    pub exit_code: Option<i32>,
    pub accepted_at: String,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

impl ListedView {
    pub fn new(job: &Listed) -> Self {
        Self {
            id: job.ours.as_ref().map(|(id, _)| id.to_string()),
            name: job.name().to_owned(),
            queue: job.queue,
            engine: EngineName::Aws.as_str(),
            engine_id: job.engine_id.clone(),
            engine_status: job.status.as_str(),
            state: job.state().as_str(),
            reason: job.reason.clone(),
            exit_code: job.exit_code,
            accepted_at: timestamp(job.created_at),
            started_at: job.started_at.map(timestamp),
            finished_at: job.stopped_at.map(timestamp),
        }
    }
}

/// A line of a diagnosis.
#[derive(Debug, Serialize)]
pub struct CheckView<'a> {
    pub what: &'a str,
    pub health: &'static str,
    pub found: &'a str,
    pub hint: Option<&'a str>,
}

impl<'a> CheckView<'a> {
    pub fn new(check: &'a Check) -> Self {
        let hint = check.hint.as_deref();
        Self { what: &check.what, health: check.health.as_str(), found: &check.found, hint }
    }
}

/// A queue on AWS. Null fields: there is none of that name.
#[derive(Debug, Default, Serialize)]
pub struct AwsQueueView {
    pub state: Option<String>,
    pub status: Option<String>,
    pub priority: Option<i32>,
    pub fair_share: Option<bool>,
    pub compute_environments: Vec<EnvironmentView>,
}

/// A compute environment.
#[derive(Debug, Serialize)]
pub struct EnvironmentView {
    pub name: String,
    pub state: String,
    pub status: String,
    pub kind: String,
    pub most_vcpus: Option<i32>,
    pub wanted_vcpus: Option<i32>,
    /// Told by `state` and `status`.
    #[serde(skip)]
    pub(super) works: bool,
}

impl AwsQueueView {
    pub fn new(queue: &QueueOnAws) -> Self {
        let Some(there) = &queue.there else { return Self::default() };
        let environment = |it: &Environment| EnvironmentView {
            name: it.name.clone(),
            state: it.state.clone(),
            status: it.status.clone(),
            kind: it.kind.clone(),
            most_vcpus: it.most_vcpus,
            wanted_vcpus: it.wanted_vcpus,
            works: it.works(),
        };
        Self {
            state: Some(there.state.clone()),
            status: Some(there.status.clone()),
            priority: Some(there.priority),
            fair_share: Some(there.fair_share),
            compute_environments: there.environments.iter().map(environment).collect(),
        }
    }
}

/// A line for each thing that was looked at, and what mends it.
pub fn check_lines(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let (what, found) = (one_line(&check.what), one_line(&check.found));
        let _ = writeln!(text, "{:<8} {what}: {found}", check.health.as_str());
        if let Some(hint) = &check.hint {
            let _ = writeln!(text, "{:<8} {}", "  hint", one_line(hint));
        }
    }
    text
}
