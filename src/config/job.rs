//! What settings say about every job.

use std::collections::BTreeSet;

use crate::job::{Draft, EnvironmentEntry, SecretSource};

use super::said::Said;
use super::{Config, ConfigError, Place, Problem};

impl Config {
    /// Lays `draft` over what is known about a job, if a job can be made of both. What was
    /// known has passed already: whatever is wrong came with `draft`, from `place`.
    pub(super) fn say(&mut self, place: &Place, draft: Draft) -> Result<(), ConfigError> {
        let job = draft.over(std::mem::take(&mut self.job));
        check(&job).map_err(|problem| place.wrong(problem))?;
        self.job = job;
        Ok(())
    }

    pub(super) fn say_text(
        &mut self,
        said: &Said<'_>,
        set: fn(&mut Draft, String),
    ) -> Result<(), ConfigError> {
        let mut draft = Draft::default();
        set(&mut draft, said.text()?);
        self.say(&said.place(), draft)
    }

    /// A list replaces the one beneath.
    pub(super) fn say_secrets(&mut self, said: &Said<'_>) -> Result<(), ConfigError> {
        self.job.secrets.clear();
        for (place, name) in said.names()? {
            if let Some((name, value)) = name.split_once('=')
                && !SecretSource::is_meant(value)
            {
                return Err(place.wrong(Problem::SecretValue(name.to_owned())));
            }
            self.say(&place, Draft { secrets: BTreeSet::from([name]), ..Draft::default() })?;
        }
        Ok(())
    }

    /// A list replaces the one beneath.
    pub(super) fn say_outputs(&mut self, said: &Said<'_>) -> Result<(), ConfigError> {
        self.job.outputs.clear();
        for (place, output) in said.names()? {
            let mut outputs = std::mem::take(&mut self.job.outputs);
            outputs.push(output);
            self.say(&place, Draft { outputs, ..Draft::default() })?;
        }
        Ok(())
    }

    /// A table is merged with the one beneath, name by name.
    pub(super) fn say_environment(&mut self, said: &Said<'_>) -> Result<(), ConfigError> {
        for (place, entry) in said.entries()? {
            self.job.environment.retain(|known| known.name != entry.name);
            self.say(&place, Draft { environment: vec![entry], ..Draft::default() })?;
        }
        Ok(())
    }

    /// Rules replace those beneath.
    pub(super) fn say_rules(&mut self, said: &Said<'_>) -> Result<(), ConfigError> {
        let retry_rules = said.read()?;
        self.say(&said.place(), Draft { retry_rules, ..Draft::default() })
    }

    pub(super) fn say_tags(&mut self, said: &Said<'_>) -> Result<(), ConfigError> {
        for (place, key, value) in said.pairs()? {
            self.say(&place, Draft { tags: [(key, value)].into(), ..Draft::default() })?;
        }
        Ok(())
    }
}

/// Whether a job could be made of it: the job itself says what it takes. Which variables the
/// caller has is not asked before there is a job to submit.
fn check(job: &Draft) -> Result<(), Problem> {
    let is_secret =
        |entry: &&EnvironmentEntry| entry.value.is_some() && job.secrets.contains(&entry.name);
    if let Some(entry) = job.environment.iter().find(is_secret) {
        return Err(Problem::SecretValue(entry.name.clone()));
    }
    let with_command = Draft { command: Some(vec!["true".to_owned()]), ..job.clone() };
    with_command.sending()?;
    with_command.resolve(&|name| Ok(format!("<{name}> of the caller")))?;
    Ok(())
}
