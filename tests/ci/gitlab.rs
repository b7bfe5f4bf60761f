//! The pipeline for GitLab CI.

use serde_json::Value;

use super::{Runner, Source, block, conforms, yaml};
use crate::support::{Account, Jobs, Run};

/// The lines of a script, with those of others that it names.
fn lines(pipeline: &Value, script: &Value) -> Vec<String> {
    let parts = script.as_array().expect("lines").iter();
    let of_part = |part: &Value| match part["reference"].as_array() {
        Some(path) => {
            let text = |name: &Value| name.as_str().expect("a name").to_owned();
            lines(pipeline, path.iter().fold(pipeline, |at, name| &at[text(name)]))
        }
        None => vec![part.as_str().expect("a line").to_owned()],
    };
    parts.flat_map(of_part).collect()
}

/// Runs parts of a job's scripts, each in the shell that it has there.
fn job(runner: &mut Runner, name: &str, source: &Source, status: &str) -> Run {
    let pipeline = yaml(&block("GitLab CI"));
    let shared = &pipeline[".computes"];
    runner.set("CI_PROJECT_URL", source.url());
    runner.set("CI_COMMIT_SHA", source.commit.clone());
    runner.set("AWS_TOKEN", "a token of GitLab");
    runner.set("CI_JOB_STATUS", status);
    let limit = runner.variables.get("LIMIT").cloned().unwrap_or_else(|| "60s".to_owned());
    for of in [shared, &pipeline[name]] {
        for (variable, value) in of["variables"].as_object().expect("variables") {
            let value = value["value"].as_str().or(value.as_str()).expect("a text");
            let value = value.replace("/tmp/aws-token", "token");
            let told = value.strip_prefix('$').and_then(|name| runner.variables.get(name)).cloned();
            runner.set(variable, told.unwrap_or(value));
        }
    }
    runner.set("LIMIT", limit);
    let script = if status == "canceled" {
        lines(&pipeline, &shared["after_script"])
    } else {
        [lines(&pipeline, &shared["before_script"]), lines(&pipeline, &pipeline[name]["script"])]
            .concat()
    };
    let run = runner.sh("bash", &script.join("\n"));
    for line in runner.file("computes.env").lines() {
        let (name, value) = line.split_once('=').expect("a variable");
        runner.set(name, value);
    }
    run
}

#[test]
fn it_is_as_gitlab_wants_it() {
    conforms(&block("GitLab CI"), &["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]);
}

#[test]
fn a_build_with_a_token_in_the_place_of_keys() {
    let account = Account::new(Jobs::Run);
    let source = Source::new(0);
    source.let_go();
    let mut runner = Runner::with_token_only(&account);
    let run = job(&mut runner, "build", &source, "running");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("what the job wrote\nbuilding\n"), "{}", run.stdout);
    assert_eq!(account.jobs().len(), 1);
    let again = job(&mut runner, "go-on", &source, "running");
    assert_eq!(again.code, 0, "{}", again.stderr);
}

#[test]
fn one_that_takes_longer_and_fails() {
    let account = Account::new(Jobs::Run);
    let source = Source::new(4);
    let mut first = Runner::with_token_only(&account);
    first.set("LIMIT", "0s");
    assert_eq!(job(&mut first, "build", &source, "running").code, 124);
    let mut second = Runner::with_token_only(&account);
    second.set("ID", first.variables["ID"].clone());
    source.let_go();
    let run = job(&mut second, "go-on", &source, "running");
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stdout.contains("building\n"), "{}", run.stdout);
}

#[test]
fn one_that_is_cancelled() {
    let account = Account::new(Jobs::Run);
    let source = Source::new(0);
    let mut runner = Runner::with_token_only(&account);
    runner.set("LIMIT", "0s");
    assert_eq!(job(&mut runner, "build", &source, "running").code, 124);
    let after = job(&mut runner, "build", &source, "canceled");
    assert_eq!(after.code, 0, "{}", after.stderr);
    let home = account.home();
    assert_eq!(home.run(["wait", &runner.variables["ID"]]).code, 120);
}
