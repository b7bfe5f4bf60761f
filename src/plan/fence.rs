//! The fence in front of a command on AWS: of two jobs that were sent for the same, the one that comes
//! second ends without running it, whatever the lists of AWS Batch showed when they were sent.
//!
//! A symbolic link is made as a whole or not at all, also by two machines on one network file system
//! (POSIX symlink, NFS SYMLINK), and holds who made it. It is named by our id, and holds Batch's: other
//! attempts and the children of an array have the same, and go on.

use super::Proof;

/// With which a job ends that came second: no shell and no usual tool gives it by itself, and it is
/// none of those that say something else here (docs/exit-codes.md).
pub const FENCED: i32 = 119;

/// Between what the line writes before and after the other's id.
const CAME_FIRST: &str = ", which came first: nothing is run here";

impl Proof {
    /// The line of shell, after the mount of all jobs was put into `AWS_BATCH_FILES`. Whatever can't
    /// be done there (no right, no `readlink`) fences nothing. Jobs may run as other users.
    pub(super) fn fence(&self) -> String {
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

    /// Batch's id of the job that came first, from the log of one that came second.
    #[must_use]
    pub fn first<'a>(&self, lines: &'a [String]) -> Option<&'a str> {
        let before = format!("computes: job {} is ", self.job());
        let first = |line: &'a String| line.strip_prefix(&before)?.strip_suffix(CAME_FIRST);
        lines.iter().find_map(first)
    }
}
