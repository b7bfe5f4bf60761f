//! A job that ended as one does at the fence (`plan/fence.rs`). Its log tells whether it was that, or
//! whether its command ended with the same code. The one that came first does the work, and is looked
//! at in its place.

use std::time::Duration;

use super::began::{Head, Seen};
use super::client::Clients;
use super::describe::{self, Ended, Observed};
use super::observe::There;
use super::{AwsEngine, list};
use crate::engine::EngineError;
use crate::job::JobId;
use crate::ledger::{Applied, Ledger};
use crate::plan::{BatchName, FENCED, Proof};

/// Of the jobs of one submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// No other came before it, as far as anything shows.
    First,
    /// Another did, which can't be followed; as a sentence.
    Second(String),
    /// What would show it may still come.
    Later,
    /// Nobody can tell, and why.
    Unknown(String),
}

/// What the log of an attempt that ended so shows.
#[derive(Debug, PartialEq, Eq)]
enum Shown<'a> {
    /// Another came first: this one.
    First(&'a str),
    /// The command wrote something.
    Ran,
    /// The line that precedes the fence, and nothing behind it yet.
    Began,
    Nothing,
}

/// What may be done about a job by now.
enum Verdict {
    Came(Came),
    /// This one came first.
    Follow(Box<Observed>),
}

impl Observed {
    /// The first attempt that ended as at the fence, of those that the ledger does not have as ended:
    /// of the others it is settled. `closed`: so many it has.
    fn at_the_fence(&self, closed: u32) -> Option<&Ended> {
        self.proof.as_ref().filter(|_| self.is_fenced)?;
        let known = closed.saturating_sub(self.before) as usize;
        let ended = self.attempts.iter().skip(known);
        let alone = self.attempts.is_empty() && self.status.is_over();
        ended.chain(alone.then_some(&self.newest)).find(|it| it.is_as_fenced())
    }

    /// Can it be the one that came first, where no log tells? It had begun when the other ended, and it
    /// did not end as that did.
    fn may_be_before(&self, ended: &Ended) -> bool {
        let all = || self.attempts.iter().chain([&self.newest]);
        let first = all().filter_map(|it| it.started_at).min();
        first.is_some_and(|first| ended.stopped_at.is_none_or(|at| first <= at))
            && !all().any(Ended::is_as_fenced)
    }
}

impl Ended {
    pub fn is_as_fenced(&self) -> bool {
        self.exit_code == Some(i32::from(FENCED))
    }
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
        for there in jobs {
            let Some(observed) = &there.observed else { continue };
            let closed = there.record.attempt - u32::from(there.record.state.is_held());
            let Some(ended) = observed.at_the_fence(closed) else { continue };
            let verdict = match self.seen.came(&observed.engine_id) {
                Some(known) => Verdict::Came(known),
                None => self.judge(clients, there, observed, ended).await?,
            };
            match verdict {
                Verdict::Came(came) => self.note(there, came),
                Verdict::Follow(first) => self.follow(ledger, clients, there, *first).await?,
            }
        }
        Ok(())
    }

    fn note(&self, there: &mut There, came: Came) {
        if let Some(observed) = &mut there.observed {
            if came != Came::Later {
                self.seen.know(&observed.engine_id, came.clone());
            }
            observed.came = came;
        }
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
            if holder.state.is_terminal() {
                return Ok(Applied::Stale);
            }
            change.supersede(holder, (&first.engine_id, &first.arn), &reason, now)
        })?;
        // Whoever was sooner has seen to it.
        let Applied::Done(_) = superseded else {
            self.note(there, Came::Later);
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

fn second(first: &str) -> String {
    format!(
        "{first} came first, so that nothing ran here; AWS Batch shows no such job of the same name"
    )
}

/// The line that tells follows the first one: nothing comes between them.
fn shown<'a>(proof: &Proof, lines: &'a [String]) -> Shown<'a> {
    let mut lines = lines.iter().skip_while(|line| !proof.is_began(line));
    match (lines.next(), lines.next()) {
        (None, _) => Shown::Nothing,
        (Some(_), None) => Shown::Began,
        (Some(_), Some(line)) => {
            let first = proof.first_in(line).filter(|first| first.parse::<JobId>().is_ok());
            first.map_or(Shown::Ran, Shown::First)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::aws::describe::Status;

    fn ended(exit_code: i32) -> Ended {
        Ended {
            started_at: Some(10),
            stopped_at: Some(20),
            exit_code: Some(exit_code),
            ..Ended::default()
        }
    }

    fn observed(status: Status, codes: &[i32]) -> Observed {
        let attempts: Vec<_> = codes.iter().map(|code| ended(*code)).collect();
        let running = Ended { started_at: Some(10), ..Ended::default() };
        let proof = Some(Proof::new(None));
        let bare = Observed::bare(status, attempts);
        let newest = bare.attempts.last().cloned().unwrap_or(running);
        Observed { proof, newest, is_fenced: true, ..bare }
    }

    #[test]
    fn the_line_behind_the_first_one_tells() {
        let proof = Proof::new(None);
        let first = "01a2034a-22a1-712d-853d-d6f46223e2dd";
        let (began, second) = (proof.began(1), proof.came_second(first));
        for (lines, expected) in [
            (vec![], Shown::Nothing),
            (vec!["a banner"], Shown::Nothing),
            (vec!["a banner", &began], Shown::Began),
            (vec!["a banner", &began, &second], Shown::First(first)),
            (vec![&began, "x"], Shown::Ran),
            // A command may write anything.
            (vec![&began, "x", &second], Shown::Ran),
            (vec![&second], Shown::Nothing),
        ] {
            let lines: Vec<_> = lines.into_iter().map(str::to_owned).collect();
            assert_eq!(shown(&proof, &lines), expected, "{lines:?}");
        }
        let lines = [began, proof.came_second("not an id")];
        assert_eq!(shown(&proof, &lines), Shown::Ran);
    }

    /// What the ledger has as ended is settled, also by other processes.
    #[test]
    fn only_an_attempt_that_is_new_is_looked_at() {
        let is_new = |job: &Observed, closed| job.at_the_fence(closed).is_some();
        let twice = observed(Status::Failed, &[119, 119]);
        assert!(is_new(&twice, 0) && is_new(&twice, 1) && !is_new(&twice, 2));
        let later = observed(Status::Failed, &[137, 119]);
        assert!(is_new(&later, 1) && !is_new(&later, 2));
        let follower = Observed { before: 1, ..observed(Status::Failed, &[119]) };
        assert!(is_new(&follower, 1) && !is_new(&follower, 2));
        assert!(!is_new(&observed(Status::Succeeded, &[7, 0]), 0));
        let unfenced = Observed { is_fenced: false, ..observed(Status::Failed, &[119]) };
        assert!(!is_new(&unfenced, 0));
    }

    #[test]
    fn without_a_log_it_is_one_that_had_begun_and_ended_otherwise() {
        let second = ended(119);
        let may_be = |job: &Observed| job.may_be_before(&second);
        assert!(may_be(&observed(Status::Running, &[])));
        assert!(may_be(&observed(Status::Succeeded, &[0])));
        assert!(may_be(&observed(Status::Runnable, &[7])));
        assert!(!may_be(&observed(Status::Failed, &[119])));
        let newest = Ended { started_at: Some(21), ..Ended::default() };
        assert!(!may_be(&Observed { newest, ..observed(Status::Running, &[]) }));
        let newest = Ended::default();
        assert!(!may_be(&Observed { newest, ..observed(Status::Runnable, &[]) }));
    }
}
