//! Tables and sentences.

use std::fmt::Write as _;
use std::time::Duration;

use super::json::{ExplanationView, JobView, QueueView};
use super::one_line;
use super::time;
use crate::engine::aws::{Listed, Status};
use crate::job::{State, shell_word};
use crate::ledger::{JobRecord, Millis};

/// What a list can show of a reason before a line gets too long for a terminal.
const REASON: usize = 40;

pub fn job_line_header() -> String {
    line(&["JOB", "NAME", "STATE", "QUEUE", "TRY", "AGE", "TOOK", "WHY"])
}

/// Newest first, those of the ledger and those that only the engine knows.
pub fn job_lines(jobs: &[JobRecord], foreign: &[Listed], now: Millis) -> String {
    let ours = jobs.iter().map(|job| (job.accepted_at, job_line(job, now)));
    let theirs = foreign.iter().map(|job| (job.created_at, foreign_line(job, now)));
    let mut lines: Vec<_> = ours.chain(theirs).collect();
    if !foreign.is_empty() {
        lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    }
    lines.into_iter().flat_map(|(_, line)| [line, "\n".to_owned()]).collect()
}

/// As a line of the ledger; how often it may be tried only the ledger knows.
fn foreign_line(job: &Listed, now: Millis) -> String {
    let why = job.reason.clone().filter(|_| job.status != Status::Succeeded).unwrap_or_default();
    let took = job.started_at.map_or_else(String::new, |from| {
        time::duration(between(from, job.stopped_at.unwrap_or(now)))
    });
    line(&[
        &job.short(),
        &cut(job.name(), 28),
        job.state().as_str(),
        job.queue.as_str(),
        "",
        &time::duration(between(job.created_at, now)),
        &took,
        &cut(&why, REASON),
    ])
}

fn job_line(job: &JobRecord, now: Millis) -> String {
    let why = match (job.state, &job.engine_reason) {
        (State::Succeeded, _) => String::new(),
        // Why it waits there.
        (State::Queued, Some(reason)) => reason.clone(),
        _ => job.reason.clone().unwrap_or_default(),
    };
    line(&[
        &job.id.short(),
        &cut(job.plan.spec.name.as_str(), 28),
        job.state.as_str(),
        job.plan.spec.queue.as_str(),
        &format!("{}/{}", job.attempt, job.plan.spec.retry.attempts),
        &time::duration(between(job.accepted_at, now)),
        &took(job, now),
        &cut(&why, REASON),
    ])
}

fn line(cells: &[&str; 8]) -> String {
    let [id, name, state, queue, attempt, age, took, why] = cells;
    format!(
        "{id:<8}  {name:<28}  {state:<10}  {queue:<23}  {attempt:<5}  {age:<12}  {took:<12}  {why}"
    )
    .trim_end()
    .to_owned()
}

fn took(job: &JobRecord, now: Millis) -> String {
    match (job.started_at, job.finished_at) {
        (Some(from), to) => time::duration(between(from, to.unwrap_or(now))),
        (None, _) => String::new(),
    }
}

fn between(from: Millis, to: Millis) -> Duration {
    Duration::from_millis((to - from).max(0).unsigned_abs())
}

fn cut(text: &str, length: usize) -> String {
    let first = text.lines().next().unwrap_or_default();
    if first.chars().count() <= length {
        first.to_owned()
    } else {
        first.chars().take(length - 1).chain(['…']).collect()
    }
}

/// All that is known of one job.
pub fn job_details(job: &JobView) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{name:<12} {}", one_line(value));
        }
    };
    let some = |value: &Option<String>| value.clone().unwrap_or_default();
    row("job", &job.id);
    row("name", &job.name);
    row("state", &state(job));
    row("reason", &some(&job.reason));
    if let Some(reason) = job.engine_reason.as_ref().filter(|_| job.run_exit_code.is_none()) {
        row("AWS says", reason);
    }
    row("on AWS", &some(&job.engine_id));
    row("queue", job.queue.as_str());
    row("command", &job.command.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" "));
    row("asks for", &asks_for(job));
    row("environment", &job.environment.keys().cloned().collect::<Vec<_>>().join(" "));
    row("secrets", &job.secrets.join(" "));
    row("", &sources(job));
    row("tags", &pairs(job));
    row("source", &some(&job.source));
    row("inputs", &job.inputs.join(" "));
    row("outputs", &job.outputs.join(" "));
    row("directory", &job.directory.display().to_string());
    row("files", &job.files.display().to_string());
    row("retry of", &some(&job.retry_of));
    row("accepted", &job.accepted_at);
    row("started", &some(&job.started_at));
    row("finished", &some(&job.finished_at));
    row("to cancel", &some(&job.cancel_requested_at));
    for attempt in job.attempt_history.iter().flatten() {
        let end = match (&attempt.reason, attempt.exit_code, &attempt.closed_at) {
            (_, Some(0), _) => "exit code 0".to_owned(),
            (Some(reason), ..) => reason.clone(),
            (None, Some(code), _) => format!("exit code {code}"),
            (None, None, Some(_)) => "over".to_owned(),
            (None, None, None) => "open".to_owned(),
        };
        let log = attempt.log.as_ref().map_or_else(String::new, |log| format!(", log {log}"));
        row(&format!("attempt {}", attempt.number), &format!("{end}{log}"));
        if attempt.files_mounted == Some(false) {
            row("", "without /files: its directory was in COMPUTES_FILES");
        }
    }
    text
}

fn state(job: &JobView) -> String {
    let code = job.exit_code.map(|code| format!("exit code {code}"));
    match (job.class, &job.engine_status) {
        (Some(class), _) => {
            format!("{} ({})", job.state, class.told(job.exit_code, code.as_deref()))
        }
        (None, Some(status)) => format!("{} ({status})", job.state),
        (None, None) => job.state.to_owned(),
    }
}

/// Why a job waits or why it ended.
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
    add("why", &view.findings);
    add("unknown", &view.unknown);
    add("hint", &view.hints);
    text
}

fn asks_for(job: &JobView) -> String {
    let mut text = format!("{} vCPU, {} MiB", job.vcpus, job.memory_mib);
    if job.gpus > 0 {
        let _ = write!(text, ", {} GPU", job.gpus);
    }
    let plural = if job.attempts == 1 { "" } else { "s" };
    let _ = write!(text, ", {} attempt{plural}", job.attempts);
    if let Some(seconds) = job.timeout_seconds {
        let _ = write!(text, " of at most {}", time::duration(Duration::from_secs(seconds.into())));
    }
    text
}

fn sources(job: &JobView) -> String {
    let sources: Vec<_> =
        job.secret_sources.iter().map(|(name, source)| format!("{name}={source}")).collect();
    sources.join(" ")
}

fn pairs(job: &JobView) -> String {
    let pairs: Vec<_> = job.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(" ")
}

pub fn queue_lines(queues: &[QueueView]) -> String {
    let mut text = format!(
        "{:<23}  {:<8}  {:<6}  {:<7}  {:<7}  {}\n",
        "QUEUE", "PRIORITY", "QUEUED", "RUNNING", "WORKERS", "ABOUT"
    );
    for queue in queues {
        let count = |state: State| queue.jobs.get(state.as_str()).copied().unwrap_or(0);
        let running = count(State::Running) + count(State::Starting);
        let _ = writeln!(
            text,
            "{:<23}  {:<8}  {:<6}  {:<7}  {:<7}  {}",
            queue.queue.as_str(),
            queue.priority,
            count(State::Queued),
            running,
            queue.workers,
            queue.about
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_visibly() {
        assert_eq!(cut("short", 8), "short");
        assert_eq!(cut("rather long", 8), "rather …");
        assert_eq!(cut("first\nsecond", 8), "first");
    }
}
