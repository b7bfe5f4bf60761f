//! Queues on Fargate, which has only some sizes. To submit takes no right to look at a queue, so
//! what `doctor`, `queues` and `explain` see of one is remembered.

use super::queues::QueueOnAws;
use super::{AwsEngine, AwsError};
use crate::engine::{EngineError, Submission};
use crate::job::fargate;
use crate::ledger::{Ledger, LedgerError};

impl AwsEngine<'_> {
    /// Remembers which of these queues are on Fargate.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub async fn remember(
        &mut self,
        ledger: &mut Ledger,
        queues: &[QueueOnAws],
    ) -> Result<(), EngineError> {
        let clients = self.clients().await?;
        Ok(remember(ledger, clients.region(), queues)?)
    }
}

pub fn remember(
    ledger: &mut Ledger,
    region: &str,
    queues: &[QueueOnAws],
) -> Result<(), LedgerError> {
    // It can be seen again.
    ledger.note(|change| {
        queues
            .iter()
            .filter(|it| it.there.is_some())
            .try_for_each(|it| change.say_fargate(region, it.queue.as_str(), it.is_fargate()))
    })
}

/// Refuses a size that Fargate has not, where the queue is known to be there.
///
/// # Errors
/// When it is, and has not.
pub fn check(
    ledger: &Ledger,
    usual_region: &str,
    submissions: &[Submission],
) -> Result<(), EngineError> {
    for spec in submissions.iter().map(|submission| &submission.job.plan.spec) {
        let region = spec.region().unwrap_or(usual_region);
        if let Err(wrong) = fargate::check(spec.resources)
            && ledger.is_fargate(region, spec.queue.as_str())?
        {
            return Err(AwsError::Fargate { queue: spec.queue, wrong }.into());
        }
    }
    Ok(())
}
