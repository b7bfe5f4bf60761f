//! Waiting for jobs whose end was asked for: nothing is told on the way.

use super::context::{Context, internal};
use super::doubts;
use super::error::{Doing, Failure};
use super::interrupts::Interrupts;
use crate::engine::{Engines, Watch};
use crate::job::JobId;

/// Waits until the first of the jobs is over. `Some`: somebody wants us to leave before that, with
/// this exit code.
///
/// # Errors
/// When the ledger or the engine can't tell how it stands.
pub async fn until_over(
    engines: &mut Engines<'_>,
    watch: &mut dyn Watch,
    interrupts: &mut Interrupts,
    jobs: &[JobId],
    context: &Context<'_>,
) -> Result<Option<u8>, Failure> {
    let job = *jobs.first().ok_or_else(|| internal("there is no job to wait for"))?;
    let (mut attend, mut away) = (true, false);
    loop {
        if engines.ledger().standing(job)?.state.is_terminal() {
            return Ok(None);
        }
        if attend {
            let attended = match interrupts.unless_left(engines.attend(jobs)).await {
                Ok(attended) => attended.doing(|| format!("wait for {}", job.short()))?,
                Err(code) => return Ok(Some(code)),
            };
            doubts::tell(attended.doubts, context);
            if let Some(error) = attended.later
                && !std::mem::replace(&mut away, true)
            {
                let why = Failure::from(error).message();
                context.output.warning(&format!("cannot look at the job just now: {why}"));
            }
            if engines.ledger().standing(job)?.state.is_terminal() {
                return Ok(None);
            }
        }
        attend = match interrupts.unless_left(watch.changed()).await {
            Ok(changes) => changes?.workers,
            Err(code) => return Ok(Some(code)),
        };
    }
}
