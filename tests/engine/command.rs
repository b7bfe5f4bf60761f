//! The command: its words, its output and its end.

use super::subject::Subject;
use crate::support::{Gate, Home, Run, eventually};

/// Runs a shell script as a job, with options, and follows it to its end.
pub fn script(home: &Home, options: &[&str], script: &str) -> Run {
    home.run([&["run"], options, &["--", "sh", "-c", &home.in_work(script)]].concat())
}

/// Submits a shell script as a job, with options, and gives its id.
pub fn submit(home: &Home, options: &[&str], script: &str) -> String {
    home.submit([options, &["--", "sh", "-c", &home.in_work(script)]].concat())
}

/// Waits for a job to be over and gives the exit code of `wait`.
pub fn wait(home: &Home, job: &str) -> i32 {
    let run = home.run(["wait", "--limit", "60s", job]);
    assert_ne!(run.code, 124, "{job} is not over after a minute: {}", home.status(job));
    run.code
}

/// The number of attempts, and the state, class and exit code that it all came to.
pub fn end_of(home: &Home, job: &str) -> String {
    let status = home.status(job);
    let text = |field: &str| status[field].as_str().unwrap_or("-").to_owned();
    let (attempt, code) = (&status["attempt"], &status["exit_code"]);
    format!("attempt {attempt}: {} {} {code}", text("state"), text("class"))
}

pub fn succeeds<S: Subject>(home: &Home) {
    let run = script(home, &[], "echo hello");
    assert_eq!((run.code, run.stdout.as_str()), (0, "hello\n"), "{}", run.stderr);
    assert_eq!(end_of(home, "last"), "attempt 1: succeeded - 0");
}

pub fn exit_codes_pass_through<S: Subject>(home: &Home) {
    for code in [1, 2, 42, 120, 125, 255] {
        let run = script(home, &[], &format!("exit {code}"));
        assert_eq!(run.code, code, "{}", run.stderr);
        assert_eq!(end_of(home, "last"), format!("attempt 1: failed exit_code {code}"));
    }
}

/// A real one: a signal that a process sends to itself does nothing to the first process of
/// a container.
pub fn a_fault_ends_the_job<S: Subject>(home: &Home) {
    let fault = r#"print unpack("p", pack("J", 1))"#;
    let run = home.run(["run", "--", "perl", "-e", fault]);
    assert_eq!(run.code, 128 + 11, "{}", run.stderr);
    assert_eq!(end_of(home, "last"), "attempt 1: failed signal 139");
}

pub fn what_can_not_be_started_says_why<S: Subject>(home: &Home) {
    let run = home.run(["run", "--", "no-such-program"]);
    assert_eq!(run.code, 127, "{}", run.stderr);
    assert_eq!(end_of(home, "last"), "attempt 1: failed start_failed 127");
    let run = home.run(["run", "--", "/etc/passwd"]);
    assert_eq!(run.code, 126, "{}", run.stderr);
}

/// Words that a shell on their way would change.
pub const HOSTILE: &[&str] = &[
    "a b",
    " ",
    "$HOME",
    "${PATH}",
    "$(id)",
    "`id`",
    "'",
    "\"",
    "\\",
    "\\n",
    "new\nline",
    "*",
    "?",
    "~",
    ";",
    "&&",
    "|",
    ">x",
    "#",
    "!",
    "-n",
    "--",
    "--json",
    "ä€😀",
    "\t",
    "%s",
    "$@",
    "\"$@\"",
    "${AWS_BATCH_FILES}",
];

pub fn arguments_arrive_untouched<S: Subject>(home: &Home) {
    let run = home.run([&["run", "--", "printf", "%s\\0"], HOSTILE].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    // CloudWatch keeps lines, so one that was not ended is.
    let arrived: Vec<_> = run.stdout.trim_end_matches('\n').split_terminator('\0').collect();
    assert_eq!(arrived, HOSTILE);
}

pub fn stdout_and_stderr_keep_their_order<S: Subject>(home: &Home) {
    let run =
        script(home, &[], "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done");
    let lines = (1..10).flat_map(|i| [format!("out {i}\n"), format!("err {i}\n")]);
    let expected: String = lines.collect();
    assert_eq!(run.stdout, expected);
    assert_eq!(home.run(["logs", "last"]).stdout, expected);
}

pub fn the_log_can_be_read_while_the_job_runs<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let job = submit(home, &[], &format!("echo before; {}; echo after", Gate::STOP));
    gate.wait_for(1);
    eventually("the first line", || (home.run(["logs", &job]).stdout == "before\n").then_some(()));
    eventually("its start in the ledger", || {
        (home.status(&job)["state"] == "running").then_some(())
    });
    gate.open();
    assert_eq!(wait(home, &job), 0);
    assert_eq!(home.run(["logs", &job]).stdout, "before\nafter\n");
}

pub fn the_working_directory_is_the_callers<S: Subject>(home: &Home) {
    let run = home.run(["run", "--", "/bin/pwd"]);
    assert_eq!(run.stdout, format!("{}\n", S::directory(home).display()));
}
