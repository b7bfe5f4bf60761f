//! One round of a worker: all that happened goes into the ledger in one transaction, and
//! new jobs come out of it in the same.

use std::ops::ControlFlow;

use super::agenda::Due;
use super::running::Finished;
use super::{Worker, millis};
use crate::engine::EngineError;
use crate::engine::local::claim::{Choice, Claim};
use crate::engine::local::outcome::Stop;
use crate::engine::local::secrets;
use crate::engine::local::wake::{self, Bell};
use crate::job::{Event, Resources, State};
use crate::ledger::{
    Applied, Assignment, Candidate, Change, Detail, Holder, Lease, LedgerError, Millis,
};

/// How long those who wait are left asleep by a worker that has more to do, in ms.
const BELL_WAIT: Millis = 3;

impl Worker<'_> {
    pub(super) fn round(&mut self) -> Result<(), EngineError> {
        let free = self.free();
        let claims = self.look && !self.leaving && !free.is_used_up();
        self.look = false;
        if !claims && !self.write_starts && self.finished.is_empty() {
            return Ok(());
        }
        let was_busy = !self.finished.is_empty() || !self.started.is_empty();
        let claimed = self.commit(claims.then_some(free))?;
        let nothing_to_do = claims && claimed.is_empty() && self.running.is_empty();
        for (holder, assignment) in claimed {
            self.start(holder, assignment);
        }
        if nothing_to_do {
            if was_busy {
                self.idle_since = self.clock.monotonic();
                self.agenda.clear_jobs();
            }
            self.tidy()?;
            self.watch_peers()?;
        }
        Ok(())
    }

    /// Those who wait are woken when something changed, but by a busy worker not more often
    /// than every few ms: each would look at the ledger each time. The bell is held from
    /// before the first change, so they hear of it however this process ends.
    fn hold_bell(&mut self, now: Millis) -> Result<(), EngineError> {
        if self.bell.is_none() {
            let bell = wake::hold(self.dir, Bell::Jobs);
            self.bell = Some(bell.map_err(EngineError::io("wake those who wait"))?);
            self.agenda.at(now + BELL_WAIT, Due::Ring);
        }
        Ok(())
    }

    fn free(&self) -> Resources {
        let used = self.running.iter().map(super::Running::resources);
        used.fold(self.record.worker.capacity, |free, job| free.less(&job))
    }

    fn commit(
        &mut self,
        free: Option<Resources>,
    ) -> Result<Vec<(Holder, Assignment)>, EngineError> {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let started = std::mem::take(&mut self.started);
        let mut finished = std::mem::take(&mut self.finished);
        self.write_starts = false;
        self.hold_bell(monotonic)?;
        // What a worker that leaves puts back is for the others.
        let for_others = if self.leaving && !finished.is_empty() {
            let bell = wake::hold(self.dir, Bell::Queue);
            Some(bell.map_err(EngineError::io("wake the other workers"))?)
        } else {
            None
        };
        let me = self.record.seq;
        let mounted = self.mounted;
        let lease = monotonic + millis(self.settings.lease);
        // Fresh enough: the next renewal comes in time.
        let renew = free.is_some() && self.lease < lease - millis(self.settings.lease) / 3;

        let running = &mut self.running;
        let passed = &mut self.passed;
        let (queues, capacity) = (&self.record.worker.queues, self.record.worker.capacity);
        let written = self.ledger.write(|change| {
            // A job that was claimed for a worker that is struck off would be nobody's.
            if !change.is_signed_on(me)? {
                return Ok(None);
            }
            let mut stale = Vec::new();
            for start in &started {
                let mut holders = running
                    .iter_mut()
                    .map(|job| &mut job.holder)
                    .chain(finished.iter_mut().map(|end| &mut end.holder));
                let Some(holder) = holders.find(|holder| holder.seq == start.seq) else { continue };
                let detail =
                    Detail { pid: Some(start.pid), mounted: Some(mounted), ..Detail::default() };
                match change.apply(*holder, Event::Started, detail, start.at)? {
                    Applied::Done(now_held) => *holder = now_held,
                    Applied::Stale => stale.push(start.seq),
                }
            }
            for end in &finished {
                if !stale.contains(&end.holder.seq) {
                    record_end(change, end, now)?;
                }
            }
            let claimed = match free {
                Some(free) => {
                    let claim = Claim::new(queues, capacity, free, passed, monotonic);
                    claim_from_queue(change, claim, me, now)?
                }
                None => Vec::new(),
            };
            if renew && !claimed.is_empty() {
                change.keep_alive(me, Lease(Some(lease)))?;
            }
            Ok(Some((claimed, stale)))
        })?;
        drop(for_others);
        let Some((claimed, stale)) = written else { return Err(self.struck_off()) };
        // Before the bell rings, so that who hears of an end finds no secret of the job.
        for end in finished.iter().filter(|end| end.has_secrets) {
            self.forget_secrets(end)?;
        }
        if self.running.is_empty() && claimed.is_empty() {
            self.bell = None;
        }

        if !claimed.is_empty() {
            if renew {
                self.lease = lease;
            }
            self.agenda.at(self.lease - millis(self.settings.lease) * 2 / 3, Due::KeepAlive);
        }
        for seq in stale {
            self.kill(seq);
        }
        for (holder, _) in &claimed {
            self.passed.forget(holder.seq);
        }
        Ok(claimed)
    }

    fn forget_secrets(&mut self, end: &Finished) -> Result<(), EngineError> {
        let is_over = match self.ledger.standing(end.id) {
            // It was over, and is removed already.
            Err(error) if error.is_about_a_name() => true,
            standing => standing?.state.is_terminal(),
        };
        if is_over {
            secrets::remove(self.dir, end.id)
                .map_err(EngineError::io("remove the job's secrets"))?;
        }
        Ok(())
    }

    /// Looks after the jobs of those who may be hanging.
    pub(super) fn watch_peers(&mut self) -> Result<(), EngineError> {
        if self.ledger.workers()?.len() > 1 { self.take_over() } else { Ok(()) }
    }

    pub(super) fn keep_alive(&mut self) -> Result<(), EngineError> {
        if self.running.is_empty() {
            return Ok(());
        }
        let (me, lease) = (self.record.seq, self.clock.monotonic() + millis(self.settings.lease));
        if !self.ledger.write(|change| change.keep_alive(me, Lease(Some(lease))))? {
            return Err(self.struck_off());
        }
        self.lease = lease;
        self.agenda.at(lease - millis(self.settings.lease) * 2 / 3, Due::KeepAlive);
        Ok(())
    }

    /// Others have our jobs now, so ours must not go on.
    fn struck_off(&mut self) -> EngineError {
        for job in &mut self.running {
            job.stop = Some(Stop::Leave);
        }
        for seq in self.running.iter().map(|job| job.holder.seq) {
            self.kill(seq);
        }
        EngineError::StruckOff
    }
}

fn record_end(change: &Change<'_>, end: &Finished, now: Millis) -> Result<(), LedgerError> {
    let (outcome, retry) = (Some(&end.outcome), end.retry.as_ref());
    let detail = Detail { outcome, retry, ..Detail::default() };
    match change.apply(end.holder, end.event, detail, now)? {
        Applied::Done(_) => match &end.missing {
            Some(missing) => {
                let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
                change.note_missing(end.holder.seq, &missing)
            }
            None => Ok(()),
        },
        Applied::Stale => {
            tracing::warn!(job = %end.id, "ended after it was given to another");
            Ok(())
        }
    }
}

fn claim_from_queue(
    change: &Change<'_>,
    mut claim: Claim<'_>,
    worker: i64,
    now: Millis,
) -> Result<Vec<(Holder, Assignment)>, LedgerError> {
    let mut taken: Vec<Candidate> = Vec::new();
    change.for_each_queued(|job| match claim.consider(&job) {
        Choice::Take => {
            taken.push(job);
            ControlFlow::Continue(())
        }
        Choice::Leave => ControlFlow::Continue(()),
        Choice::Stop => ControlFlow::Break(()),
    })?;
    let mut claimed = Vec::new();
    for job in taken {
        let detail = Detail { worker: Some(worker), ..Detail::default() };
        if let Applied::Done(holder) = change.apply(job.holder(), Event::Claimed, detail, now)? {
            debug_assert_eq!(holder.state, State::Starting);
            claimed.push((holder, change.assignment(holder.seq)?));
        }
    }
    Ok(claimed)
}
