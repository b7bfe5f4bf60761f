//! Takes the values of secrets out of what a job writes, as it is written.

use aho_corasick::{AhoCorasick, MatchKind};

use crate::job::{MASK, Secrets};

pub struct Mask {
    patterns: Vec<Vec<u8>>,
    find: AhoCorasick,
    /// What may be the beginning of a secret.
    pending: Vec<u8>,
}

impl Mask {
    /// `None` where there is nothing to hide.
    ///
    /// # Errors
    /// When the secrets are too large to be looked for.
    pub fn new(secrets: &Secrets) -> Result<Option<Self>, aho_corasick::BuildError> {
        let parts = secrets.iter().flat_map(|(_, secret)| secret.parts());
        let patterns: Vec<Vec<u8>> = parts.map(|part| part.as_bytes().to_vec()).collect();
        if patterns.is_empty() {
            return Ok(None);
        }
        // Leftmost-longest: of two secrets that begin alike the longer one is hidden whole.
        let find =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns)?;
        Ok(Some(Self { patterns, find, pending: Vec::new() }))
    }

    /// Takes what was written and gives what may be shown of it by now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.pending.extend_from_slice(bytes);
        let mut done = 0;
        // What follows may still make a longer match of one that reaches into the open end.
        let open = self.pending.len() - self.open_end();
        for found in self.find.find_iter(&self.pending) {
            if found.start() >= open {
                break;
            }
            out.extend_from_slice(&self.pending[done..found.start()]);
            out.extend_from_slice(MASK.as_bytes());
            done = found.end();
        }
        let open = open.max(done);
        out.extend_from_slice(&self.pending[done..open]);
        self.pending.drain(..open);
    }

    /// What is left when nothing more comes.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = std::mem::take(&mut self.pending);
        out.extend_from_slice(
            &self.find.replace_all_bytes(&rest, &vec![MASK; self.patterns.len()]),
        );
    }

    /// How many of the last bytes may be the beginning of a secret.
    fn open_end(&self) -> usize {
        let longest = self.patterns.iter().map(Vec::len).max().unwrap_or(0);
        let most = longest.saturating_sub(1).min(self.pending.len());
        (1..=most)
            .rev()
            .find(|length| {
                let end = &self.pending[self.pending.len() - length..];
                self.patterns
                    .iter()
                    .any(|pattern| pattern.len() > *length && pattern.starts_with(end))
            })
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{EnvName, Secret};
    use proptest::prelude::*;

    fn mask(values: &[&str]) -> Mask {
        let mut secrets = Secrets::default();
        for (index, value) in values.iter().enumerate() {
            let name = EnvName::new(format!("S{index}")).expect("a name");
            secrets.insert(name, Secret::new((*value).to_owned()));
        }
        Mask::new(&secrets).expect("small enough").expect("something to hide")
    }

    fn masked(values: &[&str], chunks: &[&str]) -> String {
        let mut mask = mask(values);
        let mut out = Vec::new();
        for chunk in chunks {
            mask.push(chunk.as_bytes(), &mut out);
        }
        mask.finish(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_secret_in_pieces_is_hidden() {
        assert_eq!(masked(&["hunter2"], &["my hun", "ter", "2!\n"]), "my ***!\n");
        assert_eq!(masked(&["hunter2"], &["hunter", "s"]), "hunters");
        assert_eq!(masked(&["abc", "abcdef"], &["abc", "def abcx"]), "*** ***x");
    }

    #[test]
    fn lines_of_a_key_are_hidden_one_by_one() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----";
        assert_eq!(masked(&[key], &["a MIIEvQIBADAN b\n}"]), "a *** b\n}");
    }

    #[test]
    fn what_can_be_no_secret_is_shown_at_once() {
        let mut mask = mask(&["hunter2"]);
        let mut out = Vec::new();
        mask.push(b"progress 10% ", &mut out);
        assert_eq!(out, b"progress 10% ");
    }

    proptest! {
        #[test]
        fn no_cut_lets_a_secret_through(
            text in "[ab]{0,12}(abba|baab){1,3}[ab]{0,12}",
            cuts in prop::collection::vec(0usize..40, 0..6),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&text[from..cut]);
                from = cut;
            }
            chunks.push(&text[from..]);
            let shown = masked(&["abba", "baab"], &chunks);
            prop_assert!(!shown.contains("abba") && !shown.contains("baab"));
            prop_assert_eq!(shown, masked(&["abba", "baab"], &[&text]));
        }
    }
}
