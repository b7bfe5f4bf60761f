//! What a job on AWS is told of its freight and its outputs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Bucket, Fetch, RequestError, SubmitJob};
use crate::job::{Freight, JobId, Outputs};

/// What is to be brought to the job and back from it: a [`Cargo`] as JSON.
pub const FREIGHT: &str = "COMPUTES_FREIGHT";
/// Where a job that fetches by URLs begins: see `plan/files.rs`. It is made when the job is sent, and is
/// a secret, because whoever has it can fetch too.
pub const FETCH: &str = "COMPUTES_FETCH";

/// What the job itself has to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cargo {
    pub bucket: Bucket,
    #[serde(default, skip_serializing_if = "Freight::is_empty")]
    pub freight: Freight,
    #[serde(default, skip_serializing_if = "Outputs::is_empty")]
    pub outputs: Outputs,
    #[serde(default, skip_serializing_if = "Fetch::is_program")]
    pub fetch: Fetch,
    /// Our own id of the job, once it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Where the bucket is, likewise: a container may not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Every how many ms the job looks for files that were put to it, and keeps its outputs.
    #[serde(default = "usual_look", skip_serializing_if = "is_usual_look")]
    pub look: u32,
}

/// As the settings have it.
pub(super) const USUAL_LOOK: u32 = 15_000;

const fn usual_look() -> u32 {
    USUAL_LOOK
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_usual_look(look: &u32) -> bool {
    *look == USUAL_LOOK
}

impl Cargo {
    /// # Errors
    /// When it is not what this program writes.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        serde_json::from_str(text).map_err(|error| RequestError::Freight(error.to_string()))
    }

    #[must_use]
    pub fn look_every(&self) -> Duration {
        Duration::from_millis(self.look.max(1).into())
    }

    pub(super) fn text(&self) -> String {
        // Texts and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl SubmitJob {
    /// What the request says of freight and outputs, if it has any.
    #[must_use]
    pub fn cargo(&self) -> Option<Cargo> {
        let variables = &self.container_overrides.environment;
        let variable = variables.iter().find(|variable| variable.name == FREIGHT)?;
        Cargo::parse(variable.value.as_deref()?).ok()
    }

    /// The same request with that in its place.
    #[must_use]
    pub fn with_cargo(mut self, cargo: &Cargo) -> Self {
        let mut variables = self.container_overrides.environment.iter_mut();
        if let Some(variable) = variables.find(|variable| variable.name == FREIGHT) {
            variable.value = Some(cargo.text());
        }
        self
    }
}
