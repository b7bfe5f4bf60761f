//! A worker: pulls jobs from the ledger, runs them, and records how they ended.

mod agenda;
mod child;
mod round;
mod running;
mod starter;
mod stop;
mod tidy;

use std::fs::File;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet};

use self::agenda::{Agenda, Due};
use self::child::{Ended, Unloaded};
use self::running::{Finished, Running, Start};
use self::starter::Starter;
use super::claim::Passed;
use super::lease::{BackgroundRight, Life, SECOND_LOOK};
use super::room::Room;
use super::wake::{Bell, Held, Listener, Rings};
use super::{LocalSettings, Ready, WorkerOptions, inherited, lease, machine, room};
use crate::engine::{Clock, EngineError};
use crate::ledger::{Durability, Ledger, Millis, NewWorker, StateDir, WorkerRecord};

/// When to look again for secrets that were left behind, if somebody was writing some, in ms.
const SWEEP_AGAIN: Millis = 10_000;

#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own to remember")]
struct Worker<'a> {
    dir: &'a StateDir,
    settings: &'a LocalSettings,
    clock: &'a dyn Clock,
    ledger: Ledger,
    record: WorkerRecord,
    idle_exit: Option<Duration>,
    listener: Listener,
    leave: [Signal; 2],
    starter: Starter,
    mounted: bool,
    /// Those whose freight is being unpacked.
    unloading: JoinSet<Unloaded>,
    children: JoinSet<Ended>,
    running: Vec<Running>,
    free_gpus: Vec<u32>,
    started: Vec<Start>,
    finished: Vec<Finished>,
    agenda: Agenda,
    tidying: Option<JoinHandle<()>>,
    passed: Passed,
    /// Until when the others believe us, as of the last commit.
    lease: i64,
    idle_since: i64,
    /// Rung when it is let go.
    bell: Option<Held>,
    /// The right to be the background worker, if it was taken a second time.
    right: Option<BackgroundRight>,
    /// There may be a job to claim.
    look: bool,
    /// Starts have waited long enough for something to go along with.
    write_starts: bool,
    leaving: bool,
}

/// Runs a worker until it is asked to leave or has been idle for long enough.
///
/// # Errors
/// When the ledger or the machine fails it.
pub fn run_worker(
    dir: &StateDir,
    settings: &LocalSettings,
    options: &WorkerOptions,
    clock: &dyn Clock,
    ready: impl FnOnce(&Ready<'_>),
) -> Result<(), EngineError> {
    inherited::keep_to_ourselves().map_err(EngineError::io("start a worker"))?;
    // Makes the state directory, and finds out whether it can be used at all.
    drop(Ledger::open(dir, Durability::KilledProcess)?);
    let room = if settings.mount {
        room::enter(&dir.workers())
    } else {
        Room::Shared { why: "`local.mount` is off".to_owned() }
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(EngineError::io("start a worker"))?
        .block_on(work(dir, settings, options, clock, &room, ready))
}

async fn work(
    dir: &StateDir,
    settings: &LocalSettings,
    options: &WorkerOptions,
    clock: &dyn Clock,
    room: &Room,
    ready: impl FnOnce(&Ready<'_>),
) -> Result<(), EngineError> {
    let start = |source| EngineError::Io { what: "start a worker".to_owned(), source };
    let mut ledger = Ledger::open(dir, Durability::KilledProcess)?;
    let _life = Life::begin(dir, &options.id).map_err(start)?;
    let listener =
        Listener::new(dir, &[Bell::Queue, Bell::Cancel, Bell::Workers]).map_err(start)?;
    let terminate = signal(SignalKind::terminate()).map_err(start)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(start)?;
    let isolate = *room == Room::Own;
    let starter = Starter::new(dir.clone(), isolate).map_err(start)?;
    if !isolate {
        // What a job leaves behind becomes our child, so that we see it.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|error| start(error.into()))?;
    }
    let me = NewWorker {
        id: options.id.clone(),
        pid: std::process::id(),
        background: options.background,
        boot: machine::boot_id(),
        capacity: options.capacity,
        queues: options.queues.clone(),
    };
    let record = sign_on(&mut ledger, me, clock)?;
    let no_mount = match room {
        Room::Own => None,
        Room::Shared { why } => Some(why.as_str()),
    };
    ready(&Ready { options, no_mount });
    let now = clock.monotonic();
    let mut worker = Worker {
        dir,
        settings,
        clock,
        ledger,
        idle_exit: options.idle_exit,
        listener,
        leave: [terminate, interrupt],
        starter,
        mounted: isolate,
        unloading: JoinSet::new(),
        children: JoinSet::new(),
        running: Vec::new(),
        free_gpus: (0..options.capacity.gpus).collect(),
        started: Vec::new(),
        finished: Vec::new(),
        agenda: Agenda::default(),
        tidying: None,
        passed: Passed::default(),
        lease: now,
        idle_since: now,
        bell: None,
        right: None,
        look: true,
        write_starts: false,
        leaving: false,
        record,
    };
    let result = worker.run().await;
    // Before the bell rings, so that who hears it can start another.
    worker.let_go_of_right()?;
    tracing::info!(ok = result.is_ok(), "the worker leaves");
    result
}

fn sign_on(
    ledger: &mut Ledger,
    worker: NewWorker,
    clock: &dyn Clock,
) -> Result<WorkerRecord, EngineError> {
    let now = clock.now();
    let seq = ledger.write(|change| change.sign_on(&worker, now))?;
    Ok(WorkerRecord { seq, worker, started_at: now, lease: None })
}

impl Worker<'_> {
    async fn run(&mut self) -> Result<(), EngineError> {
        self.sweep()?;
        self.recover()?;
        loop {
            self.round()?;
            if self.leaving && self.running.is_empty() && self.finished.is_empty() {
                let me = self.record.seq;
                self.ledger.write(|change| change.strike_off(me))?;
                return Ok(());
            }
            if self.is_idle() && self.has_been_idle_for_long() && self.sign_off()? {
                return Ok(());
            }
            self.sleep().await?;
        }
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty() && self.finished.is_empty() && !self.look
    }

    fn has_been_idle_for_long(&mut self) -> bool {
        let Some(idle_exit) = self.idle_exit else { return false };
        let at = self.idle_since + millis(idle_exit);
        if at <= self.clock.monotonic() {
            return true;
        }
        self.agenda.at(at, Due::IdleExit);
        false
    }

    /// Leaves if really nothing is there; the ledger decides, so that no submit that counted
    /// on us is left alone.
    fn sign_off(&mut self) -> Result<bool, EngineError> {
        let record = self.record.clone();
        if !self.ledger.write(|change| change.strike_off_if_idle(&record))? {
            self.look = true;
            return Ok(false);
        }
        if !record.worker.background {
            return Ok(true);
        }
        self.let_go_of_right()?;
        // Who submitted in between saw that we have the right, and counts on this look.
        let wanted = self.ledger.write(|change| change.has_queued_for(&record))?;
        if !wanted {
            return Ok(true);
        }
        let right = lease::background_right(self.dir).map_err(EngineError::io("stay"))?;
        let Some(right) = right else { return Ok(true) };
        self.right = Some(right);
        self.record = sign_on(&mut self.ledger, self.record.worker.clone(), self.clock)?;
        self.recover()?;
        Ok(false)
    }

    /// The first one came as stdout.
    fn let_go_of_right(&mut self) -> Result<(), EngineError> {
        if self.right.take().is_none() && self.record.worker.background {
            let null = File::options()
                .write(true)
                .open("/dev/null")
                .map_err(EngineError::io("open /dev/null"))?;
            rustix::stdio::dup2_stdout(null)
                .map_err(|error| EngineError::io("leave")(error.into()))?;
        }
        Ok(())
    }

    /// Takes over what dead workers held.
    fn take_over(&mut self) -> Result<(), EngineError> {
        let me = self.record.seq;
        let recovered = lease::recover(self.dir, &mut self.ledger, self.settings, self.clock, me)?;
        if let Some(at) = recovered.look_again {
            self.agenda.at(at + 1, Due::Peers);
        }
        if recovered.lost { self.sweep() } else { Ok(()) }
    }

    /// Removes the secrets that nobody needs any more.
    fn sweep(&mut self) -> Result<(), EngineError> {
        if !lease::sweep(self.dir, &self.ledger)? {
            self.agenda.at(self.clock.monotonic() + SWEEP_AGAIN, Due::Sweep);
        }
        Ok(())
    }

    /// Takes over what dead workers held, and looks for work.
    fn recover(&mut self) -> Result<(), EngineError> {
        self.take_over()?;
        self.look = true;
        Ok(())
    }

    /// Sleeps until something happens, and notes what it was.
    async fn sleep(&mut self) -> Result<(), EngineError> {
        if self.look || !self.finished.is_empty() {
            return Ok(());
        }
        let now = self.clock.monotonic();
        let due =
            self.agenda.next().map(|at| Duration::from_millis((at - now).max(0).unsigned_abs()));
        let [terminate, interrupt] = &mut self.leave;
        tokio::select! {
            Some(ended) = self.children.join_next() => self.note(ended),
            Some(unloaded) = self.unloading.join_next() => self.unloaded(unloaded),
            Some(begun) = self.starter.begun() => self.begun(begun),
            rings = self.listener.rung() => {
                let rings = rings.map_err(EngineError::io("listen for work"))?;
                self.hear(rings)?;
            }
            _ = terminate.recv() => self.prepare_to_leave()?,
            _ = interrupt.recv() => self.prepare_to_leave()?,
            () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => {}
        }
        self.collect();
        self.do_what_is_due()
    }

    fn hear(&mut self, rings: Rings) -> Result<(), EngineError> {
        self.look |= rings.queue;
        if rings.cancel {
            self.stop_cancelled()?;
        }
        if rings.workers {
            self.recover()?;
            self.agenda.at(self.clock.monotonic() + millis(SECOND_LOOK), Due::Peers);
        }
        Ok(())
    }

    fn do_what_is_due(&mut self) -> Result<(), EngineError> {
        let now = self.clock.monotonic();
        while let Some(due) = self.agenda.pop(now) {
            match due {
                Due::KeepAlive => {
                    self.keep_alive()?;
                    self.watch_peers()?;
                }
                Due::Peers => self.recover()?,
                Due::WriteStarts => self.write_starts = true,
                Due::Ring => self.bell = None,
                Due::Sweep => self.sweep()?,
                Due::IdleExit => {}
                Due::Job { seq, attempt, task } => self.do_for(seq, attempt, task),
            }
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
