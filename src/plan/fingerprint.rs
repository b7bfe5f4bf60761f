//! What two jobs have in common that do the same work.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Plan;

/// Sixteen hexadecimal digits of a SHA-256 over the plan. Who submits it, from where, when, with
/// which tags and how urgently is not in it; nor is the value of any secret, because Batch shows
/// the fingerprint to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// Goes up when the plan's form changes, so that old fingerprints match nothing new.
const VERSION: &str = "1";
/// 64 bits: that two of a million jobs are alike by chance happens once in 37 million times.
pub(super) const LENGTH: usize = 16;

impl Plan {
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut plan = self.clone();
        plan.spec.tags.clear();
        plan.spec.propagate_tags = None;
        plan.spec.share = None;
        plan.spec.priority = None;
        // Its maps are sorted, so equal plans have equal JSON, and they always have one.
        let json = serde_json::to_string(&plan).unwrap_or_default();
        Fingerprint(digits_of(&[VERSION, &json]))
    }
}

/// The first digits of the hash of some texts.
#[must_use]
pub fn digits_of(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
        // Texts hold no NUL, so that no two lists are alike.
        hash.update([0]);
    }
    let bytes = hash.finalize();
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(LENGTH).map(digit).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

impl Fingerprint {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        (text.len() == LENGTH && text.chars().all(digits)).then(|| Self(text.to_owned()))
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::job::{Draft, Secret};
    use crate::plan::{FilesMount, Plan};

    fn plan(change: impl FnOnce(&mut Draft)) -> Plan {
        let command = Some(vec!["make".to_owned(), "all".to_owned()]);
        let mut draft = Draft { command, ..Draft::default() };
        draft.secrets.insert("TOKEN".to_owned());
        change(&mut draft);
        let (spec, secrets) = draft.resolve(&|_| Ok("hunter2".to_owned())).expect("a job");
        assert_eq!(secrets.iter().map(|(_, secret)| secret).map(Secret::expose).count(), 1);
        Plan::new(spec, FilesMount::default(), &secrets).expect("a plan")
    }

    #[test]
    fn the_same_work_has_the_same_fingerprint() {
        let first = plan(|_| ()).fingerprint();
        assert_eq!(first, plan(|_| ()).fingerprint());
        assert_eq!(
            first,
            plan(|draft| draft.tags = [("a".into(), "b".into())].into()).fingerprint()
        );
        assert_eq!(first, plan(|draft| draft.priority = Some(7)).fingerprint());
        for other in [
            plan(|draft| draft.queue = Some("asap".to_owned())),
            plan(|draft| draft.memory = Some("2GiB".to_owned())),
            plan(|draft| draft.files = Some("fresh".to_owned())),
            plan(|draft| draft.name = Some("other".to_owned())),
        ] {
            assert_ne!(first, other.fingerprint());
        }
    }
}
