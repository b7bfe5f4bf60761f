//! Settings: flags > `COMPUTES_*` > the nearest `computes.toml` > the user's own > defaults.
//!
//! One [table of settings](settings) leads: the names in a file, the environment variables,
//! the file that `computes init` writes, the documentation and the "did you mean" come from
//! it. A source is laid over what is known so far, the weakest first, and each value is
//! checked where it is read, so that an error can name its line. Flags are laid on top by
//! [`Draft::over`].

mod directories;
mod error;
mod job;
mod local;
mod place;
mod problem;
mod render;
mod said;
mod setting;
mod source;
mod suggest;
mod table;
mod toml_value;
mod walk;

pub use directories::state_dir;
pub use error::ConfigError;
pub use place::Place;
pub use problem::Problem;
pub use render::{commented_toml, settings_markdown};
pub use setting::{Kind, Preset, Setting};
pub use table::settings;
pub use toml_value::quotes_missing;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::engine::EngineName;
use crate::engine::LocalSettings;
use crate::engine::aws::AwsSettings;
use crate::job::Draft;
use crate::ledger::StateDir;
use crate::plan::{Bucket, Fetch, FilesMount};

use self::said::Said;
use self::source::Source;

/// The name of a file with settings, wherever it lies.
pub const FILE_NAME: &str = "computes.toml";

/// More than most repositories have, and less than what would be sent by mistake.
const SOURCE_LIMIT: u64 = 256 << 20;

/// Whoever calls: nothing in here looks at the process itself.
pub struct Caller<'a> {
    /// How the environment is asked.
    pub env: &'a dyn Fn(&str) -> Option<OsString>,
    /// The working directory, as an absolute path.
    pub directory: &'a Path,
}

/// What all sources together say.
#[derive(Debug, Clone)]
pub struct Config {
    pub engine: EngineName,
    /// What settings say about every job; it goes beneath the flags with [`Draft::over`].
    pub job: Draft,
    /// Where on AWS the file system is mounted that all jobs share.
    pub files_mount: FilesMount,
    /// Bytes that the files of a source may have together.
    pub source_limit: u64,
    pub bucket: Option<Bucket>,
    pub fetch: Fetch,
    /// Bring outputs of the source back when the job is over.
    pub get: bool,
    pub local: LocalSettings,
    pub aws: AwsSettings,
    pub state_dir: StateDir,
    /// The nearest `computes.toml`, where there is one.
    pub file: Option<PathBuf>,
}

impl Config {
    /// Reads every source but the flags.
    ///
    /// # Errors
    /// When a source can't be read, holds what is no setting or a value that can't be, or
    /// when there is no place for the state directory.
    pub fn load(caller: &Caller<'_>) -> Result<Self, ConfigError> {
        let users = match directories::users_file(caller) {
            Some(path) => Source::read(path)?,
            None => None,
        };
        let nearest = Source::nearest(caller.directory)?;
        let mut config = Self::new(directories::state_dir(caller)?);
        for source in users.iter().chain(&nearest) {
            config.read(source)?;
        }
        config.read_variables(caller)?;
        config.file = nearest.map(|source| source.path);
        Ok(config)
    }

    /// The defaults. Those of a job are with [`Draft::resolve`].
    fn new(state_dir: StateDir) -> Self {
        Self {
            engine: EngineName::default(),
            job: Draft::default(),
            files_mount: FilesMount::default(),
            source_limit: SOURCE_LIMIT,
            bucket: None,
            fetch: Fetch::default(),
            get: false,
            local: LocalSettings::default(),
            aws: AwsSettings::default(),
            state_dir,
            file: None,
        }
    }

    fn read_variables(&mut self, caller: &Caller<'_>) -> Result<(), ConfigError> {
        for setting in settings() {
            let Some(name) = setting.variable() else { continue };
            let Some(value) = caller.variable(&name) else { continue };
            let text = value
                .into_string()
                .map_err(|_| Place::Variable(name.clone()).wrong(Problem::NotUtf8))?;
            (setting.store)(self, &Said::in_variable(setting, &name, &text))?;
        }
        Ok(())
    }
}

impl Caller<'_> {
    /// An empty variable counts as one that is not set.
    fn variable(&self, name: &str) -> Option<OsString> {
        (self.env)(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests;
