//! Asking Batch how jobs stand, and writing down what happened to them meanwhile.

use super::began::Began;
use super::came::Came;
use super::describe::{self, AT_ONCE, Observed};
use super::steps::steps;
use super::{AwsEngine, AwsError, poll};
use crate::engine::{Attended, EngineError};
use crate::job::{Event, JobId};
use crate::ledger::{Applied, Change, Detail, HandOver, JobRecord, Ledger, LedgerError, Millis};

/// A job of the ledger that Batch has.
pub(super) struct There {
    pub sent: HandOver,
    pub engine_id: String,
    pub record: JobRecord,
    /// As Batch says, once it was asked, if it knows the job.
    pub observed: Option<Observed>,
}

/// What a look came to.
#[derive(Default)]
struct Looked {
    /// What is wrong with a job that is not the first.
    elsewhere: Option<AwsError>,
    /// A log is to show soon whether a command began.
    soon: bool,
}

/// A job that Batch does not know so long after it was taken is gone: it keeps jobs for a week,
/// and shows a new one within seconds.
pub(super) const SURELY_KNOWN_AFTER: Millis = 10 * 60 * 1000;
/// So often in a row AWS may fail to answer those who wait, a minute or two in all. The job goes
/// on meanwhile.
const MOST_IN_VAIN: u32 = 12;

impl AwsEngine<'_> {
    /// Asks Batch how these jobs stand and writes it down, then says when to ask again.
    pub(in crate::engine) async fn observe(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
    ) -> Result<Attended, EngineError> {
        let calls = jobs.len().div_ceil(AT_ONCE);
        let looked = self.look(ledger, jobs).await;
        let first = jobs.first().map(|job| ledger.job(*job)).transpose()?;
        let since = first.map_or(0, |job| self.clock.now() - since(&job));
        let pause = match &looked {
            Ok(Looked { soon: true, .. }) => self.settings.poll,
            _ => poll::pause(self.settings.poll, since, calls),
        };
        self.due.set(Some(tokio::time::Instant::now() + pause));
        match looked {
            Ok(Looked { elsewhere, .. }) => {
                self.in_vain = 0;
                Ok(Attended { later: elsewhere.map(EngineError::from), ..Attended::default() })
            }
            Err(EngineError::Aws(error)) if error.passes() && self.in_vain < MOST_IN_VAIN => {
                self.in_vain += 1;
                Ok(Attended { later: Some(error.into()), ..Attended::default() })
            }
            Err(error) => Err(error),
        }
    }

    async fn look(&mut self, ledger: &mut Ledger, jobs: &[JobId]) -> Result<Looked, EngineError> {
        let mut there: Vec<There> = Vec::new();
        let Looked { mut elsewhere, mut soon } = Looked::default();
        for id in jobs {
            if ledger.standing(*id)?.state.is_terminal() {
                continue;
            }
            let record = ledger.job(*id)?;
            let sent = ledger.hand_over_of(record.seq)?;
            if let (Some(engine_id), Some(sent)) = (record.engine_id.clone(), sent) {
                there.push(There { sent, engine_id, record, observed: None });
            }
        }
        there.sort_by(|a, b| a.sent.region.cmp(&b.sent.region));
        for of_region in there.chunk_by_mut(|a, b| a.sent.region == b.sent.region) {
            for some in of_region.chunks_mut(AT_ONCE) {
                let clients = self.clients().await?;
                let region = some.first().map(|job| job.sent.region.clone()).unwrap_or_default();
                let ids: Vec<_> = some.iter().map(|job| job.engine_id.clone()).collect();
                let mut found = describe::describe(&clients, &region, &ids).await?;
                let now = self.clock.now();
                for job in &mut *some {
                    let observed = found.remove(&job.engine_id).map(|job| Observed::new(&job));
                    let before = job.sent.attempts_before;
                    job.observed = observed.map(|it| Observed { before, ..it });
                }
                self.supersede(ledger, &clients, some).await?;
                let mut seen: Vec<_> =
                    some.iter_mut().filter_map(|job| job.observed.as_mut()).collect();
                let settle = self.settings.log_settle;
                self.seen.tell(&clients, &region, &mut seen, (settle, now)).await;
                soon |= seen.iter().any(|job| job.waits_for_its_log());
                let (mut missing, mut unended) = (Vec::new(), Vec::new());
                // Batch tells it again.
                ledger.note(|change| {
                    for There { sent, engine_id, record, observed } in &*some {
                        match observed {
                            Some(seen) => {
                                apply(change, record.id, seen, now)?;
                                let is_ending = seen.is_ended || seen.status.is_over();
                                if record.cancel_requested_at.is_some() && !is_ending {
                                    unended.push(engine_id.clone());
                                }
                            }
                            None if now - sent.sent_at > SURELY_KNOWN_AFTER => {
                                missing.push(record.id);
                            }
                            None => {}
                        }
                    }
                    Ok(())
                })?;
                // Whoever was to pass the wish on did not get to it.
                for engine_id in unended {
                    let reason = "its end was asked for";
                    super::cancel::terminate(&clients, &region, &engine_id, reason).await?;
                }
                for id in missing {
                    match self.vanished(ledger, id).await {
                        // It stands in nobody's way but its own.
                        Err(EngineError::Aws(error @ AwsError::OtherAccount { .. }))
                            if jobs.first() != Some(&id) =>
                        {
                            elsewhere = Some(error);
                        }
                        vanished => vanished?,
                    }
                }
            }
        }
        Ok(Looked { elsewhere, soon })
    }

    /// Batch does not know the job. Is it gone, or was another account asked?
    async fn vanished(&mut self, ledger: &mut Ledger, id: JobId) -> Result<(), EngineError> {
        let record = ledger.job(id)?;
        let arn = ledger.hand_over_of(record.seq)?.and_then(|sent| sent.arn);
        let job = arn.as_deref().and_then(account_of).unwrap_or_default().to_owned();
        let caller = self.account().await?;
        if !job.is_empty() && job != caller {
            return Err(AwsError::OtherAccount { job, caller }.into());
        }
        let now = self.clock.now();
        ledger.write(|change| {
            let detail = Detail {
                reason: Some("AWS Batch no longer knows the job; it keeps them for a week"),
                ..Detail::default()
            };
            let holder = change.holder(id)?;
            // Somebody else may have found out meanwhile.
            if !holder.state.is_terminal() {
                change.apply(holder, Event::Vanished, detail, now)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

impl Observed {
    /// Is a log to show soon what is to be made of it?
    fn waits_for_its_log(&self) -> bool {
        self.began == Began::Later || self.came == Came::Later
    }
}

/// `arn:aws:batch:<region>:<account>:job/<id>`.
pub fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// When the job came to be as it is.
fn since(job: &JobRecord) -> Millis {
    job.started_at.unwrap_or(job.accepted_at)
}

/// Brings the ledger up to what Batch says. Where another process was sooner, there is less to do.
fn apply(
    change: &Change<'_>,
    id: JobId,
    observed: &Observed,
    now: Millis,
) -> Result<(), LedgerError> {
    let mut holder = change.holder(id)?;
    // Until it is known whose attempt it was that ended as at the fence, all of it may be another job's.
    let is_open = observed.came == Came::Later;
    // Somebody else may have gone over to another meanwhile.
    if holder.state.is_terminal() || is_open || !change.is_at(holder.seq, &observed.engine_id)? {
        return Ok(());
    }
    let wished = change.is_to_end_since(holder.seq)?;
    for step in steps(holder, observed, wished) {
        let (outcome, retry) = (step.outcome.as_ref(), step.retry.as_ref());
        let detail = Detail { outcome, retry, ..Detail::default() };
        match change.observe(holder, step.event, detail, step.at.unwrap_or(now))? {
            Applied::Done(next) => holder = next,
            Applied::Stale => return Ok(()),
        }
    }
    let reason = observed.newest.status_reason.as_deref();
    change.say_status(holder.seq, Some(observed.status.as_str()), reason)?;
    let over = observed.attempts.iter().enumerate();
    for (index, attempt) in over {
        let number = u32::try_from(observed.number(index)).unwrap_or(u32::MAX);
        if let Some(stream) = &attempt.log_stream {
            change.say_log(holder.seq, number, &observed.logs.stream(stream))?;
        }
    }
    let newest = holder.attempt as usize;
    // Until the new attempt has its stream, that of the one before is shown.
    let is_old = |stream: &String| {
        observed.attempts.iter().any(|attempt| attempt.log_stream.as_ref() == Some(stream))
    };
    if let Some(stream) = observed.newest.log_stream.as_ref().filter(|stream| !is_old(stream))
        && newest >= observed.number(observed.attempts.len())
    {
        change.say_log(holder.seq, holder.attempt, &observed.logs.stream(stream))?;
    }
    Ok(())
}
