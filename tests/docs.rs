//! The documents are current: what is generated is as the program has it now, examples use
//! options that there are, and links lead somewhere.
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod examples;
mod json;
mod policies;
mod reference;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::root;

const AGAIN: &str = "UPDATE_DOCS=1 ./build.sh test docs::";

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// Compares a document with what it should be, or writes it where that was asked for.
fn check(path: &str, expected: &str) {
    let is = fs::read_to_string(root().join(path)).unwrap_or_default();
    if is == expected {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join(path), expected).expect("the document can be written");
        return;
    }
    let differs = is.lines().zip(expected.lines()).position(|(is, expected)| is != expected);
    let line = differs.unwrap_or_else(|| is.lines().count().min(expected.lines().count()));
    panic!(
        "{path}:{} is out of date\n  is:     {}\n  should: {}\nto write it anew: {AGAIN}",
        line + 1,
        is.lines().nth(line).unwrap_or("(the end)"),
        expected.lines().nth(line).unwrap_or("(the end)"),
    );
}

/// The same for the part of a document between two markers.
fn check_part(path: &str, name: &str, expected: &str) {
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end of generated -->");
    let text = read(path);
    let from = text.find(&begin).unwrap_or_else(|| panic!("{path} has no {begin}")) + begin.len();
    let to = from + text[from..].find(end).unwrap_or_else(|| panic!("{path} has no {end}"));
    check(path, &format!("{}{expected}{}", &text[..from], &text[to..]));
}

#[test]
fn the_settings_are_current() {
    check("docs/settings.md", &computes::config::settings_markdown());
}

#[test]
fn the_diagram_of_the_states_is_current() {
    let diagram = format!("```mermaid\n{}```\n", computes::job::mermaid());
    check_part("ARCHITECTURE.md", "states", &diagram);
}

/// Every file with this extension, but for what was built or is hidden.
fn collect(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

/// Every Markdown document of the project, by its path.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    collect(root(), "md", &mut found);
    found.sort();
    let relative = |path: PathBuf| {
        path.strip_prefix(root()).expect("in the project").to_str().expect("text").to_owned()
    };
    found.into_iter().map(relative).collect()
}

/// A document's lines with their numbers; what is in a code block, and what is not.
fn lines(text: &str, in_code: bool) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside == in_code {
            found.push((index + 1, line));
        }
    }
    found
}

/// As code hosts make an anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = lines(text, false).into_iter().filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| anchor(line.trim_start_matches('#').trim())).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let link = pattern(r"\]\(([^)\s]+)\)");
    let code = pattern(r"`[^`]*`");
    let mut told = String::new();
    let mut count = 0;
    for document in documents() {
        let text = read(&document);
        for (number, line) in lines(&text, false) {
            let prose = code.replace_all(line, "");
            for found in link.captures_iter(&prose) {
                let target = &found[1];
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                count += 1;
                let (file, part) = target.split_once('#').unwrap_or((target, ""));
                let path = if file.is_empty() {
                    root().join(&document)
                } else {
                    root().join(&document).parent().expect("a directory").join(file)
                };
                let there = path.exists()
                    && (part.is_empty()
                        || anchors(&fs::read_to_string(&path).expect("text")).contains(part));
                if !there {
                    let _ = writeln!(told, "{document}:{number}: nothing is at `{target}`");
                }
            }
        }
    }
    assert!(told.is_empty(), "{told}");
    assert!(count > 30, "only {count} links were found");
}

#[test]
fn the_commands_of_the_readme_are_known() {
    let readme = read("README.md");
    let code: Vec<_> = lines(&readme, true).into_iter().map(|(_, line)| line).collect();
    for command in
        ["cargo run --release -- run -- ./build.sh test_job hello world", "./build.sh test"]
    {
        assert!(
            code.iter().any(|line| line.trim_start_matches("$ ") == command),
            "README.md does not show `{command}`"
        );
    }

    let script = read("build.sh");
    let function = pattern(r"(?m)^([a-z_]+)\(\) \{ # ");
    let defined: BTreeSet<&str> = function
        .captures_iter(&script)
        .map(|found| found.get(1).expect("a name").as_str())
        .collect();
    let listed = pattern(r"(?m)^    ([a-z_]+(?: \| [a-z_]+)+)\)$");
    let listed = listed.captures(&script).expect("the list of targets").get(1).expect("a list");
    assert_eq!(defined, listed.as_str().split(" | ").collect(), "the targets of build.sh");

    let target = pattern(r"\./build\.sh ([a-z_]+)");
    for document in documents() {
        let text = read(&document);
        for (number, line) in text.lines().enumerate() {
            for found in target.captures_iter(line) {
                let name = found.get(1).expect("a name").as_str();
                let number = number + 1;
                assert!(defined.contains(name), "{document}:{number}: no target `{name}`");
            }
        }
    }
    let ci = read(".ci/run");
    for command in ["./build.sh lint", "./build.sh test"] {
        assert!(ci.lines().any(|line| line == command), ".ci/run does not call `{command}`");
    }
}

#[test]
fn every_exit_code_is_explained() {
    let code = pattern(r"pub const [A-Z_]+: u8 = (\d+);");
    let source = read("src/cli/error.rs");
    let document = read("docs/exit-codes.md");
    let mut count = 0;
    for found in code.captures_iter(&source) {
        count += 1;
        assert!(
            document.contains(&format!("\n| {} |", &found[1])),
            "docs/exit-codes.md: {}",
            &found[1]
        );
    }
    assert!(count >= 7, "the exit codes were not found");
    for class in computes::job::FailureClass::ALL {
        let class = class.as_str();
        assert!(document.contains(&format!("`{class}`")), "docs/exit-codes.md: `{class}`");
    }
}

#[test]
fn every_module_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    let mut files = Vec::new();
    collect(&root().join("src"), "rs", &mut files);
    let mut told = String::new();
    for file in files {
        let file = file.strip_prefix(root()).expect("in the project");
        let folder = file.parent().expect("a folder").to_str().expect("text");
        let name = file.file_name().expect("a name").to_str().expect("text");
        if name == "mod.rs" || folder.ends_with("/tests") {
            continue;
        }
        let section = map.split(&format!("\n### `{folder}/`")).nth(1).unwrap_or_default();
        let section = section.split("\n#").next().unwrap_or_default();
        if !section.contains(&format!("| `{name}` |")) {
            let _ = writeln!(told, "ARCHITECTURE.md: `{folder}/` has no line for `{name}`");
        }
    }
    for line in map.lines() {
        let Some(folder) = line.strip_prefix("### `src/").and_then(|rest| rest.split('`').next())
        else {
            continue;
        };
        let section = map.split(line).nth(1).unwrap_or_default();
        let section = section.split("\n#").next().unwrap_or_default();
        for row in pattern(r"(?m)^\| `([a-z_]+\.rs)` \|").captures_iter(section) {
            if !root().join("src").join(folder).join(&row[1]).exists() {
                let _ = writeln!(told, "ARCHITECTURE.md: there is no src/{folder}{}", &row[1]);
            }
        }
    }
    assert!(told.is_empty(), "{told}");
}

#[test]
fn every_decision_has_its_parts_and_every_dependency_its_reason() {
    let decisions: Vec<_> =
        documents().into_iter().filter(|path| path.starts_with("docs/adr/0")).collect();
    assert!(decisions.len() >= 10, "{decisions:?}");
    for decision in &decisions {
        let text = read(decision);
        assert!(text.lines().count() <= 60, "{decision} is longer than 60 lines");
        for part in ["## Context", "## Decision", "## Consequences", "## Looked at"] {
            assert!(text.contains(&format!("\n{part}\n")), "{decision} has no `{part}`");
        }
    }
    let manifest: toml::Table = read("Cargo.toml").parse().expect("toml");
    let reasons = read("docs/adr/0010-dependencies.md");
    for table in ["dependencies", "dev-dependencies"] {
        for name in manifest[table].as_table().expect("a table").keys() {
            // Those that are for one thing share a line.
            let named = format!("`{name}`");
            let is_named =
                |line: &str| line.split('|').nth(1).is_some_and(|it| it.contains(&named));
            let has_line = reasons.lines().any(is_named);
            assert!(has_line, "docs/adr/0010-dependencies.md has no line for `{name}`");
        }
    }
}
