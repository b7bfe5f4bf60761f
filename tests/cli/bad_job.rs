//! Jobs that can't be: refused with a hint, and nothing is written.

use super::stage::each;
use crate::support::Home;

/// Refused alike by `run` and by `submit`.
pub fn refused(options: &[&str]) -> String {
    let home = Home::new();
    let with = |verb: &str| home.refuses(&[&[verb], options].concat());
    let submit = with("submit");
    assert_eq!(with("run"), submit);
    submit
}

#[test]
fn commands() {
    insta::assert_snapshot!(refused(&[]), @r"
    exit code 2
    --- stderr
    error: cannot submit: the command is empty
    hint: name the command after `--`, as in `computes run -- ./build.sh test`
    ");
    insta::assert_snapshot!(refused(&["--"]), @r"
    exit code 2
    --- stderr
    error: cannot submit: the command is empty
    hint: name the command after `--`, as in `computes run -- ./build.sh test`
    ");
    insta::assert_snapshot!(refused(&["--", ""]), @r"
    exit code 2
    --- stderr
    error: cannot submit: word 1 of the command is an empty string, which AWS Batch refuses
    hint: leave the word out, or pass the text in an --env variable
    ");
    insta::assert_snapshot!(refused(&["--name", "n", "--", "sh", "-c", ""]), @r"
    exit code 2
    --- stderr
    error: cannot submit `n`: word 3 of the command is an empty string, which AWS Batch refuses
    hint: leave the word out, or pass the text in an --env variable
    ");
}

#[test]
fn queues() {
    insta::assert_snapshot!(refused(&["--queue", "fast", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: there is no queue `fast`
    hint: the queues are default, asap, default-uninterruptible, asap-uninterruptible
    ");
    insta::assert_snapshot!(refused(&["--queue", "", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: there is no queue ``
    hint: the queues are default, asap, default-uninterruptible, asap-uninterruptible
    ");
    insta::assert_snapshot!(refused(&["--queue", "ASAP", "--", "true"]), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: there is no queue `ASAP`
    hint: did you mean `asap`?
    ");
}

#[test]
fn attempts() {
    let refused = |attempts: &&str| refused(&["--attempts", attempts, "--", "true"]);
    insta::assert_snapshot!(each(&["0", "11", "256", "two"], refused), @"
    > 0
    exit code 2
    --- stderr
    error: cannot submit `true`: 0 attempts: AWS Batch takes 1 to 10
    hint: as in --attempts 3

    > 11
    exit code 2
    --- stderr
    error: cannot submit `true`: 11 attempts: AWS Batch takes 1 to 10
    hint: as in --attempts 3

    > 256
    exit code 2
    --- stderr
    error: cannot submit `true`: 256 attempts: AWS Batch takes 1 to 10
    hint: as in --attempts 3

    > two
    exit code 2
    --- stderr
    error: invalid value 'two' for '--attempts <N>': invalid digit found in string

    For more information, try '--help'.
    hint: --attempts <N> takes a whole number
    ");
}

#[test]
fn timeouts() {
    let refused = |timeout: &&str| refused(&["--timeout", timeout, "--", "true"]);
    insta::assert_snapshot!(each(&["59", "59s", "0", "soon", "", "99999999999"], refused), @r"
    > 59
    exit code 2
    --- stderr
    error: cannot submit `true`: a timeout of 59 s is below the 60 s that AWS Batch asks for at least
    hint: as in --timeout 3600 or --timeout 1h

    > 59s
    exit code 2
    --- stderr
    error: cannot submit `true`: a timeout of 59 s is below the 60 s that AWS Batch asks for at least
    hint: as in --timeout 3600 or --timeout 1h

    > 0
    exit code 2
    --- stderr
    error: cannot submit `true`: a timeout of 0 s is below the 60 s that AWS Batch asks for at least
    hint: as in --timeout 3600 or --timeout 1h

    > soon
    exit code 2
    --- stderr
    error: cannot submit `true`: `soon` is no duration: it is a number of seconds, or has units such as `90m` or `1h`
    hint: as in --timeout 3600 or --timeout 1h

    > 
    exit code 2
    --- stderr
    error: cannot submit `true`: `` is no duration: it is a number of seconds, or has units such as `90m` or `1h`
    hint: as in --timeout 3600 or --timeout 1h

    > 99999999999
    exit code 2
    --- stderr
    error: cannot submit `true`: a timeout of 99999999999 s is beyond what AWS Batch can hold
    hint: as in --timeout 3600 or --timeout 1h
    ");
}

#[test]
fn tags() {
    insta::assert_snapshot!(refused(&["--tag", "team", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: `team` is no tag: it has no `=`
    hint: pass --tag team=VALUE
    ");
    insta::assert_snapshot!(refused(&["--tag", "=x", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: tag ``: AWS takes keys of 1 to 128 characters and values of at most 256
    ");
    let long = format!("team={}", "x".repeat(257));
    insta::assert_snapshot!(refused(&["--tag", &long, "--", "true"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: tag `team`: AWS takes keys of 1 to 128 characters and values of at most 256
    ");
    let many: Vec<_> = (0..51).map(|n| format!("--tag=t{n}=x")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).chain(["--", "true"]).collect();
    insta::assert_snapshot!(refused(&many), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: 51 tags: AWS Batch takes at most 50
    ");
}

#[test]
fn engines_and_job_definitions() {
    insta::assert_snapshot!(refused(&["--engine", "cloud", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: there is no engine `cloud`
    hint: the engines are: local, aws
    ");
    insta::assert_snapshot!(refused(&["--job-definition", "", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: `` is no job definition: it is a name, `name:revision` or an ARN
    ");
}

/// Without the lengths that the script before each command has a part in.
fn without_lengths(snapshot: &str) -> String {
    let lengths = regex::Regex::new(r"are? \d+|is \d+|(word 3 of the command) \(\d+\)");
    let with = |found: &regex::Captures<'_>| match found.get(1) {
        Some(word) => format!("{} [length]", word.as_str()),
        None => found[0].split(' ').next().unwrap_or_default().to_owned() + " [length]",
    };
    lengths.expect("a pattern").replace_all(snapshot, with).into_owned()
}

#[test]
fn overrides_that_are_too_long_name_their_largest_fields() {
    let (most, more) =
        (format!("LARGE={}", "x".repeat(5000)), format!("MORE={}", "y".repeat(2500)));
    let options = [
        "--name",
        "n",
        "--env",
        &most,
        "--env",
        &more,
        "-e",
        "C=z",
        "--",
        "echo",
        &"w".repeat(900),
    ];
    insta::assert_snapshot!(without_lengths(&refused(&options)), @"
    exit code 2
    --- stderr
    error: cannot submit `n`: the container overrides are [length] characters long, and at most 7424 go with the 768 that AWS Batch adds; the largest: variable `LARGE` (5000), variable `MORE` (2500), word 6 of the command (900)
    hint: put large values into a file that is an input, and many inputs into one folder
    ");
}

#[test]
fn the_length_of_a_secret_counts() {
    let home = Home::new();
    let secret = "hunter2-".repeat(1024);
    let arguments = ["submit", "--secret", "TOKEN", "--", "true"];
    let run = home.run_with_env(&[("TOKEN", &secret)], &arguments);
    insta::assert_snapshot!(without_lengths(&run.snapshot()), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: the container overrides are [length] characters long, and at most 7424 go with the 768 that AWS Batch adds; the largest: variable `TOKEN` (8192), word 3 of the command [length], word 4 of the command (8)
    hint: put large values into a file that is an input, and many inputs into one folder
    ");
    home.assert_nothing_written();
}

/// Overrides count in characters and requests in bytes, so that characters of many bytes
/// make a request too large before the overrides are.
#[test]
fn a_request_that_is_too_large() {
    let wide = format!("WIDE={}", "\u{1f680}".repeat(6000));
    let tags: Vec<_> = (0..40).map(|n| format!("--tag=t{n}={}", "x".repeat(256))).collect();
    let options: Vec<_> = tags.iter().map(String::as_str).collect();
    let options = [&options[..], &["--env", &wide, "--", "true"]].concat();
    insta::assert_snapshot!(without_lengths(&refused(&options)), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: the request is [length] bytes long, and AWS Batch takes 30720; the largest: variable `WIDE` (6000), word 3 of the command [length], tag `t0` (256)
    hint: put large values into a file that is an input, and many inputs into one folder
    ");
}

#[test]
fn in_json() {
    insta::assert_snapshot!(refused(&["--json", "--queue", "fast", "--name", "n", "--", "true"]), @r#"
    exit code 2
    --- stderr
    {"error":"cannot submit `n`: there is no queue `fast`","hint":"the queues are default, asap, default-uninterruptible, asap-uninterruptible","exit_code":2}
    "#);
}
