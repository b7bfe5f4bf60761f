//! The prefix that makes `/files` the job's own directory on AWS.
//!
//! A job definition mounts one path of EFS for all jobs, and SubmitJob can't change it. So
//! the command is preceded by a line of POSIX `sh` that makes the job's directory, points
//! `/files` at it and becomes the real command: `exec` keeps its exit code and signals, and
//! the arguments are passed as `"$@"`, which no shell reads again.

use serde::{Deserialize, Serialize};

use crate::job::shell_word;

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
    /// The command as AWS Batch gets it.
    pub(super) fn prefix(&self, words: &[String]) -> Vec<String> {
        ["sh", "-c", &self.script(), ARGUMENT_ZERO]
            .into_iter()
            .map(str::to_owned)
            .chain(words.iter().cloned())
            .collect()
    }

    fn script(&self) -> String {
        format!("{DIRECTORY}={}{REST}", shell_word(&self.0))
    }
}

/// The shell variable of the line: no job can have one of that name, so none loses its own.
const DIRECTORY: &str = "AWS_BATCH_FILES";

/// The line after the mount. `AWS_BATCH_JOB_ID` of an array child is `<parent>:<index>`.
/// `rmdir` removes a `/files` that the image holds as an empty directory; one that isn't empty
/// is left alone and fails the job with 125, because the link would land inside of it.
const REST: &str = "/${AWS_BATCH_JOB_ID%%:*}\
    ${AWS_BATCH_JOB_ARRAY_INDEX:+/$AWS_BATCH_JOB_ARRAY_INDEX}; \
    { mkdir -p \"$AWS_BATCH_FILES\" && \
    { [ -L /files ] || [ ! -d /files ] || rmdir /files; } && \
    ln -sfn \"$AWS_BATCH_FILES\" /files; } || exit 125; \
    unset AWS_BATCH_FILES; exec \"$@\"";

/// The command without our own prefix, which a request has that a dry run printed.
pub(super) fn without_prefix(mut words: Vec<String>) -> Vec<String> {
    let is_ours = match words.as_slice() {
        [sh, c, script, zero, _, ..] => {
            sh == "sh"
                && c == "-c"
                && zero == ARGUMENT_ZERO
                && script.strip_prefix(DIRECTORY).is_some_and(|rest| rest.starts_with('='))
                && script.ends_with(REST)
        }
        _ => false,
    };
    if is_ours { words.split_off(4) } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Runs the prefixed command with `/files` and the mount moved into `root`.
    fn run(
        root: &std::path::Path,
        mount: &str,
        words: &[&str],
        index: Option<&str>,
    ) -> (i32, String) {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        let mount = format!("{}{mount}", root.display());
        let mut argv = FilesMount(mount).prefix(&words);
        argv[2] = argv[2].replace(" /files", &format!(" {}/files", root.display()));
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).env_clear().env("AWS_BATCH_JOB_ID", "job-1:3");
        if let Some(index) = index {
            command.env("AWS_BATCH_JOB_ARRAY_INDEX", index);
        }
        let output = command.output().expect("sh runs");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[test]
    fn arguments_exit_code_and_directory_are_the_jobs_own() {
        let root = tempfile::tempdir().expect("a directory");
        let hostile = ["printf", "%s|", "a b", "$HOME", "'", "\"", "new\nline", "*", ";true"];
        let (code, output) = run(root.path(), "/mnt/e f's", &hostile, None);
        assert_eq!((code, output.as_str()), (0, "a b|$HOME|'|\"|new\nline|*|;true|"));
        assert_eq!(run(root.path(), "/mnt/x", &["sh", "-c", "exit 7"], None).0, 7);
        let (code, _) = run(root.path(), "/mnt/x", &["sh", "-c", "exit 0"], Some("3"));
        assert_eq!(code, 0);
        assert!(root.path().join("mnt/x/job-1/3").is_dir());
        let link = std::fs::read_link(root.path().join("files")).expect("a link");
        assert_eq!(link, root.path().join("mnt/x/job-1/3"));
    }

    #[test]
    fn a_full_directory_is_not_linked_into() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(root.path().join("files/full")).expect("a directory");
        assert_eq!(run(root.path(), "/mnt", &["true"], None).0, 125);
    }
}
