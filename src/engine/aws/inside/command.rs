//! The command of a job, as the child of this process, which stands in its place.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use tokio::signal::unix::{Signal as Arrivals, SignalKind, signal};

/// What somebody sends to this process, and is meant for the command.
pub struct Signals(Vec<(Signal, Arrivals)>);

/// A command that runs.
pub struct Command {
    pid: Pid,
    children: Arrivals,
    signals: Signals,
}

/// Those that somebody may send to a container.
const PASSED_ON: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2];

/// What a command gets besides its words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// Where it starts, if not where this process does.
    pub directory: Option<&'a Path>,
    /// What it reads, if not what this process does.
    pub stdin: Option<&'a File>,
    /// Variables that are not its own.
    pub without: &'a [&'a str],
}

fn prepared(words: &[String], around: Around<'_>) -> io::Result<std::process::Command> {
    let Around { directory, stdin, without } = around;
    let (program, arguments) = words.split_first().map_or(("", &[][..]), |(a, b)| (a.as_str(), b));
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    for name in without {
        command.env_remove(name);
    }
    if let Some(directory) = directory {
        command.current_dir(directory);
        // Some programs believe it more than the kernel.
        command.env("PWD", directory);
    }
    if let Some(stdin) = stdin {
        command.stdin(stdin.try_clone()?);
    }
    Ok(command)
}

impl Signals {
    /// From here on none is lost.
    ///
    /// # Errors
    /// When the machine has no more room for that.
    pub fn new() -> io::Result<Self> {
        let arrivals =
            PASSED_ON.map(|number| Ok((number, signal(SignalKind::from_raw(number.as_raw()))?)));
        Ok(Self(arrivals.into_iter().collect::<io::Result<_>>()?))
    }

    async fn any(&mut self) -> Signal {
        let any = self.0.iter_mut().map(|(number, arrivals)| {
            Box::pin(async move {
                arrivals.recv().await;
                *number
            })
        });
        futures_util::future::select_all(any).await.0
    }

    /// Waits until somebody wants this to end, and gives the exit code that says so.
    pub async fn end(&mut self) -> u8 {
        loop {
            let number = self.any().await;
            if number == Signal::TERM || number == Signal::INT {
                return u8::try_from(128 + number.as_raw()).unwrap_or(u8::MAX);
            }
        }
    }
}

impl Command {
    /// Starts it.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(words: &[String], around: Around<'_>, signals: Signals) -> io::Result<Self> {
        // Before there is a child whose end could be missed.
        let children = signal(SignalKind::child())?;
        let child = match prepared(words, around)?.spawn() {
            // A script without a first line that names its shell, as a shell would take it.
            Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
                let words = [&["sh".to_owned()], words].concat();
                prepared(&words, around)?.spawn()?
            }
            child => child?,
        };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the command has no process id"))?;
        Ok(Self { pid, children, signals })
    }

    /// Passes signals on until the command ends, and gives its exit code: 128 and the number of a
    /// signal that ended it. May be dropped and called again.
    ///
    /// # Errors
    /// When the end can't be seen.
    pub async fn ended(&mut self) -> io::Result<u8> {
        loop {
            // The first process of a container inherits those that nobody waits for.
            while let Some((pid, status)) = reaped()? {
                if pid == self.pid {
                    let by_signal = status.terminating_signal().map(|signal| 128 + signal);
                    let code = status.exit_status().or(by_signal).unwrap_or(125);
                    return Ok(u8::try_from(code).unwrap_or(125));
                }
            }
            tokio::select! {
                _ = self.children.recv() => {}
                number = self.signals.any() => {
                    // It may have ended in this moment.
                    let _ = kill_process(self.pid, number);
                }
            }
        }
    }
}

fn reaped() -> io::Result<Option<(Pid, rustix::process::WaitStatus)>> {
    match wait(WaitOptions::NOHANG) {
        Ok(ended) => Ok(ended),
        Err(rustix::io::Errno::CHILD) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
