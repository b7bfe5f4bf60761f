//! The JSON that the program prints. docs/json.md describes it; fields are added, never
//! renamed or taken away.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::aws::AwsQueueView;
use super::explanation::ExplanationView;
use super::time::timestamp;
use crate::cli::error::exit_code;
use crate::job::{FailureClass, JobId, Memory, Queue};
use crate::ledger::{AttemptRecord, EventRecord, JobRecord, Millis, StateDir, WorkerRecord};

/// A job, wherever one is printed.
#[derive(Debug, Serialize)]
pub struct JobView {
    pub id: String,
    pub short: String,
    pub name: String,
    pub queue: Queue,
    /// Where it was named by its ARN.
    pub queue_arn: Option<String>,
    pub engine: String,
    pub engine_id: Option<String>,
    /// The engine's own word for the state, and what it says about it.
    pub engine_status: Option<String>,
    pub engine_reason: Option<String>,
    pub state: &'static str,
    pub class: Option<FailureClass>,
    pub reason: Option<String>,
    /// The command's own exit code.
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// What `run` and `wait` exit with; null while the job is not over.
    pub run_exit_code: Option<u8>,
    pub attempt: u32,
    /// Null where nobody said it, and it is the job definition's; so are the sizes.
    pub attempts: Option<u8>,
    pub interruptions: u32,
    pub losses: u32,
    pub command: Option<Vec<String>>,
    pub environment: BTreeMap<String, String>,
    pub secrets: Vec<String>,
    /// Where AWS has the secrets that it fetches itself.
    pub secret_sources: BTreeMap<String, String>,
    pub vcpus: Option<String>,
    pub memory_mib: Option<u32>,
    pub gpus: Option<u32>,
    pub timeout_seconds: Option<u32>,
    pub tags: BTreeMap<String, String>,
    pub job_definition: String,
    pub share: Option<String>,
    pub priority: Option<u16>,
    /// What two jobs have in common that do the same work.
    pub fingerprint: Option<String>,
    /// The source that was sent along, by the SHA-256 of its archive.
    pub source: Option<String>,
    /// Paths below `/files` that something was sent along for.
    pub inputs: Vec<String>,
    /// The parcel that its command reads on its stdin.
    pub stdin: Option<String>,
    /// What is kept of `/files` and the source.
    pub outputs: Vec<String>,
    /// Of these, those for which nothing was there when the job had ended; null while nobody has looked.
    pub missing_outputs: Option<Vec<String>>,
    pub directory: PathBuf,
    pub files: PathBuf,
    pub log: Option<PathBuf>,
    pub retry_of: Option<String>,
    pub accepted_at: String,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub cancel_requested_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_history: Option<Vec<AttemptView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventView>>,
}

#[derive(Debug, Serialize)]
pub struct AttemptView {
    pub number: u32,
    pub pid: Option<u32>,
    pub files_mounted: Option<bool>,
    pub opened_at: String,
    pub started_at: Option<String>,
    pub closed_at: Option<String>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub class: Option<FailureClass>,
    pub reason: Option<String>,
    /// Why another attempt followed; null where none did.
    pub retry_reason: Option<String>,
    /// A file, or a group and a stream of `CloudWatch` Logs.
    pub log: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct EventView {
    pub at: String,
    pub attempt: u32,
    pub event: String,
    pub state: &'static str,
    pub reason: Option<String>,
}

impl JobView {
    pub fn new(job: &JobRecord, dir: &StateDir) -> Self {
        let spec = &job.plan.spec;
        let size = job.size();
        Self {
            id: job.id.to_string(),
            short: job.id.short(),
            name: spec.name.to_string(),
            queue: spec.queue,
            queue_arn: spec.queue_arn.clone(),
            engine: job.engine.clone(),
            engine_id: job.engine_id.clone(),
            engine_status: job.engine_status.clone(),
            engine_reason: job.engine_reason.clone(),
            state: job.state.as_str(),
            class: job.class,
            reason: job.reason.clone(),
            exit_code: job.exit_code,
            signal: job.signal,
            run_exit_code: job.state.is_terminal().then(|| exit_code(job)),
            attempt: job.attempt,
            attempts: job.most_attempts(),
            interruptions: job.interruptions,
            losses: job.losses,
            command: spec.command.as_ref().map(|command| command.words().to_vec()),
            environment: spec
                .environment
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect(),
            secrets: spec.secrets.iter().map(ToString::to_string).collect(),
            secret_sources: spec
                .secret_sources
                .iter()
                .map(|(name, source)| (name.to_string(), source.to_string()))
                .collect(),
            vcpus: size.vcpus.map(|vcpus| vcpus.to_string()),
            memory_mib: size.memory.map(Memory::as_mib),
            gpus: size.gpus,
            timeout_seconds: spec.timeout.map(crate::job::Timeout::seconds),
            tags: spec.tags.clone(),
            job_definition: spec.job_definition.clone(),
            share: spec.share.clone(),
            priority: spec.priority,
            fingerprint: job.fingerprint.clone(),
            source: job.plan.freight.source.as_ref().map(|it| it.parcel.address.to_string()),
            inputs: job.plan.freight.inputs.iter().map(|it| it.path.to_string()).collect(),
            stdin: job.plan.freight.stdin.as_ref().map(|it| it.address.to_string()),
            outputs: spec.outputs.iter().map(ToString::to_string).collect(),
            missing_outputs: job.missing_outputs.clone(),
            directory: job.directory.clone(),
            files: files(job, dir),
            log: (job.attempt > 0 && job.is_here()).then(|| dir.log(job.id, job.attempt)),
            retry_of: job.retry_of.map(|id| id.to_string()),
            accepted_at: timestamp(job.accepted_at),
            started_at: job.started_at.map(timestamp),
            finished_at: job.finished_at.map(timestamp),
            cancel_requested_at: job.cancel_requested_at.map(timestamp),
            attempt_history: None,
            events: None,
        }
    }

    #[must_use]
    pub fn with_history(
        mut self,
        job: &JobRecord,
        attempts: &[AttemptRecord],
        events: &[EventRecord],
        dir: &StateDir,
    ) -> Self {
        let attempt = |attempt: &AttemptRecord| AttemptView {
            number: attempt.number,
            pid: attempt.pid,
            files_mounted: attempt.mounted,
            opened_at: timestamp(attempt.opened_at),
            started_at: attempt.started_at.map(timestamp),
            closed_at: attempt.closed_at.map(timestamp),
            exit_code: attempt.exit_code,
            signal: attempt.signal,
            class: attempt.class,
            reason: attempt.reason.clone(),
            retry_reason: attempt.retry_reason.clone(),
            log: match &attempt.log {
                Some(log) => Some(format!("{} {}", log.group, log.stream)),
                None if job.is_here() => {
                    Some(dir.log(job.id, attempt.number).display().to_string())
                }
                None => None,
            },
        };
        let event = |event: &EventRecord| EventView {
            at: timestamp(event.at),
            attempt: event.attempt,
            event: event.event.clone(),
            state: event.state.as_str(),
            reason: event.reason.clone(),
        };
        self.attempt_history = Some(attempts.iter().map(attempt).collect());
        self.events = Some(events.iter().map(event).collect());
        self
    }
}

/// The job's directory: on this machine, or below the mount of the file system on AWS.
fn files(job: &JobRecord, dir: &StateDir) -> PathBuf {
    if job.is_here() {
        return dir.files_of(job.id);
    }
    let mount = PathBuf::from(&job.plan.files.0);
    job.engine_id.as_ref().map_or_else(|| mount.clone(), |id| mount.join(id))
}

/// A line of the stream that `run` and `wait` print.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventLine<'a> {
    Submitted {
        id: String,
        short: String,
        name: &'a str,
    },
    State {
        id: String,
        state: &'static str,
        attempt: u32,
        reason: Option<&'a str>,
        engine_status: Option<&'a str>,
        engine_reason: Option<&'a str>,
    },
    /// What the job waits for.
    Waiting(Box<ExplanationView>),
    /// An attempt that another follows.
    AttemptEnded {
        id: String,
        attempt: u32,
        attempts: Option<u32>,
        exit_code: Option<i32>,
        signal: Option<i32>,
        class: Option<FailureClass>,
        reason: Option<&'a str>,
        retry_reason: &'a str,
    },
    Log(LogLine<'a>),
    Ended {
        job: &'a JobView,
    },
    Detached {
        ids: Vec<String>,
        resume: &'a str,
    },
    LimitReached {
        ids: Vec<String>,
        resume: &'a str,
    },
    Rehearsed(Rehearsed<'a>),
    Got {
        id: String,
        files: Vec<String>,
        left: Vec<String>,
        /// Left as a job made them that was submitted later.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        later: Vec<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        aside: Vec<String>,
    },
}

/// A line that a job wrote. Bytes that are no UTF-8 are replaced.
#[derive(Debug, Serialize)]
pub struct LogLine<'a> {
    pub id: String,
    pub attempt: u32,
    /// With `--timestamps`.
    pub at: Option<String>,
    pub line: std::borrow::Cow<'a, str>,
}

impl<'a> LogLine<'a> {
    pub fn new(job: JobId, attempt: u32, at: Option<Millis>, line: &'a [u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        Self { id: job.to_string(), attempt, at: at.map(timestamp), line }
    }
}

/// What a job made of a host that went away.
#[derive(Debug, Serialize)]
pub struct Rehearsed<'a> {
    pub seconds_to_end: Option<f64>,
    pub verdict: &'a str,
}

#[derive(Debug, Serialize)]
pub struct ErrorLine<'a> {
    pub error: &'a str,
    pub hint: Option<&'a str>,
    pub exit_code: u8,
}

/// A text that is printed as it is without `--json`.
#[derive(Debug, Serialize)]
pub struct TextView<'a> {
    pub text: std::borrow::Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub struct QueueView {
    pub queue: Queue,
    pub priority: u16,
    pub interruptible: bool,
    pub about: &'static str,
    /// How many jobs are in each state; states without any are left out.
    pub jobs: BTreeMap<&'static str, u64>,
    pub workers: usize,
    /// What AWS has, with the engine `aws`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsQueueView>,
}

/// What a worker in the foreground prints when it is ready.
#[derive(Debug, Serialize)]
pub struct WorkerReady<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: &'a str,
    pub files_mounted: bool,
}

#[derive(Debug, Serialize)]
pub struct WorkerView {
    pub id: String,
    pub pid: u32,
    pub background: bool,
    pub vcpus: String,
    pub memory_mib: u32,
    pub gpus: u32,
    pub queues: Vec<Queue>,
    pub started_at: String,
}

impl WorkerView {
    pub fn new(record: &WorkerRecord) -> Self {
        let worker = &record.worker;
        Self {
            id: worker.id.clone(),
            pid: worker.pid,
            background: worker.background,
            vcpus: worker.capacity.vcpus.to_string(),
            memory_mib: worker.capacity.memory.as_mib(),
            gpus: worker.capacity.gpus,
            queues: worker.queues.clone(),
            started_at: timestamp(record.started_at),
        }
    }
}
