//! The claim of a job in the bucket: of two jobs that were sent for the same, the one that comes second
//! runs nothing, as at the fence of the line in front (`plan/fence.rs`), whatever file system they have.

use super::Inside;
use crate::engine::EngineError;
use crate::engine::aws::AwsError;
use crate::job::JobId;
use crate::plan::Proof;

/// What became of it.
#[derive(Debug)]
pub enum Claim {
    /// The job is this one's: also that of an earlier attempt, and of the other children of an array.
    Ours,
    /// It is that of another job of AWS Batch, which came first. The log is to say so, for those who
    /// look at this one.
    Theirs { says: String },
}

impl Inside {
    /// Claims the job, by an object that only one can make, before anything else is done.
    ///
    /// # Errors
    /// When the bucket can't be asked, or holds what is no claim. Whoever may not write there could keep
    /// nothing either.
    pub async fn claim(&self) -> Result<Claim, EngineError> {
        // Others submitted it, so there is one alone.
        let Some(job) = self.cargo.job else { return Ok(Claim::Ours) };
        let key = self.objects.of_job(job, "claim");
        let ours = self.runs.job;
        if self.objects.create(&key, ours.to_string().into_bytes()).await? {
            return Ok(Claim::Ours);
        }
        // It may be our own, of an earlier attempt or of a call whose answer was lost.
        let claim = String::from_utf8_lossy(&self.objects.read(&key).await?).into_owned();
        let why = |_| AwsError::Object { key, why: "it is no id of a job".to_owned() };
        let holder: JobId = claim.parse().map_err(why)?;
        if holder == ours {
            return Ok(Claim::Ours);
        }
        Ok(Claim::Theirs { says: Proof::new(Some(job)).came_second(&holder.to_string()) })
    }
}
