//! What a job finds in its environment: nothing that it was not given.

use std::collections::BTreeMap;

use super::subject::Subject;
use crate::support::{Home, Run};

/// What the command `env -0` printed.
fn read(run: &Run) -> BTreeMap<String, String> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    let entry =
        |entry: &str| entry.split_once('=').map(|(name, value)| (name.into(), value.into()));
    // CloudWatch keeps lines, so one that was not ended is.
    let stdout = run.stdout.trim_end_matches('\n');
    stdout.split_terminator('\0').map(|text| entry(text).expect("NAME=VALUE")).collect()
}

pub fn it_is_what_was_declared_and_what_batch_sets<S: Subject>(home: &Home) {
    let mut command = home.command([
        "run",
        "--env",
        "GIVEN=a b\n$c",
        "--env",
        "MINE",
        "--secret",
        "TOKEN",
        "--",
        "env",
        "-0",
    ]);
    command.env("MINE", "from the caller").env("NOT_MINE", "stays here").env("LANG", "C.UTF-8");
    // What the job writes of a secret is masked; the length tells that it arrived.
    let run = home.run_command(command.env("TOKEN", "hunter2"));
    let mut expected = S::environment(home, home.status("last")["id"].as_str().expect("an id"));
    for (name, value) in [("GIVEN", "a b\n$c"), ("MINE", "from the caller"), ("TOKEN", "***")] {
        expected.insert(name.to_owned(), value.to_owned());
    }
    assert_eq!(read(&run), expected);
}

pub fn declared_variables_win_over_the_defaults<S: Subject>(home: &Home) {
    let run = home.run([
        "run",
        "--env",
        "PATH=/nowhere:/usr/bin",
        "--env",
        "HOME=/elsewhere",
        "--",
        "env",
        "-0",
    ]);
    let environment = read(&run);
    assert_eq!(environment["PATH"], "/nowhere:/usr/bin");
    assert_eq!(environment["HOME"], "/elsewhere");
}
