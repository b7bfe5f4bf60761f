//! The pipeline for Jenkins, and the script for all others.

use regex::Regex;

use super::{Runner, Source, block};
use crate::support::{Account, Jobs, Run};

#[test]
fn the_script() {
    let account = Account::new(Jobs::Run);
    let source = Source::new(4);
    let ci = |runner: &mut Runner, commit: &str, limit: &str| {
        runner.set("COMMIT", commit);
        runner.set("LIMIT", limit);
        let command = source.folder.path().join("build.sh");
        let script = format!("set -- {} test\n{}", command.display(), block("Any other"));
        runner.sh("sh", &script)
    };
    let mut runner = Runner::new(&account);
    let first = ci(&mut runner, "0123abc", "0s");
    assert_eq!(first.code, 124, "{}", first.stderr);
    // Another machine takes the same job while it is not over.
    let mut other = Runner::new(&account);
    assert_eq!(ci(&mut other, "0123abc", "0s").code, 124);
    source.let_go();
    for runner in [&mut runner, &mut other] {
        let last = ci(runner, "0123abc", "60s");
        assert_eq!((last.code, last.stdout.as_str()), (4, "building\n"), "{}", last.stderr);
    }
    assert_eq!(account.jobs().len(), 1);
    // The next commit in the same directory is another job, and so is the same one afterwards.
    for commit in ["4567def", "0123abc"] {
        assert_eq!(ci(&mut runner, commit, "60s").code, 4);
    }
    assert_eq!(account.jobs().len(), 3);
    // Another command of the same commit is another job, whatever became of the first.
    let other = runner.sh("sh", &format!("set -- echo other\n{}", block("Any other")));
    assert_eq!((other.code, other.stdout.as_str()), (0, "other\n"), "{}", other.stderr);
}

#[test]
fn without_a_commit_nothing_is_submitted() {
    let account = Account::new(Jobs::Succeed);
    let runner = Runner::new(&account);
    let run = runner.sh("sh", &format!("set -- true\n{}", block("Any other")));
    assert!(run.code != 0 && run.stderr.contains("not a git repository"), "{}", run.stderr);
    assert_eq!(account.jobs().len(), 0);
}

#[test]
fn the_jenkinsfile() {
    let text = block("Jenkins");
    let scripts = Regex::new("(?s)sh '''\n(.*?)'''").expect("a pattern");
    let scripts: Vec<_> = scripts.captures_iter(&text).map(|script| script[1].to_owned()).collect();
    let [submit, wait, end, logs, cancel] = scripts.as_slice() else { panic!("{scripts:?}") };
    let account = Account::new(Jobs::Run);
    let source = Source::new(4);
    let mut runner = Runner::new(&account);
    let variables = Regex::new(r"(?m)^ +([A-Z_]+) = '(.*)'$").expect("a pattern");
    for row in variables.captures_iter(&text) {
        runner.set(&row[1], &row[2]);
    }
    runner.set("GIT_URL", source.url());
    runner.set("GIT_COMMIT", source.commit.clone());
    let run = |runner: &Runner, script: &str| -> Run { runner.sh("sh", script) };
    // Before there is a job, nothing is logged and nothing ended.
    assert_eq!((run(&runner, logs).code, run(&runner, cancel).code), (0, 0));
    assert_eq!(run(&runner, submit).code, 0);
    runner.set("LIMIT", "0s");
    assert_eq!(run(&runner, wait).code, 124);
    source.let_go();
    runner.set("LIMIT", "60s");
    assert_eq!(run(&runner, wait).code, 0);
    assert_eq!(run(&runner, end).code, 4);
    assert_eq!(run(&runner, logs).code, 0);
    assert_eq!(runner.file("job.log"), "building\n");
    // Nothing is left to be ended, which is no failure of whoever aborted.
    assert_eq!(run(&runner, cancel).code, 0);
}
