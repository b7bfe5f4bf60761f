//! `computes submit`: the id on stdout, and the job that it stands for.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::Signal;

use super::stage::words;
use crate::support::Home;

#[test]
fn the_id_alone_is_on_stdout() {
    let home = Home::new();
    insta::assert_snapshot!(home.run(["submit", "--", "true"]).snapshot(), @r"
    exit code 0
    --- stdout
    [id]
    ");
}

#[test]
fn a_shell_takes_the_id() {
    let run = Home::new().sh("id=$(computes submit -- sh -c 'exit 9') && computes wait $id", &[]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 9
    --- stderr
    [short] sh--c-exit-9 failed after [took] : exit code 9
    ");
}

#[test]
fn in_json() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let run = home.run(["submit", "--json", "--name", "waits", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r#"
    exit code 0
    --- stdout
    {"id":"[id]","short":"[short]","name":"waits","queue":"default","queue_arn":null,"engine":"local","engine_id":null,"engine_status":null,"engine_reason":null,"state":"queued","class":null,"reason":null,"exit_code":null,"signal":null,"run_exit_code":null,"attempt":0,"attempts":1,"interruptions":0,"losses":0,"command":["true"],"environment":{},"secrets":[],"secret_sources":{},"vcpus":"1","memory_mib":1024,"gpus":0,"timeout_seconds":null,"tags":{},"job_definition":"default","share":null,"priority":null,"fingerprint":"64c639a9c6d30ea5","source":null,"inputs":[],"stdin":null,"outputs":[],"missing_outputs":null,"directory":"[home]/here","files":"[home]/.local/state/computes/files/[id]","log":null,"retry_of":null,"accepted_at":"[time]","started_at":null,"finished_at":null,"cancel_requested_at":null}
    "#);
}

#[test]
fn all_that_can_be_said_of_a_job() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let options = words(
        "--name nightly --queue asap --vcpus 0.5 --memory 2GiB --gpus 0 --attempts 3 --timeout 1h \
         --env A=1 --env B --tag team=build --tag note=a=b --job-definition default:7 \
         --engine local",
    );
    let command = ["--", "sh", "-c", "echo 'it is'; env"];
    let arguments = [&["submit"], &options[..], &command].concat();
    let run = home.run_with_env(&[("B", "from the caller")], &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    insta::assert_snapshot!(home.run(["status", "last"]).snapshot(), @r"
    exit code 0
    --- stdout
    job          [id]
    name         nightly
    state        queued
    queue        asap
    command      sh -c 'echo '\''it is'\''; env'
    asks for     0.5 vCPU, 2048 MiB, 3 attempts of at most 1 h 0 min
    environment  A B
    tags         note=a=b team=build
    directory    [home]/here
    files        [home]/.local/state/computes/files/[id]
    accepted     [time]
    ");
    assert_eq!(home.status("last")["environment"]["B"], "from the caller");
}

#[test]
fn the_job_sees_what_was_declared_and_nothing_else() {
    let home = Home::new();
    home.write(
        "more.env",
        "# comment\n\n  SPACED=1\nQUOTED=\"as it is\" # too\nINHERITED\nLATER=file\n",
    );
    let run = home.run_with_env(
        &[("INHERITED", "the caller's"), ("STRAY", "not declared"), ("NAMED", "two words")],
        &words(
            "run --quiet --env-file more.env --env NAMED -e EMPTY= --env LATER=flag \
            --env EQUALS=a=b -- env",
        ),
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut lines: Vec<_> = run.stdout.lines().collect();
    lines.sort_unstable();
    // The engine's own variables are the engine suite's.
    let own = ["AWS_BATCH", "COMPUTES_", "HOME=", "PATH="];
    lines.retain(|line| !own.iter().any(|name| line.starts_with(name)));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    EMPTY=
    EQUALS=a=b
    INHERITED=the caller's
    LATER=flag
    NAMED=two words
    QUOTED="as it is" # too
    SPACED=1
    "#);
}

#[test]
fn jobs_start_where_the_caller_stands() {
    let home = Home::new();
    let run = home.run(["run", "--quiet", "--", "pwd"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stdout
    [home]/here
    ");
}

#[test]
fn arguments_are_passed_on_untouched() {
    let words = ["a b", "$HOME", "'", "\"", "new\nline", "*", "--json", "-q", "{}", "ä"];
    let arguments = ["run", "--quiet", "--", "printf", "%s|"].iter().chain(&words);
    let run = Home::new().run(arguments);
    assert_eq!(run.stdout, words.map(|word| format!("{word}|")).concat());
}

#[test]
fn nothing_that_the_caller_left_open_lives_on() {
    let home = Home::new();
    let script = "exec 9>lock; flock -n 9 || exit 7; \"$0\" submit -- sh -c \
        'test ! -e /proc/self/fd/9 && umask' || exit 8; exec 9>&-; flock -n lock true";
    let program = env!("CARGO_BIN_EXE_computes");
    let mut command = home.command_of(Path::new("/bin/sh"), ["-c", script, program]);
    let run = home.run_command(&mut command);
    assert_eq!(run.code, 0, "the worker holds the caller's lock: {}", run.stderr);
    let wait = home.run(["wait", "last"]);
    assert_eq!(wait.code, 0, "{}", wait.stderr);
    assert_eq!(home.run(["logs", "last"]).stdout, "0022\n");
}

#[test]
fn what_was_accepted_has_an_id_also_when_no_worker_can_be_started() {
    let home = Home::new();
    home.run(["run", "--", "true"]);
    home.end_workers(Signal::TERM);
    let right = home.state().join("workers/background");
    fs::remove_file(&right).expect("it is there");
    fs::create_dir(&right).expect("a directory in its place");
    let run = home.run(["submit", "--name", "one", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stdout
    [id]
    --- stderr
    warning: in the queue, but nobody runs it yet: cannot start a worker: Is a directory (os error 21); `computes wait` or any submit tries again
    ");
    fs::remove_dir(&right).expect("it is there");
    assert_eq!(home.run(["wait", run.stdout.trim_end()]).code, 0);
}

#[test]
fn what_was_taken_out_of_the_state_directory_is_made_again() {
    for directory in ["files", "logs", "secrets", "wake", "workers"] {
        let home = Home::new();
        home.run(["run", "--", "true"]);
        home.end_workers(Signal::TERM);
        fs::remove_dir_all(home.state().join(directory)).expect("it is there");
        let run = home.run(["run", "--", "echo", "hi"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, "hi\n"), "{directory}: {}", run.stderr);
    }
}

#[test]
fn a_working_directory_that_is_not_utf_8_is_refused() {
    let home = Home::new();
    let here = home.work().join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&here).expect("a directory");
    let run = home.run_command(home.command(["submit", "--", "true"]).current_dir(&here));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("is not UTF-8\nhint: submit from another directory"),
        "{}",
        run.stderr
    );
    home.assert_nothing_written();
}
