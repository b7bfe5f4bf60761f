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

use crate::support::{Account, Aws, Home, Run, at_short_intervals, python_tool, root};

/// The block below a heading.
fn block(heading: &str) -> String {
    let page = fs::read_to_string(root().join("docs/ci.md")).expect("a page");
    let section = page.split(&format!("\n## {heading}\n")).nth(1).expect("a section");
    let block = section.split("```").nth(1).expect("a block");
    block.split_once('\n').expect("a language").1.to_owned()
}

/// YAML as JSON; a list that GitLab takes from elsewhere (`!reference`) is put in.
fn yaml(text: &str) -> Value {
    const READ: &str = r#"
import json, sys, yaml
yaml.SafeLoader.add_constructor("!reference", lambda loader, node: {"reference": loader.construct_sequence(node)})
json.dump(yaml.safe_load(sys.stdin), sys.stdout)
"#;
    let mut python = python_tool("python")
        .args(["-c", READ])
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
fn conforms(text: &str, schema: &[&str]) {
    let file = tempfile::Builder::new().suffix(".yml").tempfile().expect("a file");
    fs::write(file.path(), text).expect("written");
    let output = python_tool("check-jsonschema")
        .arg("--builtin-schema")
        .args(schema)
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
        let endpoint = format!("http://127.0.0.1:{}", Aws::server().port());
        let home = at_short_intervals(Home::new()).with("AWS_ENDPOINT_URL", &endpoint);
        let variables =
            [("COMPUTES_ROLE", account.field("role")), ("AWS_REGION", account.field("region"))];
        Self { home, variables: variables.map(|(name, value)| (name.to_owned(), value)).into() }
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.home.work().join(name)).unwrap_or_default()
    }

    /// Runs a script as the platform would. `computes` is found in it, and limits are short.
    fn sh(&self, shell: &str, script: &str) -> Run {
        let limits = Regex::new("--limit [0-9]+m").expect("a pattern");
        let script = script.replace("/tmp/aws-token", "token");
        let script = limits.replace_all(&script, NoExpand("--limit ${LIMIT:-60s}"));
        let mut command = self.home.command_of(Path::new(shell), ["-e", "-c", &script]);
        let program = Path::new(env!("CARGO_BIN_EXE_computes"));
        let folder = program.parent().expect("a folder").display();
        command.env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"));
        self.home.run_command(command.envs(&self.variables))
    }
}

/// A repository whose `./build.sh test` waits until it is let go, writes and exits with a code.
struct Source {
    folder: tempfile::TempDir,
    commit: String,
}

impl Source {
    fn new(code: u8) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let gate = folder.path().join("gate");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = test ]\nuntil [ -e {} ]; do sleep 0.05; done\necho building\nexit {code}\n",
            gate.display()
        );
        fs::write(folder.path().join("build.sh"), script).expect("written");
        let git = |words: &str| {
            let output = Command::new("sh")
                .args(["-ec", words])
                .current_dir(folder.path())
                .env_clear()
                .env("PATH", "/usr/local/bin:/usr/bin:/bin")
                .output()
                .expect("a shell starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("text").trim().to_owned()
        };
        git(
            "chmod +x build.sh && git init -q && git add build.sh && git -c user.name=x -c user.email=x@x commit -q -m x",
        );
        let commit = git("git rev-parse HEAD");
        Self { folder, commit }
    }

    fn url(&self) -> String {
        format!("file://{}", self.folder.path().display())
    }

    fn let_go(&self) {
        fs::write(self.folder.path().join("gate"), "").expect("written");
    }
}
