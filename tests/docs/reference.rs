//! The reference, written from the definition of the command line.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::{AGAIN, check};

#[test]
fn the_reference_is_current() {
    check("docs/reference.md", &reference());
}

fn reference() -> String {
    let mut program = computes::cli::command();
    program.build();
    let mut text = String::from("# Reference\n\n");
    let _ = writeln!(text, "Written by `{AGAIN}` from the definition of the command line.\n");
    let _ = writeln!(text, "{}\n", sentence(program.get_about()));
    let _ = writeln!(text, "```text\n{}\n```\n", usage(&program));
    text.push_str("These hold for every verb:\n\n");
    for arg in program.get_arguments() {
        text.push_str(&option(&program, arg));
    }
    if let Some(after) = program.get_after_help() {
        let _ = writeln!(text, "\n{after}.");
    }
    let is_shown = |verb: &&Command| !verb.is_hide_set();
    for verb in program.get_subcommands().filter(is_shown) {
        section(&mut text, verb, verb.get_name());
        for part in verb.get_subcommands().filter(is_shown) {
            section(&mut text, part, &format!("{} {}", verb.get_name(), part.get_name()));
        }
    }
    text
}

fn section(text: &mut String, verb: &Command, name: &str) {
    let _ = writeln!(text, "\n## `computes {name}`\n");
    let _ = writeln!(text, "{}\n", sentence(verb.get_about()));
    let _ = writeln!(text, "```text\n{}\n```", usage(verb));
    let aliases: Vec<_> = verb.get_all_aliases().map(|it| format!("`{it}`")).collect();
    if !aliases.is_empty() {
        let _ = writeln!(text, "\nAlso called {}.", aliases.join(" and "));
    }
    let mut heading = None;
    let mut first = true;
    for arg in arguments(verb) {
        if first || heading != arg.get_help_heading() {
            heading = arg.get_help_heading();
            let _ = writeln!(text, "{}", heading.map_or(String::new(), |it| format!("\n{it}:\n")));
            first = false;
        }
        text.push_str(&option(verb, arg));
    }
}

/// What a verb has of its own, heading by heading.
fn arguments(verb: &Command) -> Vec<&Arg> {
    let own = |arg: &&Arg| {
        !arg.is_hide_set()
            && !arg.is_global_set()
            && !["help", "version"].contains(&arg.get_id().as_str())
    };
    let all: Vec<_> = verb.get_arguments().filter(own).collect();
    let mut headings: Vec<_> = Vec::new();
    for arg in &all {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    let of = |heading| all.iter().copied().filter(move |arg| arg.get_help_heading() == heading);
    headings.into_iter().flat_map(of).collect()
}

fn usage(command: &Command) -> String {
    command.clone().render_usage().to_string().trim_start_matches("Usage: ").to_owned()
}

fn sentence(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn option(command: &Command, arg: &Arg) -> String {
    let mut names: Vec<String> = Vec::new();
    names.extend(arg.get_short().map(|short| format!("`-{short}`")));
    names.extend(arg.get_long().map(|long| format!("`--{long}`")));
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    names.extend(aliases.iter().map(|alias| format!("`--{alias}`")));
    let takes = arg.get_action().takes_values();
    let value = arg.get_value_names().filter(|_| takes).map(|names| names.join(" "));
    let optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0);
    let head = match (names.is_empty(), value) {
        (true, value) => format!("`{}`", value.unwrap_or_default()),
        (false, Some(value)) if optional => {
            format!("{}[={value}]`", names.join(", ").trim_end_matches('`'))
        }
        (false, Some(value)) => format!("{} `{value}`", names.join(", ")),
        (false, None) => names.join(", "),
    };
    let mut text = format!("* {head}: {}", sentence(arg.get_help()));
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|it| format!("`{}`", it.to_string_lossy())).collect();
    if takes && !defaults.is_empty() {
        let _ = write!(text, "; by default {}", defaults.join(", "));
    }
    let values: Vec<_> =
        arg.get_possible_values().iter().map(|it| format!("`{}`", it.get_name())).collect();
    if takes && !values.is_empty() {
        let _ = write!(text, "; one of {}", values.join(", "));
    }
    let not_with: Vec<_> = command
        .get_arg_conflicts_with(arg)
        .into_iter()
        .map(|other| match other.get_long() {
            Some(long) => format!("`--{long}`"),
            None => format!("`{}`", other.get_id().as_str().to_uppercase()),
        })
        .collect();
    if !not_with.is_empty() {
        let _ = write!(text, "; not together with {}", not_with.join(", "));
    }
    text.push('\n');
    text
}
