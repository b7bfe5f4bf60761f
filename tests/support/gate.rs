//! Meeting a job at a point of its script.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use super::Home;

const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Two pipes with names in the working directory. A script that holds [`Gate::STOP`] tells
/// that it is there and stands still until the test lets it go on.
pub struct Gate {
    arrived: File,
    release: File,
}

impl Gate {
    /// In a script: tell that it is here, and wait.
    pub const STOP: &'static str = "echo $AWS_BATCH_JOB_ID > arrived; read line < release";

    pub fn new(home: &Home) -> Self {
        Self {
            arrived: pipe(&home.work().join("arrived")),
            release: pipe(&home.work().join("release")),
        }
    }

    /// Waits until `count` scripts are there, and gives the ids of their jobs.
    pub fn wait_for(&mut self, count: usize) -> Vec<String> {
        let mut seen = String::new();
        while seen.lines().count() < count || !seen.ends_with('\n') {
            let mut wait = [PollFd::new(&self.arrived, PollFlags::IN)];
            let ready = poll(&mut wait, Some(&PATIENCE)).expect("a pipe");
            assert!(ready > 0, "waited in vain for {count} jobs at the gate; there: {seen:?}");
            let mut buffer = [0; 4096];
            let length = self.arrived.read(&mut buffer).expect("something to read");
            seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        seen.lines().map(str::to_owned).collect()
    }

    /// Lets one script go on.
    pub fn open(&mut self) {
        self.release.write_all(b"\n").expect("room in the pipe");
    }
}

/// Open at both ends, so that neither side waits for the other to come.
fn pipe(path: &PathBuf) -> File {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).expect("a pipe");
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("open to all");
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag");
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).expect("a pipe")
}
