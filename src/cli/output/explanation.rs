//! Why a job waits or why it ended, for people and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::time::timestamp;
use crate::engine::Explanation;
use crate::job::{FailureClass, Resources, one_line};
use crate::ledger::{Holding, JobRecord};

/// Why a job waits or why it ended.
#[derive(Debug, Serialize)]
pub struct ExplanationView {
    pub id: String,
    pub short: String,
    pub name: String,
    pub state: &'static str,
    pub class: Option<FailureClass>,
    pub engine_status: Option<String>,
    pub reason: Option<String>,
    pub findings: Vec<String>,
    pub hints: Vec<String>,
    pub since: Option<String>,
    pub position: Option<usize>,
    pub free: Option<SizeView>,
    pub holders: Vec<HolderView>,
    pub unknown: Vec<String>,
}

/// How much of a machine.
#[derive(Debug, Serialize)]
pub struct SizeView {
    pub vcpus: String,
    pub memory_mib: u32,
    pub gpus: u32,
}

/// A job that has what another waits for.
#[derive(Debug, Serialize)]
pub struct HolderView {
    pub id: String,
    pub short: String,
    pub name: String,
    #[serde(flatten)]
    pub size: SizeView,
}

impl SizeView {
    fn new(size: &Resources) -> Self {
        let (vcpus, memory_mib) = (size.vcpus.to_string(), size.memory.as_mib());
        Self { vcpus, memory_mib, gpus: size.gpus }
    }
}

impl HolderView {
    fn new(holding: Holding) -> Self {
        Self {
            id: holding.id.to_string(),
            short: holding.id.short(),
            name: holding.name,
            size: SizeView::new(&holding.resources),
        }
    }
}

impl ExplanationView {
    pub fn new(job: &JobRecord, explanation: Explanation) -> Self {
        let Explanation { findings, hints, position, unknown, .. } = explanation;
        Self {
            id: job.id.to_string(),
            short: job.id.short(),
            name: job.plan.spec.name.to_string(),
            state: job.state.as_str(),
            class: job.class,
            engine_status: explanation.status,
            reason: explanation.reason,
            findings,
            hints,
            since: explanation.since.map(timestamp),
            position,
            free: explanation.free.as_ref().map(SizeView::new),
            holders: explanation.holders.into_iter().map(HolderView::new).collect(),
            unknown,
        }
    }
}

/// All of it, a line each.
pub fn explanation_lines(view: &ExplanationView) -> String {
    let mut text = format!("{} {} {}", view.short, view.name, view.state);
    if let Some(status) = &view.engine_status {
        let _ = write!(text, " ({status})");
    }
    text.push('\n');
    let mut add = |what: &str, lines: &[String]| {
        for line in lines {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{what:<8} {}", one_line(line));
        }
    };
    add("reason", view.reason.as_slice());
    add("since", view.since.as_slice());
    add("why", &view.findings);
    add("unknown", &view.unknown);
    add("hint", &view.hints);
    text
}

/// The same of a job that waits, on one line.
pub fn waiting_line(view: &ExplanationView) -> String {
    let mut text = format!("{} waits", view.short);
    if let (Some(status), Some(since)) = (&view.engine_status, &view.since) {
        // Writing to a String can't fail.
        let _ = write!(text, " since {since}, {status}");
    }
    let what: Vec<_> = view.reason.iter().chain(&view.findings).map(String::as_str).collect();
    let _ = write!(text, ": {}", what.join("; "));
    text
}
