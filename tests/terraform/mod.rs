//! The Terraform module: as the AWS provider has its types, and as jobs need it.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod applied;
mod planted;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use computes::job::Queue;
use regex::Regex;

use crate::support::{python_tool, root};

/// Checks modules against the types of the provider, without Terraform.
fn check(folders: &[PathBuf]) -> Output {
    python_tool("python")
        .arg(root().join("tests/terraform/check.py"))
        .args(folders)
        .current_dir(root())
        .output()
        .expect("the check starts")
}

/// `terraform` in a folder, with data of its own. `None` without a Terraform on the machine.
fn terraform(folder: &Path, data: &Path) -> Option<Command> {
    let mut places = std::env::split_paths(&std::env::var_os("PATH")?).collect::<Vec<_>>();
    places.retain(|place| ["terraform", "tofu"].iter().any(|name| place.join(name).exists()));
    if places.is_empty() {
        return None;
    }
    let mut command = Command::new(root().join("tests/terraform/terraform.sh"));
    command.arg(folder).env("TF_DATA_DIR", data).stdin(Stdio::null());
    Some(command)
}

/// Said where a test can't be done.
fn skipped() {
    eprintln!("skipped: neither terraform nor tofu is on this machine");
}

#[test]
fn the_module_and_its_examples_are_as_the_provider_has_its_types() {
    let folders = ["terraform", "terraform/examples/complete", "terraform/examples/existing-vpc"];
    let output = check(&folders.map(PathBuf::from));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_the_readme_says_first_is_a_configuration() {
    let page = fs::read_to_string(root().join("terraform/README.md")).expect("a page");
    let block = page.split("```hcl\n").nth(1).and_then(|rest| rest.split("```").next());
    let source = Regex::new(r#"source = "[^"]+""#).expect("a pattern");
    let here = format!("source = \"{}\"", root().join("terraform").display());
    let folder = tempfile::tempdir().expect("a directory");
    let text = source.replace(block.expect("a block"), &*here);
    fs::write(folder.path().join("main.tf"), &*text).expect("written");
    let output = check(&[folder.path().to_owned()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn its_queues_are_those_of_the_program() {
    let text = fs::read_to_string(root().join("terraform/main.tf")).expect("a file");
    let row = r#"(?m)^ +([a-z-]+) += \{ environment = "([a-z-]+)", priority = (\d+) \}$"#;
    let rows = Regex::new(row).expect("a pattern");
    let mut found: Vec<_> = rows
        .captures_iter(&text)
        .map(|row| (row[1].to_owned(), row[2].to_owned(), row[3].to_owned()))
        .collect();
    found.sort();
    let mut expected = Queue::ALL.map(|queue| {
        let on = if queue.interruptible() { "spot" } else { "on-demand" };
        (queue.to_string(), on.to_owned(), queue.priority().to_string())
    });
    expected.sort();
    assert_eq!(found, expected);
}
