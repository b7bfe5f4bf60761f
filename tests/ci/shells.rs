//! The pipeline for Jenkins, and the script for all others.

use regex::Regex;

use super::{Held, Runner, block};
use crate::support::{Account, Jobs, Run};

#[test]
fn the_script() {
    let account = Account::new(Jobs::Run);
    let held = Held::new();
    let mut runner = Runner::new(&account);
    runner.set("COMMIT", "0123abc");
    let ci = |runner: &Runner, words: &str| {
        let script = format!("set -- {words}\n{}", block("Any other"));
        runner.sh("sh", &script, "")
    };
    let words = format!("sh -c '{}'", held.job());
    runner.set("LIMIT", "0s");
    let first = ci(&runner, &words);
    assert_eq!(first.code, 124, "{}", first.stderr);
    // Another machine takes the same job while it is not over.
    let mut other = Runner::new(&account);
    other.set("COMMIT", "0123abc");
    other.set("LIMIT", "0s");
    assert_eq!(ci(&other, &words).code, 124);
    held.let_go();
    for runner in [&mut runner, &mut other] {
        runner.set("LIMIT", "60s");
        let last = ci(runner, &words);
        assert_eq!((last.code, last.stdout.as_str()), (4, "building\n"), "{}", last.stderr);
    }
    assert_eq!(account.jobs().len(), 1);
}

#[test]
fn the_jenkinsfile() {
    let text = block("Jenkins");
    let scripts = Regex::new("(?s)sh '''\n(.*?)'''").expect("a pattern");
    let scripts: Vec<_> = scripts.captures_iter(&text).map(|script| script[1].to_owned()).collect();
    let [submit, wait, logs, cancel] = scripts.as_slice() else { panic!("{scripts:?}") };
    let account = Account::new(Jobs::Run);
    let mut runner = Runner::new(&account);
    for (name, value) in Regex::new(r"(?m)^ +([A-Z_]+) = '(.*)'$")
        .expect("a pattern")
        .captures_iter(&text)
        .map(|row| (row[1].to_owned(), row[2].to_owned()))
    {
        runner.set(&name, value);
    }
    runner.set("GIT_COMMIT", "0123abc");
    let held = Held::new();
    let run = |runner: &Runner, script: &str| -> Run { runner.sh("sh", script, &held.job()) };
    assert_eq!(run(&runner, submit).code, 0);
    runner.set("LIMIT", "0s");
    assert_eq!(run(&runner, wait).code, 124);
    held.let_go();
    runner.set("LIMIT", "60s");
    assert_eq!(run(&runner, wait).code, 4);
    assert_eq!(run(&runner, logs).code, 0);
    assert_eq!(runner.file("job.log"), "building\n");
    // Nothing is left to be ended, which is no failure of whoever aborted.
    assert_eq!(run(&runner, cancel).code, 0);
}
