//! Queues and compute environments of AWS Batch.

use std::collections::BTreeMap;

use aws_sdk_batch::types::{
    CeState, CeStatus, ComputeEnvironmentDetail, CrType, JobQueueDetail, JobStatus, JqState,
    JqStatus,
};

use super::client::Clients;
use super::send::LIST;
use super::{Action, AwsEngine, AwsError};
use crate::job::Queue;

pub const DESCRIBE_QUEUES: Action = Action("batch:DescribeJobQueues");
pub const DESCRIBE_ENVIRONMENTS: Action = Action("batch:DescribeComputeEnvironments");
pub const SNAPSHOT: Action = Action("batch:GetJobQueueSnapshot");

/// A queue as AWS has it.
#[derive(Debug, Clone)]
pub struct QueueOnAws {
    pub queue: Queue,
    /// `None`: there is no such queue.
    pub there: Option<Details>,
}

impl QueueOnAws {
    /// Do its jobs run on Fargate? Batch mixes it with nothing else in a queue.
    #[must_use]
    pub fn is_fargate(&self) -> bool {
        self.there.as_ref().is_some_and(Details::is_fargate)
    }
}

/// What AWS says of a queue.
#[derive(Debug, Clone)]
pub struct Details {
    pub priority: i32,
    /// `ENABLED` takes jobs.
    pub state: String,
    /// `VALID` runs them.
    pub status: String,
    pub status_reason: Option<String>,
    pub fair_share: bool,
    pub environments: Vec<Environment>,
}

/// A compute environment.
#[derive(Debug, Clone)]
pub struct Environment {
    pub name: String,
    pub state: String,
    pub status: String,
    pub status_reason: Option<String>,
    /// `EC2`, `SPOT`, `FARGATE` or `FARGATE_SPOT`.
    pub kind: String,
    pub most_vcpus: Option<i32>,
    pub wanted_vcpus: Option<i32>,
    pub subnets: Vec<String>,
}

impl Environment {
    /// Does it start jobs?
    #[must_use]
    pub fn works(&self) -> bool {
        works(&self.state, &self.status)
    }

    /// May the host be taken away while a job runs there?
    #[must_use]
    pub fn takes_hosts_back(&self) -> bool {
        matches!(self.kind.as_str(), "SPOT" | "FARGATE_SPOT")
    }

    /// What the user can do about one that does not work.
    pub(super) fn mend(&self) -> String {
        let name = &self.name;
        format!("aws batch update-compute-environment --compute-environment {name} --state ENABLED")
    }
}

impl Details {
    /// Does it take jobs and give them to somebody?
    #[must_use]
    pub fn works(&self) -> bool {
        works(&self.state, &self.status)
    }

    pub(super) fn is_fargate(&self) -> bool {
        self.environments.iter().any(|it| it.kind.starts_with("FARGATE"))
    }
}

fn works(state: &str, status: &str) -> bool {
    state == "ENABLED" && status == "VALID"
}

/// What the user can do about a queue that does not work.
pub fn mend(queue: Queue) -> String {
    format!("aws batch update-job-queue --job-queue {queue} --state ENABLED")
}

impl AwsEngine<'_> {
    /// How these queues and their compute environments stand.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn queues(&mut self, queues: &[Queue]) -> Result<Vec<QueueOnAws>, AwsError> {
        let clients = self.clients().await?;
        let queues: Vec<_> = queues.iter().map(|queue| (*queue, queue.as_str())).collect();
        describe(&clients, clients.region(), &queues).await
    }

    /// How many jobs of a queue wait and run, up to a page of a thousand for each of Batch's
    /// states.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn count(&mut self, queue: Queue) -> Result<BTreeMap<&'static str, u64>, AwsError> {
        const NOT_OVER: [(JobStatus, &str); 5] = [
            (JobStatus::Submitted, "queued"),
            (JobStatus::Pending, "queued"),
            (JobStatus::Runnable, "queued"),
            (JobStatus::Starting, "starting"),
            (JobStatus::Running, "running"),
        ];
        let clients = self.clients().await?;
        let mut counts = BTreeMap::new();
        for (status, state) in NOT_OVER {
            let batch = clients.batch(clients.region());
            let call = batch.list_jobs().job_queue(queue.as_str()).job_status(status);
            let answer = clients.call(LIST, call.send()).await?;
            let count = answer.job_summary_list.unwrap_or_default().len() as u64;
            *counts.entry(state).or_insert(0) += count;
        }
        counts.retain(|_, count| *count > 0);
        Ok(counts)
    }
}

/// Each by what AWS is asked for: its name, or its ARN.
pub async fn describe(
    clients: &Clients,
    region: &str,
    queues: &[(Queue, &str)],
) -> Result<Vec<QueueOnAws>, AwsError> {
    let names = queues.iter().map(|(_, id)| (*id).to_owned()).collect();
    let call = clients.batch(region).describe_job_queues().set_job_queues(Some(names)).send();
    let found = clients.call(DESCRIBE_QUEUES, call).await?.job_queues.unwrap_or_default();
    let arns: Vec<String> = found.iter().flat_map(environments_of).collect();
    let environments = environments(clients, region, arns).await?;
    let details = |queue: &Queue| {
        let found = found.iter().find(|it| it.job_queue_name.as_deref() == Some(queue.as_str()))?;
        Some(Details::new(found, &environments))
    };
    let queues = queues.iter().map(|(queue, _)| queue);
    Ok(queues.map(|queue| QueueOnAws { queue: *queue, there: details(queue) }).collect())
}

fn environments_of(queue: &JobQueueDetail) -> Vec<String> {
    let mut order = queue.compute_environment_order().to_vec();
    order.sort_by_key(|environment| environment.order);
    order.into_iter().filter_map(|environment| environment.compute_environment).collect()
}

/// By their ARN.
async fn environments(
    clients: &Clients,
    region: &str,
    mut arns: Vec<String>,
) -> Result<BTreeMap<String, Environment>, AwsError> {
    arns.sort();
    arns.dedup();
    if arns.is_empty() {
        return Ok(BTreeMap::new());
    }
    let batch = clients.batch(region);
    let call = batch.describe_compute_environments().set_compute_environments(Some(arns)).send();
    let found = clients.call(DESCRIBE_ENVIRONMENTS, call).await?;
    let found = found.compute_environments.unwrap_or_default().into_iter();
    Ok(found
        .filter_map(|it| Some((it.compute_environment_arn.clone()?, Environment::new(it))))
        .collect())
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

impl Details {
    fn new(queue: &JobQueueDetail, environments: &BTreeMap<String, Environment>) -> Self {
        Self {
            priority: queue.priority.unwrap_or_default(),
            state: text(queue.state.as_ref().map(JqState::as_str)),
            status: text(queue.status.as_ref().map(JqStatus::as_str)),
            status_reason: queue.status_reason.clone(),
            fair_share: queue.scheduling_policy_arn.is_some(),
            environments: environments_of(queue)
                .iter()
                .filter_map(|arn| environments.get(arn).cloned())
                .collect(),
        }
    }
}

impl Environment {
    fn new(environment: ComputeEnvironmentDetail) -> Self {
        let resources = environment.compute_resources;
        let kind = resources.as_ref().and_then(|resources| resources.r#type.as_ref());
        Self {
            name: environment.compute_environment_name.unwrap_or_default(),
            state: text(environment.state.as_ref().map(CeState::as_str)),
            status: text(environment.status.as_ref().map(CeStatus::as_str)),
            status_reason: environment.status_reason,
            kind: text(kind.map(CrType::as_str)),
            most_vcpus: resources.as_ref().and_then(|resources| resources.maxv_cpus),
            wanted_vcpus: resources.as_ref().and_then(|resources| resources.desiredv_cpus),
            subnets: resources.and_then(|resources| resources.subnets).unwrap_or_default(),
        }
    }
}
