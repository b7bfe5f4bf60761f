//! The pipelines of docs/ci.md: as their platforms want them, and what their steps call works.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod github;
mod gitlab;
mod shells;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use regex::{NoExpand, Regex};
use serde_json::Value;

use crate::support::{Account, Aws, Home, Run};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tool(name: &str) -> Command {
    Command::new(root().join("target/python/bin").join(name))
}

/// The block below a heading.
fn block(heading: &str) -> String {
    let page = fs::read_to_string(root().join("docs/ci.md")).expect("a page");
    let section = page.split(&format!("\n## {heading}\n")).nth(1).expect("a section");
    let block = section.split("```").nth(1).expect("a block");
    block.split_once('\n').expect("a language").1.to_owned()
}

fn yaml(text: &str) -> Value {
    let mut python = tool("python")
        .args(["-c", "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = python.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("written");
    drop(stdin);
    let output = python.wait_with_output().expect("python ends");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Holds a file against the schema that its platform publishes.
#[track_caller]
fn conforms(text: &str, schema: &str) {
    let file = tempfile::Builder::new().suffix(".yml").tempfile().expect("a file");
    fs::write(file.path(), text).expect("written");
    let output = tool("check-jsonschema")
        .args(["--builtin-schema", schema])
        .arg(file.path())
        .output()
        .expect("the check starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A machine of a pipeline, on which nothing was done yet.
struct Runner {
    home: Home,
    variables: BTreeMap<String, String>,
}

impl Runner {
    fn new(account: &Account) -> Self {
        Self { home: account.home(), variables: BTreeMap::new() }
    }

    /// One that has a token of its platform and no keys.
    fn with_token_only(account: &Account) -> Self {
        let home = Home::new()
            .with("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", Aws::server().port()))
            .with("COMPUTES_AWS_POLL", "20ms");
        let role = [("COMPUTES_ROLE".to_owned(), account.field("role"))];
        Self { home, variables: role.into() }
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.home.work().join(name)).unwrap_or_default()
    }

    /// Runs a script as the platform would. `computes` is found in it, `./build.sh test` is
    /// `job`, and limits are short.
    fn sh(&self, shell: &str, script: &str, job: &str) -> Run {
        let limits = Regex::new("--limit [0-9]+m").expect("a pattern");
        let script = script
            .replace("./build.sh test", &format!("sh -c '{job}'"))
            .replace("/tmp/aws-token", "token");
        let script = limits.replace_all(&script, NoExpand("--limit ${LIMIT:-60s}"));
        let mut command = self.home.command_of(Path::new(shell), ["-e", "-c", &script]);
        let program = Path::new(env!("CARGO_BIN_EXE_computes"));
        let folder = program.parent().expect("a folder").display();
        command.env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"));
        self.home.run_command(command.envs(&self.variables))
    }
}

/// What a job waits for, and who lets it go on.
struct Held(tempfile::TempDir);

impl Held {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    /// Waits, and then exits with 4.
    fn job(&self) -> String {
        let gate = self.0.path().join("gate");
        format!("until [ -e {} ]; do sleep 0.05; done; echo building; exit 4", gate.display())
    }

    fn let_go(&self) {
        fs::write(self.0.path().join("gate"), "").expect("written");
    }
}
