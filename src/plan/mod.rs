//! From what is asked to the exact request.
//!
//! Pure: a [`JobSpec`](crate::job::JobSpec) in, the `SubmitJob` request out. The local engine
//! runs the same [`Plan`] that AWS Batch receives.

mod batch_name;
mod bucket;
mod cargo;
mod fence;
mod files;
mod fingerprint;
mod limits;
mod proof;
mod request;
mod script;

pub use batch_name::BatchName;
pub use bucket::{Bucket, Fetch, NoBucket, UnknownFetch};
pub use cargo::{Cargo, FETCH, FREIGHT};
pub use fence::{FENCED, Fence};
pub use files::FilesMount;
pub use fingerprint::{Fingerprint, digits_of};
pub use limits::LimitError;
pub use proof::{OwnLines, Proof};
pub use request::{
    ContainerOverrides, EvaluatedRetry, KeyValue, RequestError, ResourceRequirement, SECRETS,
    SubmitJob, TimeoutSeconds,
};

pub use script::{Feeding, Keeping, Opening, script};

use serde::{Deserialize, Serialize};

use crate::job::{EnvName, Freight, JobFiles, JobId, JobSpec, Secrets};

/// A job as an engine takes it: checked against every limit, without the values of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    #[serde(flatten)]
    pub spec: JobSpec,
    /// Where the file system that all jobs share is mounted on AWS.
    pub files: FilesMount,
    #[serde(default, skip_serializing_if = "Freight::is_empty")]
    pub freight: Freight,
    /// Where on AWS the freight is, and where results go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Bucket>,
    #[serde(default, skip_serializing_if = "Fetch::is_program")]
    pub fetch: Fetch,
}

/// Characters of a signed URL, with the token of a session and a hash before it: about the most
/// that was seen.
const LONGEST_FETCH: usize = 2048;
/// As long as a region's name gets.
const LONGEST_REGION: &str = "ap-southeast-99";

impl Plan {
    /// # Errors
    /// When the request would be over a limit of AWS Batch.
    pub fn new(spec: JobSpec, files: FilesMount, secrets: &Secrets) -> Result<Self, LimitError> {
        let (freight, bucket, fetch) = (Freight::default(), None, Fetch::default());
        Self { spec, files, freight, bucket, fetch }.checked(secrets)
    }

    /// The same with what goes along, by way of a bucket.
    ///
    /// # Errors
    /// When the request would be over a limit of AWS Batch.
    pub fn with(
        self,
        freight: Freight,
        bucket: Option<Bucket>,
        fetch: Fetch,
        secrets: &Secrets,
    ) -> Result<Self, LimitError> {
        Self { freight, bucket, fetch, ..self }.checked(secrets)
    }

    fn checked(self, secrets: &Secrets) -> Result<Self, LimitError> {
        self.check_limits(secrets)?;
        Ok(self)
    }

    /// # Errors
    /// When the request with these secrets would be over a limit of AWS Batch.
    pub fn check_limits(&self, secrets: &Secrets) -> Result<(), LimitError> {
        // As long as it gets when it is sent.
        let job = Some(JobId::new(uuid::Uuid::max()));
        let request = self.request(job, |name| match secrets.get(name) {
            Some(secret) => secret.expose().to_owned(),
            // It is made when the job is sent.
            None if name.as_str() == FETCH => "x".repeat(LONGEST_FETCH),
            None => String::new(),
        });
        let sent = request.cargo().map(|cargo| Cargo {
            job,
            region: Some(LONGEST_REGION.to_owned()),
            look: u32::MAX,
            ..cargo
        });
        limits::check(
            &sent.map_or_else(|| request.clone(), |cargo| request.clone().with_cargo(&cargo)),
        )
    }

    /// Is something brought to the job or back from it?
    #[must_use]
    pub fn carries(&self) -> bool {
        !self.freight.is_empty() || !self.spec.outputs.is_empty()
    }

    /// What brings it there on AWS, if something does.
    #[must_use]
    pub fn carrier(&self) -> Option<(&Bucket, Fetch)> {
        self.bucket.as_ref().filter(|_| self.carries()).map(|bucket| (bucket, self.fetch))
    }

    /// Does a line of ours precede the command on AWS?
    #[must_use]
    pub fn has_line(&self) -> bool {
        let has_work = self.spec.files != JobFiles::None || self.carrier().is_some();
        has_work && self.spec.command.is_some()
    }

    /// The request with the mask in the place of every secret. `job`: under which id it is sent.
    #[must_use]
    pub fn masked_request(&self, job: Option<JobId>) -> SubmitJob {
        self.request(job, |_| crate::job::MASK.to_owned())
    }

    fn request(&self, job: Option<JobId>, secret: impl Fn(&EnvName) -> String) -> SubmitJob {
        let fetch = self.carrier().map(|(_, fetch)| fetch);
        let proof = Proof::new(job);
        let command = self.spec.command.as_ref();
        let command =
            command.map(|it| self.files.prefix(it.words(), self.spec.files, fetch, &proof));
        request::from_plan(self, command, secret)
    }
}
