//! Commands that look as if they were meant for a shell. No shell reads a command: its words go to
//! the program as they are.

use super::shell_word;

/// What only a shell makes more of than a word.
const OPERATORS: [&str; 13] =
    ["&&", "||", "|", "|&", ";", "&", ">", ">>", "<", "<<", "2>", "2>&1", "&>"];
/// By which `find` begins a command that ends with `;`.
const BEGIN_OF_A_COMMAND: [&str; 4] = ["-exec", "-execdir", "-ok", "-okdir"];

/// Is the program a whole line, as `echo hi`? No name that is looked for in PATH is like that; a
/// path may be.
#[must_use]
pub fn is_line(program: &str) -> bool {
    program.contains(char::is_whitespace)
}

/// The first word that is an operator of shells.
#[must_use]
pub fn operator(words: &[String]) -> Option<&str> {
    let mut of_find = false;
    for word in words.iter().skip(1).map(String::as_str) {
        if OPERATORS.contains(&word) && !(of_find && word == ";") {
            return Some(word);
        }
        of_find |= BEGIN_OF_A_COMMAND.contains(&word);
    }
    None
}

/// The command that has a shell read the words.
#[must_use]
pub fn through_a_shell(words: &[String]) -> String {
    let mut words = words.iter();
    // It is a line already, or quotes change nothing.
    let program = words.next().map(String::as_str).unwrap_or_default();
    let others = words.map(|word| {
        if OPERATORS.contains(&word.as_str()) { word.as_str().into() } else { shell_word(word) }
    });
    let line: Vec<_> = std::iter::once(program.into()).chain(others).collect();
    format!("sh -c {}", shell_word(&line.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<String> {
        line.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn operators_are_words_of_their_own() {
        for (line, found) in [
            (&["make", "&&", "make", "install"][..], Some("&&")),
            (&["a", "2>&1", "|", "b"], Some("2>&1")),
            (&["sh", "-c", "a && b"], None),
            (&["find", ".", "-exec", "rm", "{}", ";"], None),
            (&["find", ".", "-exec", "rm", "{}", ";", "|", "wc"], Some("|")),
            (&["&&"], None),
        ] {
            assert_eq!(operator(&words(line)), found, "{line:?}");
        }
    }

    #[test]
    fn what_was_meant() {
        for (line, meant) in [
            (&["echo hi"][..], "sh -c 'echo hi'"),
            (&["make", "a b", "&&", "true"], r"sh -c 'make '\''a b'\'' && true'"),
        ] {
            assert_eq!(through_a_shell(&words(line)), meant);
        }
    }
}
