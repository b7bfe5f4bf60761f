//! What every verb works with.

use std::future::Future;
use std::path::PathBuf;

use super::error::{Doing, Failure, Kind};
use super::output::Output;
use crate::config::{Caller, Config};
use crate::engine::local::LocalEngine;
use crate::engine::{Engine, EngineError, SystemClock};
use crate::job::{JobId, JobRef};
use crate::ledger::{Durability, Ledger, LedgerError};

pub struct Context<'a> {
    pub config: Config,
    /// Where the caller stands.
    pub directory: PathBuf,
    pub clock: SystemClock,
    pub output: &'a Output,
}

impl<'a> Context<'a> {
    /// The context of this process: its environment, its directory, its clock.
    pub fn of_process(output: &'a Output) -> Result<Self, Failure> {
        let directory =
            std::env::current_dir().doing(|| "find the working directory".to_owned())?;
        let env = |name: &str| std::env::var_os(name);
        let config = Config::load(&Caller { env: &env, directory: &directory })?;
        super::output::trace(&env);
        Ok(Self { config, directory, clock: SystemClock, output })
    }

    /// The engine, with a ledger whose commits survive a power cut. Makes the ledger.
    pub fn engine(&self) -> Result<Box<dyn Engine + '_>, Failure> {
        let ledger = Ledger::open(&self.config.state_dir, Durability::PowerCut)?;
        Ok(self.engine_on(ledger))
    }

    /// The engine of jobs that are there already. Makes nothing.
    pub fn engine_of_existing(&self, job: &JobRef) -> Result<Box<dyn Engine + '_>, Failure> {
        match self.ledger()? {
            Some(ledger) => Ok(self.engine_on(ledger)),
            None => Err(LedgerError::NoSuchJob(job.to_string()).into()),
        }
    }

    fn engine_on(&self, ledger: Ledger) -> Box<dyn Engine + '_> {
        Box::new(LocalEngine::new(
            self.config.state_dir.clone(),
            self.config.local.clone(),
            ledger,
            &self.clock,
        ))
    }

    /// The ledger if there is one; without one there are no jobs.
    pub fn ledger(&self) -> Result<Option<Ledger>, Failure> {
        Ok(Ledger::open_existing(&self.config.state_dir, Durability::PowerCut)?)
    }
}

/// Runs what sleeps and is woken.
pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| EngineError::Io { what: "start".to_owned(), source })?;
    runtime.block_on(future)
}

/// The jobs that are meant, each once, in the order given.
pub fn find_all(ledger: &Ledger, jobs: &[JobRef]) -> Result<Vec<JobId>, Failure> {
    let mut ids = Vec::new();
    for job in jobs {
        let id = ledger.find(job)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// Something that no user can mend, and that should never be.
pub fn internal(what: &str) -> Failure {
    Failure { kind: Kind::Failed, error: anyhow::anyhow!("{what}"), hint: None }
}
