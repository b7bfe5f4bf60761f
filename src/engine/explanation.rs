//! Why a job waits or why it ended.

use crate::job::Resources;
use crate::ledger::{Holding, Millis};

/// What is known, most telling first.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// The engine's own word for the state, where it has one.
    pub status: Option<String>,
    /// Its own words for why.
    pub reason: Option<String>,
    /// What that means, a sentence each.
    pub findings: Vec<String>,
    /// What to do, a command or a setting each.
    pub hints: Vec<String>,
    /// Since when it waits.
    pub since: Option<Millis>,
    /// The place among the jobs that can start, from 1, where that can be told.
    pub position: Option<usize>,
    /// What is left where it would run, on this machine.
    pub free: Option<Resources>,
    /// The jobs that have most of what it asks for, on this machine.
    pub holders: Vec<Holding>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
}

impl Explanation {
    pub(super) fn find(&mut self, finding: impl Into<String>) {
        self.findings.push(finding.into());
    }

    /// How many jobs are to start before it.
    pub(super) fn stands_behind(&mut self, before: usize) {
        self.position = Some(before + 1);
        self.find(match before {
            0 => "it is the next to start".to_owned(),
            1 => "one job is to start before it".to_owned(),
            more => format!("{more} jobs are to start before it"),
        });
    }

    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.hints.push(hint.into());
    }
}
