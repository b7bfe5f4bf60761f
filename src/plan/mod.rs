//! From what is asked to the exact request.
//!
//! Pure: a [`JobSpec`](crate::job::JobSpec) in, the `SubmitJob` request out. The local engine
//! runs the same [`Plan`] that AWS Batch receives.

mod batch_name;
mod files;
mod fingerprint;
mod limits;
mod request;

pub use batch_name::BatchName;
pub use files::FilesMount;
pub use fingerprint::{Fingerprint, digits_of};
pub use limits::LimitError;
pub use request::{
    ContainerOverrides, EvaluatedRetry, KeyValue, RequestError, ResourceRequirement, SECRETS,
    SubmitJob, TimeoutSeconds, queue_name,
};

use serde::{Deserialize, Serialize};

use crate::job::{JobSpec, Secrets};

/// A job as an engine takes it: checked against every limit, without the values of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    #[serde(flatten)]
    pub spec: JobSpec,
    /// Where the file system that all jobs share is mounted on AWS.
    pub files: FilesMount,
}

impl Plan {
    /// # Errors
    /// When the request would be over a limit of AWS Batch.
    pub fn new(spec: JobSpec, files: FilesMount, secrets: &Secrets) -> Result<Self, LimitError> {
        let plan = Self { spec, files };
        limits::check(&plan.request(|name| {
            secrets.get(name).map_or_else(String::new, |secret| secret.expose().to_owned())
        }))?;
        Ok(plan)
    }

    /// The request with the mask in the place of every secret.
    #[must_use]
    pub fn masked_request(&self) -> SubmitJob {
        self.request(|_| crate::job::MASK.to_owned())
    }

    fn request(&self, secret: impl Fn(&crate::job::EnvName) -> String) -> SubmitJob {
        request::from_spec(
            &self.spec,
            self.files.prefix(self.spec.command.words(), self.spec.files),
            secret,
        )
    }
}
