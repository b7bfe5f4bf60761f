//! The fence in front of a command on AWS: of two jobs that were sent for the same, the one that comes
//! second ends without running it, whatever the lists of AWS Batch showed when they were sent.
//!
//! A symbolic link is made as a whole or not at all, also by two machines on one network file system
//! (POSIX symlink, NFS SYMLINK), and holds who made it. It is named by our id, and holds Batch's: other
//! attempts and the children of an array have the same, and go on. Where this program fetches the files
//! of the job, it does the same in the bucket (`engine/aws/inside/claim.rs`).

use super::{Fetch, Proof, files};
use crate::job::JobFiles;

/// With which a job ends that came second: no shell and no usual tool gives it by itself, and it is
/// none of those that say something else here (docs/exit-codes.md).
pub const FENCED: u8 = 119;

/// Between what the line writes before and after the other's id.
const CAME_FIRST: &str = ", which came first: nothing is run here";

/// Where the claim of a job lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// On the file system of `/files`, if jobs share it.
    Files,
    /// In the bucket, and on that file system where there is one.
    Bucket,
}

impl Fence {
    /// By the line in front of a command. `None`: a second job of the same submission would run.
    #[must_use]
    pub fn of_command(words: &[String]) -> Option<Self> {
        match files::line_of(words).and_then(files::given)? {
            (_, Some(Fetch::Program)) => Some(Self::Bucket),
            (JobFiles::None, _) => None,
            _ => Proof::of_command(words)?.is_of_a_job().then_some(Self::Files),
        }
    }
}

impl Proof {
    /// The line of shell, after the mount of all jobs was put into `AWS_BATCH_FILES`. Whatever can't
    /// be done there (no right, no `readlink`) fences nothing. Jobs may run as other users. What has
    /// no id yet is not one submission, so there is nothing to fence.
    pub(super) fn fence(&self) -> String {
        if !self.is_of_a_job() {
            return "; ".to_owned();
        }
        let job = self.job();
        format!(
            "; mkdir -p -m 1777 \"$AWS_BATCH_FILES/.computes\" 2>/dev/null; \
             ln -s \"${{AWS_BATCH_JOB_ID%%:*}}\" \"$AWS_BATCH_FILES/.computes/{job}\" 2>/dev/null; \
             AWS_BATCH_FIRST=$(readlink \"$AWS_BATCH_FILES/.computes/{job}\" 2>/dev/null); \
             case $AWS_BATCH_FIRST in ''|\"${{AWS_BATCH_JOB_ID%%:*}}\") ;; \
             *) echo \"computes: job {job} is $AWS_BATCH_FIRST{CAME_FIRST}\"; exit {FENCED};; esac; \
             unset AWS_BATCH_FIRST; "
        )
    }

    /// What this program writes where it finds that another job came first.
    #[must_use]
    pub fn came_second(&self, first: &str) -> String {
        format!("computes: job {} is {first}{CAME_FIRST}", self.job())
    }

    /// Batch's id of the job that came first, if this line of the log of one that came second says so.
    #[must_use]
    pub fn first_in<'a>(&self, line: &'a str) -> Option<&'a str> {
        let before = format!("computes: job {} is ", self.job());
        line.strip_prefix(&before)?.strip_suffix(CAME_FIRST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobId;
    use crate::plan::FilesMount;

    #[test]
    fn a_command_tells_where_its_claim_lies() {
        let proof = Proof::new(Some(JobId::new(uuid::Uuid::max())));
        let with = |proof, files, fetch| {
            let words = FilesMount::default().prefix(&["true".to_owned()], files, fetch, proof);
            Fence::of_command(&words)
        };
        let of = |files, fetch| with(&proof, files, fetch);
        assert_eq!(of(JobFiles::Kept, Some(Fetch::Program)), Some(Fence::Bucket));
        assert_eq!(of(JobFiles::None, Some(Fetch::Program)), Some(Fence::Bucket));
        assert_eq!(of(JobFiles::Fresh, Some(Fetch::Urls)), Some(Fence::Files));
        assert_eq!(of(JobFiles::Kept, None), Some(Fence::Files));
        assert_eq!(of(JobFiles::None, Some(Fetch::Urls)), None);
        assert_eq!(of(JobFiles::None, None), None);
        // What a dry run prints may be sent twice and is meant twice.
        assert_eq!(with(&Proof::new(None), JobFiles::Kept, None), None);
    }

    #[test]
    fn who_came_first_is_read_from_what_is_written() {
        let proof = Proof::new(None);
        assert_eq!(proof.first_in(&proof.came_second("the-first")), Some("the-first"));
        assert_eq!(proof.first_in(&proof.began(1)), None);
    }
}
