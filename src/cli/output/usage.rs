//! What the parser of the command line has to say.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::num::ParseIntError;
use std::process::ExitCode;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::json::ErrorLine;
use super::to_json;
use crate::cli::error::code;
use crate::cli::verbs;
use crate::job::{ALIKE, is_like, shell_word};

/// Help goes to stdout, errors to stderr, as text or as `--json` has them.
pub fn usage(mut error: clap::Error, arguments: &[OsString]) -> ExitCode {
    hide(&mut error);
    let hint = hint(&error, arguments);
    if hint.is_some() && error.kind() == ErrorKind::UnknownArgument {
        // One piece of advice is enough, and ours is nearer.
        error.remove(ContextKind::Suggested);
        // The usage shows what was suggested.
        if error.remove(ContextKind::SuggestedArg).is_some() {
            error.remove(ContextKind::Usage);
        }
    }
    let error = &error;
    let exit_code = u8::try_from(error.exit_code()).unwrap_or(code::USAGE);
    if error.use_stderr() && asks_for_json(arguments) {
        let text = error.to_string();
        let (message, advice) = parts(&text);
        let hint = hint.or(advice);
        let line = to_json(&ErrorLine { error: &message, hint: hint.as_deref(), exit_code });
        // There is nowhere left to say that stderr is closed.
        let _ = writeln!(io::stderr().lock(), "{line}");
    } else {
        // A closed pipe is no error, and there is nobody left to tell of any other.
        let _ = error.print();
        if let Some(hint) = hint {
            let _ = writeln!(io::stderr().lock(), "hint: {hint}");
        }
    }
    ExitCode::from(exit_code)
}

/// The parser names hidden verbs, too, and what has little in common with what was said.
fn hide(error: &mut clap::Error) {
    // A number below 0 was meant as one, and goes nowhere after `--`.
    if error.get(ContextKind::InvalidArg).is_some_and(|it| is_below_zero(&it.to_string())) {
        error.remove(ContextKind::Suggested);
    }
    let program = crate::cli::command();
    let is_hidden = |name: &str| program.find_subcommand(name).is_some_and(Command::is_hide_set);
    let said = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (verb, option) = (said(ContextKind::InvalidSubcommand), said(ContextKind::InvalidArg));
    // The contrary was hardly meant.
    if !option.starts_with("--no-") && said(ContextKind::SuggestedArg).starts_with("--no-") {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::Usage);
    }
    // Who meant an option means no word of the command.
    if error.get(ContextKind::SuggestedArg).is_some() {
        error.remove(ContextKind::Suggested);
    }
    for kind in [ContextKind::ValidSubcommand, ContextKind::SuggestedSubcommand] {
        let is_far = |name: &str| kind == ContextKind::SuggestedSubcommand && !is_like(&verb, name);
        let Some(ContextValue::Strings(names)) = error.get(kind) else { continue };
        let shown = names.iter().filter(|name| !is_hidden(name) && !is_far(name));
        let shown: Vec<_> = shown.cloned().collect();
        if shown.is_empty() {
            error.remove(kind);
        } else {
            error.insert(kind, ContextValue::Strings(shown));
        }
    }
}

fn is_below_zero(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn hint(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let said = |kind| error.get(kind).map(ToString::to_string);
    match error.kind() {
        ErrorKind::UnknownArgument => match said(ContextKind::InvalidArg)? {
            number if is_below_zero(&number) => {
                Some("no number and no time here is below 0".to_owned())
            }
            dashes if dashes.chars().all(|c| c == '-') && takes_a_command(arguments) => {
                Some("a command goes after `--`, which is two of them".to_owned())
            }
            option if option.starts_with('-') => of_the_aws_cli(&option)
                .map(str::to_owned)
                .or_else(|| option_of_another_verb(error, &option)),
            line if takes_a_command(arguments) && line.contains(char::is_whitespace) => {
                Some(format!(
                    "a command goes after `--`, a word each; did you mean -- sh -c {}?",
                    shell_word(&line)
                ))
            }
            _ if takes_a_command(arguments) => Some(
                "a command goes after `--`, as in `computes run -- ./build.sh test`".to_owned(),
            ),
            _ => None,
        },
        ErrorKind::ValueValidation => {
            let is_number = error.source().is_some_and(<dyn Error>::is::<ParseIntError>);
            let option = said(ContextKind::InvalidArg).filter(|_| is_number)?;
            Some(format!("{option} takes a whole number"))
        }
        ErrorKind::MissingRequiredArgument => {
            let is_job = said(ContextKind::InvalidArg).is_some_and(|it| it.contains("<JOB>"));
            is_job.then(|| "name a job by its id, the beginning of it, or `last`".to_owned())
        }
        ErrorKind::InvalidSubcommand => {
            let verb = said(ContextKind::InvalidSubcommand)?;
            let near = || {
                (error.get(ContextKind::SuggestedSubcommand).is_none())
                    .then(|| of_the_verbs(&verb, arguments))
            };
            of_another_tool(&verb).map(str::to_owned).or_else(near)
        }
        _ => None,
    }
}

fn takes_a_command(arguments: &[OsString]) -> bool {
    let program = crate::cli::command();
    let verb = arguments.iter().skip(1).find(|word| program.find_subcommand(word).is_some());
    verb.is_some_and(|verb| verb == "run" || verb == "submit")
}

/// Which verb may have been meant, of those that may stand there.
fn of_the_verbs(said: &str, arguments: &[OsString]) -> String {
    let mut program = crate::cli::command();
    program.build();
    let words = arguments.iter().skip(1).take_while(|word| *word != said);
    let command = words.fold(&program, |at, word| at.find_subcommand(word).unwrap_or(at));
    verbs::hint(said, command)
}

/// What other tools call what we have, where no likeness of the letters tells.
fn of_another_tool(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "rm" | "remove" | "delete" => {
            "`computes cancel` ends jobs, `computes prune` removes what is old of them"
        }
        "kill" | "stop" | "abort" => "`computes cancel` ends jobs",
        "exec" | "start" => "`computes run -- COMMAND` runs a job",
        "attach" | "tail" => "`computes logs --follow JOB` follows a job",
        "show" | "describe" | "inspect" => "`computes status JOB` shows all that is known of a job",
        _ => return None,
    })
}

/// Options of `aws batch submit-job` that are not taken, and what there is instead.
fn of_the_aws_cli(option: &str) -> Option<&'static str> {
    Some(match option.split('=').next().unwrap_or(option) {
        "--region" => "set AWS_REGION, or name the queue by its ARN",
        "--profile" => "set AWS_PROFILE",
        "--endpoint-url" => "set AWS_ENDPOINT_URL",
        "--query" => "pick from what --output json prints, as in | jq -r .jobId",
        "--ca-bundle" => "set AWS_CA_BUNDLE",
        "--tags" => "tags are given one by one: --tag KEY=VALUE",
        "--no-propagate-tags" => "\"propagateTags\": false is taken in --cli-input-json",
        "--propagate-tags" => "tags of --tag go to the task anyway",
        "--no-cli-pager" | "--no-paginate" | "--color" | "--cli-binary-format" => {
            "leave it out: there is nothing here that it would change"
        }
        "--no-sign-request" | "--no-verify-ssl" => "leave it out: calls are signed, and checked",
        "--cli-read-timeout" | "--cli-connect-timeout" => "set aws.timeout in computes.toml",
        "--generate-cli-skeleton" => "--dry-run prints the request",
        "--depends-on"
        | "--array-properties"
        | "--parameters"
        | "--node-overrides"
        | "--eks-properties-override"
        | "--ecs-properties-override" => "leave it out: computes has nothing that does the same",
        _ => return None,
    })
}

/// Who has the option, if it was not this verb that was meant; or who has one that is more like it
/// than what this verb has.
fn option_of_another_verb(error: &clap::Error, said: &str) -> Option<String> {
    let mut program = crate::cli::command();
    program.build();
    let options = options(&program, "");
    let said = said.split('=').next().unwrap_or(said);
    // Whoever leaves a word out, as in `--definition`, means no other one.
    let end = said.replacen("--", "-", 1);
    let likeness = |name: &str| match name.strip_suffix(end.as_str()) {
        Some(before) if before.len() > 1 && end.len() > 4 => 0.99,
        _ => strsim::jaro_winkler(said, name),
    };
    let of_this_verb = error.get(ContextKind::SuggestedArg).map(ToString::to_string);
    let least = of_this_verb.map_or(ALIKE, |name| likeness(&name).max(ALIKE));
    let alike = options.iter().map(|(name, _)| (likeness(name), name));
    let nearest = alike.filter(|(likeness, _)| *likeness > least);
    let (_, name) = nearest.max_by(|one, other| one.0.total_cmp(&other.0))?;
    let verbs = options.iter().filter(|it| it.0 == *name).map(|it| format!("`{}`", it.1));
    let verbs = verbs.collect::<Vec<_>>().join(", ");
    Some(if said == name {
        format!("`{name}` is an option of {verbs}")
    } else {
        format!("did you mean `{name}`, an option of {verbs}?")
    })
}

/// All options of all verbs but those that each has, with the verb.
fn options(command: &Command, verb: &str) -> Vec<(String, String)> {
    let own = command.get_arguments().filter(|it| !it.is_hide_set() && !it.is_global_set());
    let names = own.flat_map(|it| it.get_long_and_visible_aliases().unwrap_or_default());
    let names = names.filter(|name| !["help", "version"].contains(name));
    let mut found: Vec<_> = names.map(|name| (format!("--{name}"), verb.to_owned())).collect();
    for inner in verbs::shown(command) {
        let path = format!("{verb} {}", inner.get_name());
        found.extend(options(inner, path.trim_start()));
    }
    found
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
