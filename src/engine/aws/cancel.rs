//! Ending a job on AWS Batch.

use super::client::Clients;
use super::{Action, AwsEngine, AwsError, Trouble};
use crate::engine::{Cancelled, EngineError};
use crate::job::{JobId, State};
use crate::ledger::{Ledger, LedgerError};

pub const TERMINATE: Action = Action("batch:TerminateJob");

/// Terminate and never Cancel: it ends a job in every state, while Cancel succeeds without
/// doing a thing on one that runs.
pub async fn terminate(
    clients: &Clients,
    region: &str,
    engine_id: &str,
    reason: &str,
) -> Result<(), AwsError> {
    let call = clients.batch(region).terminate_job().job_id(engine_id).reason(reason).send();
    clients.call(TERMINATE, call).await?;
    Ok(())
}

/// What a wish to end a job came to in the ledger.
enum Wish {
    /// Batch never had it, so it is over.
    Over,
    /// It was over already.
    TooLate,
    /// It may be on its way to Batch: whoever brings it there ends it.
    OnItsWay,
    /// Batch has it.
    There { engine_id: String, region: String },
}

impl AwsEngine<'_> {
    pub(super) async fn end(
        &mut self,
        ledger: &mut Ledger,
        job: JobId,
        reason: &str,
    ) -> Result<Cancelled, EngineError> {
        let mut wish = self.wish(ledger, job, reason)?;
        if matches!(wish, Wish::OnItsWay) {
            // Is somebody bringing it there? If not, it is looked for, and not sent any more.
            self.hand_over_left(ledger, &[job]).await?;
            wish = self.wish(ledger, job, reason)?;
        }
        let (engine_id, region) = match wish {
            Wish::Over => return Ok(Cancelled::AtOnce),
            Wish::TooLate if ledger.standing(job)?.state == State::Cancelled => {
                return Ok(Cancelled::AtOnce);
            }
            Wish::TooLate => return Ok(Cancelled::TooLate),
            Wish::OnItsWay => {
                self.due.set(Some(tokio::time::Instant::now() + self.settings.poll));
                return Ok(Cancelled::Asked);
            }
            Wish::There { engine_id, region } => (engine_id, region),
        };
        // One that is over by now keeps its own end. Who may not look may end it all the same.
        match self.observe(ledger, &[job]).await {
            Err(EngineError::Aws(error)) if error.trouble() == Trouble::Denied => {}
            observed => {
                observed?;
                if ledger.standing(job)?.state.is_terminal() {
                    return Ok(Cancelled::TooLate);
                }
            }
        }
        let clients = self.clients().await?;
        terminate(&clients, &region, &engine_id, reason).await?;
        let now = self.clock.now();
        match ledger.write(|change| change.pass_cancel_on(job, reason, now)) {
            // Somebody saw its end in between.
            Err(LedgerError::Illegal(_)) => {}
            wish => {
                wish?;
            }
        }
        // It will end. Whether it has already is told if it can be seen.
        if let Err(error) = self.observe(ledger, &[job]).await {
            tracing::debug!(%error, "cannot see the job's end");
        }
        Ok(match ledger.standing(job)?.state {
            State::Cancelled => Cancelled::AtOnce,
            _ => Cancelled::Asked,
        })
    }

    /// Writes the wish down where that is all, or where whoever sends the job has to see it.
    fn wish(&mut self, ledger: &mut Ledger, job: JobId, reason: &str) -> Result<Wish, EngineError> {
        let now = self.clock.now();
        let wish = ledger.write(|change| {
            let holder = change.holder(job)?;
            if matches!(holder.state, State::Accepted | State::Submitting | State::Blocked) {
                change.request_cancel(job, reason, now)?;
            }
            Ok(holder.state)
        })?;
        if wish == State::Submitting {
            return Ok(Wish::OnItsWay);
        }
        if matches!(wish, State::Accepted | State::Blocked) {
            return Ok(Wish::Over);
        }
        let record = ledger.job(job)?;
        let sent = ledger.hand_over_of(record.seq)?;
        match (record.engine_id, sent) {
            _ if record.state.is_terminal() => Ok(Wish::TooLate),
            (Some(engine_id), Some(sent)) => Ok(Wish::There { engine_id, region: sent.region }),
            _ => Err(LedgerError::Corrupt(format!("job {job} is nowhere")).into()),
        }
    }
}
