//! The pipeline for GitLab CI.

use serde_json::Value;

use super::{Held, Runner, block, conforms, yaml};
use crate::support::{Account, Jobs, Run};

fn job(runner: &mut Runner, name: &str, does: &str) -> Run {
    let pipeline = yaml(&block("GitLab CI"));
    let shared = &pipeline[".computes"];
    for (variable, value) in shared["variables"].as_object().expect("variables") {
        let value = value.as_str().expect("a text").replace("/tmp/aws-token", "token");
        let told = value.strip_prefix('$').map(|name| runner.variables[name].clone());
        runner.set(variable, told.unwrap_or(value));
    }
    runner.set("AWS_TOKEN", "a token of GitLab");
    runner.set("CI_COMMIT_SHA", "0123abc");
    let lines = |lines: &Value| -> Vec<String> {
        let lines = lines.as_array().expect("lines").iter();
        lines.map(|line| line.as_str().expect("a line").to_owned()).collect()
    };
    let script = [lines(&shared["before_script"]), lines(&pipeline[name]["script"])].concat();
    let run = runner.sh("bash", &script.join("\n"), does);
    for line in runner.file("computes.env").lines() {
        let (name, value) = line.split_once('=').expect("a variable");
        runner.set(name, value);
    }
    run
}

#[test]
fn it_is_as_gitlab_wants_it() {
    conforms(&block("GitLab CI"), "vendor.gitlab-ci");
}

#[test]
fn a_build_with_a_token_in_the_place_of_keys() {
    let account = Account::new(Jobs::Run);
    let mut runner = Runner::with_token_only(&account);
    let run = job(&mut runner, "build", "echo building");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("what the job wrote\nbuilding\n"), "{}", run.stdout);
    assert_eq!(account.jobs().len(), 1);
    let again = job(&mut runner, "go-on", "");
    assert_eq!(again.code, 0, "{}", again.stderr);
}

#[test]
fn one_that_takes_longer_and_fails() {
    let account = Account::new(Jobs::Run);
    let held = Held::new();
    let mut first = Runner::with_token_only(&account);
    first.set("LIMIT", "0s");
    assert_eq!(job(&mut first, "build", &held.job()).code, 124);
    let mut second = Runner::with_token_only(&account);
    second.set("ID", first.variables["ID"].clone());
    held.let_go();
    assert_eq!(job(&mut second, "go-on", "").code, 4);
}
