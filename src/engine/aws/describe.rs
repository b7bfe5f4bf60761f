//! What AWS Batch says of a job, in this program's words.

use std::collections::HashMap;

use aws_sdk_batch::types::{ContainerDetail, EvaluateOnExit, JobDetail, JobStatus, ResourceType};

use super::began::Began;
use super::came::Came;
use super::client::Clients;
use super::containers::{self, Container};
use super::streams::Logs;
use super::{Action, AwsError, classify};
use crate::job::{ExitRule, Pattern, Vcpus};
use crate::ledger::{Millis, Standing};
use crate::plan::{Fence, Proof};

pub const DESCRIBE: Action = Action("batch:DescribeJobs");
/// DescribeJobs: at most 100 ids.
pub const AT_ONCE: usize = 100;

/// How many vCPUs a job asks for, whoever said so.
pub fn vcpus(job: &JobDetail) -> Option<Vcpus> {
    let requirements = job.container.as_ref()?.resource_requirements();
    let vcpus = requirements.iter().find(|it| it.r#type == Some(ResourceType::Vcpu))?;
    vcpus.value.as_deref()?.parse().ok()
}

/// Batch's own states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Submitted,
    Pending,
    Runnable,
    Starting,
    Running,
    Succeeded,
    Failed,
}

impl Status {
    pub const ALL: [Self; 7] = [
        Self::Submitted,
        Self::Pending,
        Self::Runnable,
        Self::Starting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Pending => "PENDING",
            Self::Runnable => "RUNNABLE",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }

    #[must_use]
    pub fn of(status: Option<&JobStatus>) -> Self {
        // A state that Batch will have some day is one in which the job is not over.
        status.and_then(|status| Self::parse(status.as_str())).unwrap_or(Self::Submitted)
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// Has no machine the job yet?
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::Submitted | Self::Pending | Self::Runnable)
    }

    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// Batch's word for the end of a job that is not written down yet, as its log is still to show how it was.
#[must_use]
pub fn unwritten_end(standing: &Standing) -> Option<Status> {
    let status = standing.engine_status.as_deref().and_then(Status::parse);
    status.filter(|status| status.is_over() && !standing.state.is_terminal())
}

/// A job as Batch sees it at one moment.
#[derive(Debug, Clone)]
pub struct Observed {
    pub engine_id: String,
    pub arn: String,
    /// Its name on Batch.
    pub name: String,
    /// So many attempts the ledger counts before its first: those of a job that came second.
    pub before: u32,
    pub status: Status,
    pub created_at: Option<Millis>,
    /// The attempts that are over, in their order.
    pub attempts: Vec<Ended>,
    /// How the newest attempt stands; the job says the same of itself.
    pub newest: Ended,
    /// It has so many attempts at the most, if Batch says so.
    pub most_attempts: Option<usize>,
    /// By these Batch decides whether another attempt follows.
    pub retry_rules: Vec<ExitRule>,
    pub logs: Logs,
    /// The job definition that it was made of, as an ARN.
    pub definition: String,
    /// What its log shows once its command begins, where a line of ours precedes that.
    pub proof: Option<Proof>,
    /// Whether it did, as far as somebody looked.
    pub began: Began,
    /// Does it look whether another of the same submission came first?
    pub is_fenced: bool,
    /// Whether one did, as far as somebody looked.
    pub came: Came,
    /// Somebody asked for its end, or Batch itself brought it about.
    pub is_ended: bool,
}

/// An attempt, as far as Batch tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Ended {
    pub started_at: Option<Millis>,
    pub stopped_at: Option<Millis>,
    pub exit_code: Option<i32>,
    /// Batch's `statusReason`.
    pub status_reason: Option<String>,
    /// Batch's `container.reason`.
    pub reason: Option<String>,
    pub log_stream: Option<String>,
}

/// Asks for up to a hundred jobs. Those that Batch does not know are left out.
pub async fn describe(
    clients: &Clients,
    region: &str,
    engine_ids: &[String],
) -> Result<HashMap<String, JobDetail>, AwsError> {
    let call = clients.batch(region).describe_jobs().set_jobs(Some(engine_ids.to_vec())).send();
    let answer = clients.call(DESCRIBE, call).await?;
    let jobs = answer.jobs.unwrap_or_default();
    Ok(jobs.into_iter().filter_map(|job| Some((job.job_id.clone()?, job))).collect())
}

/// One job, if Batch knows it.
pub async fn describe_one(
    clients: &Clients,
    region: &str,
    engine_id: &str,
) -> Result<Option<JobDetail>, AwsError> {
    Ok(describe(clients, region, &[engine_id.to_owned()]).await?.remove(engine_id))
}

impl Observed {
    /// What ended a job that is over: its last attempt, unless its queue took it out of the line.
    pub fn end(&self) -> &Ended {
        let last = self.attempts.last().filter(|_| !classify::is_of_the_queue(&self.newest));
        last.unwrap_or(&self.newest)
    }

    /// The number that the ledger has of an attempt.
    pub const fn number(&self, index: usize) -> usize {
        self.before as usize + index + 1
    }

    pub fn new(job: &JobDetail) -> Self {
        let attempts = job.attempts().iter().map(|attempt| {
            let container = containers::of_attempt(job, attempt);
            let times = (attempt.started_at, attempt.stopped_at);
            Ended::new(times, attempt.status_reason.as_ref(), container)
        });
        let of_eks = job.eks_attempts().iter().filter(|attempt| time(attempt.stopped_at).is_some());
        let of_eks = of_eks.map(|attempt| {
            let container = containers::of_eks_attempt(attempt);
            let times = (attempt.started_at, attempt.stopped_at);
            Ended::new(times, attempt.status_reason.as_ref(), container)
        });
        let times = (job.started_at, job.stopped_at);
        let command = job.container().map(ContainerDetail::command).unwrap_or_default();
        Self {
            engine_id: job.job_id.clone().unwrap_or_default(),
            arn: job.job_arn.clone().unwrap_or_default(),
            name: job.job_name.clone().unwrap_or_default(),
            before: 0,
            status: Status::of(job.status.as_ref()),
            created_at: time(job.created_at),
            attempts: attempts.chain(of_eks).collect(),
            newest: Ended::new(times, job.status_reason.as_ref(), containers::of_job(job)),
            most_attempts: (job.retry_strategy().and_then(|retry| retry.attempts))
                .and_then(|attempts| attempts.try_into().ok()),
            retry_rules: job
                .retry_strategy()
                .map(aws_sdk_batch::types::RetryStrategy::evaluate_on_exit)
                .unwrap_or_default()
                .iter()
                .filter_map(exit_rule)
                .collect(),
            logs: Logs::of(containers::log_configuration(job)),
            definition: job.job_definition.clone().unwrap_or_default(),
            proof: Proof::of_command(command),
            began: Began::Yes,
            is_fenced: Fence::of_command(command).is_some(),
            came: Came::First,
            is_ended: is_ended(job.is_cancelled, job.is_terminated),
        }
    }
}

impl Ended {
    /// Is this one attempt seen twice? Each has a log of its own.
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (&self.log_stream, &other.log_stream) {
            (Some(log), Some(other)) => log == other,
            _ => self.started_at.is_some() && self.started_at == other.started_at,
        }
    }

    fn new(
        (started_at, stopped_at): (Option<Millis>, Option<Millis>),
        status_reason: Option<&String>,
        container: Container,
    ) -> Self {
        Self {
            started_at: time(started_at),
            stopped_at: time(stopped_at),
            exit_code: container.exit_code,
            status_reason: status_reason.cloned(),
            reason: container.reason,
            log_stream: container.log_stream,
        }
    }
}

/// Was the end of a job brought about? By somebody, or by Batch itself: why tells which. Batch says
/// so only where that is true, and by the one or the other.
pub fn is_ended(is_cancelled: Option<bool>, is_terminated: Option<bool>) -> bool {
    is_cancelled == Some(true) || is_terminated == Some(true)
}

/// The SDK makes 0 of a time that is not there.
pub fn time(time: Option<Millis>) -> Option<Millis> {
    time.filter(|time| *time > 0)
}

/// A rule of `evaluateOnExit` as Batch shows it, in whatever case it was written.
pub fn exit_rule(rule: &EvaluateOnExit) -> Option<ExitRule> {
    let pattern = |text: &Option<String>| text.clone().map(Pattern);
    Some(ExitRule {
        on_status_reason: pattern(&rule.on_status_reason),
        on_reason: pattern(&rule.on_reason),
        on_exit_code: pattern(&rule.on_exit_code),
        action: match rule.action.as_ref()?.as_str().to_ascii_uppercase().as_str() {
            "RETRY" => crate::job::Action::Retry,
            "EXIT" => crate::job::Action::Exit,
            _ => return None,
        },
    })
}

#[cfg(test)]
impl Observed {
    /// A job of which nothing more is known.
    pub fn bare(status: Status, attempts: Vec<Ended>) -> Self {
        Self {
            engine_id: String::new(),
            arn: String::new(),
            name: String::new(),
            before: 0,
            status,
            created_at: Some(0),
            newest: attempts.last().cloned().unwrap_or_default(),
            attempts,
            most_attempts: None,
            retry_rules: Vec::new(),
            logs: Logs::of(None),
            definition: String::new(),
            proof: None,
            began: Began::Yes,
            is_fenced: false,
            came: Came::First,
            is_ended: false,
        }
    }
}
