//! Finding and ending the processes of a job.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::job::JobId;

/// The process and all below it, as the kernel tells them now.
pub fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        next += 1;
        found.extend(children(pid));
    }
    found
}

/// The direct children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

/// Does SIGTERM do anything to this process? To the first process of a process id namespace
/// (as to that of a container) only if it has a handler for it.
pub fn catches_term(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (Signal::TERM.as_raw() - 1)) != 0
}

/// Kills every process that carries the job's id in the environment it was started with, and
/// waits until it is gone. That finds what a job left behind where there was no process id
/// namespace to take it along, children that became daemons included.
pub fn kill_marked(job: JobId) {
    let marker = format!("AWS_BATCH_JOB_ID={job}");
    // A process may start another while we look, so look until there is none.
    loop {
        let found: Vec<_> = all().filter(|pid| is_marked(*pid, &marker)).collect();
        let handles: Vec<_> = found.into_iter().filter_map(|pid| open(pid).ok()).collect();
        // The handle is of one process for ever, the number is not: look again through it.
        let handles: Vec<_> =
            handles.into_iter().filter(|(pid, _)| is_marked(*pid, &marker)).collect();
        if handles.is_empty() {
            return;
        }
        for (_, handle) in &handles {
            // One that ended by itself is as good.
            let _ = pidfd_send_signal(handle, Signal::KILL);
        }
        for (_, handle) in &handles {
            let mut wait = [PollFd::new(handle, PollFlags::IN)];
            while matches!(poll(&mut wait, None), Err(rustix::io::Errno::INTR)) {}
        }
    }
}

fn open(pid: u32) -> io::Result<(u32, OwnedFd)> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let raw = raw.ok_or(io::ErrorKind::InvalidInput)?;
    Ok((pid, pidfd_open(raw, PidfdFlags::empty())?))
}

fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A zombie's environment reads as empty, so it is not marked.
fn is_marked(pid: u32, marker: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
        environment.split(|byte| *byte == 0).any(|entry| entry == marker.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn marked_processes_are_found_and_ended_wherever_they_hang() {
        let id = JobId::new(uuid::Uuid::now_v7());
        // The middle process ends at once, so that the last one is an orphan.
        let status = Command::new("sh")
            .args(["-c", "setsid sleep 1000 >/dev/null 2>&1 </dev/null & exit 0"])
            .env("AWS_BATCH_JOB_ID", id.to_string())
            .status();
        assert!(status.is_ok_and(|status| status.success()));
        let marker = format!("AWS_BATCH_JOB_ID={id}");
        assert!(all().any(|pid| is_marked(pid, &marker)));
        kill_marked(id);
        assert!(!all().any(|pid| is_marked(pid, &marker)));
    }

    #[test]
    fn a_tree_holds_its_root() {
        assert_eq!(tree(std::process::id())[0], std::process::id());
    }
}
