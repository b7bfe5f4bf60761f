//! Finding and ending the processes of a job.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};

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
/// waits until it is gone: what a dead worker left behind, children that became daemons
/// included.
pub fn kill_marked(job: JobId) {
    // A process may start another while we look, so look until there is none.
    loop {
        let handles: Vec<_> = all()
            .filter(|pid| carries(*pid, job))
            .filter_map(|pid| Some((pid, handle(pid)?)))
            // The handle is of one process for ever, the number is not: look again through it.
            .filter(|(pid, _)| carries(*pid, job))
            .collect();
        if handles.is_empty() {
            return;
        }
        for (_, handle) in &handles {
            kill_and_wait(handle);
        }
    }
}

/// Kills a child of ours with all below it, and takes it away.
pub fn end_child(pid: u32) {
    for below in tree(pid).into_iter().filter_map(handle) {
        kill_and_wait(&below);
    }
    if let Some(pid) = raw(pid) {
        // One that is gone already was not there to be taken away.
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
    }
}

/// So often a process that becomes another program is looked at, a millisecond apart.
const MOST_LOOKS: u32 = 100;

/// Does the process have the job's id in the environment it was started with? A zombie has
/// no environment any more, and one that becomes another program has none for a moment.
pub fn carries(pid: u32, job: JobId) -> bool {
    let marker = format!("AWS_BATCH_JOB_ID={job}");
    let mut is_settled = false;
    for _ in 0..MOST_LOOKS {
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
        if !environment.is_empty() || is_settled {
            return environment.split(|byte| *byte == 0).any(|entry| entry == marker.as_bytes());
        }
        is_settled = !is_in_exec(pid);
        if !is_settled {
            let moment = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
            // Woken early it looks early.
            let _ = poll(&mut [], Some(&moment));
        }
    }
    false
}

/// Is the process of ours between two programs? Of others the kernel does not tell it.
fn is_in_exec(pid: u32) -> bool {
    let is_ours = fs::metadata(format!("/proc/{pid}"))
        .is_ok_and(|process| process.uid() == rustix::process::geteuid().as_raw());
    is_ours && fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| has_no_end(&stat))
}

/// Does the process have memory, and in it no place yet where its environment ends? These are
/// the fields 23 and 51 of `proc_pid_stat(5)`.
fn has_no_end(stat: &str) -> bool {
    // The name in parentheses may hold anything; the third field follows it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let field = |number: usize| fields.split_ascii_whitespace().nth(number - 3);
    field(23).is_some_and(|memory| memory != "0") && field(51) == Some("0")
}

fn kill_and_wait(handle: &OwnedFd) {
    // One that ended by itself is as good.
    let _ = pidfd_send_signal(handle, Signal::KILL);
    let mut wait = [PollFd::new(handle, PollFlags::IN)];
    while matches!(poll(&mut wait, None), Err(rustix::io::Errno::INTR)) {}
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn handle(pid: u32) -> Option<OwnedFd> {
    pidfd_open(raw(pid)?, PidfdFlags::empty()).ok()
}

fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
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
        assert!(all().any(|pid| carries(pid, id)));
        kill_marked(id);
        assert!(!all().any(|pid| carries(pid, id)));
    }

    #[test]
    fn between_two_programs_an_environment_has_no_end_yet() {
        let stat = |name: &str, memory: u64, end: u64| {
            // The fields from the third on, of which two count here.
            let field = |number| match number {
                23 => memory.to_string(),
                51 => end.to_string(),
                number => number.to_string(),
            };
            format!("4711 ({name}) {}", (3..=52).map(field).collect::<Vec<_>>().join(" "))
        };
        assert!(has_no_end(&stat("sh", 4096, 0)));
        assert!(has_no_end(&stat("a) (b", 4096, 0)));
        assert!(!has_no_end(&stat("sh", 4096, 140_737_488)));
        // A kernel thread, and one that has ended.
        assert!(!has_no_end(&stat("kworker/0:1", 0, 0)));
        assert!(!has_no_end(""));
        let own = fs::read_to_string("/proc/self/stat").expect("our own");
        assert!(!has_no_end(&own), "{own}");
    }

    #[test]
    fn a_tree_holds_its_root() {
        assert_eq!(tree(std::process::id())[0], std::process::id());
    }
}
