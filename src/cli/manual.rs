//! What a page of the manual has beyond the options: examples, files, variables, exit codes.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::config::settings;

/// What a call does.
type Example = (&'static str, &'static str);

/// By the verb; the first is the program's own.
const EXAMPLES: [(&str, &[Example]); 23] = [
    (
        "computes",
        &[
            ("computes run -- make test", "run a command as a job, with its log and its exit code"),
            ("computes submit --queue asap -- make", "hand a job over and print its id"),
            ("computes wait last", "wait for the job that was submitted last"),
            ("computes explain last", "why it waits or why it failed, and what to do"),
        ],
    ),
    (
        "run",
        &[
            ("computes run -- ./build.sh test", "run a command and exit with its code"),
            ("computes run -- sh -c 'make | tee log'", "have a shell read the line"),
            (
                "computes run --vcpus 4 --memory 8GiB --timeout 1h -- make",
                "with more of the machine",
            ),
            ("computes run --source tree --output dist -- make", "with the checkout; keep dist"),
            (
                "computes run --engine aws --attempts 3 -- make",
                "on AWS Batch, again if interrupted",
            ),
        ],
    ),
    (
        "submit",
        &[
            ("id=$(computes submit -- make)", "keep the id for later"),
            ("computes submit --from jobs.jsonl", "as many jobs as the file has lines"),
            ("computes submit --dry-run -- make", "print the request and do nothing"),
        ],
    ),
    (
        "wait",
        &[
            ("computes wait last", "wait for one job"),
            ("computes wait --all --limit 10m", "wait for all, ten minutes at the most"),
        ],
    ),
    ("status", &[("computes status last --json", "all that is known of a job, as JSON")]),
    (
        "list",
        &[
            ("computes list --state unfinished", "what waits or runs"),
            ("computes list --name nightly -n 5", "the last five with that in their name"),
        ],
    ),
    (
        "logs",
        &[
            ("computes logs last", "what a job wrote so far"),
            ("computes logs --follow last", "and what it writes until it is over"),
        ],
    ),
    ("files", &[("computes files ls last", "what a job has at /files")]),
    ("files ls", &[("computes files ls last", "what a job has at /files")]),
    ("files get", &[("computes files get last report.txt", "bring one file here")]),
    ("files put", &[("computes files put last data.csv", "give a file to a job that runs")]),
    ("prune", &[("computes prune --older-than 30d --dry-run", "what would be removed")]),
    ("cancel", &[("computes cancel last --reason 'wrong branch'", "end a job, and say why")]),
    ("retry", &[("computes retry last", "submit a job that is over once more")]),
    ("queues", &[("computes queues", "how many jobs wait and run where")]),
    ("explain", &[("computes explain last", "why a job waits or ended, and what to do")]),
    ("doctor", &[("computes doctor", "look at all that jobs on AWS need")]),
    ("policy", &[("computes policy", "the least IAM policy, as JSON")]),
    ("worker", &[("computes worker --vcpus 2", "run jobs with two vCPUs until asked to leave")]),
    ("init", &[("computes init", "write a computes.toml that explains itself")]),
    (
        "completions",
        &[
            ("source <(computes completions bash)", "in ~/.bashrc"),
            ("source <(computes completions zsh)", "in ~/.zshrc, after compinit"),
            ("computes completions fish | source", "in ~/.config/fish/config.fish"),
        ],
    ),
    (
        "man",
        &[
            ("computes man run | man -l -", "read a page"),
            ("computes man --into ~/.local/share/man/man1", "write all of them"),
        ],
    ),
    ("help", &[("computes help files get", "what an option does")]),
];

/// For those that end as a job did.
const OF_A_JOB: [(&str, &str); 10] = [
    ("0", "The job succeeded."),
    ("2", "What was asked for is wrong."),
    ("120", "The job was cancelled."),
    ("121", "It ran longer than its timeout."),
    ("122", "Its host was taken away, and no attempt was left."),
    ("123", "It used more memory than it asked for."),
    ("124", "The limit of waiting was reached; the job goes on."),
    ("125", "computes or the engine failed."),
    ("130, 143", "Ctrl-C or SIGTERM ended the following; the job goes on."),
    ("other", "The job's own exit code."),
];

const OF_ANY_OTHER: [(&str, &str); 3] = [
    ("0", "It was done."),
    ("2", "What was asked for is wrong."),
    ("125", "computes or the engine failed."),
];

const FILES: [(&str, &str); 3] = [
    ("computes.toml", "Settings of a project: in the working directory, or the nearest above it."),
    ("~/.config/computes/computes.toml", "The user's own settings, beneath those of a project."),
    (
        "~/.local/state/computes",
        "The state directory: the ledger of all jobs (ledger.db), their logs and their files.",
    ),
];

/// What no setting has.
const VARIABLES: [(&str, &str); 4] = [
    ("COMPUTES_STATE_DIR", "The state directory, in the place of XDG_STATE_HOME/computes."),
    ("COMPUTES_LOG", "error, warn, info, debug or trace: the program's own story, on stderr."),
    ("NO_COLOR", "Not empty: no colours."),
    ("AWS_PROFILE, AWS_REGION and others", "As the AWS CLI reads them; with the engine aws."),
];

/// A page; of the whole program, or of a verb of it. The command is built.
pub fn render(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let page = Man::new(command.clone());
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    let is_program = command.get_version().is_some();
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    let mut more = Roff::new();
    let name = name(command);
    let examples = EXAMPLES.iter().filter(|(verb, _)| *verb == name).flat_map(|(_, all)| *all);
    section(&mut more, "EXAMPLES", examples.map(|(call, what)| (*call, *what)));
    let waits = is_program || ["run", "wait"].contains(&name);
    let codes: &[_] = if waits { &OF_A_JOB } else { &OF_ANY_OTHER };
    section(&mut more, "EXIT STATUS", codes.iter().copied());
    section(&mut more, "FILES", FILES);
    let variables: Vec<_> = settings()
        .iter()
        .filter(|setting| is_program || stands_for_an_option(setting.key, command))
        .filter_map(|setting| Some((setting.variable()?, setting.doc)))
        .collect();
    let settings = variables.iter().map(|(name, doc)| (name.as_str(), *doc));
    section(&mut more, "ENVIRONMENT", settings.chain(VARIABLES));
    if !is_program {
        more.control("PP", []);
        more.text([roman("computes(1) has the variables of all settings.")]);
    }
    more.to_writer(&mut text)?;
    if is_program {
        page.render_version_section(&mut text)?;
    }
    Ok(text)
}

/// `files get` for `computes files get`.
fn name(command: &Command) -> &str {
    let whole = command.get_bin_name().unwrap_or_else(|| command.get_name());
    whole.strip_prefix("computes ").unwrap_or(whole)
}

fn stands_for_an_option(key: &str, command: &Command) -> bool {
    let key = key.replace('_', "-");
    command.get_arguments().any(|arg| arg.get_long() == Some(&key))
}

fn section<'a>(roff: &mut Roff, title: &str, rows: impl IntoIterator<Item = (&'a str, &'a str)>) {
    roff.control("SH", [title]);
    for (what, text) in rows {
        roff.control("TP", []);
        roff.text([bold(what)]);
        roff.text([roman(text)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::verbs;

    fn pages(command: &Command) -> Vec<Command> {
        let inner = verbs::shown(command).flat_map(pages);
        std::iter::once(command.clone()).chain(inner).collect()
    }

    #[test]
    fn every_verb_has_examples_and_they_can_be_called() {
        let mut program = crate::cli::command();
        program.build();
        let pages = pages(&program);
        let mut names: Vec<_> = pages.iter().map(name).collect();
        let mut described: Vec<_> = EXAMPLES.iter().map(|(verb, _)| *verb).collect();
        names.sort_unstable();
        described.sort_unstable();
        assert_eq!(names, described);
        for (call, _) in EXAMPLES.iter().flat_map(|(_, examples)| *examples) {
            let (_, call) = call.split_at(call.find("computes").expect("a call"));
            let end = call.find([')', '|', '>']).filter(|_| !call.contains("sh -c"));
            let words = call[..end.unwrap_or(call.len())].split_whitespace();
            // What is in quotes may be several words here, of which each is taken.
            let words = words.filter(|word| !word.ends_with("branch'"));
            let parsed = crate::cli::command().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{call}: {}", parsed.expect_err("refused"));
        }
    }
}
