//! What the tests of several verbs need: files, jobs in a certain state, and what was not done.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use regex::Regex;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Home, Run, Worker, eventually, python_tool, send};

impl Home {
    /// A file in the directory where the calls stand.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.work().join(name), text).expect("written");
    }

    /// Runs the program with something to read on stdin.
    pub fn run_with_stdin(&self, arguments: &[&str], stdin: &str) -> Run {
        let mut input = tempfile::tempfile().expect("a file");
        input.write_all(stdin.as_bytes()).expect("written");
        std::io::Seek::rewind(&mut input).expect("a file that seeks");
        self.run_command(self.command(arguments).stdin(input))
    }

    /// Runs the program with variables in its environment.
    pub fn run_with_env(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        self.run_command(self.command(arguments).envs(variables.iter().copied()))
    }

    /// Runs a shell that finds the program as `computes`.
    pub fn sh(&self, script: &str, variables: &[(&str, &str)]) -> Run {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_computes"));
        let directory = program.parent().expect("a directory").display();
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", format!("{directory}:/usr/local/bin:/usr/bin:/bin"))
            .envs(variables.iter().copied())
            .current_dir(self.work())
            .stdin(Stdio::null());
        self.run_command(&mut command)
    }

    /// Fails unless the program refused without having written a thing: there is not even
    /// a state directory.
    #[track_caller]
    pub fn assert_nothing_written(&self) {
        assert!(!self.path().join(".local").exists(), "something was written");
    }

    /// Runs what only looks: it exits with 0 and writes nothing.
    #[track_caller]
    pub fn looks(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        self.assert_nothing_written();
        run.snapshot()
    }

    /// Runs what is to be refused in a new home, and sees to it that nothing was written.
    #[track_caller]
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_ne!(run.code, 0, "{}", run.stdout);
        self.assert_nothing_written();
        run.snapshot()
    }

    /// Waits until a job is in a state.
    pub fn until(&self, job: &str, state: &str) -> Value {
        eventually(state, || Some(self.status(job)).filter(|job| job["state"] == state))
    }

    /// Submits a job that goes on until it is ended, and waits until it runs.
    pub fn running(&self) -> String {
        let id = self.submit(["--name", "endless", "--", "sleep", "1000"]);
        self.until(&id, "running");
        id
    }

    /// A worker that has room for one job, and that job; what comes after it is queued.
    pub fn busy(&self) -> (Worker, String) {
        let worker = self.worker(["--vcpus", "1", "--memory", "4GiB"]);
        (worker, self.running())
    }

    /// The result of `run` for a job that a shell runs.
    pub fn run_script(&self, options: &[&str], script: &str) -> Run {
        self.run(["run"].iter().chain(options).chain(&["--", "sh", "-c", script]))
    }

    /// A pipe by name in the directory where jobs start: `read x < gate` waits until it is
    /// opened.
    pub fn gate(&self) -> Gate {
        let path = self.work().join("gate");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, 0o600.into(), 0).expect("a pipe");
        // Open in both directions, so that nobody waits for the other end.
        Gate(OpenOptions::new().read(true).write(true).open(path).expect("open"))
    }
}

/// What holds up jobs.
pub struct Gate(File);

impl Gate {
    pub fn open(&mut self) {
        self.0.write_all(b"go\n").expect("written");
    }
}

impl Run {
    /// stdout as JSON lines.
    pub fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("json")).collect()
    }

    /// The snapshot without the script that precedes each command on AWS.
    pub fn snapshot_without_prefix(&self) -> String {
        self.snapshot_without(r#""echo \\"computes: job [^\n]*?exec \\"\$@\\"""#, "\"[prefix]\"")
    }

    /// The snapshot without the states on the way, of which some may not be seen.
    pub fn snapshot_of_the_end(&self) -> String {
        self.snapshot_without(r"(?m)^\[short\] (starting|running|waits.*)\n", "")
    }

    /// The snapshot with more taken out.
    pub fn snapshot_without(&self, pattern: &str, with: &str) -> String {
        let pattern = Regex::new(pattern).expect("a pattern");
        pattern.replace_all(&self.snapshot(), with).into_owned()
    }
}

/// Runs a command at a terminal of its own, of a usual size: what comes from stdin is typed there, what is
/// seen goes to stdout.
const AT_TERMINAL: &str = r#"
import os, pty, sys
sized = ["sh", "-c", 'stty cols 80 rows 24; exec "$0" "$@"']
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sized + sys.argv[1:])))
"#;

/// A verb that follows a job, in the background of the test.
pub struct Following {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Following {
    pub fn start(home: &Home, arguments: &[&str]) -> Self {
        Self::spawn(home.command(arguments))
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, stderr, said: String::new() }
    }

    /// At a terminal: [`type_in`](Self::type_in) types, and what is seen is what it prints.
    pub fn at_terminal(home: &Home, arguments: &[&str]) -> Self {
        let python = python_tool("python");
        let mut command = home.command_of(Path::new(python.get_program()), ["-c", AT_TERMINAL]);
        command.arg(env!("CARGO_BIN_EXE_computes")).args(arguments).stdin(Stdio::piped());
        command.env("TERM", "xterm");
        Self::spawn(command)
    }

    pub fn type_in(&mut self, keys: &str) {
        let terminal = self.child.stdin.as_mut().expect("a pipe");
        terminal.write_all(keys.as_bytes()).expect("written");
    }

    /// Waits for a line that it writes to stdout.
    pub fn until_it_prints(&mut self, what: &str) -> String {
        self.until(|printed| printed.ends_with('\n') && printed.contains(what))
    }

    /// Waits for what need be no line.
    pub fn until_it_shows(&mut self, what: &str) {
        self.until(|printed| printed.ends_with(what));
    }

    fn until(&mut self, is_enough: impl Fn(&str) -> bool) -> String {
        let stdout = self.child.stdout.as_mut().expect("a pipe");
        let mut printed = Vec::new();
        // A byte at a time, so that what follows is left for the end.
        while !is_enough(&String::from_utf8_lossy(&printed)) {
            let mut byte = [0];
            assert_eq!(stdout.read(&mut byte).expect("readable"), 1, "it ended: {printed:?}");
            printed.push(byte[0]);
        }
        String::from_utf8(printed).expect("text")
    }

    /// Has the program at the terminal go on, as `fg` does, once it has stopped.
    pub fn go_on_when_stopped(&self) {
        let terminal = self.child.id();
        let children = fs::read_to_string(format!("/proc/{terminal}/task/{terminal}/children"));
        let program: u32 = children.expect("a process").trim().parse().expect("one child");
        eventually("the program stopped", || {
            let stat = fs::read_to_string(format!("/proc/{program}/stat")).expect("a process");
            stat.rsplit(") ").next()?.starts_with('T').then_some(())
        });
        send(program, Signal::CONT);
    }

    /// Waits for a line that it writes to stderr.
    pub fn until_it_says(&mut self, what: &str) {
        let from = self.said.len();
        while !self.said[from..].contains(what) {
            let count = self.stderr.read_line(&mut self.said).expect("text");
            assert_ne!(count, 0, "it ended: {}", self.said);
        }
    }

    pub fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }

    /// Waits until it catches SIGINT, as the kernel tells.
    pub fn until_it_listens(&self) {
        let status = format!("/proc/{}/status", self.child.id());
        eventually("a signal handler", || {
            let status = fs::read_to_string(&status).expect("a process");
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
            let caught = u64::from_str_radix(caught?.trim(), 16).expect("a number");
            // SIGINT and SIGTERM.
            (caught & 0b100_0000_0000_0010 == 0b100_0000_0000_0010).then_some(())
        });
    }

    /// Its end, with all of stderr and what is left of stdout.
    pub fn end(self, home: &Home) -> Run {
        let Self { child, mut stderr, mut said } = self;
        // Both at once: it may have more to write than goes into either pipe.
        let reading = std::thread::spawn(move || {
            stderr.read_to_string(&mut said).expect("text");
            said
        });
        let mut output = child.wait_with_output().expect("a child");
        output.stderr = reading.join().expect("text").into_bytes();
        home.finish(&output)
    }
}

/// Runs git where the calls stand, as somebody.
#[track_caller]
pub fn git(home: &Home, words: &[&str]) {
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    let mut git = home.command_of(Path::new("git"), who);
    let run = home.run_command(git.args(words));
    assert_eq!(run.code, 0, "{words:?}: {}", run.stderr);
}

/// Words of a command line that holds no quotes.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Runs a test once for each case and gives all snapshots, with the case over each.
pub fn each<T: std::fmt::Display>(cases: &[T], mut snapshot: impl FnMut(&T) -> String) -> String {
    let told = |case| format!("> {case}\n{}\n", snapshot(case));
    cases.iter().map(told).collect::<Vec<_>>().concat()
}
