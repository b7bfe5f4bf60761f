//! Command lines that can't be read.

use std::path::Path;

use super::stage::each;
use crate::support::Home;

#[test]
fn a_number_below_zero() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["run", "--memory", "-1", "--", "true"]), @"
    exit code 2
    --- stderr
    error: unexpected argument '-1' found

    Usage: computes run [OPTIONS] [-- <COMMAND>...]

    For more information, try '--help'.
    hint: no number and no time here is below 0
    ");
    insta::assert_snapshot!(home.refuses(&["run", "make && ls"]), @"
    exit code 2
    --- stderr
    error: unexpected argument 'make && ls' found

    Usage: computes run [OPTIONS] [-- <COMMAND>...]

    For more information, try '--help'.
    hint: a command goes after `--`, a word each; did you mean -- sh -c 'make && ls'?
    ");
    let after_an_option = home.refuses(&["--engine", "local", "run", "make && ls"]);
    assert!(after_an_option.contains("did you mean -- sh -c 'make && ls'?"), "{after_an_option}");
}

/// One piece of advice, and not the parser's and ours beside each other.
#[test]
fn an_option_that_another_verb_has() {
    let calls = ["run --foo", "run --region x -- true", "run --- true", "run --attempts x -- true"];
    let refused = |call: &&str| Home::new().refuses(&super::stage::words(call));
    insta::assert_snapshot!(each(&calls, refused), @"
    > run --foo
    exit code 2
    --- stderr
    error: unexpected argument '--foo' found

    For more information, try '--help'.
    hint: did you mean `--follow`, an option of `logs`?

    > run --region x -- true
    exit code 2
    --- stderr
    error: unexpected argument '--region' found

    For more information, try '--help'.
    hint: set AWS_REGION, or name the queue by its ARN

    > run --- true
    exit code 2
    --- stderr
    error: unexpected argument '---' found

    For more information, try '--help'.
    hint: a command goes after `--`, which is two of them

    > run --attempts x -- true
    exit code 2
    --- stderr
    error: invalid value 'x' for '--attempts <N>': invalid digit found in string

    For more information, try '--help'.
    hint: --attempts <N> takes a whole number
    ");
}

#[test]
fn a_directory_that_is_gone() {
    let home = Home::new();
    let program = env!("CARGO_BIN_EXE_computes");
    let script = format!("mkdir gone && cd gone && rmdir ../gone && exec '{program}' list");
    let run = home.run_command(&mut home.command_of(Path::new("sh"), ["-c", &script]));
    insta::assert_snapshot!(run.snapshot(), @r#"
    exit code 125
    --- stderr
    error: cannot find the working directory: No such file or directory (os error 2)
    hint: it was removed or made anew: cd "$PWD", or elsewhere
    "#);
}

#[test]
fn without_a_verb_there_is_help_and_an_error() {
    let home = Home::new();
    let (help, run) = (home.run(["--help"]), home.run([""; 0]));
    assert_eq!((run.code, run.stdout.as_str(), run.stderr), (2, "", help.stdout));
}

#[test]
fn the_verbs_that_are_named_are_those_that_are_shown() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["--json"]), @r#"
    exit code 2
    --- stderr
    {"error":"'computes' requires a subcommand but one was not provided [subcommands: run, submit, wait, status, list, ls, ps, logs, files, cancel, retry, prune, queues, explain, doctor, policy, worker, init, completions, man, help]","hint":"usage: computes [OPTIONS] <COMMAND>","exit_code":2}
    "#);
    insta::assert_snapshot!(home.refuses(&["--quiet"]), @"
    exit code 2
    --- stderr
    error: 'computes' requires a subcommand but one was not provided
      [subcommands: run, submit, wait, status, list, ls, ps, logs, files, cancel, retry, prune, queues, explain, doctor, policy, worker, init, completions, man, help]

    Usage: computes [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(home.refuses(&["man", "lst"]), @"
    exit code 2
    --- stderr
    error: there is no verb `lst`
    hint: did you mean `computes list`?
    ");
    insta::assert_snapshot!(home.refuses(&["help", "files", "gt"]), @"
    exit code 2
    --- stderr
    error: unrecognized subcommand 'gt'

    Usage: computes files [OPTIONS] <COMMAND>

    For more information, try '--help'.
    hint: did you mean `computes files get`?
    ");
}

#[test]
fn an_unknown_verb_option_and_a_missing_argument() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["sumbit"]), @r"
    exit code 2
    --- stderr
    error: unrecognized subcommand 'sumbit'

      tip: a similar subcommand exists: 'submit'

    Usage: computes [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(home.refuses(&["run", "--memry", "1", "--", "true"]), @"
    exit code 2
    --- stderr
    error: unexpected argument '--memry' found

      tip: a similar argument exists: '--memory'

    Usage: computes run --memory <SIZE> [-- <COMMAND>...]

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(home.refuses(&["status"]), @"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <JOB>...

    Usage: computes status <JOB>...

    For more information, try '--help'.
    hint: name a job by its id, the beginning of it, or `last`
    ");
    insta::assert_snapshot!(home.refuses(&["logs"]), @"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <JOB>...

    Usage: computes logs <JOB>...

    For more information, try '--help'.
    hint: name a job by its id, the beginning of it, or `last`
    ");
    insta::assert_snapshot!(home.refuses(&["cancel"]), @"
    exit code 2
    --- stderr
    error: no job is named
    hint: name some, or say which are meant: --all, --state running, --name test
    ");
    insta::assert_snapshot!(home.refuses(&["retry"]), @"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <JOB>...

    Usage: computes retry <JOB>...

    For more information, try '--help'.
    hint: name a job by its id, the beginning of it, or `last`
    ");
    insta::assert_snapshot!(home.refuses(&["wait"]), @"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <JOB>...

    Usage: computes wait <JOB>...

    For more information, try '--help'.
    hint: name a job by its id, the beginning of it, or `last`
    ");
}

#[test]
fn a_command_without_the_two_dashes() {
    insta::assert_snapshot!(Home::new().refuses(&["run", "./build.sh", "test"]), @r"
    exit code 2
    --- stderr
    error: unexpected argument './build.sh' found

    Usage: computes run [OPTIONS] [-- <COMMAND>...]

    For more information, try '--help'.
    hint: a command goes after `--`, as in `computes run -- ./build.sh test`
    ");
}

#[test]
fn what_cannot_be_said_twice_or_at_once() {
    let home = Home::new();
    let overrides = r#"{"command": ["true"]}"#;
    insta::assert_snapshot!(
        home.refuses(&["submit", "--container-overrides", overrides, "--", "false"]),
        @r"
    exit code 2
    --- stderr
    error: the command is given twice: after `--` and in --container-overrides
    hint: leave one of them out
    "
    );
    insta::assert_snapshot!(
        home.refuses(&["submit", "--attempts", "1", "--retry-strategy", "attempts=1", "--", "a"]),
        @r"
    exit code 2
    --- stderr
    error: the argument '--attempts <N>' cannot be used with '--retry-strategy <STRATEGY>'

    Usage: computes submit --attempts <N> -- <COMMAND>...

    For more information, try '--help'.
    "
    );
    insta::assert_snapshot!(
        home.refuses(&["submit", "--from", "a.json", "--cli-input-json", "{}"]),
        @r"
    exit code 2
    --- stderr
    error: the argument '--from <FILE>' cannot be used with '--cli-input-json <JSON>'

    Usage: computes submit --from <FILE> [-- <COMMAND>...]

    For more information, try '--help'.
    "
    );
}

#[test]
fn strategies_and_timeouts_that_are_none() {
    let home = Home::new();
    let strategies = ["attempts=", "attempts=many", "3", "{\"attempts\": \"3\"}"];
    let refused = |text: &&str| home.refuses(&["submit", "--retry-strategy", text, "--", "true"]);
    insta::assert_snapshot!(each(&strategies, refused), @r#"
    > attempts=
    exit code 2
    --- stderr
    error: --retry-strategy: `` is no number of attempts
    hint: pass attempts=N with N from 1 to 10, or JSON

    > attempts=many
    exit code 2
    --- stderr
    error: --retry-strategy: `many` is no number of attempts
    hint: pass attempts=N with N from 1 to 10, or JSON

    > 3
    exit code 2
    --- stderr
    error: --retry-strategy:1:1: invalid type: integer `3`, expected struct EvaluatedRetry
    hint: give JSON, file://PATH, or - for stdin

    > {"attempts": "3"}
    exit code 2
    --- stderr
    error: --retry-strategy:1:16: invalid type: a text, expected u64
    hint: give JSON, file://PATH, or - for stdin
    "#);
    let timeouts = ["attemptDurationSeconds=", "attemptDurationSeconds=59", "{}", "{\"x\": 1}"];
    let refused = |text: &&str| home.refuses(&["submit", "--timeout", text, "--", "true"]);
    insta::assert_snapshot!(each(&timeouts, refused), @r#"
    > attemptDurationSeconds=
    exit code 2
    --- stderr
    error: cannot submit `true`: `` is no duration: it is a number of seconds, or has units such as `90m` or `1h`
    hint: as in --timeout 3600 or --timeout 1h

    > attemptDurationSeconds=59
    exit code 2
    --- stderr
    error: cannot submit `true`: a timeout of 59 s is below the 60 s that AWS Batch asks for at least
    hint: as in --timeout 3600 or --timeout 1h

    > {}
    exit code 2
    --- stderr
    error: cannot submit `true`: a timeout of 0 s is below the 60 s that AWS Batch asks for at least
    hint: as in --timeout 3600 or --timeout 1h

    > {"x": 1}
    exit code 2
    --- stderr
    error: --timeout:1:4: unknown field `x`, expected `attemptDurationSeconds`
    hint: leave it out: computes has nothing that does the same
    "#);
}

#[test]
fn errors_of_the_command_line_are_json_too() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["run", "--json", "--memry", "1", "--", "true"]), @r#"
    exit code 2
    --- stderr
    {"error":"unexpected argument '--memry' found","hint":"a similar argument exists: '--memory'","exit_code":2}
    "#);
    insta::assert_snapshot!(home.refuses(&["status", "--json"]), @r#"
    exit code 2
    --- stderr
    {"error":"the following required arguments were not provided: <JOB>...","hint":"name a job by its id, the beginning of it, or `last`","exit_code":2}
    "#);
    insta::assert_snapshot!(home.refuses(&["run", "--json", "./build.sh"]), @r#"
    exit code 2
    --- stderr
    {"error":"unexpected argument './build.sh' found","hint":"a command goes after `--`, as in `computes run -- ./build.sh test`","exit_code":2}
    "#);
    insta::assert_snapshot!(home.refuses(&["completions", "--json", "basic"]), @r#"
    exit code 2
    --- stderr
    {"error":"invalid value 'basic' for '<SHELL>' [possible values: bash, elvish, fish, powershell, zsh]","hint":"a similar value exists: 'bash'","exit_code":2}
    "#);
    // Help is no error, and asked for as it is.
    let help = home.run(["run", "--json", "--help"]);
    assert_eq!((help.code, help.stdout), (0, home.run(["run", "--help"]).stdout));
}

#[test]
fn options_and_verbs_of_others() {
    let home = Home::new();
    let refused = |line: &&str| {
        let refused = home.refuses(&line.split(' ').collect::<Vec<_>>());
        refused
            .lines()
            .filter(|line| line.contains("error:") || line.contains("hint:"))
            .fold(String::new(), |text, line| text + line + "\n")
    };
    let lines = [
        "list --follow",
        "list --attemps=3",
        "--memory 4 run -- true",
        "rm 3f9c2a71",
        "stop last",
        "show last",
        "files gt last x",
        "--engine local files frobnicate",
        "rn -- true",
        "insde",
        "logs --definition x",
        "run --file x -- true",
        "help bogus",
    ];
    insta::assert_snapshot!(each(&lines, refused), @"
    > list --follow
    error: unexpected argument '--follow' found
    hint: `--follow` is an option of `logs`

    > list --attemps=3
    error: unexpected argument '--attemps' found
    hint: did you mean `--attempts`, an option of `run`, `submit`?

    > --memory 4 run -- true
    error: unexpected argument '--memory' found
    hint: `--memory` is an option of `run`, `submit`, `worker`

    > rm 3f9c2a71
    error: unrecognized subcommand 'rm'
    hint: `computes cancel` ends jobs, `computes prune` removes what is old of them

    > stop last
    error: unrecognized subcommand 'stop'
    hint: `computes cancel` ends jobs

    > show last
    error: unrecognized subcommand 'show'
    hint: `computes status JOB` shows all that is known of a job

    > files gt last x
    error: unrecognized subcommand 'gt'
    hint: did you mean `computes files get`?

    > --engine local files frobnicate
    error: unrecognized subcommand 'frobnicate'
    hint: the verbs of `computes files` are ls, get, put

    > rn -- true
    error: unrecognized subcommand 'rn'
    hint: did you mean `computes run`?

    > insde
    error: unrecognized subcommand 'insde'
    hint: the verbs of `computes` are run, submit, wait, status, list, ls, ps, logs, files, cancel, retry, prune, queues, explain, doctor, policy, worker, init, completions, man, help

    > logs --definition x
    error: unexpected argument '--definition' found
    hint: did you mean `--job-definition`, an option of `run`, `submit`, `doctor`, `policy`?

    > run --file x -- true
    error: unexpected argument '--file' found
    hint: did you mean `--env-file`, an option of `run`, `submit`?

    > help bogus
    error: unrecognized subcommand 'bogus'
    hint: the verbs of `computes` are run, submit, wait, status, list, ls, ps, logs, files, cancel, retry, prune, queues, explain, doctor, policy, worker, init, completions, man, help
    ");
    insta::assert_snapshot!(home.refuses(&["list", "--json", "--follow"]), @r#"
    exit code 2
    --- stderr
    {"error":"unexpected argument '--follow' found","hint":"`--follow` is an option of `logs`","exit_code":2}
    "#);
}
