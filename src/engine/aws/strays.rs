//! What else AWS Batch may have of a job whose end is asked for: more than one of it, or one that nobody saw
//! before it counted as over.

use aws_sdk_batch::types::JobDetail;
use tokio::time::{Instant, sleep};

use super::cancel::{There, terminate};
use super::describe::{Status, describe_one};
use super::find::LOOK_AGAIN;
use super::list;
use super::send::SETTLES;
use super::{AwsEngine, AwsError};
use crate::engine::{Cancelled, EngineError};
use crate::job::JobId;
use crate::ledger::{HandOver, JobRecord, Ledger};
use crate::plan::Fence;

impl AwsEngine<'_> {
    /// Ends what else there is of a job that was sent more than once. The list has to show the one that is
    /// known, and all the others that there may be, unless it had the time for that.
    pub(super) async fn end_others(
        &mut self,
        ledger: &mut Ledger,
        there: There<'_>,
        until: Instant,
        reason: &str,
    ) -> Result<(), EngineError> {
        let There { job, engine_id, sent } = there;
        let JobRecord { seq, plan, .. } = ledger.job(job)?;
        let clients = self.clients().await?;
        let command = plan.masked_request(Some(job)).container_overrides.command;
        if command.as_deref().and_then(Fence::of_command).is_some() {
            // Once one has started the fence ends the others, or tells which of them runs.
            let known = describe_one(&clients, &sent.region, engine_id).await?;
            if known.as_ref().is_some_and(has_begun) {
                return Ok(ledger.write(|change| change.is_one(seq))?);
            }
        }
        let unknown = |why| AwsError::OthersUnknown { why: Box::new(why) };
        loop {
            let found = list::by_name(&clients, &sent.region, plan.spec.queue_id(), &sent.name);
            let found = found.await.map_err(unknown)?;
            for other in found.iter().filter(|it| it.is_active() && it.engine_id != engine_id) {
                terminate(&clients, &sent.region, &other.engine_id, reason).await?;
            }
            let is_shown = found.iter().any(|it| it.engine_id == engine_id);
            if is_shown && self.are_all(found.len(), sent) {
                return Ok(ledger.write(|change| change.is_one(seq))?);
            }
            if Instant::now() >= until {
                let patience = self.settings.settle * SETTLES;
                return Err(unknown(AwsError::NotSeen { patience }).into());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Takes in what Batch shows by now of a job that counts as over, and ends it.
    pub(super) async fn end_unseen(
        &mut self,
        ledger: &mut Ledger,
        job: JobId,
        sent: &HandOver,
        reason: &str,
    ) -> Result<Cancelled, EngineError> {
        let record = ledger.job(job)?;
        let queue = record.plan.spec.queue_id();
        let clients = self.clients().await?;
        let end = Instant::now() + self.settings.settle;
        let found = loop {
            let found = list::by_name(&clients, &sent.region, queue, &sent.name).await?;
            if !found.is_empty() && self.are_all(found.len(), sent) || Instant::now() >= end {
                break found;
            }
            sleep(LOOK_AGAIN).await;
        };
        let mut end = Cancelled::TooLate;
        let are_all = self.are_all(found.len(), sent);
        for found in found {
            let known = self.adopt_by_id(ledger, &sent.region, &found.engine_id).await?;
            if found.is_active() {
                let there = There { job: known, engine_id: &found.engine_id, sent };
                self.end_known(ledger, there, reason).await?;
            }
            end = Cancelled::As(known);
        }
        if let Cancelled::As(known) = end {
            // The list may be late. Whether it is over is told if it can be seen.
            if let Err(error) = self.observe(ledger, &[known]).await {
                tracing::debug!(%error, "cannot see how it stands");
            }
            if are_all {
                // It is known by now where it is.
                ledger.write(|change| change.say_status(record.seq, None, None))?;
            }
        }
        Ok(end)
    }

    /// Does the list show all that there may be of a job? However late it is, it has so many, or had the
    /// time to.
    fn are_all(&self, shown: usize, sent: &HandOver) -> bool {
        let had = u128::try_from(self.clock.now() - sent.sent_at).unwrap_or_default();
        shown >= sent.at_most as usize || had > (self.settings.settle * SETTLES).as_millis()
    }
}

/// Did its container start? One that was ended before that has claimed nothing.
fn has_begun(job: &JobDetail) -> bool {
    let status = Status::of(job.status.as_ref());
    status == Status::Running || job.container.as_ref().is_some_and(|it| it.exit_code.is_some())
}
