//! `--stdin`: what the command of a job reads.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::stage::{Following, each};
use crate::support::Home;

#[test]
fn it_is_what_the_caller_has_on_its_own() {
    let home = Home::new();
    let run =
        home.run_with_stdin(&["run", "--quiet", "--stdin", "-", "--", "wc", "-c"], "some\0thing");
    assert_eq!((run.code, run.stdout.trim()), (0, "10"), "{}", run.stderr);
    // Also where it comes through a pipe, and is nothing.
    for (text, count) in [("one\ntwo\n", "2"), ("", "0")] {
        let script = format!("printf '{text}' | computes run --quiet --stdin - -- wc -l");
        let run = home.sh(&script, &[]);
        assert_eq!((run.code, run.stdout.trim()), (0, count), "{}", run.stderr);
    }
}

#[test]
fn a_file_that_can_be_read_once_will_do() {
    let home = Home::new();
    let script = "mkfifo pipe; echo through >pipe & computes run --quiet --stdin pipe -- cat";
    assert_eq!(home.sh(script, &[]).stdout, "through\n");
}

#[test]
fn each_attempt_and_each_retry_reads_it_from_its_beginning() {
    let home = Home::new();
    home.write("data", "once more\n");
    let options = ["run", "--quiet", "--attempts", "2", "--retry-on", "any", "--stdin", "data"];
    let run = home.run([&options[..], &["--", "sh", "-c", "cat; exit 1"]].concat());
    assert_eq!(run.stdout, "once more\nonce more\n");
    // What was sent is kept, whatever becomes of the file.
    fs::remove_file(home.work().join("data")).expect("a file");
    assert_eq!(home.run(["retry", "last"]).code, 0);
    home.run(["wait", "last"]);
    assert_eq!(home.run(["logs", "last"]).stdout, "once more\n");
    let kept: Vec<_> = fs::read_dir(home.state().join("parcels")).expect("a folder").collect();
    let [Ok(parcel)] = kept.as_slice() else { panic!("{kept:?}") };
    let mode = parcel.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    assert_eq!(fs::read_dir(home.state().join("sources")).expect("a folder").count(), 0);
    assert!(home.status("last")["stdin"].is_string());
}

#[test]
fn a_job_file_says_it_as_well() {
    let home = Home::new();
    home.write("data", "of the file\n");
    home.write("job.json", r#"{"command": ["cat"], "stdin": "data"}"#);
    assert_eq!(home.run(["run", "--quiet", "--from", "job.json"]).stdout, "of the file\n");
    home.write("jobs.jsonl", "{\"command\": [\"cat\"], \"stdin\": \"-\"}\n{\"command\": [\"wc\", \"-c\"], \"stdin\": \"-\"}\n");
    let run = home.run_with_stdin(&["submit", "--from", "jobs.jsonl"], "of both\n");
    let ids: Vec<_> = run.stdout.lines().collect();
    assert_eq!(home.run([&["wait"], ids.as_slice()].concat()).code, 0, "{}", run.stderr);
    let logs = ids.iter().map(|id| home.run(["logs", id]).stdout).collect::<Vec<_>>();
    assert_eq!(logs.iter().map(|log| log.trim()).collect::<Vec<_>>(), ["of both", "8"]);
}

#[test]
fn other_bytes_are_other_work() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let submit = |text: &str| {
        let call = ["submit", "--once", "--stdin", "-", "--", "cat"];
        home.run_with_stdin(&call, text).stdout
    };
    let first = submit("a");
    assert_ne!(submit("b"), first);
    assert_eq!(submit("a"), first);
}

#[test]
fn what_can_not_be_a_stdin() {
    let home = Home::new();
    home.write("job.json", r#"{"command": ["cat"], "stdin": "-"}"#);
    fs::create_dir(home.work().join("folder")).expect("a folder");
    home.write("large", &"x".repeat((4 << 20) + 1));
    let calls = [
        "run --stdin nope -- cat",
        "run --stdin= -- cat",
        "submit --stdin folder -- cat",
        "submit --stdin - --from -",
        "submit --stdin - --container-overrides - -- cat",
        "submit --stdin large -- cat",
        "submit --stdin - -- cat",
    ];
    let home = home.with("COMPUTES_SOURCE_LIMIT", "4MiB");
    let job = fs::read_to_string(home.work().join("large")).expect("text");
    let refused = |call: &&str| {
        let run = home.run_with_stdin(&super::stage::words(call), &job);
        assert_ne!(run.code, 0, "{}", run.stdout);
        home.assert_nothing_written();
        run.snapshot()
    };
    insta::assert_snapshot!(each(&calls, refused), @"
    > run --stdin nope -- cat
    exit code 2
    --- stderr
    error: cannot submit `cat`: cannot read `nope`, which is to be the job's stdin: No such file or directory (os error 2)
    hint: name a file, or - for what is on your own stdin

    > run --stdin= -- cat
    exit code 2
    --- stderr
    error: cannot submit `cat`: the name of the file is empty that is to be the job's stdin
    hint: as in --stdin FILE, or --stdin - for what is on your own

    > submit --stdin folder -- cat
    exit code 2
    --- stderr
    error: cannot submit `cat`: `folder` is a folder, and a job's stdin is one file
    hint: bring it along with --input folder, and read what is in /files

    > submit --stdin - --from -
    exit code 2
    --- stderr
    error: stdin is given twice: to --from, and to the job as its own
    hint: name a file in the place of one -

    > submit --stdin - --container-overrides - -- cat
    exit code 2
    --- stderr
    error: stdin is given twice: to --container-overrides, and to the job as its own
    hint: name a file in the place of one -

    > submit --stdin large -- cat
    exit code 2
    --- stderr
    error: cannot submit `cat`: the job's stdin has more than 4.0 MiB, which source_limit allows
    hint: raise source_limit in computes.toml, or bring a file along with --input and read it there

    > submit --stdin - -- cat
    exit code 2
    --- stderr
    error: cannot submit `cat`: the job's stdin has more than 4.0 MiB, which source_limit allows
    hint: raise source_limit in computes.toml, or bring a file along with --input and read it there
    ");
    let from =
        home.run_with_stdin(&["submit", "--from", "-"], r#"{"command": ["cat"], "stdin": "-"}"#);
    insta::assert_snapshot!(from.snapshot(), @"
    exit code 2
    --- stderr
    error: stdin is given twice: to --from, and to the job as its own
    hint: name a file in the place of one -
    ");
}

#[test]
fn what_is_left_on_stdin_is_told() {
    let home = Home::new();
    let told = |run: &crate::support::Run| run.stderr.contains("note: what is on stdin");
    insta::assert_snapshot!(home.run_with_stdin(&["run", "--", "cat"], "piped\n").snapshot(), @"
    exit code 0
    --- stderr
    note: what is on stdin does not go to the job, whose stdin is empty: --stdin - sends it, and </dev/null says that it need not
    [short] cat submitted to default
    [short] cat succeeded after [took]
    ");
    assert!(told(&home.run_with_stdin(&["submit", "--", "cat"], "piped\n")));
    // A pipe with something in it.
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(b"piped\n").expect("written");
    let mut command = home.command(["submit", "--", "cat"]);
    assert!(told(&home.run_command(command.stdin(reader.try_clone().expect("a descriptor")))));
    // One that is read, one without anything in it, and one that is closed; and no device.
    let mut command = home.command(["submit", "--stdin", "-", "--", "cat"]);
    drop(writer);
    assert!(!told(&home.run_command(command.stdin(reader.try_clone().expect("a descriptor")))));
    assert!(!told(&home.run_command(home.command(["submit", "--", "cat"]).stdin(reader))));
    let mut child = home.command(["submit", "--", "cat"]);
    let child = child.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    assert!(!told(&home.finish(&child.wait_with_output().expect("an end"))));
    assert!(!told(&home.run(["submit", "--", "cat"])));
    assert!(!told(&home.run_with_stdin(&["submit", "--", "cat"], "")));
    let job = r#"{"command": ["cat"]}"#;
    assert!(!told(&home.run_with_stdin(&["submit", "--from", "-"], job)));
    assert!(!told(&home.run_with_stdin(&["run", "--stdin", "/dev/null", "--", "cat"], "piped")));
}

#[test]
fn what_comes_late_is_told_while_the_job_is_followed() {
    let home = Home::new();
    let mut gate = home.gate();
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let mut command = home.command(["run", "--", "sh", "-c", "echo begun; read x <gate"]);
    command.stdin(reader);
    let mut run = Following::spawn(command);
    run.until_it_prints("begun");
    writer.write_all(b"late\n").expect("written");
    run.until_it_says("note: what is on stdin does not go to the job");
    // Once.
    writer.write_all(b"later\n").expect("written");
    gate.open();
    let end = run.end(&home);
    assert_eq!((end.code, end.stderr.matches("note: ").count()), (0, 1), "{}", end.stderr);
    // An end without anything before it is nothing that was left.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = home.command(["run", "--", "sh", "-c", "echo begun; read x <gate"]);
    command.stdin(reader);
    let mut run = Following::spawn(command);
    run.until_it_prints("begun");
    drop(writer);
    gate.open();
    let end = run.end(&home);
    assert_eq!((end.code, end.stderr.matches("note: ").count()), (0, 0), "{}", end.stderr);
}

#[test]
fn a_stdin_that_is_closed_is_told() {
    let home = Home::new();
    let told = |from: &str| {
        let script = format!("computes run --stdin - -- wc -c {from}");
        home.sh(&script, &[]).snapshot()
    };
    insta::assert_snapshot!(each(&["<&-", "</dev/null"], |from| told(from)), @"
    > <&-
    exit code 0
    --- stdout
    0
    --- stderr
    note: stdin is closed, or it is /dev/null: the job that is to read it reads nothing
    [short] wc--c submitted to default
    [short] wc--c succeeded after [took]

    > </dev/null
    exit code 0
    --- stdout
    0
    --- stderr
    note: stdin is closed, or it is /dev/null: the job that is to read it reads nothing
    [short] wc--c submitted to default
    [short] wc--c succeeded after [took]
    ");
    assert!(!told("<<end\nend").contains("note: "));
}

#[test]
fn a_dry_run_shows_its_address_and_keeps_nothing() {
    let home = Home::new();
    let bucket = [("COMPUTES_ENGINE", "aws"), ("COMPUTES_BUCKET", "builds")];
    home.write("data", "data\n");
    let call = ["submit", "--dry-run", "--json", "--stdin", "data", "--", "cat"];
    let run = home.run_with_env(&bucket, &call);
    let environment = run.json()[0]["containerOverrides"]["environment"].to_string();
    assert!(environment.contains(r#"\"freight\":{\"stdin\":{\"address\":"#), "{environment}");
    home.assert_nothing_written();
    // What was printed is taken as it was.
    let again = home.run_command(
        home.command(["submit", "--dry-run", "--json", "--cli-input-json", &run.stdout])
            .envs(bucket),
    );
    assert_eq!(again.stdout, run.stdout);
    insta::assert_snapshot!(home.run(["submit", "--engine", "aws", "--stdin", "data", "--", "cat"]).snapshot(), @r#"
    exit code 2
    --- stderr
    error: cannot submit `cat`: the job has a stdin, and no bucket is set to bring them to AWS and back
    hint: set it in computes.toml, as in bucket = "s3://builds"; or leave --stdin out
    "#);
}
