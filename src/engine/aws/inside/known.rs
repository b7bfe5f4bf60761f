//! What lies in the bucket already, of this job and its earlier attempts.

use std::collections::BTreeMap;

use crate::engine::Stored;
use crate::job::Address;

/// Where each content lies, by its size and its hash.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<u64, BTreeMap<Address, Stored>>);

impl Known {
    /// Only what has as many bytes can be the same.
    pub fn has_any_of(&self, bytes: u64) -> bool {
        self.0.contains_key(&bytes)
    }

    pub fn find(&self, bytes: u64, hash: &Address) -> Option<Stored> {
        self.0.get(&bytes)?.get(hash).copied()
    }

    pub fn insert(&mut self, bytes: u64, hash: Address, stored: Stored) {
        self.0.entry(bytes).or_default().insert(hash, stored);
    }
}
