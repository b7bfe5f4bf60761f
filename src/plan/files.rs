//! The prefix that makes `/files` the job's own directory on AWS.
//!
//! A job definition mounts one path of EFS for all jobs, and SubmitJob can't change it. So
//! the command is preceded by a line of POSIX `sh` that makes the job's directory, points
//! `/files` at it and becomes the real command: `exec` keeps its exit code and signals, and
//! the arguments are passed as `"$@"`, which no shell reads again. Before anything else it writes
//! that it runs ([`Proof`]): an image whose ENTRYPOINT is a shell runs an empty one in its place.

use serde::{Deserialize, Serialize};

use super::{Fetch, Proof};
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
        let (proof, line) = Proof::of_line(line_of(words)?)?;
        let (word, _) = line.strip_prefix(MOUNT)?.split_once(&format!("{}{JOB}", proof.fence()))?;
        let quoted = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\''));
        Some(Self(quoted.map_or_else(|| word.to_owned(), |text| text.replace("'\\''", "'"))))
    }

    /// The command as AWS Batch gets it.
    pub(super) fn prefix(
        &self,
        words: &[String],
        files: JobFiles,
        fetch: Option<Fetch>,
        proof: &Proof,
    ) -> Vec<String> {
        let become_it = become_it(fetch);
        let mount = shell_word(&self.0);
        let directory = match files {
            JobFiles::None if fetch.is_none() => return words.to_vec(),
            JobFiles::None => String::new(),
            JobFiles::Fresh => format!("{MOUNT}{mount}{}{JOB}{ATTEMPT}{REST}", proof.fence()),
            JobFiles::Kept => format!("{MOUNT}{mount}{}{JOB}{REST}", proof.fence()),
        };
        let line = format!("{}{directory}{become_it}", proof.shell());
        ["sh", "-c", &line, ARGUMENT_ZERO]
            .into_iter()
            .map(str::to_owned)
            .chain(words.iter().cloned())
            .collect()
    }
}

/// The shell variable of the line: no job can have one of that name, so none loses its own.
const MOUNT: &str = "AWS_BATCH_FILES=";

/// The job below the mount. `AWS_BATCH_JOB_ID` of an array child is `<parent>:<index>`.
const JOB: &str = "AWS_BATCH_FILES=$AWS_BATCH_FILES/${AWS_BATCH_JOB_ID%%:*}\
    ${AWS_BATCH_JOB_ARRAY_INDEX:+/$AWS_BATCH_JOB_ARRAY_INDEX}";

/// The attempt below the job.
const ATTEMPT: &str = "/$AWS_BATCH_JOB_ATTEMPT";

/// The line after the directory. `rmdir` removes a `/files` that the image holds as an empty directory; one that isn't empty
/// is left alone and fails the job with 125, because the link would land inside of it.
const REST: &str = "; \
    { mkdir -p \"$AWS_BATCH_FILES\" && \
    { [ -L /files ] || [ ! -d /files ] || rmdir /files; } && \
    ln -sfn \"$AWS_BATCH_FILES\" /files; } || exit 125; \
    unset AWS_BATCH_FILES; ";

/// The end of the line: the command, or what fetches its files first and then runs it.
const fn become_it(fetch: Option<Fetch>) -> &'static str {
    match fetch {
        None => COMMAND,
        Some(Fetch::Program) => PROGRAM,
        Some(Fetch::Urls) => URLS,
    }
}

const COMMAND: &str = "exec \"$@\"";

const PROGRAM: &str = "command -v computes >/dev/null || \
    { echo 'computes: it is not in the image: put it there (./build.sh image makes one), or submit with fetch = \"urls\"' >&2; exit 125; }; \
    exec computes inside -- \"$@\"";

/// `COMPUTES_FETCH` is a hash and the URL of a script that has that hash, and knows the rest. What
/// `curl` and `wget` say of a failure does not name the URL.
const URLS: &str = "AWS_BATCH_FETCH=$(if command -v curl >/dev/null; \
    then curl -fsS --retry 5 \"${COMPUTES_FETCH#* }\"; \
    else wget -qO- \"${COMPUTES_FETCH#* }\"; fi) && \
    [ \"$(printf %s \"$AWS_BATCH_FETCH\" | sha256sum)\" = \"${COMPUTES_FETCH%% *}  -\" ] || \
    { echo 'computes: cannot fetch the files of the job: the URL has expired, or the image has no curl, wget or sha256sum' >&2; exit 125; }; \
    unset COMPUTES_FETCH; eval \"$AWS_BATCH_FETCH\"";

/// The line of a command that our own prefix precedes.
pub(super) fn line_of(words: &[String]) -> Option<&str> {
    let [sh, c, line, zero, _, ..] = words else { return None };
    let is_ours = sh == "sh" && c == "-c" && zero == ARGUMENT_ZERO && given(line).is_some();
    is_ours.then_some(line)
}

/// The command without our own prefix, which a request has that a dry run printed or that
/// this program sent, and what the prefix gives the job.
pub(super) fn without_prefix(
    mut words: Vec<String>,
) -> (Vec<String>, Option<(JobFiles, Option<Fetch>)>) {
    match line_of(&words).and_then(given) {
        Some(given) => (words.split_off(4), Some(given)),
        None => (words, None),
    }
}

/// What the line gives the job.
pub(super) fn given(line: &str) -> Option<(JobFiles, Option<Fetch>)> {
    let (proof, line) = Proof::of_line(line)?;
    let fetches = [None, Some(Fetch::Program), Some(Fetch::Urls)];
    let (rest, fetch) = fetches
        .into_iter()
        .find_map(|fetch| Some((line.strip_suffix(become_it(fetch))?, fetch)))?;
    if rest.is_empty() {
        return fetch.map(|fetch| (JobFiles::None, Some(fetch)));
    }
    let (_, after) = rest.strip_prefix(MOUNT)?.split_once(&format!("{}{JOB}", proof.fence()))?;
    let files = match after.strip_suffix(REST)? {
        "" => JobFiles::Kept,
        ATTEMPT => JobFiles::Fresh,
        _ => return None,
    };
    Some((files, fetch))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FETCHES: [Option<Fetch>; 3] = [None, Some(Fetch::Program), Some(Fetch::Urls)];

    #[test]
    fn the_prefix_is_known_again() {
        let words: Vec<_> = ["./build.sh", "a b"].map(str::to_owned).into();
        let mount = FilesMount("/mnt/e f's".to_owned());
        let proof = &Proof::new(None);
        for (files, fetch) in FETCHES
            .into_iter()
            .flat_map(|fetch| [(JobFiles::Kept, fetch), (JobFiles::Fresh, fetch)])
        {
            let prefixed = mount.prefix(&words, files, fetch, proof);
            assert_eq!(FilesMount::of_command(&prefixed), Some(mount.clone()));
            assert_eq!(Proof::of_command(&prefixed).as_ref(), Some(proof));
            assert_eq!(without_prefix(prefixed), (words.clone(), Some((files, fetch))));
        }
        let usual = FilesMount::default();
        let prefixed = usual.prefix(&words, JobFiles::Kept, None, proof);
        assert_eq!(FilesMount::of_command(&prefixed), Some(usual));
        let plain = mount.prefix(&words, JobFiles::None, None, proof);
        assert_eq!(without_prefix(plain), (words.clone(), None));
        let fetched = mount.prefix(&words, JobFiles::None, Some(Fetch::Program), proof);
        let given = Some((JobFiles::None, Some(Fetch::Program)));
        assert_eq!(without_prefix(fetched), (words, given));
    }

    #[test]
    fn a_line_of_somebody_elses_stays() {
        let words: Vec<_> = ["sh", "-c", "exec \"$@\"", "computes", "x"].map(str::to_owned).into();
        assert_eq!(without_prefix(words.clone()), (words, None));
    }
}
