//! All layers together, on real files.

mod layers;
mod refusals;
mod rendered;

use super::*;
use crate::job::JobSpec;
use std::fs;
use tempfile::TempDir;

/// A user with a home and a project.
struct World {
    root: TempDir,
    variables: Vec<(&'static str, OsString)>,
}

impl World {
    fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a directory"), variables: Vec::new() }
    }

    /// The project's `computes.toml`.
    fn project(self, text: &str) -> Self {
        self.write("project", text)
    }

    fn user(self, text: &str) -> Self {
        self.write("home/.config/computes", text)
    }

    fn write(self, directory: &str, text: &str) -> Self {
        let directory = self.root.path().join(directory);
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(FILE_NAME), text).expect("a file");
        self
    }

    fn set(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let env = |name: &str| match name {
            "HOME" => Some(self.root.path().join("home").into_os_string()),
            _ => self.variables.iter().find(|(it, _)| *it == name).map(|(_, value)| value.clone()),
        };
        Config::load(&Caller { env: &env, directory: &self.root.path().join("project") })
    }

    fn loaded(&self) -> Config {
        self.load().expect("settings")
    }

    /// The error and its hint, with the root taken off the paths.
    fn refused(&self) -> (String, String) {
        let error = self.load().expect_err("an error");
        let root = format!("{}/project/", self.root.path().display());
        assert!(!format!("{error:?}").contains("hunter2"));
        (error.to_string().replace(&root, ""), error.hint().unwrap_or_default())
    }
}

fn job(config: Config) -> JobSpec {
    let draft = Draft { command: Some(vec!["true".into()]), ..Draft::default() };
    draft.over(config.job).resolve(&|name| Ok(format!("<{name}> of the caller"))).expect("a job").0
}
