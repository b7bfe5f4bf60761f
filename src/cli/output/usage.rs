//! What the parser of the command line has to say.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ErrorKind};

use super::json::ErrorLine;
use super::to_json;
use crate::cli::error::code;

/// Help goes to stdout, errors to stderr, as text or as `--json` has them.
pub fn usage(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let exit_code = u8::try_from(error.exit_code()).unwrap_or(code::USAGE);
    if error.use_stderr() && asks_for_json(arguments) {
        let text = error.to_string();
        let (message, advice) = parts(&text);
        let hint = hint(error).or(advice.as_deref());
        let line = to_json(&ErrorLine { error: &message, hint, exit_code });
        // There is nowhere left to say that stderr is closed.
        let _ = writeln!(io::stderr().lock(), "{line}");
    } else {
        // A closed pipe is no error, and there is nobody left to tell of any other.
        let _ = error.print();
        if let Some(hint) = hint(error) {
            let _ = writeln!(io::stderr().lock(), "hint: {hint}");
        }
    }
    ExitCode::from(exit_code)
}

fn hint(error: &clap::Error) -> Option<&'static str> {
    let unexpected = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    (error.kind() == ErrorKind::UnknownArgument
        && unexpected.is_some_and(|argument| !argument.starts_with('-')))
    .then_some("a command goes after `--`, as in `computes run -- ./build.sh test`")
}

/// The line could not be read, so it is looked at as it stands. What comes after `--` is the
/// job's.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// What is wrong, and the advice: the tips, or else how to use it.
fn parts(text: &str) -> (String, Option<String>) {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let with = |start| rest.lines().filter_map(move |line| line.trim_start().strip_prefix(start));
    let tips: Vec<_> = with("tip: ").map(one_line).collect();
    let usage = with("Usage: ").map(one_line).map(|usage| format!("usage: {usage}")).next();
    let help = with("For more information, ").map(str::to_owned).next();
    let advice = if tips.is_empty() { usage.or(help) } else { Some(tips.join("; ")) };
    (one_line(message), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_message() {
        let text = "error: unexpected argument '--a' found\n\n  tip: a similar argument exists: '--b'\n  \
            tip: to pass '--a' as a value, use '-- --a'\n\nUsage: x y\n\nFor more information, try '--help'.\n";
        let (message, advice) = parts(text);
        assert_eq!(message, "unexpected argument '--a' found");
        let tips = "a similar argument exists: '--b'; to pass '--a' as a value, use '-- --a'";
        assert_eq!(advice.as_deref(), Some(tips));
        let text = "error: the following required arguments were not provided:\n  <JOB>...\n\nUsage: x <JOB>...\n";
        let (message, advice) = parts(text);
        assert_eq!(message, "the following required arguments were not provided: <JOB>...");
        assert_eq!(advice.as_deref(), Some("usage: x <JOB>..."));
        let (_, advice) = parts("error: no\n\nFor more information, try '--help'.\n");
        assert_eq!(advice.as_deref(), Some("try '--help'."));
    }

    #[test]
    fn json_that_is_the_jobs_is_not_ours() {
        let ask = |words: &[&str]| asks_for_json(&words.iter().map(Into::into).collect::<Vec<_>>());
        assert!(ask(&["computes", "run", "--json", "--bogus"]));
        assert!(!ask(&["computes", "run", "--bogus", "--", "tool", "--json"]));
    }
}
