//! Commands that look as if they were meant for a shell. No shell reads a command: its words go to
//! the program as they are.

use super::{EnvName, shell_word};

/// What only a shell makes more of than a word.
const OPERATORS: [&str; 13] =
    ["&&", "||", "|", "|&", ";", "&", ">", ">>", "<", "<<", "2>", "2>&1", "&>"];
/// By which `find` begins a command that ends with `;`.
const BEGIN_OF_A_COMMAND: [&str; 4] = ["-exec", "-execdir", "-ok", "-okdir"];

/// Of these a word may as well be something else: what is compared, looked for, or separates.
const OF_ONE_CHARACTER: [&str; 5] = ["|", ";", "&", ">", "<"];
/// Programs that are given such words.
const TAKE_THEM: [&str; 20] = [
    "[", "awk", "bc", "column", "cut", "dc", "egrep", "expr", "fgrep", "find", "grep", "join",
    "paste", "printf", "rg", "sed", "sort", "test", "tr", "xargs",
];
/// What shells do themselves, and is no program.
const BUILT_IN: [&str; 26] = [
    "!", "(", ".", "alias", "case", "cd", "eval", "exec", "exit", "export", "for", "if", "pushd",
    "read", "set", "shopt", "source", "time", "trap", "ulimit", "umask", "unset", "until", "while",
    "[[", "{",
];

/// What was written for a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip<'a> {
    /// A word, as `&&`.
    Operator(&'a str),
    /// `cd` in the place of a program.
    BuiltIn(&'a str),
    /// `FOO=1` in the place of a program.
    Assignment(&'a str),
    /// `ls|wc` in the place of a program.
    Line(&'a str),
    /// `$HOME/tool` or `~/tool` in the place of a program.
    Expansion(&'a str),
}

/// `>out.txt`, where nothing stands between.
fn is_redirection(word: &str) -> bool {
    let is_of_a_path = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    let to = word.strip_prefix(">>").or_else(|| word.strip_prefix('>'));
    to.is_some_and(|to| !to.is_empty() && to.chars().all(is_of_a_path))
}

fn is_operator(word: &str) -> bool {
    OPERATORS.contains(&word) || is_redirection(word)
}

/// Is the program a whole line, as `echo hi`? No name that is looked for in PATH is like that; a
/// path may be.
#[must_use]
pub fn is_line(program: &str) -> bool {
    program.contains(char::is_whitespace)
}

/// The first word that is certainly an operator of shells.
#[must_use]
pub fn operator(words: &[String]) -> Option<&str> {
    let program = words.first().and_then(|program| program.rsplit('/').next());
    let takes_them = program.is_some_and(|program| TAKE_THEM.contains(&program));
    let may_be_else = |word: &str| OF_ONE_CHARACTER.contains(&word) || is_redirection(word);
    operators(words).find(|word| !takes_them || !may_be_else(word))
}

/// All that may be operators.
fn operators(words: &[String]) -> impl Iterator<Item = &str> {
    let mut of_find = false;
    words.iter().skip(1).map(String::as_str).filter(move |word| {
        of_find |= BEGIN_OF_A_COMMAND.contains(word);
        is_operator(word) && !(of_find && *word == ";")
    })
}

/// What may be why a command failed. `unknown`: no program is called so.
#[must_use]
pub fn slip(words: &[String], unknown: bool) -> Option<Slip<'_>> {
    let program = words.first()?.as_str();
    let name = program.split_once('=').map_or("", |(name, _)| name);
    if !unknown {
        return operators(words).next().map(Slip::Operator);
    }
    if BUILT_IN.contains(&program) {
        Some(Slip::BuiltIn(program))
    } else if EnvName::new(name).is_ok() {
        Some(Slip::Assignment(program))
    } else if program.contains(['|', '&', ';', '<', '>']) {
        Some(Slip::Line(program))
    } else if program.starts_with('~') || program.contains('$') {
        Some(Slip::Expansion(program))
    } else {
        operators(words).next().map(Slip::Operator)
    }
}

fn is_shell(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    ["sh", "bash", "dash", "zsh", "ksh"].contains(&name)
}

/// The command that has a shell read the words.
#[must_use]
pub fn through_a_shell(words: &[String]) -> String {
    // One that has a shell read a line already.
    let words = match words {
        [shell, option, rest @ ..] if is_shell(shell) && option == "-c" && !rest.is_empty() => rest,
        words => words,
    };
    let mut words = words.iter();
    // It is a line already, or quotes change nothing.
    let program = words.next().map(String::as_str).unwrap_or_default();
    let others =
        words.map(|word| if is_operator(word) { word.as_str().into() } else { shell_word(word) });
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
            assert_eq!(operators(&words(line)).next(), found, "{line:?}");
        }
    }

    #[test]
    fn what_a_program_may_well_be_given_is_no_operator_for_sure() {
        for (line, found) in [
            (&["make", "&&", "make", "install"][..], Some("&&")),
            (&["echo", "hi", ">", "file"], Some(">")),
            (&["test", "1", ">", "2"], None),
            (&["/usr/bin/[", "a", "<", "b", "]"], None),
            (&["grep", "&", "file"], None),
            (&["find", ".", "-name", ";"], None),
            (&["grep", "x", "file", "||", "true"], Some("||")),
        ] {
            assert_eq!(operator(&words(line)), found, "{line:?}");
        }
    }

    #[test]
    fn what_a_command_failed_of() {
        use Slip::{Assignment, BuiltIn, Expansion, Line, Operator};
        for (line, unknown, slip_found) in [
            (&["grep", "x", "file", "|", "wc"][..], false, Some(Operator("|"))),
            (&["grep", "x"], false, None),
            (&["cd", "/tmp"], true, Some(BuiltIn("cd"))),
            (&["cd", "/tmp"], false, None),
            (&["FOO=1", "env"], true, Some(Assignment("FOO=1"))),
            (&["=1"], true, None),
            (&["ls|wc", "-l"], true, Some(Line("ls|wc"))),
            (&["nope", "|", "wc"], true, Some(Operator("|"))),
            (&["~/tool", "x"], true, Some(Expansion("~/tool"))),
            (&["/opt/$VERSION/tool"], true, Some(Expansion("/opt/$VERSION/tool"))),
            (&["$HOME/tool"], false, None),
            (&["./a~"], true, None),
            (&["nope"], true, None),
        ] {
            assert_eq!(slip(&words(line), unknown), slip_found, "{line:?}");
        }
    }

    #[test]
    fn what_was_meant() {
        for (line, meant) in [
            (&["echo hi"][..], "sh -c 'echo hi'"),
            (&["make", "a b", "&&", "true"], r"sh -c 'make '\''a b'\'' && true'"),
            (&["ls|wc", "-l"], "sh -c 'ls|wc -l'"),
        ] {
            assert_eq!(through_a_shell(&words(line)), meant);
        }
    }
}
