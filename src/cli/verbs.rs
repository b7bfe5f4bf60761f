//! Verbs by what was typed: which one may have been meant.

use clap::Command;

use crate::job;

/// The verbs of a command that it shows.
pub fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set())
}

/// The names by which a command has verbs: those that it shows.
pub fn names(command: &Command) -> impl Iterator<Item = &str> {
    shown(command)
        .flat_map(|verb| std::iter::once(verb.get_name()).chain(verb.get_visible_aliases()))
}

/// The verb that is most like what was said.
pub fn nearest<'a>(said: &str, command: &'a Command) -> Option<&'a str> {
    let names = |verb: &'a Command| std::iter::once(verb.get_name()).chain(verb.get_all_aliases());
    job::nearest(said, shown(command).flat_map(names))
}

/// What to do where a command has no verb that is called so.
pub fn hint(said: &str, command: &Command) -> String {
    let path = command.get_bin_name().unwrap_or_else(|| command.get_name());
    match nearest(said, command) {
        Some(name) => format!("did you mean `{path} {name}`?"),
        None if command.get_subcommands().next().is_none() => format!("`{path}` has no verbs"),
        None => {
            format!("the verbs of `{path}` are {}", names(command).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant() {
        let mut program = crate::cli::command();
        program.build();
        let files = program.find_subcommand("files").expect("a verb");
        for (said, command, meant) in [
            ("gt", files, Some("get")),
            ("gte", files, Some("get")),
            ("lst", files, Some("list")),
            ("frob", files, None),
            ("rn", &program, Some("run")),
            ("lst", &program, Some("list")),
            ("insid", &program, None),
            ("bogus", &program, None),
        ] {
            assert_eq!(nearest(said, command), meant, "{said}");
        }
        assert_eq!(hint("x", files), "the verbs of `computes files` are ls, get, put");
        let run = program.find_subcommand("run").expect("a verb");
        assert_eq!(hint("x", run), "`computes run` has no verbs");
    }
}
