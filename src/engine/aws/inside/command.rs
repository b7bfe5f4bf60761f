//! The command of a job, as the child of this process, which stands in its place.

use std::io;
use std::path::Path;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use tokio::signal::unix::{Signal as Arrivals, SignalKind, signal};

/// A command that runs, and the signals that are passed on to it.
pub struct Command {
    pid: Pid,
    children: Arrivals,
    arrivals: Vec<(Signal, Arrivals)>,
}

/// Those that somebody may send to a container.
const PASSED_ON: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2];

fn prepared(words: &[String], directory: Option<&Path>, without: &[&str]) -> std::process::Command {
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
    command
}

impl Command {
    /// Starts it, without some variables of ours.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(words: &[String], directory: Option<&Path>, without: &[&str]) -> io::Result<Self> {
        // Before there is a child whose end could be missed.
        let children = signal(SignalKind::child())?;
        let arrivals = PASSED_ON.map(|number| {
            let arrivals = signal(SignalKind::from_raw(number.as_raw()))?;
            Ok((number, arrivals))
        });
        let arrivals = arrivals.into_iter().collect::<io::Result<_>>()?;
        let child = prepared(words, directory, without).spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the command has no process id"))?;
        Ok(Self { pid, children, arrivals })
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
            let arrived = async {
                let any = self.arrivals.iter_mut().map(|(number, arrivals)| {
                    Box::pin(async move {
                        arrivals.recv().await;
                        *number
                    })
                });
                futures_util::future::select_all(any).await.0
            };
            tokio::select! {
                _ = self.children.recv() => {}
                number = arrived => {
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
