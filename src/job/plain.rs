//! What others chose, as plain text: neither a terminal nor a pipeline takes a part of it for a command
//! of its own, and a person sees what is there.

use std::fmt::Write as _;

/// A text within the line that tells of it.
#[must_use]
pub fn one_line(text: &str) -> String {
    plain(&text.replace(['\n', '\r', '\t'], " "))
}

/// A name, whose letters all count.
#[must_use]
pub fn plain_name(text: &str) -> String {
    plain(&text.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
}

/// Control characters are written as a shell reads them in `$'…'`.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            // They turn the direction of what follows.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                // Writing to a String can't fail.
                let _ = write!(plain, "\\u{:04x}", u32::from(letter));
            }
            letter if letter.is_control() => {
                let _ = write!(plain, "\\x{:02x}", u32::from(letter));
            }
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_command_is_seen() {
        for (text, line, named) in [
            ("plain äöü 日本", "plain äöü 日本", "plain äöü 日本"),
            ("a\x1b]0;x\x07b", r"a\x1b]0;x\x07b", r"a\x1b]0;x\x07b"),
            ("a\r\nb\tc", "a  b c", r"a\r\nb\tc"),
            ("\u{9b}31m", r"\x9b31m", r"\x9b31m"),
            ("a\u{202e}b", r"a\u202eb", r"a\u202eb"),
        ] {
            assert_eq!((one_line(text).as_str(), plain_name(text).as_str()), (line, named));
        }
    }
}
