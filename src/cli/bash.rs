//! bash, which shows nothing of a word but the word itself: where it only lists what there is, we say what
//! each is beside it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::engine::{CompletionCandidate, complete};
use clap_complete::env::{self, EnvCompleter};

pub struct Bash;

/// What bash does with the answer (bash(1), `COMP_TYPE`): it lists, and inserts no more than all words
/// begin with. Elsewhere, as when one goes through a menu, it inserts what it is given.
const LISTS: [char; 3] = ['?', '!', '@'];

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        env::Bash.name()
    }

    fn is(&self, name: &str) -> bool {
        env::Bash.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        env::Bash.write_registration(var, name, bin, completer, out)
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let said = |name| std::env::var(name).ok();
        let number = |name| said(name).and_then(|text| text.parse::<u32>().ok());
        let kind = number("_CLAP_COMPLETE_COMP_TYPE").and_then(char::from_u32);
        let index = number("_CLAP_COMPLETE_INDEX").unwrap_or_default() as usize;
        let between = said("_CLAP_IFS").unwrap_or_else(|| "\n".to_owned());
        let (words, index) = joined(words, index);
        let before = before_equals(&words[index.min(words.len().saturating_sub(1))]);
        let candidates = complete(command, words, index, directory)?;
        let lists = kind.is_some_and(|kind| LISTS.contains(&kind));
        let is_told = lists && candidates.len() > 1;
        let lines = candidates.iter().map(|it| line(it, is_told));
        // It completes what is behind the `=` alone.
        let lines: Vec<_> = lines
            .map(|line| line.strip_prefix(&before).map(str::to_owned).unwrap_or(line))
            .collect();
        write!(out, "{}", lines.join(&between))
    }
}

/// bash takes `--queue=asap` for three words (bash(1), `COMP_WORDBREAKS`). Gives what was typed, and where in
/// it the cursor is.
fn joined(words: Vec<OsString>, index: usize) -> (Vec<OsString>, usize) {
    let mut whole: Vec<OsString> = Vec::new();
    let (mut at, mut is_open) = (0, false);
    for (number, word) in words.into_iter().enumerate() {
        let takes = |last: &OsString| {
            let is_option = last.to_string_lossy().starts_with("--");
            is_open || word == "=" && is_option && !last.to_string_lossy().contains('=')
        };
        if whole.last().is_some_and(takes) {
            is_open = !is_open && word == "=";
            if let Some(last) = whole.last_mut() {
                last.push(word);
            }
        } else {
            is_open = false;
            whole.push(word);
        }
        if number == index {
            at = whole.len() - 1;
        }
    }
    (whole, at)
}

/// `--queue=` of `--queue=asap`.
fn before_equals(word: &OsString) -> String {
    let word = word.to_string_lossy();
    let option = word.split_once('=').filter(|_| word.starts_with("--"));
    option.map_or_else(String::new, |(option, _)| format!("{option}="))
}

/// Options speak for themselves, and what they are for is long.
fn line(candidate: &CompletionCandidate, is_told: bool) -> String {
    let word = candidate.get_value().to_string_lossy();
    let help = candidate.get_help().filter(|_| is_told && !word.starts_with('-'));
    let help = help.map(ToString::to_string).filter(|help| !help.is_empty());
    help.map_or_else(|| word.clone().into_owned(), |help| format!("{word}  ({help})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bash_took_apart_is_one_word_again() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (apart, index, whole, at) in [
            ("computes run --queue = as", 4, "computes run --queue=as", 2),
            ("computes run --queue =", 3, "computes run --queue=", 2),
            (
                "computes run --queue = asap --source = t",
                7,
                "computes run --queue=asap --source=t",
                3,
            ),
            ("computes run --env A = b", 4, "computes run --env A = b", 4),
            ("computes run --queue as", 3, "computes run --queue as", 3),
            // Where `=` takes nothing apart.
            ("computes run --queue=as", 2, "computes run --queue=as", 2),
        ] {
            assert_eq!(joined(words(apart), index), (words(whole), at), "{apart}");
        }
        assert_eq!(before_equals(&"--queue=as".into()), "--queue=");
        assert_eq!(before_equals(&"A=as".into()), "");
    }
}
