//! Ending jobs on AWS Batch.

use std::collections::HashMap;

use tokio::time::Instant;

use super::client::Clients;
use super::describe::unwritten_end;
use super::send::SETTLES;
use super::sender::is_sending;
use super::submit::Delivered;
use super::{Action, AwsEngine, AwsError, Trouble};
use crate::engine::{Cancelled, EngineError};
use crate::job::{Event, JobId, State};
use crate::ledger::{Detail, HandOver, Ledger, LedgerError};

pub const TERMINATE: Action = Action("batch:TerminateJob");
pub const CANCEL: Action = Action("batch:CancelJob");

/// Ends a job in every state.
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

/// Ends a job that has not started, and succeeds without doing a thing on one that has: which it is,
/// Batch knows better than whoever asked it a moment before.
pub async fn cancel_unstarted(
    clients: &Clients,
    region: &str,
    engine_id: &str,
    reason: &str,
) -> Result<(), AwsError> {
    let call = clients.batch(region).cancel_job().job_id(engine_id).reason(reason).send();
    clients.call(CANCEL, call).await?;
    Ok(())
}

/// What a wish to end a job came to in the ledger.
enum Wish {
    /// Batch never had it, so it is over.
    Over,
    /// It was over already.
    TooLate,
    /// Nobody could tell whether Batch has it, and it counts as over.
    Unseen(HandOver),
    /// It is over, and others of it may not be.
    Others { engine_id: String, sent: HandOver },
    /// It may be on its way to Batch: whoever brings it there ends it.
    OnItsWay,
    /// Batch has it.
    There { engine_id: String, sent: HandOver },
}

/// A job that Batch has.
#[derive(Clone, Copy)]
pub(super) struct There<'a> {
    pub job: JobId,
    pub engine_id: &'a str,
    pub sent: &'a HandOver,
}

impl AwsEngine<'_> {
    /// The ends of jobs, in the order given. All that Batch has are looked at together.
    pub(super) async fn end(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
        reason: &str,
    ) -> Result<Vec<Result<Cancelled, EngineError>>, EngineError> {
        let wishes = self.wishes(ledger, jobs, reason).await?;
        let is_there = |wish: &Result<Wish, _>| matches!(wish, Ok(Wish::There { .. }));
        let there = jobs.iter().zip(&wishes).filter(|(_, wish)| is_there(wish));
        let there: Vec<_> = there.map(|(job, _)| *job).collect();
        // Where one stands in the way of all, each is looked at by itself.
        let is_seen = there.len() > 1 && self.observe(ledger, &there).await.is_ok();
        let (mut ends, mut twice) = (Vec::new(), Vec::new());
        for (index, (job, wish)) in jobs.iter().zip(wishes).enumerate() {
            ends.push(match wish {
                Ok(Wish::There { engine_id, sent }) => {
                    let there = There { job: *job, engine_id: &engine_id, sent: &sent };
                    let end = self.end_there(ledger, there, is_seen, reason).await;
                    if end.is_ok() && sent.may_be_twice() {
                        twice.push((index, engine_id, sent));
                    }
                    end
                }
                Ok(Wish::Over) => Ok(Cancelled::AtOnce),
                Ok(Wish::TooLate) => Ok(Cancelled::TooLate),
                Ok(Wish::Others { engine_id, sent }) => {
                    twice.push((index, engine_id, sent));
                    Ok(Cancelled::TooLate)
                }
                Ok(Wish::Unseen(sent)) => self.end_unseen(ledger, *job, &sent, reason).await,
                Ok(Wish::OnItsWay) => {
                    self.due.set(Some(Instant::now() + self.settings.poll));
                    Ok(Cancelled::Asked)
                }
                Err(error) => Err(error),
            });
        }
        // All that is known is being ended by now. One wait is enough for all that is not.
        let until = Instant::now() + self.settings.settle * SETTLES;
        for (index, engine_id, sent) in &twice {
            let there = There { job: jobs[*index], engine_id, sent };
            if let Err(error) = self.end_others(ledger, there, until, reason).await {
                ends[*index] = Err(error);
            }
        }
        // They will end. Whether they have already is told if it can be seen.
        if let Err(error) = self.observe(ledger, &there).await {
            tracing::debug!(%error, "cannot see the end of jobs");
        }
        for (job, end) in jobs.iter().zip(&mut ends) {
            if matches!(end, Ok(Cancelled::Asked)) {
                *end = Ok(match ledger.standing(*job)?.state {
                    State::Cancelled => Cancelled::AtOnce,
                    // By itself, before it could be ended.
                    state if state.is_terminal() => Cancelled::TooLate,
                    _ => Cancelled::Asked,
                });
            }
        }
        Ok(ends)
    }

    async fn end_there(
        &mut self,
        ledger: &mut Ledger,
        there: There<'_>,
        is_seen: bool,
        reason: &str,
    ) -> Result<Cancelled, EngineError> {
        let job = there.job;
        // One that is over by now keeps its own end. Who may not look may end it all the same.
        if !is_seen {
            match self.observe(ledger, &[job]).await {
                Err(EngineError::Aws(error)) if error.trouble() == Trouble::Denied => {}
                observed => {
                    observed?;
                }
            }
        }
        let standing = ledger.standing(job)?;
        if standing.state == State::Cancelled {
            // Whoever brought it there has ended it since.
            return Ok(Cancelled::AtOnce);
        }
        if standing.state.is_terminal() || unwritten_end(&standing).is_some() {
            return Ok(Cancelled::TooLate);
        }
        self.end_known(ledger, there, reason).await?;
        Ok(Cancelled::Asked)
    }

    /// Ends a job that Batch has, and writes down that it was asked to.
    pub(super) async fn end_known(
        &mut self,
        ledger: &mut Ledger,
        there: There<'_>,
        reason: &str,
    ) -> Result<(), EngineError> {
        let There { job, engine_id, sent } = there;
        let clients = self.clients().await?;
        terminate(&clients, &sent.region, engine_id, reason).await?;
        let now = self.clock.now();
        match ledger.write(|change| change.pass_cancel_on(job, reason, now)) {
            // Somebody saw its end in between.
            Err(LedgerError::Illegal(_)) => Ok(()),
            wish => Ok(wish.map(|_| ())?),
        }
    }

    /// In the order of the jobs.
    async fn wishes(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
        reason: &str,
    ) -> Result<Vec<Result<Wish, EngineError>>, EngineError> {
        let mut wishes: Vec<_> = jobs.iter().map(|job| self.wish(ledger, *job, reason)).collect();
        let is_on_its_way = |wish: &Result<Wish, _>| matches!(wish, Ok(Wish::OnItsWay));
        let on_their_way = jobs.iter().zip(&wishes).filter(|(_, wish)| is_on_its_way(wish));
        let on_their_way: Vec<_> = on_their_way.map(|(job, _)| *job).collect();
        // Is somebody bringing them there? If not, they are looked for, and not sent any more.
        // Of which there may be two is written down.
        let Delivered { failed, .. } = self.hand_over_left(ledger, &on_their_way).await?;
        let mut failed: HashMap<_, _> = failed.into_iter().collect();
        for (job, wish) in jobs.iter().zip(&mut wishes) {
            if is_on_its_way(wish) {
                *wish = self.wish_again(ledger, *job, reason);
            }
            // Nobody could look.
            if is_on_its_way(wish)
                && let Some(error) = failed.remove(job)
            {
                *wish = Err(error);
            }
        }
        Ok(wishes)
    }

    /// Of one that was on its way: it is over by now if Batch does not have it.
    fn wish_again(
        &mut self,
        ledger: &mut Ledger,
        job: JobId,
        reason: &str,
    ) -> Result<Wish, EngineError> {
        match self.wish(ledger, job, reason)? {
            Wish::TooLate | Wish::Unseen(_) if ledger.standing(job)?.state == State::Cancelled => {
                Ok(Wish::Over)
            }
            wish => Ok(wish),
        }
    }

    /// Looks no more for a job of which nobody can tell whether Batch has it. `None`: it is told, or
    /// somebody is at it.
    pub(in crate::engine) fn give_up(
        &mut self,
        ledger: &mut Ledger,
        job: JobId,
    ) -> Result<Option<HandOver>, EngineError> {
        let now = self.clock.now();
        Ok(ledger.write(|change| {
            let holder = change.holder(job)?;
            let sent = change.hand_over_of(holder.seq)?;
            let unclear = sent.filter(|sent| {
                holder.state == State::Submitting && !is_sending(&self.dir, &sent.sender)
            });
            if let Some(sent) = &unclear {
                let reason = format!(
                    "given up: nobody could tell whether AWS Batch has it, as `{}`",
                    sent.name
                );
                let detail = Detail { reason: Some(&reason), ..Detail::default() };
                change.say_status(holder.seq, None, Some(&reason))?;
                change.apply(holder, Event::Vanished, detail, now)?;
            }
            Ok(unclear)
        })?)
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
        let may_be_there = record.may_be_there();
        match (record.engine_id, sent) {
            (_, Some(sent)) if may_be_there => Ok(Wish::Unseen(sent)),
            (Some(engine_id), Some(sent)) if record.state.is_terminal() && sent.may_be_twice() => {
                Ok(Wish::Others { engine_id, sent })
            }
            _ if record.state.is_terminal() => Ok(Wish::TooLate),
            (Some(engine_id), Some(sent)) => Ok(Wish::There { engine_id, sent }),
            _ => Err(LedgerError::Corrupt(format!("job {job} is nowhere")).into()),
        }
    }
}
