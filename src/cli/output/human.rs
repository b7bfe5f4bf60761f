//! What is known of one job, in words.

use std::fmt::Write as _;
use std::time::Duration;

use super::json::JobView;
use super::time;
use crate::job::{one_line, shell_word};

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
    row("queue", job.queue_arn.as_deref().unwrap_or(job.queue.as_str()));
    let words = job.command.iter().flatten().map(|word| shell_word(word));
    row("command", &words.collect::<Vec<_>>().join(" "));
    row("asks for", &asks_for(job));
    row("environment", &job.environment.keys().cloned().collect::<Vec<_>>().join(" "));
    row("secrets", &job.secrets.join(" "));
    row("", &sources(job));
    row("tags", &pairs(job));
    row("source", &some(&job.source));
    row("inputs", &job.inputs.join(" "));
    row("stdin", &some(&job.stdin));
    row("outputs", &job.outputs.join(" "));
    row("not there", &job.missing_outputs.iter().flatten().cloned().collect::<Vec<_>>().join(" "));
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
        let again = attempt.retry_reason.as_ref();
        let again = again.map_or_else(String::new, |why| format!("; another followed: {why}"));
        row(&format!("attempt {}", attempt.number), &format!("{end}{log}{again}"));
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

fn asks_for(job: &JobView) -> String {
    let most = job.timeout_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let most = most.map(|most| format!("of at most {}", time::duration(most)));
    let attempts = job.attempts.map(|attempts| match attempts {
        1 => "1 attempt".to_owned(),
        several => format!("{several} attempts"),
    });
    let attempts = match (attempts, most) {
        (Some(attempts), Some(most)) => Some(format!("{attempts} {most}")),
        (None, Some(most)) => Some(format!("attempts {most}")),
        (attempts, None) => attempts,
    };
    let said = [
        job.vcpus.as_ref().map(|vcpus| format!("{vcpus} vCPU")),
        job.memory_mib.map(|mib| format!("{mib} MiB")),
        job.gpus.filter(|gpus| *gpus > 0).map(|gpus| format!("{gpus} GPU")),
        attempts,
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
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
