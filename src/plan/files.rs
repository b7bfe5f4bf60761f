//! The prefix that makes `/files` the job's own directory on AWS.
//!
//! A job definition mounts one path of EFS for all jobs, and SubmitJob can't change it. So
//! the command is preceded by a line of POSIX `sh` that makes the job's directory, points
//! `/files` at it and becomes the real command: `exec` keeps its exit code and signals, and
//! the arguments are passed as `"$@"`, which no shell reads again.

use serde::{Deserialize, Serialize};

use crate::job::{JobFiles, shell_word};

/// Where on AWS the file system is mounted that all jobs share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FilesMount(pub String);

impl Default for FilesMount {
    fn default() -> Self {
        Self("/mnt/efs".to_owned())
    }
}

/// What `ps` and the shell's own messages call the line.
const ARGUMENT_ZERO: &str = "computes";

impl FilesMount {
    /// The mount that our own prefix of a command names.
    #[must_use]
    pub fn of_command(words: &[String]) -> Option<Self> {
        without_prefix(words.to_vec()).1?;
        let line = words.get(2)?.strip_prefix(DIRECTORY)?.strip_prefix('=')?;
        let word = &line[..line.find(JOB)?];
        let quoted = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\''));
        Some(Self(quoted.map_or_else(|| word.to_owned(), |text| text.replace("'\\''", "'"))))
    }

    /// The command as AWS Batch gets it.
    pub(super) fn prefix(&self, words: &[String], files: JobFiles) -> Vec<String> {
        let attempt = match files {
            JobFiles::None => return words.to_vec(),
            JobFiles::Fresh => ATTEMPT,
            JobFiles::Kept => "",
        };
        let script = format!("{DIRECTORY}={}{JOB}{attempt}{REST}", shell_word(&self.0));
        ["sh", "-c", &script, ARGUMENT_ZERO]
            .into_iter()
            .map(str::to_owned)
            .chain(words.iter().cloned())
            .collect()
    }
}

/// The shell variable of the line: no job can have one of that name, so none loses its own.
const DIRECTORY: &str = "AWS_BATCH_FILES";

/// The job below the mount. `AWS_BATCH_JOB_ID` of an array child is `<parent>:<index>`.
const JOB: &str = "/${AWS_BATCH_JOB_ID%%:*}\
    ${AWS_BATCH_JOB_ARRAY_INDEX:+/$AWS_BATCH_JOB_ARRAY_INDEX}";

/// The attempt below the job.
const ATTEMPT: &str = "/$AWS_BATCH_JOB_ATTEMPT";

/// The line after the directory. `rmdir` removes a `/files` that the image holds as an empty directory; one that isn't empty
/// is left alone and fails the job with 125, because the link would land inside of it.
const REST: &str = "; \
    { mkdir -p \"$AWS_BATCH_FILES\" && \
    { [ -L /files ] || [ ! -d /files ] || rmdir /files; } && \
    ln -sfn \"$AWS_BATCH_FILES\" /files; } || exit 125; \
    unset AWS_BATCH_FILES; exec \"$@\"";

/// The command without our own prefix, which a request has that a dry run printed or that
/// this program sent, and what the prefix gives the job.
pub(super) fn without_prefix(mut words: Vec<String>) -> (Vec<String>, Option<JobFiles>) {
    let [sh, c, script, zero, _, ..] = words.as_slice() else { return (words, None) };
    let named = sh == "sh" && c == "-c" && zero == ARGUMENT_ZERO;
    let line = script.strip_prefix(DIRECTORY).and_then(|line| line.strip_prefix('='));
    let directory = line.and_then(|line| line.strip_suffix(REST)).filter(|_| named);
    let files = directory.and_then(|directory| match directory.strip_suffix(ATTEMPT) {
        Some(job) => job.ends_with(JOB).then_some(JobFiles::Fresh),
        None => directory.ends_with(JOB).then_some(JobFiles::Kept),
    });
    match files {
        Some(_) => (words.split_off(4), files),
        None => (words, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_known_again() {
        let words: Vec<_> = ["./build.sh", "a b"].map(str::to_owned).into();
        let mount = FilesMount("/mnt/e f's".to_owned());
        for files in [JobFiles::Kept, JobFiles::Fresh] {
            let prefixed = mount.prefix(&words, files);
            assert_eq!(FilesMount::of_command(&prefixed), Some(mount.clone()));
            assert_eq!(without_prefix(prefixed), (words.clone(), Some(files)));
        }
        let usual = FilesMount::default();
        let prefixed = usual.prefix(&words, JobFiles::Kept);
        assert_eq!(FilesMount::of_command(&prefixed), Some(usual));
        let plain = mount.prefix(&words, JobFiles::None);
        assert_eq!(without_prefix(plain), (words, None));
    }

    #[test]
    fn a_line_of_somebody_elses_stays() {
        let words: Vec<_> = ["sh", "-c", "exec \"$@\"", "computes", "x"].map(str::to_owned).into();
        assert_eq!(without_prefix(words.clone()), (words, None));
    }
}
