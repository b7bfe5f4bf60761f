//! Did a job come second at the fence (`plan/fence.rs`), or did its command end with the same code? What
//! its log and its attempts show of that. Pure.

use super::describe::{Ended, Observed};
use crate::job::JobId;
use crate::plan::{FENCED, Proof};

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
pub enum Shown<'a> {
    /// Another came first: this one.
    First(&'a str),
    /// The command wrote something.
    Ran,
    /// The line that precedes the fence, and nothing behind it yet.
    Began,
    Nothing,
}

impl Observed {
    /// The first attempt that ended as at the fence, of those that the ledger does not have as ended:
    /// of the others it is settled. `closed`: so many it has.
    pub fn at_the_fence(&self, closed: u32) -> Option<&Ended> {
        self.proof.as_ref().filter(|_| self.is_fenced)?;
        let known = closed.saturating_sub(self.before) as usize;
        let ended = self.attempts.iter().skip(known);
        let alone = self.attempts.is_empty() && self.status.is_over();
        ended.chain(alone.then_some(&self.newest)).find(|it| it.is_as_fenced())
    }

    /// Can it be the one that came first, where no log tells? It had begun when the other ended, and it
    /// did not end as that did.
    pub fn may_be_before(&self, ended: &Ended) -> bool {
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

/// Why it failed, where the one that came first is no job that can be followed.
pub fn second(first: &str) -> String {
    format!(
        "{first} came first, so that nothing ran here; AWS Batch shows no such job of the same name"
    )
}

/// The line that tells follows the first one: nothing comes between them.
pub fn shown<'a>(proof: &Proof, lines: &'a [String]) -> Shown<'a> {
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
