//! Variables and secrets that can't be.

use std::os::unix::ffi::OsStrExt;

use super::stage::each;
use crate::support::Home;

fn refused(options: &[&str]) -> String {
    Home::new().refuses(&[&["submit", "--name", "n"], options, &["--", "true"]].concat())
}

#[test]
fn a_variable_that_is_not_set() {
    insta::assert_snapshot!(refused(&["--env", "NOT_SET"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: environment variable `NOT_SET` is not set
    hint: export NOT_SET, or pass --env NOT_SET=VALUE
    ");
}

#[test]
fn names_that_belong_to_batch() {
    insta::assert_snapshot!(refused(&["--env", "AWS_BATCH_JOB_ID=1"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: environment variable `AWS_BATCH_JOB_ID`: names starting with `AWS_BATCH` belong to AWS Batch
    hint: choose another name; the job is given Batch's own variables anyway
    ");
    insta::assert_snapshot!(refused(&["--env", "aws_batch_x=1"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: environment variable `aws_batch_x`: names starting with `AWS_BATCH` belong to AWS Batch
    hint: choose another name; the job is given Batch's own variables anyway
    ");
    insta::assert_snapshot!(refused(&["--secret", "AWS_BATCH_TOKEN"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: environment variable `AWS_BATCH_TOKEN`: names starting with `AWS_BATCH` belong to AWS Batch
    hint: choose another name; the job is given Batch's own variables anyway
    ");
}

#[test]
fn names_that_are_none() {
    insta::assert_snapshot!(refused(&["--env", "=NAME"]), @"
    exit code 2
    --- stderr
    error: cannot take --env: a variable needs a name
    hint: write NAME=VALUE
    ");
    insta::assert_snapshot!(refused(&["--env", ""]), @"
    exit code 2
    --- stderr
    error: cannot take --env: a variable needs a name
    hint: write NAME=VALUE
    ");
    insta::assert_snapshot!(refused(&["--env", "A B=1"]), @"
    exit code 2
    --- stderr
    error: cannot take --env: the name of a variable holds a blank
    hint: write NAME=VALUE without blanks before or after the `=`
    ");
    insta::assert_snapshot!(refused(&["--secret", ""]), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: an environment variable needs a name
    ");
}

#[test]
fn in_a_file() {
    let home = Home::new();
    home.write("bad.env", "GOOD=1\nNOT_SET\n");
    let arguments = ["submit", "--env-file", "bad.env", "--name", "n", "--", "true"];
    insta::assert_snapshot!(home.refuses(&arguments), @"
    exit code 2
    --- stderr
    error: bad.env:2: without `=` a line is a variable of yours, and you have none
    hint: export NOT_SET, or write NOT_SET=VALUE
    ");
    let given = ["run", "--quiet", "--env-file", "bad.env", "--env", "NOT_SET=x", "--", "sh", "-c"];
    let given = home.run([given.as_slice(), &["echo $NOT_SET"]].concat());
    assert_eq!(given.stdout, "x\n", "{}", given.stderr);
    let lines = ["export B=1", "=1", "A =1", "NAME = 1", "# = 1", "A B"];
    insta::assert_snapshot!(each(&lines, |line| {
        let home = Home::new();
        home.write("bad.env", &format!("\nGOOD=1\n  {line}\n"));
        home.run(arguments).snapshot()
    }), @"
    > export B=1
    exit code 2
    --- stderr
    error: cannot read bad.env:3: `export` is no part of a variable's name
    hint: leave out `export`: B=…

    > =1
    exit code 2
    --- stderr
    error: cannot read bad.env:3: a variable needs a name
    hint: write NAME=VALUE

    > A =1
    exit code 2
    --- stderr
    error: cannot read bad.env:3: the name of a variable holds a blank
    hint: write NAME=VALUE without blanks before or after the `=`

    > NAME = 1
    exit code 2
    --- stderr
    error: cannot read bad.env:3: the name of a variable holds a blank
    hint: write NAME=VALUE without blanks before or after the `=`

    > # = 1
    exit code 0
    --- stdout
    [id]

    > A B
    exit code 2
    --- stderr
    error: cannot read bad.env:3: the name of a variable holds a blank
    hint: write NAME=VALUE without blanks before or after the `=`
    ");
}

#[test]
fn a_value_that_is_no_text() {
    let home = Home::new();
    let value = std::ffi::OsStr::from_bytes(b"\xff");
    let mut command = home.command(["submit", "--name", "n", "--env", "BYTES", "--", "true"]);
    insta::assert_snapshot!(home.run_command(command.env("BYTES", value)).snapshot(), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: environment variable `BYTES` is not valid UTF-8, which AWS Batch needs
    ");
    home.assert_nothing_written();
}

#[test]
fn an_argument_that_is_no_text() {
    let home = Home::new();
    let word = std::ffi::OsStr::from_bytes(b"\xff");
    let mut command = home.command(["submit", "--"]);
    insta::assert_snapshot!(home.run_command(command.arg(word)).snapshot(), @r"
    exit code 2
    --- stderr
    error: invalid UTF-8 was detected in one or more arguments

    Usage: computes submit [OPTIONS] [-- <COMMAND>...]

    For more information, try '--help'.
    ");
    home.assert_nothing_written();
}

#[test]
fn a_secret_that_is_not_set_or_empty() {
    insta::assert_snapshot!(refused(&["--secret", "TOKEN"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: secret `TOKEN` is not set
    hint: export TOKEN before you submit, or take it out of the secrets
    ");
    let home = Home::new();
    let arguments = ["submit", "--secret", "TOKEN", "--name", "n", "--", "true"];
    insta::assert_snapshot!(home.run_with_env(&[("TOKEN", "")], &arguments).snapshot(), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: secret `TOKEN` is empty
    hint: export TOKEN before you submit, or take it out of the secrets
    ");
    home.assert_nothing_written();
}

/// The value is on the command line of this process, but we don't spread it.
#[test]
fn a_secret_with_its_value() {
    let snapshot = refused(&["--secret", "TOKEN=hunter2-canary"]);
    assert!(!snapshot.contains("hunter2"), "{snapshot}");
}

#[test]
fn a_secret_of_the_settings_that_is_not_set() {
    let home = Home::new();
    home.write("computes.toml", "secrets = [\"NPM_TOKEN\"]\n");
    insta::assert_snapshot!(home.refuses(&["run", "--name", "n", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: secret `NPM_TOKEN` is not set
    hint: export NPM_TOKEN before you submit, or take it out of the secrets
    ");
}

#[test]
fn a_secret_that_everybody_would_see() {
    let home = Home::new()
        .with("TOKEN", "hunter2-canary")
        .with("KEY", "-----BEGIN-----\nsecond line of a key\n}\n");
    let mut told = String::new();
    for words in [
        ["--name", "deploy hunter2-canary", "--", "true"].as_slice(),
        &["--", "curl", "-H", "Authorization: hunter2-canary"],
        &["--env", "URL=https://me:hunter2-canary@host", "--", "true"],
        &["--tag", "by=hunter2-canary", "--", "true"],
        &["--share", "hunter2-canary", "--", "true"],
        &["--secret", "KEY", "--", "echo", "second line of a key"],
    ] {
        let run = home.run([&["submit", "--secret", "TOKEN"], words].concat());
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
        told += &run.stderr;
    }
    insta::assert_snapshot!(told, @r#"
    error: cannot submit: the value of secret `TOKEN` stands in the name of the job, which is no secret
    hint: let a shell in the job put it in, as in sh -c 'program "$TOKEN"'; or take TOKEN out of the secrets if it is none
    error: cannot submit: the value of secret `TOKEN` stands in the command, which is no secret
    hint: let a shell in the job put it in, as in sh -c 'program "$TOKEN"'; or take TOKEN out of the secrets if it is none
    error: cannot submit: the value of secret `TOKEN` stands in the variable `URL`, which is no secret
    hint: let a shell in the job put it in, as in sh -c 'program "$TOKEN"'; or take TOKEN out of the secrets if it is none
    error: cannot submit: the value of secret `TOKEN` stands in the tag `by`, which is no secret
    hint: let a shell in the job put it in, as in sh -c 'program "$TOKEN"'; or take TOKEN out of the secrets if it is none
    error: cannot submit: the value of secret `TOKEN` stands in the share, which is no secret
    hint: let a shell in the job put it in, as in sh -c 'program "$TOKEN"'; or take TOKEN out of the secrets if it is none
    error: cannot submit: the value of secret `KEY` stands in the command, which is no secret
    hint: let a shell in the job put it in, as in sh -c 'program "$KEY"'; or take KEY out of the secrets if it is none
    "#);
    home.assert_nothing_written();
}

/// What is this short stands in other words by chance.
#[test]
fn a_short_secret_may_stand_in_a_word() {
    let home = Home::new().with("TOKEN", "test");
    home.submit(["--secret", "TOKEN", "--", "true", "test.sh"]);
}
