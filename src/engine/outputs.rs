//! The outputs of a job, found where they lie.

use std::collections::BTreeMap;

use super::EngineError;
use super::changes::Before;
use super::files::{FileEntry, Roots};
use crate::job::{Freight, JobPath, Output, Outputs, Root};
use crate::parcel::UNPACKED_AT;

/// What a job leaves.
#[derive(Debug, Default)]
pub struct Found {
    /// Sorted by path.
    pub entries: Vec<FileEntry>,
    /// Outputs for which nothing is there.
    pub missing: Vec<Output>,
    /// What is there and can't be kept, and why.
    pub unfit: Vec<String>,
}

/// Where outputs are looked for, and what of it is no result.
pub struct Search<'a> {
    pub outputs: &'a Outputs,
    pub roots: &'a Roots,
    pub freight: &'a Freight,
    pub before: &'a Before,
}

impl Search<'_> {
    /// What is there in some of the roots.
    ///
    /// # Errors
    /// When something can't be looked at.
    pub fn find(&self, roots: &[Root]) -> Result<Found, EngineError> {
        let mut found = BTreeMap::new();
        let mut unfit = Vec::new();
        let mut missing = Vec::new();
        for output in self.outputs.kept().filter(|output| roots.contains(&output.path.root)) {
            let root = output.path.root;
            let mut is_there = output.path.below.is_all();
            for entry in self.roots.list(root, output.plain_part())? {
                let (_, below) = JobPath::split(&entry.path);
                if !output.covers(root, below) || self.outputs.leaves_out(root, below) {
                    continue;
                }
                is_there = true;
                // Also of what could not be taken: it is where it came from.
                if root == Root::Source && self.before.has(&entry.path, self.roots) {
                    continue;
                }
                match entry.checked() {
                    Ok(path) if self.was_brought(output, &path, &entry) => {}
                    Ok(_) => {
                        found.insert(entry.path.clone(), entry);
                    }
                    Err(error) => unfit.push(error.to_string()),
                }
            }
            if !is_there {
                missing.push(output.clone());
            }
        }
        unfit.sort();
        unfit.dedup();
        Ok(Found { entries: found.into_values().collect(), missing, unfit })
    }

    /// What the job was brought and left as it was is no result of it. An input is one if it is named.
    fn was_brought(&self, output: &Output, path: &JobPath, entry: &FileEntry) -> bool {
        path.root == Root::Files
            && output.path.below.is_all()
            && entry.modified == Some(UNPACKED_AT)
            && self.freight.inputs.iter().any(|input| path.below.is_in(&input.path))
    }
}
