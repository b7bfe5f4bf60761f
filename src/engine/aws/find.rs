//! Jobs that AWS Batch has and this ledger does not: other machines submitted them, or other
//! programs.

use std::env::VarError;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_batch::types::JobDetail;
use tokio::time::{Instant, sleep};

use super::client::Clients;
use super::describe::{self, AT_ONCE, Observed, Status, describe_one, exit_rule};
use super::send::{Found, SETTLES};
use super::{AwsEngine, AwsError, Listed, containers, list, twice};
use crate::engine::{Cancelled, EngineError, EngineName};
use crate::job::{Arn, Draft, JobId, JobRef};
use crate::ledger::{Adopted, Ledger, LedgerError, Meant, Millis, NAMED, NewJob, Several};
use crate::plan::{
    BatchName, Cargo, ContainerOverrides, EvaluatedRetry, FREIGHT, FilesMount, KeyValue, Plan,
    ResourceRequirement, SubmitJob, TimeoutSeconds,
};

impl AwsEngine<'_> {
    /// The job that is meant, taken into the ledger.
    pub(in crate::engine) async fn find(
        &mut self,
        ledger: &mut Ledger,
        job: &JobRef,
    ) -> Result<JobId, EngineError> {
        let clients = self.clients().await?;
        let mut region = clients.region();
        let text = match job {
            JobRef::Text(text) if !text.is_empty() => match Arn::of(text, Arn::JOB) {
                Ok(Some(arn)) => {
                    region = arn.region;
                    arn.name
                }
                Ok(None) | Err(_) => text.as_str(),
            },
            JobRef::Last | JobRef::Text(_) => return Err(LedgerError::no_job(job).into()),
        };
        let unknown = |looked| AwsError::NoSuchJob { text: text.to_owned(), looked };
        if looks_like_an_id(text)
            && let Some(known) = self.adopt_if_there(ledger, region, text).await?
        {
            return Ok(known);
        }
        let end = Instant::now() + self.settings.settle;
        let mut found = self.look_for(text, self.clock.now()).await?;
        // One that was submitted just now the list shows a little later.
        while found.jobs.is_empty() && is_new(text, self.clock.now()) && Instant::now() < end {
            sleep(LOOK_AGAIN).await;
            found = self.look_for(text, self.clock.now()).await?;
        }
        match found.jobs.as_slice() {
            [] if !found.cut.is_empty() => Err(unknown(
                ", nor among the newest 2,000 of each queue; the whole id finds older ones",
            )
            .into()),
            [] => Err(unknown(", nor among those of the last week in the four queues").into()),
            [one] => self.adopt_by_id(ledger, clients.region(), &one.engine_id).await,
            several => {
                if let Some(one) = sent_twice(&clients, several).await? {
                    return self.adopt_by_id(ledger, clients.region(), &one).await;
                }
                let meant = |job: &Listed| Meant {
                    id: job.engine_id.clone(),
                    name: job.name().to_owned(),
                    state: job.state(),
                };
                let first = several.iter().take(NAMED.into()).map(meant).collect();
                let more = several.len().saturating_sub(NAMED.into()) as u64;
                let jobs = Several { first, more };
                Err(LedgerError::Ambiguous { text: text.to_owned(), jobs }.into())
            }
        }
    }

    pub(super) async fn adopt_by_id(
        &mut self,
        ledger: &mut Ledger,
        region: &str,
        engine_id: &str,
    ) -> Result<JobId, EngineError> {
        let there = self.adopt_if_there(ledger, region, engine_id).await?;
        let unknown = || AwsError::NoSuchJob { text: engine_id.to_owned(), looked: "" };
        Ok(there.ok_or_else(unknown)?)
    }

    async fn adopt_if_there(
        &mut self,
        ledger: &mut Ledger,
        region: &str,
        engine_id: &str,
    ) -> Result<Option<JobId>, EngineError> {
        let clients = self.clients().await?;
        let found = describe_one(&clients, region, engine_id).await?;
        found.map(|job| self.adopt(ledger, region, &job)).transpose()
    }

    /// A job that is not over and does the same, on this machine or another.
    pub(super) async fn twin(
        &mut self,
        ledger: &mut Ledger,
        job: &NewJob,
    ) -> Result<Option<JobId>, EngineError> {
        let fingerprint = job.plan.fingerprint();
        let here = ledger
            .write(|change| change.active_twin(EngineName::Aws.as_str(), &fingerprint, None))?;
        if let Some(twin) = here {
            // The ledger may be behind: is it over by now?
            self.observe(ledger, &[twin]).await?.by_now()?;
            if !ledger.standing(twin)?.state.is_terminal() {
                return Ok(Some(twin));
            }
        }
        let clients = self.clients().await?;
        let region = job.plan.spec.region().unwrap_or_else(|| clients.region());
        let twins = relatives(&clients, region, &job.plan, job.id).await?;
        for twin in twins.into_iter().filter(Found::is_active) {
            let id = self.adopt_by_id(ledger, region, &twin.engine_id).await?;
            if is_wanted(ledger, id)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Two machines may submit the same at the same moment, because neither sees the other's
    /// yet. Both look once more, and both take the one that Batch had first, also if that is over by
    /// then: it counts as long as it was not when ours was sent.
    pub(super) async fn sooner(
        &mut self,
        ledger: &mut Ledger,
        id: JobId,
    ) -> Result<Option<Sooner>, EngineError> {
        let record = ledger.job(id)?;
        let sent = ledger.hand_over_of(record.seq)?;
        let (Some(ours), Some(sent)) = (record.engine_id.clone(), sent) else { return Ok(None) };
        let clients = self.clients().await?;
        // Nothing but the list tells of the other, so that it is given more time.
        let patience = self.settings.settle * SETTLES;
        let end = Instant::now() + patience;
        let (ours, found) = loop {
            let found = relatives(&clients, &sent.region, &record.plan, id).await?;
            // Before the list shows ours it may lack others too.
            if let Some(ours) = found.iter().find(|job| job.engine_id == ours) {
                break (ours.clone(), found);
            }
            if Instant::now() >= end {
                return Err(AwsError::NotOnce { patience }.into());
            }
            sleep(LOOK_AGAIN).await;
        };
        // One of the same name is the same job of ours, sent twice: the fence sees to that.
        let sooner = found.iter().take_while(|job| job.name != sent.name);
        let sooner: Vec<_> = sooner.filter(|job| job.was_active_at(ours.created_at)).collect();
        let both = |other: &Found| AwsError::BothRan { other: other.engine_id.clone() };
        let succeeded = |job: &&&Found| job.status == Status::Succeeded && !ours.status.is_over();
        let active = sooner.iter().filter(|job| job.is_active());
        for first in active.chain(sooner.iter().filter(succeeded)) {
            let twin = self.adopt_by_id(ledger, &sent.region, &first.engine_id).await?;
            if first.status.is_over() || is_wanted(ledger, twin)? {
                let reason = format!("{} does the same and came first", first.engine_id);
                // Between two attempts it is in line again.
                let had_started = ours.has_started()
                    || describe_one(&clients, &sent.region, &ours.engine_id)
                        .await?
                        .is_some_and(|job| !job.attempts().is_empty());
                for end in Box::pin(self.end(ledger, &[id], &reason)).await? {
                    if end? == Cancelled::TooLate {
                        return Err(both(first).into());
                    }
                }
                return Ok(Some(Sooner { twin, had_started }));
            }
        }
        // What failed meanwhile leaves the work to ours; and nobody undoes what both have done.
        let other = sooner.iter().find(|job| job.status.is_over() && !job.is_ended);
        other.map_or(Ok(None), |other| Err(both(other).into()))
    }

    /// Takes a job of Batch into the ledger, under our own id if it has one.
    fn adopt(
        &mut self,
        ledger: &mut Ledger,
        region: &str,
        job: &JobDetail,
    ) -> Result<JobId, EngineError> {
        let name = job.job_name.clone().unwrap_or_default();
        let engine_id = job.job_id.clone().unwrap_or_default();
        let is_ours = BatchName::parse(&name).is_some();
        let foreign = |what: String| AwsError::Foreign { name: name.clone(), what };
        if let Some(known) = ledger.known_by_engine_id(&engine_id)? {
            return Ok(known);
        }
        let ours = BatchName::parse(&name).map(|ours| ours.id);
        let is_over = Status::of(job.status.as_ref()).is_over();
        // What counts as over here and goes on there all the same is another job by now.
        let is_taken = |id: &JobId| {
            if !ledger.has(*id)? {
                return Ok(false);
            }
            let row = ledger.job(*id)?;
            Ok::<_, LedgerError>(row.may_be_there() || row.state.is_terminal() && !is_over)
        };
        let id = match ours {
            Some(ours) if !is_taken(&ours)? => ours,
            _ => engine_id
                .parse()
                .map_err(|_| foreign("is a child of an array; name the array".to_owned()))?,
        };
        let mut draft = request_of(job)
            .into_draft()
            .map_err(|error| foreign(format!("can't be taken in: {error}")))?;
        if !is_ours {
            // Nobody said which of them are secrets, so no value is kept.
            draft.secrets.extend(draft.environment.drain(..).map(|variable| variable.name));
        }
        let plan =
            plan_of(draft, job).map_err(|what| foreign(format!("can't be taken in: {what}")))?;
        let created_at = Observed::new(job).created_at.unwrap_or_else(|| self.clock.now());
        let new =
            NewJob { id, plan, directory: PathBuf::new(), rehearse_after: None, retry_of: None };
        let arn = job.job_arn.clone().unwrap_or_default();
        let adopted = Adopted {
            engine: EngineName::Aws.as_str(),
            engine_id: &engine_id,
            arn: &arn,
            name: &name,
            region,
        };
        ledger.write(|change| change.adopt(&new, &adopted, created_at))?;
        Ok(id)
    }
}

/// A job of another machine that does the same and came first, so that ours was ended.
pub(super) struct Sooner {
    pub twin: JobId,
    /// Ours, by then.
    pub had_started: bool,
}

/// Which of several to look at, where they are one submission of which one job runs.
async fn sent_twice(clients: &Clients, several: &[Listed]) -> Result<Option<String>, AwsError> {
    let ids: Vec<_> = several.iter().take(AT_ONCE).map(|job| job.engine_id.clone()).collect();
    let found = describe::describe(clients, clients.region(), &ids).await?;
    let observed: Vec<_> = found.values().map(Observed::new).collect();
    Ok(twice::one_of(several, &observed))
}

/// The jobs on Batch that do or did the same as this one, itself among them; the oldest first.
async fn relatives(
    clients: &Clients,
    region: &str,
    plan: &Plan,
    id: JobId,
) -> Result<Vec<Found>, AwsError> {
    let family = BatchName::new(&plan.spec.name, plan.fingerprint(), id).family();
    let queue = plan.spec.queue_id();
    list::by_name(clients, region, queue, &format!("{family}*")).await
}

/// Will the job do its work, as far as this ledger knows?
fn is_wanted(ledger: &Ledger, id: JobId) -> Result<bool, LedgerError> {
    let job = ledger.job(id)?;
    Ok(!job.state.is_terminal() && job.cancel_requested_at.is_none())
}

/// Is it the whole id of a job that was made a few minutes ago? Clocks differ.
fn is_new(text: &str, now: Millis) -> bool {
    let made_at = text.parse::<JobId>().ok().and_then(|id| id.made_at());
    made_at.is_some_and(|made_at| (now - made_at).abs() < NEW)
}

const NEW: Millis = 5 * 60 * 1000;
/// Between two looks at a list that does not show yet what is there.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Batch's ids are UUIDs, with `:index` for a child of an array.
fn looks_like_an_id(text: &str) -> bool {
    let id = text.split(':').next().unwrap_or(text);
    id.len() == 36 && id.parse::<JobId>().is_ok()
}

/// What was asked for, as far as Batch shows it.
fn request_of(job: &JobDetail) -> SubmitJob {
    let container = job.container.as_ref();
    let environment = container
        .map(aws_sdk_batch::types::ContainerDetail::environment)
        .unwrap_or_default()
        .iter();
    let requirements = container
        .map(aws_sdk_batch::types::ContainerDetail::resource_requirements)
        .unwrap_or_default()
        .iter();
    let name_of_arn = |arn: &Option<String>| {
        arn.as_deref().map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned())
    };
    SubmitJob {
        job_name: job.job_name.clone(),
        job_queue: name_of_arn(&job.job_queue),
        job_definition: name_of_arn(&job.job_definition),
        container_overrides: ContainerOverrides {
            command: containers::command(job),
            environment: environment
                .filter_map(|variable| {
                    let name = variable.name.clone()?;
                    // Those are Batch's own.
                    (!name.starts_with("AWS_BATCH"))
                        .then(|| KeyValue { name, value: variable.value.clone() })
                })
                .collect(),
            resource_requirements: requirements
                .filter_map(|requirement| {
                    let kind = requirement.r#type.as_ref()?.as_str().to_owned();
                    Some(ResourceRequirement { kind, value: requirement.value.clone()? })
                })
                .collect(),
            vcpus: container.and_then(|it| it.vcpus).and_then(|vcpus| vcpus.try_into().ok()),
            memory: container.and_then(|it| it.memory).and_then(|mib| mib.try_into().ok()),
        },
        retry_strategy: job.retry_strategy.as_ref().map(|retry| EvaluatedRetry {
            attempts: retry.attempts.and_then(|attempts| attempts.try_into().ok()),
            evaluate_on_exit: retry.evaluate_on_exit().iter().filter_map(exit_rule).collect(),
        }),
        timeout: job.timeout.as_ref().map(|timeout| TimeoutSeconds {
            attempt_duration_seconds: timeout
                .attempt_duration_seconds
                .and_then(|seconds| seconds.try_into().ok()),
        }),
        tags: job.tags.clone().unwrap_or_default().into_iter().collect(),
        propagate_tags: job.propagate_tags,
        share_identifier: job.share_identifier.clone(),
        scheduling_priority_override: job
            .scheduling_priority
            .and_then(|priority| priority.try_into().ok()),
    }
}

/// A plan without the values of secrets, which are nobody's business here.
fn plan_of(mut draft: Draft, job: &JobDetail) -> Result<Plan, String> {
    let container = job.container.as_ref();
    let variables =
        container.map(aws_sdk_batch::types::ContainerDetail::environment).unwrap_or_default();
    let cargo = variables.iter().find(|variable| variable.name.as_deref() == Some(FREIGHT));
    let cargo = cargo.and_then(|variable| variable.value.as_deref());
    let cargo: Option<Cargo> = cargo.and_then(|value| serde_json::from_str(value).ok());
    let freight = draft.freight.take().unwrap_or_default();
    for secret in container.map(aws_sdk_batch::types::ContainerDetail::secrets).unwrap_or_default()
    {
        let (Some(name), Some(from)) = (&secret.name, &secret.value_from) else { continue };
        draft.secrets.insert(source_of(name, from));
        draft.environment.retain(|variable| variable.name != *name);
    }
    if draft.files.is_none() {
        draft.files = Some(crate::job::JobFiles::None.as_str().to_owned());
    }
    let hidden = |_: &str| Ok::<_, VarError>("hidden".to_owned());
    let (spec, _) = draft.resolve(&hidden).map_err(|error| error.to_string())?;
    let command = container.map(aws_sdk_batch::types::ContainerDetail::command).unwrap_or_default();
    let fetch = cargo.as_ref().map(|cargo| cargo.fetch).unwrap_or_default();
    let bucket = cargo.map(|cargo| cargo.bucket);
    let files = FilesMount::of_command(command).unwrap_or_default();
    Ok(Plan { spec, files, freight, bucket, fetch })
}

/// As `--secret` has it.
fn source_of(name: &str, value_from: &str) -> String {
    if value_from.contains(":secretsmanager:") {
        format!("{name}=secretsmanager:{value_from}")
    } else {
        format!("{name}=ssm:{value_from}")
    }
}
