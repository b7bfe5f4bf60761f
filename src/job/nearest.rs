//! Words by what was said: which of those that there are may have been meant.

/// Below this two words have little in common.
pub const ALIKE: f64 = 0.85;

/// May one have been meant where the other was said?
#[must_use]
pub fn is_like(said: &str, word: &str) -> bool {
    strsim::osa_distance(said, word) <= 1 || likeness(said, word) > ALIKE
}

/// Whatever the case: `SUCCEEDED` means `succeeded`.
fn likeness(said: &str, word: &str) -> f64 {
    strsim::jaro_winkler(&said.to_lowercase(), &word.to_lowercase())
}

/// The word that is most like what was said: for short ones a letter is much of the likeness.
#[must_use]
pub fn nearest<'a>(said: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words
        .into_iter()
        .filter(|word| is_like(said, word))
        .max_by(|one, other| likeness(said, one).total_cmp(&likeness(said, other)))
}

/// What to do where there is no such word: the nearest, or else all of them, after `all`.
#[must_use]
pub fn meant(said: &str, words: &[&str], all: &str) -> String {
    match nearest(said, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("{all} {}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_or_all() {
        for (said, told) in [
            ("asapp", "did you mean `asap`?"),
            ("defualt", "did you mean `default`?"),
            ("ASAP", "did you mean `asap`?"),
            ("fast", "the queues are default, asap"),
            ("", "the queues are default, asap"),
        ] {
            assert_eq!(meant(said, &["default", "asap"], "the queues are"), told);
        }
    }
}
