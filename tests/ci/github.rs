//! The workflow for GitHub Actions.

use serde_json::Value;

use super::{Held, Runner, block, conforms, yaml};
use crate::support::{Account, Jobs, Run};

fn workflow() -> Value {
    yaml(&block("GitHub Actions"))
}

/// Runs a step, and hands on what it says it puts out.
fn step(runner: &mut Runner, job: &Value, name: &str, does: &str) -> Run {
    let steps = job["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["name"] == name).expect("a step of that name");
    let env = step["env"].as_object().into_iter().flatten();
    for (variable, value) in env.chain(workflow()["env"].as_object().expect("variables")) {
        let value = value.as_str().expect("a text");
        let told = value.strip_prefix("${{ ").and_then(|it| it.strip_suffix(" }}"));
        let told =
            told.map(|name| runner.variables[name.rsplit('.').next().expect("a name")].clone());
        runner.set(variable, told.unwrap_or_else(|| value.to_owned()));
    }
    for (variable, value) in [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SHA", "0123abc"),
        ("GITHUB_OUTPUT", "output"),
        ("GITHUB_STEP_SUMMARY", "summary"),
    ] {
        runner.set(variable, value);
    }
    let run = runner.sh("bash", step["run"].as_str().expect("a script"), does);
    for line in runner.file("output").lines() {
        let (name, value) = line.split_once('=').expect("an output");
        runner.set(name, value);
    }
    run
}

#[test]
fn it_is_as_github_wants_it() {
    conforms(&block("GitHub Actions"), "vendor.github-workflows");
}

#[test]
fn a_build() {
    let account = Account::new(Jobs::Run);
    let mut runner = Runner::new(&account);
    let workflow = workflow();
    let build = &workflow["jobs"]["build"];
    let does = "echo building; echo 0123abc is $GITHUB_SHA";
    assert_eq!(step(&mut runner, build, "submit", does).code, 0);
    // As when the step is run again.
    assert_eq!(step(&mut runner, build, "submit", does).code, 0);
    let waited = step(&mut runner, build, "wait", does);
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    let log = "::group::what the job wrote\nbuilding\n0123abc is 0123abc\n::endgroup::\n";
    assert_eq!(waited.stdout, log);
    assert_eq!(runner.variables["over"], "true");
    assert_eq!(account.jobs()[0]["jobName"].as_str().map(|it| &it[..13]), Some("build-0123abc"));
}

#[test]
fn one_that_takes_longer_and_fails() {
    let account = Account::new(Jobs::Run);
    let held = Held::new();
    let mut first = Runner::new(&account);
    let workflow = workflow();
    let build = &workflow["jobs"]["build"];
    assert_eq!(step(&mut first, build, "submit", &held.job()).code, 0);
    first.set("LIMIT", "0s");
    assert_eq!(step(&mut first, build, "wait", "").code, 0);
    assert!(!first.variables.contains_key("over"));

    // Another machine, which knows the id and nothing else.
    let mut second = Runner::new(&account);
    second.set("id", first.variables["id"].clone());
    held.let_go();
    let waited = step(&mut second, &workflow["jobs"]["go-on"], "wait", "");
    assert_eq!(waited.code, 4, "{}", waited.stderr);
    assert!(waited.stdout.contains("building\n"), "{}", waited.stdout);
    assert!(waited.stderr.contains("::error title=build-0123abc failed::"), "{}", waited.stderr);
    assert!(second.file("summary").contains("### `build-0123abc` failed"));
}
