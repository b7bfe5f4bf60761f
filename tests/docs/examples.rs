//! Examples call what there is.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{documents, lines, pattern, read};

/// The words of every call of the program in a document's code, with the line: in blocks, and
/// between backticks.
fn calls(text: &str) -> Vec<(usize, Vec<String>)> {
    let call = pattern(r"(?:^|[\s(`'/])computes ([a-z][^|;&)`']*)");
    let mut joined: Vec<(usize, String)> = Vec::new();
    for (number, line) in lines(text, true) {
        match joined.last_mut() {
            Some((_, before)) if before.ends_with('\\') => {
                before.pop();
                before.push_str(line);
            }
            _ => joined.push((number, line.to_owned())),
        }
    }
    let mut calls = Vec::new();
    for (number, line) in joined {
        if line.trim_start().starts_with('#') {
            continue;
        }
        for found in call.captures_iter(&line) {
            let words = found[1].split_whitespace().map(str::to_owned).collect();
            calls.push((number, words));
        }
    }
    let inline = pattern(r"`computes ([a-z][^`|;&]*)");
    for (number, line) in lines(text, false) {
        for found in inline.captures_iter(line) {
            let words = found[1].split_whitespace().map(str::to_owned).collect();
            calls.push((number, words));
        }
    }
    calls
}

#[test]
fn every_example_uses_verbs_and_options_that_there_are() {
    let mut program = computes::cli::command();
    program.build();
    let mut told = String::new();
    let mut count = 0;
    for document in documents() {
        if document == "docs/reference.md" {
            continue;
        }
        for (number, words) in calls(&read(&document)) {
            count += 1;
            let Some(verb) = program.find_subcommand(&words[0]) else {
                let _ = writeln!(told, "{document}:{number}: there is no verb `{}`", words[0]);
                continue;
            };
            let part = words.get(1).and_then(|word| verb.find_subcommand(word));
            let known: BTreeSet<String> = part
                .unwrap_or(verb)
                .get_arguments()
                .flat_map(|arg| arg.get_long_and_visible_aliases().unwrap_or_default())
                .map(str::to_owned)
                .collect();
            for word in words.iter().skip(1).take_while(|word| *word != "--") {
                let name = word.strip_prefix("--").map(|name| name.split('=').next());
                if let Some(Some(name)) = name
                    && !known.contains(name)
                {
                    let _ = writeln!(told, "{document}:{number}: `{}` has no --{name}", words[0]);
                }
            }
        }
    }
    assert!(told.is_empty(), "{told}");
    assert!(count > 40, "only {count} examples were found");
}
