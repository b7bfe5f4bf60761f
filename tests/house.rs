//! The rules of the house, as ARCHITECTURE.md has them: who may name whom.
//!
//! Each rule looks at the text of `src/` without its comments, and tells file and line.
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The rooms of the house, and whom each may name.
const ARROWS: [(&str, &[&str]); 7] = [
    ("job", &[]),
    ("parcel", &["job"]),
    ("plan", &["job"]),
    ("ledger", &["job", "plan"]),
    ("engine", &["job", "parcel", "plan", "ledger"]),
    ("config", &["job", "plan", "ledger", "engine"]),
    ("cli", &["job", "parcel", "plan", "ledger", "engine", "config"]),
];

/// A file of `src/` with its comments blanked out, so that lines stay lines.
struct Source {
    /// From `src/` on.
    path: String,
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), code: without_comments(text) }
    }

    /// The folder below `src/`, or the file itself.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn line(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }

    fn offence(&self, offset: usize, what: &str) -> String {
        format!("src/{}:{}: {what}", self.path, self.line(offset))
    }

    /// What stands before the tests of the file.
    fn without_tests(&self) -> &str {
        self.code.split("#[cfg(test)]").next().unwrap_or_default()
    }
}

/// Blanks out `//` comments; a `//` within a text of one line stays.
fn without_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        let mut in_text = false;
        let mut escaped = false;
        let mut end = line.len();
        for (index, c) in line.char_indices() {
            match c {
                '\\' if in_text => escaped = !escaped,
                '"' if !escaped => in_text = !in_text,
                '/' if !in_text && line[index..].starts_with("//") => {
                    end = index;
                    break;
                }
                _ => escaped = false,
            }
        }
        code.push_str(&line[..end]);
        code.push('\n');
    }
    code
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a source");
        let name = path.strip_prefix(&root).expect("below src").to_str().expect("a plain name");
        Source::new(name, &text)
    };
    files.iter().map(read).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// The offences of one kind: a pattern, and where it may stand.
fn only(source: &Source, what: &Regex, may: bool, rule: &str) -> Vec<String> {
    if may {
        return Vec::new();
    }
    let tell = |found: regex::Match<'_>| {
        source.offence(found.start(), &format!("`{}`: {rule}", found.as_str().trim()))
    };
    what.find_iter(&source.code).map(tell).collect()
}

/// The top-level modules that a `crate::` path or group names, with the place of each.
fn named(code: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for (offset, _) in code.match_indices("crate::") {
        // `$crate::` and `my_crate::` are others.
        if code[..offset].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let start = offset + "crate::".len();
        match code[start..].strip_prefix('{') {
            None => names.push((offset, ident(&code[start..]))),
            Some(group) => {
                let mut depth = 0;
                let mut fresh = true;
                for (index, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => fresh = true,
                        c if fresh && !c.is_whitespace() => {
                            names.push((start + 1 + index, ident(&group[index..])));
                            fresh = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn ident(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn arrows(source: &Source) -> Vec<String> {
    let room = source.room();
    let Some((_, may)) = ARROWS.iter().find(|(name, _)| *name == room) else {
        // `main.rs` and `lib.rs` see all.
        return Vec::new();
    };
    let is_room = |name: &str| ARROWS.iter().any(|(room, _)| *room == name);
    named(&source.code)
        .into_iter()
        .filter(|(_, name)| is_room(name) && name != room && !may.contains(&name.as_str()))
        .map(|(offset, name)| {
            source.offence(offset, &format!("`{room}` may not name `crate::{name}`"))
        })
        .collect()
}

/// Paths that climb to the crate's root by `super` would get around the arrows.
fn climbs(source: &Source) -> Vec<String> {
    let parts: Vec<_> = source.path.split('/').collect();
    let is_mod = parts.last().is_some_and(|file| *file == "mod.rs");
    let depth = if is_mod { parts.len() - 1 } else { parts.len() };
    let climb = "super::".repeat(depth);
    let rooms = ARROWS.map(|(room, _)| room).join("|");
    let climb = pattern(&format!(r"\b{climb}({rooms})\b"));
    only(source, &climb, false, "say `crate::` to name another room")
}

fn sql(source: &Source) -> Vec<String> {
    let sql = pattern(
        r"\brusqlite\w*\b|\bSELECT\s[^;]*?\sFROM\b|\bINSERT INTO\b|\bUPDATE \w+ SET\b|\bDELETE FROM\b",
    );
    only(source, &sql, source.room() == "ledger", "only `ledger` speaks to the database")
}

fn prints(source: &Source) -> Vec<String> {
    let prints = pattern(r"\be?print(ln)?!|\bdbg!|\bstd(out|err)\(\)|\bio::std(out|err)\b");
    let may = source.path.starts_with("cli/output/");
    only(source, &prints, may, "only `cli/output` prints")
}

fn aws(source: &Source) -> Vec<String> {
    let crates = pattern(
        r"\baws_(config|sdk_\w+|smithy_\w+|types|runtime|sigv4|credential_types|esdk\w*)\b",
    );
    let may = source.path.starts_with("engine/aws");
    only(source, &crates, may, "only `engine/aws` names crates of AWS")
}

/// `job` and `plan` decide; they look at no clock, no file and no process.
fn purity(source: &Source) -> Vec<String> {
    if !["job", "plan"].contains(&source.room()) {
        return Vec::new();
    }
    let impure = pattern(
        r"\bstd::(fs|net|process|thread)\b|\benv::vars?(_os)?\(|\b(SystemTime|Instant)\b|\b(rustix|tokio|libc)::",
    );
    let found = impure.find_iter(source.without_tests());
    found.map(|it| source.offence(it.start(), &format!("`{}` is not pure", it.as_str()))).collect()
}

type Rule = fn(&Source) -> Vec<String>;

const RULES: [Rule; 6] = [arrows, climbs, sql, prints, aws, purity];

#[test]
fn the_rules_of_the_house_hold() {
    let sources = sources();
    assert!(sources.len() > 50, "the sources were not found");
    let mut told = String::new();
    for source in &sources {
        for offence in RULES.iter().flat_map(|rule| rule(source)) {
            let _ = writeln!(told, "{offence}");
        }
    }
    assert!(told.is_empty(), "against ARCHITECTURE.md, \"The house\":\n{told}");
}

#[test]
fn every_room_is_known_to_the_rules() {
    for source in sources() {
        let room = source.room();
        let known = ARROWS.iter().any(|(name, _)| *name == room) || ["main", "lib"].contains(&room);
        assert!(known, "src/{}: `{room}` has no line in ARROWS of tests/house.rs", source.path);
    }
}

#[test]
fn each_rule_can_fail() {
    for (path, text, told) in [
        ("job/spec.rs", "use crate::plan::Plan;", "`job` may not name `crate::plan`"),
        ("plan/mod.rs", "\nuse crate::{\n    job::A,\n    ledger::{B, C},\n};", ":4: `plan` may"),
        ("engine/mod.rs", "fn f() { crate::cli::main() }", "`engine` may not name `crate::cli`"),
        ("ledger/find.rs", "use super::super::engine::Engine;", "say `crate::`"),
        ("ledger/mod.rs", "use super::engine::Engine;", "say `crate::`"),
        ("engine/local/claim.rs", "use rusqlite::Connection;", "only `ledger`"),
        ("cli/list.rs", "let q = \"DELETE FROM jobs\";", "only `ledger`"),
        ("cli/list.rs", "\n\nprintln!(\"x\");", "src/cli/list.rs:3: `println!`"),
        ("engine/mod.rs", "std::io::stderr()", "only `cli/output` prints"),
        ("engine/local/mod.rs", "use aws_sdk_batch::Client;", "only `engine/aws`"),
        ("job/id.rs", "let now = SystemTime::now();", "`SystemTime` is not pure"),
    ] {
        let source = Source::new(path, text);
        let found: Vec<_> = RULES.iter().flat_map(|rule| rule(&source)).collect();
        assert!(found.iter().any(|offence| offence.contains(told)), "{path}: {text}: {found:?}");
    }
}

#[test]
fn what_is_allowed_passes() {
    for (path, text) in [
        ("ledger/find.rs", "use crate::job::{JobId, State};\nuse rusqlite::Row; // crate::cli"),
        ("cli/output/mod.rs", "let _ = writeln!(io::stderr().lock());"),
        ("cli/intake.rs", "aws_json(\"file://x\", text) // println!"),
        ("engine/aws/client.rs", "use aws_config::BehaviorVersion;"),
        ("engine/local/client.rs", ".stdout(Stdio::null()).stderr(log)"),
        ("job/draft.rs", "use super::spec::check_tags;\n#[cfg(test)]\nuse std::process::Command;"),
        ("main.rs", "computes::cli::main(std::env::args_os())"),
    ] {
        let source = Source::new(path, text);
        let found: Vec<_> = RULES.iter().flat_map(|rule| rule(&source)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}
