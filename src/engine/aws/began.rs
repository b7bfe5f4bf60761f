//! Did the command of a job ever begin? Exit code 0 does not show it: an image whose ENTRYPOINT is a
//! shell runs an empty one in the place of the job. Its log shows it (`plan/proof.rs`).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::came::Came;
use super::client::Clients;
use super::describe::{Ended, Observed, Status};
use super::logs::{self, FIRST_LINES};
use super::{AwsEngine, AwsError};
use crate::ledger::Millis;
use crate::plan::Proof;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Began {
    /// It did, or nothing of ours precedes the command.
    Yes,
    /// The container ran, and not the command.
    No,
    /// What would show it may still come.
    Later,
    /// Nobody can tell, and why.
    Unknown(String),
}

/// What the beginning of a log shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    Lines(Vec<String>),
    /// There is no such log, or not yet.
    Missing,
    /// It can't be read. May it be later?
    Unreadable {
        why: String,
        passes: bool,
    },
}

impl Head {
    /// Nothing of it is there, or not yet.
    fn is_empty(&self) -> bool {
        matches!(self, Self::Missing) || matches!(self, Self::Lines(lines) if lines.is_empty())
    }
}

/// When the job ended, as the two clocks have it that there are.
#[derive(Debug, Clone, Copy)]
struct Over {
    /// Since this process saw it first, by its own clock.
    seen_for: Duration,
    /// Since Batch says, by the clock of this machine, which may be wrong.
    age: Millis,
    /// Since it started, likewise.
    since_start: Millis,
}

/// What was written is shown by then, whatever this machine's clock says.
pub const SURELY_SHOWN_AFTER: Millis = 10 * 60 * 1000;
/// An empty log shows nothing but that `CloudWatch` may be late with all of it. So many times
/// `aws.log_settle` it is waited for, before it is taken for what it says.
pub const EMPTY_PATIENCE: u32 = 4;
/// `CloudWatch` may keep logs for a day only: what is older may have lost its beginning.
const SURELY_KEPT_FOR: Millis = 23 * 60 * 60 * 1000;
/// What one job of a definition shows of its image holds for the others so long. A tag may come to
/// mean another image.
const HOLDS_FOR: Duration = Duration::from_mins(10);

/// What this process has seen. Readers of logs add to it. All of it is by what Batch has, and not by our
/// ids: another job may take the place of one that came second.
#[derive(Debug, Default)]
pub struct Seen {
    /// Streams that show it; each attempt has its own.
    began: RefCell<HashSet<String>>,
    /// Job definitions, and when a job of theirs was seen to begin.
    definitions: RefCell<HashMap<String, Instant>>,
    /// Since when attempts are over, by job and end, whose logs do not tell yet.
    over: RefCell<HashMap<(String, Ended), Instant>>,
    /// Jobs that ended as at the fence, and what is settled of them.
    pub(super) came: RefCell<HashMap<String, Came>>,
    /// Regions and groups whose logs may not be read, and why.
    denied: RefCell<HashMap<(String, String), String>>,
}

impl Seen {
    pub fn began(&self, stream: &str) {
        if !self.has_begun(stream) {
            self.began.borrow_mut().insert(stream.to_owned());
        }
    }

    fn has_begun(&self, stream: &str) -> bool {
        self.began.borrow().contains(stream)
    }

    fn is_known(&self, definition: &str) -> bool {
        let definitions = self.definitions.borrow();
        definitions.get(definition).is_some_and(|at| at.elapsed() < HOLDS_FOR)
    }

    /// How long this process has seen an attempt over.
    pub fn over(&self, job: &Observed, attempt: &Ended) -> Duration {
        let key = (job.engine_id.clone(), attempt.clone());
        self.over.borrow_mut().entry(key).or_insert_with(Instant::now).elapsed()
    }

    pub fn forget(&self, job: &Observed, attempt: &Ended) {
        self.over.borrow_mut().remove(&(job.engine_id.clone(), attempt.clone()));
    }

    /// Says of jobs that Batch counts as a success whether their commands began. `settle`: by then
    /// a log shows what was written.
    pub async fn tell(
        &self,
        clients: &Clients,
        region: &str,
        jobs: &mut [&mut Observed],
        (settle, now): (Duration, Millis),
    ) {
        // One of each definition first: most often it speaks for the others.
        let mut asked = HashSet::new();
        let (first, others): (Vec<_>, Vec<_>) = jobs
            .iter_mut()
            .filter(|job| job.status == Status::Succeeded)
            .partition(|job| asked.insert(job.definition.clone()));
        for some in [first, others] {
            let told = some.into_iter().map(|job| async move {
                let began = self.of_success(clients, region, job, (settle, now)).await;
                job.began = began;
            });
            join_all(told).await;
        }
    }

    async fn of_success(
        &self,
        clients: &Clients,
        region: &str,
        job: &Observed,
        (settle, now): (Duration, Millis),
    ) -> Began {
        let Some(proof) = job.proof.as_ref().filter(|_| job.status == Status::Succeeded) else {
            return Began::Yes;
        };
        let end = job.end();
        if end.log_stream.as_ref().is_some_and(|stream| self.has_begun(stream)) {
            self.definitions.borrow_mut().insert(job.definition.clone(), Instant::now());
            return Began::Yes;
        }
        if self.is_known(&job.definition) {
            return Began::Yes;
        }
        let since = |time: Option<Millis>| time.map_or(0, |time| now - time);
        let over = Over {
            seen_for: self.over(job, end),
            age: since(end.stopped_at),
            since_start: since(end.started_at),
        };
        let head = self.head(clients, region, (job, end)).await;
        let began = judge(proof, &head, over, settle);
        if began == Began::Yes {
            self.definitions.borrow_mut().insert(job.definition.clone(), Instant::now());
        }
        if began != Began::Later {
            self.forget(job, end);
        }
        began
    }

    /// Did the command of a job begin that is over, whatever became of it? `None`: its log does not
    /// tell.
    pub async fn look(
        &self,
        clients: &Clients,
        region: &str,
        job: &Observed,
        now: Millis,
    ) -> Option<bool> {
        let proof = job.proof.as_ref()?;
        if job.end().started_at.is_none_or(|at| now - at >= SURELY_KEPT_FOR) {
            return None;
        }
        match self.head(clients, region, (job, job.end())).await {
            Head::Lines(lines) if shows(&lines, proof) => Some(true),
            Head::Lines(lines) => (!lines.is_empty() && lines.len() < FIRST_LINES).then_some(false),
            Head::Missing | Head::Unreadable { .. } => None,
        }
    }

    /// The beginning of the log of an attempt.
    pub(super) async fn head(
        &self,
        clients: &Clients,
        region: &str,
        (job, attempt): (&Observed, &Ended),
    ) -> Head {
        let unreadable = |why: String, passes| Head::Unreadable { why, passes };
        if let Some(driver) = &job.logs.elsewhere {
            return unreadable(format!("its log goes to the driver {driver}"), false);
        }
        let Some(stream) = &attempt.log_stream else {
            return unreadable("AWS Batch names no log of it".to_owned(), false);
        };
        let stream = job.logs.stream(stream);
        let region = stream.region.as_deref().unwrap_or(region);
        let place = (region.to_owned(), stream.group.clone());
        if let Some(why) = self.denied.borrow().get(&place) {
            return unreadable(why.clone(), false);
        }
        match logs::head(clients, region, &stream).await {
            Ok(Some(lines)) => Head::Lines(lines),
            Ok(None) => unreadable("its first pages are empty".to_owned(), true),
            Err(AwsError::NoLog { .. }) => Head::Missing,
            Err(error) => {
                if error.trouble() == super::Trouble::Denied {
                    self.denied.borrow_mut().insert(place, error.to_string());
                }
                unreadable(error.to_string(), error.passes())
            }
        }
    }
}

fn shows(lines: &[String], proof: &Proof) -> bool {
    lines.iter().any(|line| proof.is_began(line))
}

impl AwsEngine<'_> {
    /// Does the log of an attempt that is over show by now what was written to it?
    pub(super) fn is_shown(&self, attempt: &Ended, seen_for: Duration) -> bool {
        let age = attempt.stopped_at.map_or(0, |at| self.clock.now() - at);
        seen_for >= self.settings.log_settle || age >= SURELY_SHOWN_AFTER
    }
}

/// What the beginning of the log says of a job that Batch counts as a success.
fn judge(proof: &Proof, head: &Head, over: Over, settle: Duration) -> Began {
    let settle = if head.is_empty() { settle * EMPTY_PATIENCE } else { settle };
    let is_shown = over.seen_for >= settle || over.age >= SURELY_SHOWN_AFTER;
    match head {
        Head::Lines(lines) if shows(lines, proof) => Began::Yes,
        Head::Unreadable { why, passes: false } => Began::Unknown(why.clone()),
        _ if !is_shown => Began::Later,
        Head::Unreadable { why, .. } => Began::Unknown(why.clone()),
        Head::Missing => Began::Unknown("its log is not there".to_owned()),
        Head::Lines(_) if over.since_start >= SURELY_KEPT_FOR => {
            Began::Unknown("its log is so old that its beginning may be gone".to_owned())
        }
        Head::Lines(lines) if lines.len() >= FIRST_LINES => {
            Began::Unknown(format!("its image writes {FIRST_LINES} lines and more before"))
        }
        Head::Lines(_) => Began::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "computes: job ID attempt 1";
    const SETTLE: Duration = Duration::from_secs(15);
    const JUST: Over = Over { seen_for: Duration::ZERO, age: 0, since_start: 0 };
    const SETTLED: Over = Over { seen_for: SETTLE, ..JUST };

    fn lines(lines: &[&str]) -> Head {
        Head::Lines(lines.iter().map(ToString::to_string).collect())
    }

    fn unreadable(passes: bool) -> Head {
        Head::Unreadable { why: "why".to_owned(), passes }
    }

    #[test]
    fn a_success_is_believed_once_its_log_shows_the_line() {
        let judge = |head: &Head, over| judge(&Proof::new(None), head, over, SETTLE);
        assert_eq!(judge(&lines(&["a banner", LINE, "x"]), JUST), Began::Yes);
        for head in [lines(&[]), lines(&["other"]), Head::Missing, unreadable(true)] {
            assert_eq!(judge(&head, JUST), Began::Later, "{head:?}");
        }
        assert_eq!(judge(&lines(&["other", "computes: job x attempt 1"]), SETTLED), Began::No);
    }

    /// All of it may be late, and a failure is not taken back.
    #[test]
    fn an_empty_log_is_waited_for_longer_than_a_line_of_one() {
        let judge = |head: &Head, over| judge(&Proof::new(None), head, over, SETTLE);
        let late = Over { seen_for: SETTLE * EMPTY_PATIENCE, ..JUST };
        for head in [lines(&[]), Head::Missing] {
            assert_eq!(judge(&head, SETTLED), Began::Later, "{head:?}");
        }
        assert_eq!(judge(&lines(&[]), late), Began::No);
        assert!(matches!(judge(&Head::Missing, late), Began::Unknown(_)));
    }

    /// The clock of this machine makes no failure of a success by a few minutes, nor does a log
    /// that may have lost its beginning.
    #[test]
    fn nothing_is_called_unrun_on_a_doubt() {
        let judge = |head: &Head, over| judge(&Proof::new(None), head, over, SETTLE);
        let minutes = |minutes: i64| Over { age: minutes * 60_000, ..JUST };
        assert_eq!(judge(&lines(&[]), minutes(9)), Began::Later);
        assert_eq!(judge(&lines(&[]), minutes(10)), Began::No);
        let old = Over { since_start: SURELY_KEPT_FOR, seen_for: SETTLE * EMPTY_PATIENCE, ..JUST };
        let many = vec!["banner"; FIRST_LINES];
        for (head, over) in [
            (lines(&[]), old),
            (lines(&many), SETTLED),
            (unreadable(true), SETTLED),
            (unreadable(false), JUST),
        ] {
            assert!(matches!(judge(&head, over), Began::Unknown(_)), "{head:?}");
        }
    }
}
