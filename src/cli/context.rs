//! What every verb works with.

use std::future::Future;
use std::path::PathBuf;

use super::error::{Failure, Kind};
use super::output::Output;
use crate::config::{Caller, Config};
use crate::engine::aws::{AwsEngine, AwsSettings};
use crate::engine::local::LocalEngine;
use crate::engine::{EngineError, EngineName, Engines, SystemClock, UnknownEngine};
use crate::job::JobRef;
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
    pub fn of_process(engine: Option<&str>, output: &'a Output) -> Result<Self, Failure> {
        let directory = std::env::current_dir().map_err(no_directory)?;
        let env = |name: &str| std::env::var_os(name);
        let mut config = Config::load(&Caller { env: &env, directory: &directory })?;
        if let Some(engine) = engine {
            config.engine = engine.parse().map_err(|error: UnknownEngine| {
                let known = EngineName::ALL.map(EngineName::as_str).join(", ");
                Failure::usage(error.to_string(), format!("the engines are: {known}"))
            })?;
        }
        super::output::trace(&env);
        Ok(Self { config, directory, clock: SystemClock, output })
    }

    /// The engines, with a ledger whose commits survive a power cut. Makes the ledger.
    pub fn engines(&self) -> Result<Engines<'_>, Failure> {
        let ledger = Ledger::open(&self.config.state_dir, Durability::PowerCut)?;
        if self.config.engine == EngineName::Aws {
            ledger.keep_log_short()?;
        }
        Ok(self.engines_on(ledger))
    }

    /// The engines of jobs that are there already. Makes nothing, unless jobs are looked for
    /// where others may have submitted them.
    pub fn engines_of_existing(&self, job: &JobRef) -> Result<Engines<'_>, Failure> {
        if self.config.engine == EngineName::Aws {
            return self.engines();
        }
        match self.ledger()? {
            Some(ledger) => Ok(self.engines_on(ledger)),
            None => Err(LedgerError::no_job(job).into()),
        }
    }

    fn engines_on(&self, ledger: Ledger) -> Engines<'_> {
        let config = &self.config;
        let local = LocalEngine::new(config.state_dir.clone(), config.local.clone(), &self.clock);
        Engines::new(ledger, local, self.aws(), config.engine)
    }

    /// AWS Batch, where no ledger is needed.
    pub fn aws(&self) -> AwsEngine<'_> {
        let config = &self.config;
        let settings = AwsSettings { region: config.job.region(), ..config.aws.clone() };
        let (dir, ask) = (config.state_dir.clone(), super::output::ask_for_code);
        AwsEngine::new(dir, settings, &self.clock, &environment, ask)
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

fn environment(name: &str) -> Result<String, std::env::VarError> {
    std::env::var(name)
}

/// Something that no user can mend, and that should never be.
pub fn internal(what: &str) -> Failure {
    Failure { kind: Kind::Failed, error: anyhow::anyhow!("{what}"), hint: None }
}

fn no_directory(error: std::io::Error) -> Failure {
    let is_gone = error.kind() == std::io::ErrorKind::NotFound;
    let hint = is_gone.then(|| "it was removed or made anew: cd \"$PWD\", or elsewhere".to_owned());
    let failure = Failure::from(error).doing("find the working directory".to_owned());
    Failure { hint, ..failure }
}
