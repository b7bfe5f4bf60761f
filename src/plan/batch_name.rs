//! What a job is called on AWS Batch: `nightly--<fingerprint>--<id>`.
//!
//! SubmitJob has no client token, so the name is the only mark by which a job can be found
//! whose acceptance nobody heard of. The id makes it unique, and the fingerprint tells other
//! machines that this very work is under way.

use uuid::Uuid;

use super::fingerprint::{self, Fingerprint};
use crate::job::{JobId, JobName};

/// SubmitJob: a name has at most 128 characters.
pub(super) const LONGEST: usize = 128;
const BETWEEN: &str = "--";
/// A UUID without its dashes.
const ID: usize = 32;
const LONGEST_JOB: usize = LONGEST - 2 * BETWEEN.len() - fingerprint::LENGTH - ID;

/// The parts of such a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchName<'a> {
    /// The job's own name, or as much of it as there is room for.
    pub job: &'a str,
    pub fingerprint: Fingerprint,
    pub id: JobId,
}

impl<'a> BatchName<'a> {
    #[must_use]
    pub fn new(name: &'a JobName, fingerprint: Fingerprint, id: JobId) -> Self {
        // Names are ASCII, so every byte is a boundary.
        let job = &name.as_str()[..name.as_str().len().min(LONGEST_JOB)];
        Self { job, fingerprint, id }
    }

    /// `None` for a name that this program did not make.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (rest, id) = text.rsplit_once(BETWEEN)?;
        let (job, fingerprint) = rest.rsplit_once(BETWEEN)?;
        let id = Uuid::try_parse(id).ok().filter(|_| id.len() == ID)?;
        let fingerprint = Fingerprint::parse(fingerprint)?;
        (!job.is_empty()).then_some(Self { job, fingerprint, id: JobId::new(id) })
    }

    /// How the names of all jobs begin that are called so and do the same work.
    #[must_use]
    pub fn family(&self) -> String {
        format!("{}{BETWEEN}{}{BETWEEN}", self.job, self.fingerprint)
    }
}

impl std::fmt::Display for BatchName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.family(), self.id.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_are_read_as_they_are_written(text in ".{0,200}", bits in any::<u128>()) {
            let name = JobName::from_text(&text);
            let fingerprint = Fingerprint::parse("0123456789abcdef").expect("digits");
            let made = BatchName::new(&name, fingerprint, JobId::new(Uuid::from_u128(bits)));
            let written = made.to_string();
            prop_assert!(written.len() <= LONGEST);
            let valid = JobName::from_text(&written);
            prop_assert_eq!(valid.as_str(), &written);
            prop_assert_eq!(BatchName::parse(&written), Some(made));
        }
    }

    #[test]
    fn other_names_are_not_ours() {
        for text in ["nightly", "a--b--c", "--0123456789abcdef--019a9f3e5b7c7d118f0a3f9c2a71b0de"] {
            assert_eq!(BatchName::parse(text), None);
        }
    }
}
