//! How much memory a tree of processes uses.
//!
//! A control group would tell, and hold the limit, but an ordinary user's process is rarely
//! given one with memory control. So the worker looks: the nearer a job is to its limit, the
//! more often. See docs/adr/0003.

use std::fs;
use std::time::Duration;

/// Faster than a job can fill memory for long: a page has to be cleared before it is given.
const FASTEST_FILL: u64 = 4 * 1024 * 1024 * 1024;
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

/// When to look again at a job that uses `used` of `limit` bytes: before it could be over.
#[must_use]
pub fn next_look(used: u64, limit: u64) -> Duration {
    let room = limit.saturating_sub(used);
    let millis = room.saturating_mul(1000) / FASTEST_FILL;
    Duration::from_millis(millis).clamp(SHORTEST, LONGEST)
}

/// Bytes that a process and all below it keep in memory for themselves, if that is over
/// `limit`; otherwise an upper estimate, which costs less. Files that the kernel can read
/// again don't count, as they don't in a control group that is short of memory.
#[must_use]
pub fn used(root: u32, limit: u64) -> u64 {
    let processes = super::processes::tree(root);
    let estimate: u64 = processes.iter().filter_map(|pid| resident(*pid)).sum();
    if estimate <= limit {
        return estimate;
    }
    // Pages that a fork shares were counted once for each; the slow way divides them.
    processes.iter().filter_map(|pid| proportional(*pid).or_else(|| resident(*pid))).sum()
}

/// Resident pages that are not a file's, shared memory among them.
fn resident(pid: u32) -> Option<u64> {
    sum(&format!("/proc/{pid}/status"), ["RssAnon:", "RssShmem:"])
}

/// The same with shared pages divided by those who share them.
fn proportional(pid: u32) -> Option<u64> {
    sum(&format!("/proc/{pid}/smaps_rollup"), ["Pss_Anon:", "Pss_Shmem:"])
}

/// Two fields of a file of the kernel's, in bytes. See `proc(5)`.
fn sum(file: &str, fields: [&str; 2]) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let kib = |field: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().trim_end_matches("kB").trim_end().parse().ok()
    };
    Some((kib(fields[0])? + kib(fields[1])?) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_the_limit_the_sooner_the_look() {
        let gib = 1024 * 1024 * 1024;
        assert_eq!(next_look(0, gib), Duration::from_millis(250));
        assert_eq!(next_look(gib - 1, gib), SHORTEST);
        assert_eq!(next_look(2 * gib, gib), SHORTEST);
        assert_eq!(next_look(0, 64 * gib), LONGEST);
    }

    #[test]
    fn this_process_uses_memory() {
        let me = std::process::id();
        assert!(used(me, u64::MAX) > 0);
        assert!(used(me, 0) > 0);
    }
}
