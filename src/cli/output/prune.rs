//! What `prune` removed, for people and as JSON.

use serde::Serialize;

use crate::engine::{Pruned, Pruning};
use crate::parcel::size;

#[derive(Debug, Serialize)]
pub struct PruneView {
    pub jobs: u64,
    pub kept: u64,
    pub bytes: u64,
    pub ledger_bytes: u64,
    pub only_files: bool,
    /// False with `--dry-run`.
    pub removed: bool,
}

impl PruneView {
    pub const fn new(pruned: &Pruned, pruning: &Pruning) -> Self {
        Self {
            jobs: pruned.jobs,
            kept: pruned.kept,
            bytes: pruned.bytes,
            ledger_bytes: pruned.ledger_bytes,
            only_files: pruning.only_files,
            removed: !pruning.dry_run,
        }
    }
}

pub fn pruned(pruned: &Pruned, pruning: &Pruning) -> String {
    let verb = if pruning.dry_run { "would remove" } else { "removed" };
    if pruned.jobs == 0 && pruned.bytes == 0 {
        return "nothing to remove".to_owned();
    }
    let (jobs, bytes) = (jobs(pruned.jobs), size(pruned.bytes));
    if pruned.jobs == 0 {
        return format!("{verb} {bytes} that no job needs");
    }
    if pruning.only_files {
        return format!("{verb} the files of {jobs}, {bytes} in all");
    }
    let ledger = match pruned.ledger_bytes {
        bytes if bytes > 0 => {
            format!("; the ledger is {} smaller", size(bytes))
        }
        _ => String::new(),
    };
    format!("{verb} {jobs} with logs and files, {bytes} in all{ledger}")
}

/// `1 job`, `4,155 jobs`.
pub fn jobs(count: u64) -> String {
    format!("{} job{}", thousands(count), if count == 1 { "" } else { "s" })
}

pub fn thousands(count: u64) -> String {
    match count {
        0..1000 => count.to_string(),
        _ => format!("{},{:03}", thousands(count / 1000), count % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(jobs(1), "1 job");
        assert_eq!(jobs(999), "999 jobs");
        assert_eq!(jobs(4_155), "4,155 jobs");
        assert_eq!(jobs(1_000_007), "1,000,007 jobs");
    }
}
