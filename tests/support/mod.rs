//! An empty home for each test, and the program as a user would call it.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod aws;
mod gate;
mod processes;
mod proxy;

pub use aws::{Account, Aws, Jobs, at_short_intervals};
pub use gate::Gate;
pub use processes::Wanted;
pub use proxy::{Answer, Fault, Proxy, Request};

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;
use tempfile::TempDir;

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of those that `./build.sh test` sets up for Python.
pub fn python_tool(name: &str) -> Command {
    let path = root().join("target/python/bin").join(name);
    assert!(path.exists(), "{name} is not there: `./build.sh test` sets it up");
    Command::new(path)
}

/// A home directory of its own, with its own state directory. What runs in it ends with it.
pub struct Home {
    dir: TempDir,
    settings: Vec<(String, String)>,
    program: PathBuf,
    /// Whose home it is, if not that of whoever runs the tests.
    user: Option<u32>,
}

/// How a call of the program went.
pub struct Run {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
    home: PathBuf,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("computes-").tempdir().expect("a directory");
        fs::create_dir(dir.path().join("here")).expect("a directory");
        let program = env!("CARGO_BIN_EXE_computes").into();
        Self { dir, settings: Vec::new(), program, user: None }
    }

    /// Gives the home to another user, as whom every call runs then. Only the superuser can.
    pub fn of_user(mut self, user: u32) -> Self {
        // The folder that the program was built in may be closed to that user.
        let program = self.path().join("computes");
        if fs::hard_link(&self.program, &program).is_err() {
            fs::copy(&self.program, &program).expect("a copy of the program");
        }
        for path in [self.path(), &self.work()] {
            std::os::unix::fs::chown(path, Some(user), Some(user)).expect("another owner");
        }
        self.program = program;
        self.user = Some(user);
        self
    }

    /// With a setting for every call: `local.grace` is `COMPUTES_LOCAL_GRACE`.
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.settings.push((variable.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the calls stand: an empty directory.
    pub fn work(&self) -> PathBuf {
        self.path().join("here")
    }

    pub fn state(&self) -> PathBuf {
        self.path().join(".local/state/computes")
    }

    /// The program with these arguments, in a cleared environment, not started yet.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        self.command_of(&self.program, arguments)
    }

    /// The same with a copy of the program.
    pub fn command_of<S: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(program);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.finish(&self.command(arguments).output().expect("the program starts"))
    }

    /// Runs `command` to its end.
    pub fn run_command(&self, command: &mut Command) -> Run {
        self.finish(&command.output().expect("the program starts"))
    }

    /// How a call went that has ended.
    pub fn finish(&self, output: &Output) -> Run {
        Run {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output
                .status
                .code()
                .unwrap_or_else(|| -output.status.signal().unwrap_or_default()),
            home: self.path().to_owned(),
        }
    }

    /// A worker in the foreground, once it says that it is ready.
    pub fn worker<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Worker {
        use std::io::BufRead;
        let mut command = self.command([OsStr::new("worker")]);
        command.args(arguments).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("the worker starts");
        let stderr = child.stderr.take().expect("a pipe");
        let mut lines = std::io::BufReader::new(stderr);
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        assert!(line.starts_with("worker ready"), "{line}");
        Worker { child, _stderr: lines }
    }

    /// Submits a job and gives its id.
    pub fn submit<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let mut command = self.command([OsStr::new("submit")]);
        let run = self.run_command(command.args(arguments));
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.trim_end().to_owned()
    }

    /// What `status --json` says of a job.
    pub fn status(&self, job: &str) -> Value {
        let run = self.run(["status", "--json", job]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        serde_json::from_str(&run.stdout).expect("json")
    }

    /// The id that a job finds in its environment.
    pub fn batch_id(&self, job: &str) -> String {
        let status = self.status(job);
        let id = status["engine_id"].as_str().or(status["id"].as_str());
        id.expect("an id").to_owned()
    }

    /// The id that the engine gave it.
    pub fn engine_id_of(&self, job: &str) -> String {
        let status = self.status(job);
        status["engine_id"].as_str().expect("it was handed over").to_owned()
    }

    /// How many jobs were written down.
    pub fn jobs_of_the_ledger(&self) -> usize {
        self.run(["list", "--engine", "local", "--all", "--json"]).stdout.lines().count()
    }

    /// A script that stands where the calls do. On AWS a job stands where its image says.
    pub fn in_work(&self, script: &str) -> String {
        let on_aws = self.settings.iter().any(|(_, value)| value == "aws");
        if on_aws { format!("cd {}; {script}", self.work().display()) } else { script.to_owned() }
    }

    /// Every job of the ledger, newest first.
    pub fn jobs(&self) -> Vec<Value> {
        let run = self.run(["list", "--all", "--json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("json")).collect()
    }

    /// The process ids of the workers that live.
    pub fn workers(&self) -> Vec<u32> {
        let run = self.run(["queues", "--workers", "--json"]);
        let pid = |line: &str| {
            let worker: Value = serde_json::from_str(line).expect("json");
            u32::try_from(worker["pid"].as_u64().expect("a number")).expect("a process id")
        };
        run.stdout.lines().map(pid).collect()
    }

    /// Sends a signal to all workers and waits until they are gone.
    pub fn end_workers(&self, signal: Signal) {
        for pid in self.workers() {
            kill_and_wait(pid, signal);
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.state().join("ledger.db").exists() {
            return;
        }
        self.end_workers(Signal::KILL);
        // A worker that is only about to sign on, and what jobs left behind.
        loop {
            let path = self.path().display().to_string();
            let mut left = self.processes(Wanted::Home);
            left.append(&mut self.processes(Wanted::CommandLine(&path)));
            if left.is_empty() {
                return;
            }
            for pid in left {
                kill_and_wait(pid, Signal::KILL);
            }
        }
    }
}

/// A worker in the foreground. It is killed when the test is over.
pub struct Worker {
    pub child: Child,
    /// Open, so that the worker can go on to write.
    _stderr: std::io::BufReader<std::process::ChildStderr>,
}

impl Worker {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end and gives its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("a child").code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended as the test wanted it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("not 0");
    rustix::process::kill_process(pid, signal).expect("the process is there");
}

/// Signals a process that is no child of ours and waits until it is gone.
pub fn kill_and_wait(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("not 0");
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if pidfd_send_signal(&handle, signal).is_ok() {
        let mut wait = [PollFd::new(&handle, PollFlags::IN)];
        while poll(&mut wait, None).is_err() {}
    }
}

/// Waits for a condition that another process brings about, looking again and again; fails
/// the test after a minute. For what the program offers no way to wait for.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed().as_secs() < 60, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

static REDACTIONS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]"),
        (r"\b[0-9a-f]{8}\b", "[short]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[time]"),
        (r"\b\d+\.\d s\b( *)", "[took] "),
        (r"\bafter \d+ s\b( *)", "after [took] "),
        (r"\b\d{12}\b", "[account]"),
        (r#""pid":\d+"#, r#""pid":[pid]"#),
        (r"\bpid \d+", "pid [pid]"),
        // Whether the machine lets a job have `/files` is told apart.
        (r"(?m)^note: this machine gives jobs no /files.*\n", ""),
        (r"(?m)^ +without /files: .*\n", ""),
        (r#""files_mounted":(true|false)"#, r#""files_mounted":[mounted]"#),
    ]
    .map(|(pattern, with)| (Regex::new(pattern).expect("a pattern"), with))
    .into()
});

impl Run {
    /// Exit code, stdout and stderr as one text, with what changes from run to run taken out.
    pub fn snapshot(&self) -> String {
        let mut text = format!("exit code {}\n", self.code);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                let _ = write!(text, "--- {name}\n{stream}");
                if !stream.ends_with('\n') {
                    text.push_str("⏎ missing\n");
                }
            }
        }
        self.redact(&text)
    }

    fn redact(&self, text: &str) -> String {
        let mut text = text.replace(&self.home.display().to_string(), "[home]");
        for (pattern, with) in REDACTIONS.iter() {
            text = pattern.replace_all(&text, *with).into_owned();
        }
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        lines.join("\n") + "\n"
    }
}
