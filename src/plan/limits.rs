//! Limits that AWS Batch sets to one request.

use super::SubmitJob;

/// ECS: container overrides hold at most 8,192 characters. Batch accepts a job that is over
/// it and lets it fail later.
const MOST_OVERRIDES: usize = 8192;
/// SubmitJob: at most 30 KiB.
const MOST_REQUEST: usize = 30 * 1024;
/// As many fields are named as tell what to do.
const NAMED: usize = 3;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LimitError {
    #[error("the container overrides are {size} characters long, and ECS takes {MOST_OVERRIDES}; the largest: {}", list(.largest))]
    Overrides { size: usize, largest: Vec<(String, usize)> },
    #[error("the request is {size} bytes long, and AWS Batch takes {MOST_REQUEST}; the largest: {}", list(.largest))]
    Request { size: usize, largest: Vec<(String, usize)> },
}

fn list(largest: &[(String, usize)]) -> String {
    let named: Vec<_> = largest.iter().map(|(field, size)| format!("{field} ({size})")).collect();
    named.join(", ")
}

pub(super) fn check(request: &SubmitJob) -> Result<(), LimitError> {
    let size = json(&request.container_overrides).chars().count();
    if size > MOST_OVERRIDES {
        return Err(LimitError::Overrides { size, largest: largest(overrides(request)) });
    }
    // The name that is sent is as long as Batch takes it, whatever the job's own is.
    let name = Some("n".repeat(super::batch_name::LONGEST));
    let size = json(&SubmitJob { job_name: name, ..request.clone() }).len();
    if size > MOST_REQUEST {
        let tags = request.tags.iter().map(|(key, value)| (format!("tag `{key}`"), value.len()));
        return Err(LimitError::Request { size, largest: largest(overrides(request).chain(tags)) });
    }
    Ok(())
}

fn overrides(request: &SubmitJob) -> impl Iterator<Item = (String, usize)> + '_ {
    let overrides = &request.container_overrides;
    let words = overrides.command.iter().flatten().enumerate();
    let variables = overrides.environment.iter();
    words
        .map(|(index, word)| (format!("word {} of the command", index + 1), word.chars().count()))
        .chain(variables.map(|variable| {
            let size = variable.value.as_deref().unwrap_or_default().chars().count();
            let name = match variable.name.as_str() {
                super::FREIGHT => "what it brings along".to_owned(),
                name => format!("variable `{name}`"),
            };
            (name, size)
        }))
}

fn largest(fields: impl Iterator<Item = (String, usize)>) -> Vec<(String, usize)> {
    let mut fields: Vec<_> = fields.collect();
    fields.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    fields.truncate(NAMED);
    fields
}

fn json(value: &impl serde::Serialize) -> String {
    // Structures of strings and numbers always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}
