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
        let candidates = complete(command, words, index, directory)?;
        let lists = kind.is_some_and(|kind| LISTS.contains(&kind));
        let is_told = lists && candidates.len() > 1;
        let lines = candidates.iter().map(|it| line(it, is_told)).collect::<Vec<_>>();
        write!(out, "{}", lines.join(&between))
    }
}

/// Options speak for themselves, and what they are for is long.
fn line(candidate: &CompletionCandidate, is_told: bool) -> String {
    let word = candidate.get_value().to_string_lossy();
    let help = candidate.get_help().filter(|_| is_told && !word.starts_with('-'));
    let help = help.map(ToString::to_string).filter(|help| !help.is_empty());
    help.map_or_else(|| word.clone().into_owned(), |help| format!("{word}  ({help})"))
}
