//! The workflow for GitHub Actions.

use std::collections::BTreeMap;
use std::process::Command;

use regex::Regex;
use serde_json::Value;

use super::{Runner, Source, block, conforms, yaml};
use crate::support::{Account, Jobs, Run};

/// A run of the workflow: what its expressions stand for, by their whole names.
struct Workflow {
    file: Value,
    context: BTreeMap<String, String>,
}

impl Workflow {
    fn new(source: &Source) -> Self {
        let (server, repository) = source.url().rsplit_once('/').map(own).expect("a path");
        let context = [
            ("github.server_url", server),
            ("github.repository", repository),
            ("github.sha", source.commit.clone()),
            ("vars.AWS_REGION", "us-east-1".to_owned()),
            ("vars.COMPUTES_ARCHIVE", String::new()),
        ];
        let context = context.map(|(name, value)| (name.to_owned(), value)).into();
        Self { file: yaml(&block("GitHub Actions")), context }
    }

    /// A text with its expressions filled in. One that nobody set is empty, as there.
    fn filled(&self, text: &str) -> String {
        let expressions = Regex::new(r"\$\{\{ ([a-z_A-Z.-]+) \}\}").expect("a pattern");
        let value =
            |found: &regex::Captures<'_>| self.context.get(&found[1]).cloned().unwrap_or_default();
        expressions.replace_all(text, value).into_owned()
    }

    fn env(&self, runner: &mut Runner, of: &Value) {
        for (name, value) in of["env"].as_object().into_iter().flatten() {
            runner.set(name, self.filled(value.as_str().expect("a text")));
        }
    }

    /// Runs a step, and keeps what it puts out.
    fn step(&mut self, runner: &mut Runner, job: &str, name: &str) -> Run {
        let file = self.file.clone();
        let job = &file["jobs"][job];
        let steps = job["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["name"] == name).expect("a step of that name");
        for of in [&file, job, step] {
            self.env(runner, of);
        }
        for (variable, value) in [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_PATH", "path"),
            ("GITHUB_STEP_SUMMARY", "summary"),
        ] {
            runner.set(variable, value);
        }
        let run = runner.sh("bash", step["run"].as_str().expect("a script"));
        if let Some(id) = step["id"].as_str() {
            for line in runner.file("output").lines() {
                let (name, value) = line.split_once('=').expect("an output");
                self.context.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
            }
        }
        run
    }

    /// The outputs of a job, for those that need it.
    fn end(&mut self, job: &str) {
        let outputs = self.file["jobs"][job]["outputs"].clone();
        for (name, value) in outputs.as_object().into_iter().flatten() {
            let value = self.filled(value.as_str().expect("a text"));
            self.context.insert(format!("needs.{job}.outputs.{name}"), value);
        }
        self.context.retain(|name, _| !name.starts_with("steps."));
    }

    /// Would the job that goes on be run?
    fn goes_on(&self) -> bool {
        let condition = self.file["jobs"]["go-on"]["if"].as_str().expect("a condition");
        let (name, value) = condition.split_once(" != ").expect("a comparison");
        self.context.get(name).is_none_or(|is| *is != value.trim_matches('\''))
    }
}

fn own((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[test]
fn it_is_as_github_wants_it() {
    conforms(&block("GitHub Actions"), &["vendor.github-workflows"]);
}

#[test]
fn a_build() {
    let account = Account::new(Jobs::Run);
    let source = Source::new(0);
    let mut runner = Runner::new(&account);
    let mut workflow = Workflow::new(&source);
    assert_eq!(workflow.step(&mut runner, "build", "submit").code, 0);
    // As when the step is run again.
    assert_eq!(workflow.step(&mut runner, "build", "submit").code, 0);
    source.let_go();
    let waited = workflow.step(&mut runner, "build", "wait");
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    let log = workflow.step(&mut runner, "build", "log");
    let between = Regex::new(
        "^::group::what the job wrote\n::stop-commands::([0-9a-f-]{36})\nbuilding\n\n::([0-9a-f-]{36})::\n::endgroup::\n$",
    );
    let between = between.expect("a pattern");
    let found = between.captures(&log.stdout).expect("the log, and no command in it");
    assert_eq!(found[1], found[2]);
    workflow.end("build");
    assert!(!workflow.goes_on());
    assert_eq!(account.jobs().len(), 1);
}

#[test]
fn one_that_takes_longer_and_fails() {
    let account = Account::new(Jobs::Run);
    let source = Source::new(4);
    let mut first = Runner::new(&account);
    let mut workflow = Workflow::new(&source);
    assert_eq!(workflow.step(&mut first, "build", "submit").code, 0);
    first.set("LIMIT", "0s");
    assert_eq!(workflow.step(&mut first, "build", "wait").code, 0);
    workflow.end("build");
    assert!(workflow.goes_on());

    // Another machine, which knows the id and nothing else.
    let mut second = Runner::new(&account);
    source.let_go();
    let waited = workflow.step(&mut second, "go-on", "wait");
    assert_eq!(waited.code, 4, "{}", waited.stderr);
    assert!(waited.stderr.contains("::error title=build-"), "{}", waited.stderr);
    assert!(second.file("summary").contains("### `build-"));
    assert!(workflow.step(&mut second, "go-on", "log").stdout.contains("building\n"));
}

#[test]
fn one_that_is_cancelled() {
    let account = Account::new(Jobs::Run);
    let source = Source::new(0);
    let mut runner = Runner::new(&account);
    let mut workflow = Workflow::new(&source);
    assert_eq!(workflow.step(&mut runner, "build", "submit").code, 0);
    let cancelled = workflow.step(&mut runner, "build", "cancel");
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    assert_eq!(runner.home.run(["wait", "last"]).code, 120);
}

#[test]
fn the_program_is_installed_from_the_archive() {
    let account = Account::new(Jobs::Succeed);
    let source = Source::new(0);
    let mut runner = Runner::new(&account);
    let archive = source.folder.path().join("computes.tar.gz");
    // Other tests give the program other names, and tar takes that for a change.
    let program = source.folder.path().join("computes");
    std::fs::copy(env!("CARGO_BIN_EXE_computes"), &program).expect("copied");
    let packed = Command::new("tar")
        .args(["--transform", "s,^,computes-0/bin/,", "-czf"])
        .arg(&archive)
        .arg("-C")
        .arg(source.folder.path())
        .arg("computes")
        .status();
    assert!(packed.expect("tar starts").success());
    let mut workflow = Workflow::new(&source);
    let address = format!("file://{}", archive.display());
    workflow.context.insert("vars.COMPUTES_ARCHIVE".to_owned(), address);
    let run = workflow.step(&mut runner, "build", "install computes");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let path = runner.file("path");
    assert!(std::path::Path::new(path.trim_end()).join("computes").exists(), "{path}");
}
