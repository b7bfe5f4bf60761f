//! A job that ended at the fence (`plan/fence.rs`): the one that came first does the work, and is
//! looked at in its place.

use std::collections::HashMap;

use super::began::Began;
use super::client::Clients;
use super::describe::{self, Ended, Observed};
use super::{AwsEngine, AwsError, list, logs};
use crate::engine::EngineError;
use crate::job::JobId;
use crate::ledger::{HandOver, JobRecord, Ledger};
use crate::plan::{BatchName, FENCED};

/// Jobs of the ledger that Batch has, and where.
pub type There = (HandOver, String, JobRecord);

/// The job of Batch that came first.
struct First {
    engine_id: String,
    arn: String,
    observed: Observed,
}

impl Observed {
    /// The attempt that ended because another job came first.
    pub fn fenced(&self) -> Option<&Ended> {
        self.proof.as_ref()?;
        let mut ended = self.attempts.iter().chain([&self.newest]);
        ended.find(|attempt| attempt.exit_code == Some(i32::from(FENCED)))
    }
}

impl AwsEngine<'_> {
    /// Puts those that came first in the places of those that came second, in the ledger and in what
    /// was found.
    pub(super) async fn supersede(
        &self,
        ledger: &mut Ledger,
        clients: &Clients,
        jobs: &[There],
        found: &mut HashMap<String, Observed>,
    ) -> Result<(), EngineError> {
        for (sent, engine_id, record) in jobs {
            let Some(job) = found.get_mut(engine_id).filter(|job| job.fenced().is_some()) else {
                continue;
            };
            let queue = record.plan.spec.queue_id();
            let Some(first) = first(clients, sent, queue, engine_id, job).await else {
                let over_for = self.seen.over(record.id);
                if job.status.is_over() && !self.is_shown(job, over_for) {
                    job.began = Began::Later;
                }
                continue;
            };
            let reason = format!("{} came first and does the work", first.engine_id);
            // One that is tried again comes to the same end each time.
            if !job.status.is_over()
                && let Err(error) =
                    super::cancel::terminate(clients, &sent.region, engine_id, &reason).await
            {
                tracing::debug!(%error, engine_id, "cannot end the one that came second");
            }
            let now = self.clock.now();
            ledger.note(|change| {
                let holder = change.holder(record.id)?;
                if !holder.state.is_terminal() {
                    change.supersede(holder, (&first.engine_id, &first.arn), &reason, now)?;
                }
                Ok(())
            })?;
            *job = first.observed;
        }
        Ok(())
    }
}

/// By the line that the job wrote, or else by the list of AWS Batch. Only a job of the very same name
/// can be it, which no other submission has.
async fn first(
    clients: &Clients,
    sent: &HandOver,
    queue: &str,
    engine_id: &str,
    job: &Observed,
) -> Option<First> {
    let told = |error: &AwsError| tracing::debug!(%error, engine_id, "cannot see who came first");
    let said = by_log(clients, sent, job).await.inspect_err(told).ok().flatten();
    let first = if let Some(first) = said {
        first
    } else {
        let listed = list::by_name(clients, &sent.region, queue, &sent.name).await;
        let listed = listed.inspect_err(told).ok()?.into_iter();
        listed.filter(|it| it.name == sent.name).find(|it| it.engine_id != engine_id)?.engine_id
    };
    let found = describe::describe_one(clients, &sent.region, &first).await;
    let detail = found.inspect_err(told).ok()??;
    let observed = Observed::new(&detail);
    let is_it = BatchName::parse(&sent.name).is_some()
        && detail.job_name.as_deref() == Some(&*sent.name)
        && first != engine_id
        && observed.fenced().is_none();
    let arn = detail.job_arn.unwrap_or_default();
    is_it.then_some(First { engine_id: first, arn, observed })
}

async fn by_log(
    clients: &Clients,
    sent: &HandOver,
    job: &Observed,
) -> Result<Option<String>, AwsError> {
    let (Some(proof), Some(ended)) = (&job.proof, job.fenced()) else { return Ok(None) };
    let Some(stream) = &ended.log_stream else { return Ok(None) };
    let stream = job.logs.stream(stream);
    let region = stream.region.as_deref().unwrap_or(&sent.region);
    let lines = logs::head(clients, region, &stream).await?;
    let first = proof.first(&lines).filter(|first| first.parse::<JobId>().is_ok());
    Ok(first.map(str::to_owned))
}
