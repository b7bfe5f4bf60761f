//! From a job that ended as one does at the fence (`plan/fence.rs`) to the one that came first, if its log
//! or the list says that one did: that does the work, and is looked at in its place.

use std::time::Duration;

use futures_util::future::join_all;

use super::began::{Head, Seen};
use super::came::{Came, Shown, second, shown};
use super::client::Clients;
use super::describe::{self, Ended, Observed};
use super::observe::There;
use super::{AwsEngine, list};
use crate::engine::EngineError;
use crate::ledger::{Applied, Ledger};
use crate::plan::BatchName;

/// What may be done about a job by now.
enum Verdict {
    Came(Came),
    /// This one came first.
    Follow(Box<Observed>),
}

impl AwsEngine<'_> {
    /// Finds out which of the jobs came second, and puts those that came first in their places, in the
    /// ledger and here.
    pub(super) async fn supersede(
        &self,
        ledger: &mut Ledger,
        clients: &Clients,
        jobs: &mut [There],
    ) -> Result<(), EngineError> {
        let judged = jobs.iter().map(|there| self.settle(clients, there));
        let verdicts = join_all(judged).await;
        for (there, verdict) in jobs.iter_mut().zip(verdicts) {
            match verdict? {
                None => {}
                Some(Verdict::Came(came)) => there.came(came),
                Some(Verdict::Follow(first)) => self.follow(ledger, clients, there, *first).await?,
            }
        }
        Ok(())
    }

    /// `None`: there is no question.
    async fn settle(
        &self,
        clients: &Clients,
        there: &There,
    ) -> Result<Option<Verdict>, EngineError> {
        let Some(observed) = &there.observed else { return Ok(None) };
        let closed = there.record.attempt - u32::from(there.record.state.is_held());
        let Some(ended) = observed.at_the_fence(closed) else { return Ok(None) };
        if let Some(known) = self.seen.came(&observed.engine_id) {
            return Ok(Some(Verdict::Came(known)));
        }
        let verdict = self.judge(clients, there, observed, ended).await?;
        match &verdict {
            Verdict::Came(Came::Later) => return Ok(Some(verdict)),
            Verdict::Came(came) => self.seen.know(&observed.engine_id, came.clone()),
            Verdict::Follow(_) => {}
        }
        self.seen.forget(observed, ended);
        Ok(Some(verdict))
    }

    /// By its log, or else by the list of AWS Batch.
    async fn judge(
        &self,
        clients: &Clients,
        there: &There,
        observed: &Observed,
        ended: &Ended,
    ) -> Result<Verdict, EngineError> {
        let came = |came| Ok(Verdict::Came(came));
        let (region, name) = (&there.sent.region, &*there.sent.name);
        let seen_for = self.seen.over(observed, ended);
        let head = self.seen.head(clients, region, (observed, ended)).await;
        let is_settled = match head {
            // Nothing but the list is waited for, and whoever looks once sees the end of that too.
            Head::Unreadable { passes: false, .. } => self.is_past(ended, seen_for),
            _ => self.is_shown(ended, seen_for),
        };
        let shown = match (&head, &observed.proof) {
            (Head::Lines(lines), Some(proof)) => shown(proof, lines),
            _ => Shown::Nothing,
        };
        match shown {
            Shown::First(first) => {
                let found = describe::describe_one(clients, region, first).await?;
                let found = found.map(|it| Observed::new(&it)).filter(|it| it.is_another(there));
                return Ok(found.map_or_else(
                    || Verdict::Came(Came::Second(second(first))),
                    |first| Verdict::Follow(Box::new(first)),
                ));
            }
            Shown::Ran => return came(Came::First),
            _ if !is_settled => return came(Came::Later),
            Shown::Began => return came(Came::First),
            Shown::Nothing => {}
        }
        let why = head.lacks();
        let listed = list::by_name(clients, region, there.record.plan.spec.queue_id(), name).await;
        let others: Vec<_> = match listed {
            Ok(listed) => listed.into_iter().map(|it| it.engine_id).collect(),
            Err(error) => return came(Came::Unknown(format!("{why}; {error}"))),
        };
        let mut found = describe::describe(clients, region, &others).await?;
        let found = others.iter().filter_map(|it| Some(Observed::new(&found.remove(it)?)));
        let mut found = found.filter(|it| it.is_another(there) && it.may_be_before(ended));
        let unknown = || Verdict::Came(Came::Unknown(why));
        Ok(found.next().map_or_else(unknown, |first| Verdict::Follow(Box::new(first))))
    }

    /// By the clock of this machine too: it would only make the doubt come sooner.
    fn is_past(&self, ended: &Ended, seen_for: Duration) -> bool {
        let age = ended.stopped_at.map_or(0, |at| self.clock.now() - at);
        let age = Duration::from_millis(age.max(0).unsigned_abs());
        seen_for.max(age) >= self.settings.log_settle
    }

    async fn follow(
        &self,
        ledger: &mut Ledger,
        clients: &Clients,
        there: &mut There,
        mut first: Observed,
    ) -> Result<(), EngineError> {
        let reason = format!("{} came first and does the work", first.engine_id);
        // One that is tried again comes to the same end each time.
        if there.observed.as_ref().is_some_and(|second| !second.status.is_over())
            && let Err(error) =
                super::cancel::terminate(clients, &there.sent.region, &there.engine_id, &reason)
                    .await
        {
            tracing::debug!(%error, there.engine_id, "cannot end the one that came second");
        }
        let now = self.clock.now();
        let superseded = ledger.write(|change| {
            let holder = change.holder(there.record.id)?;
            if holder.state.is_terminal() || !change.is_at(holder.seq, &there.engine_id)? {
                return Ok(Applied::Stale);
            }
            change.supersede(holder, (&first.engine_id, &first.arn), &reason, now)
        })?;
        // Whoever was sooner has seen to it.
        let Applied::Done(_) = superseded else {
            there.came(Came::Later);
            return Ok(());
        };
        self.seen.know(&first.engine_id, Came::First);
        there.record = ledger.job(there.record.id)?;
        there.sent = ledger.hand_over_of(there.record.seq)?.unwrap_or_else(|| there.sent.clone());
        there.engine_id.clone_from(&first.engine_id);
        first.before = there.sent.attempts_before;
        there.observed = Some(first);
        Ok(())
    }
}

impl There {
    fn came(&mut self, came: Came) {
        if let Some(observed) = &mut self.observed {
            observed.came = came;
        }
    }
}

impl Observed {
    /// Only a job of the very same name can be of the same submission: no other has it.
    fn is_another(&self, than: &There) -> bool {
        BatchName::parse(&self.name).is_some()
            && self.name == than.sent.name
            && self.engine_id != than.engine_id
    }
}

impl Head {
    /// Why it does not tell.
    fn lacks(&self) -> String {
        match self {
            Self::Unreadable { why, .. } => why.clone(),
            Self::Missing => "its log is not there".to_owned(),
            Self::Lines(_) => "its log lacks the line that precedes the command".to_owned(),
        }
    }
}

impl Seen {
    /// What is settled of a job of Batch.
    fn came(&self, engine_id: &str) -> Option<Came> {
        self.came.borrow().get(engine_id).cloned()
    }

    fn know(&self, engine_id: &str, came: Came) {
        self.came.borrow_mut().insert(engine_id.to_owned(), came);
    }
}
