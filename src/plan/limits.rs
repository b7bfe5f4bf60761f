//! Limits that AWS Batch sets to one request.

use super::SubmitJob;

/// ECS: container overrides hold at most 8,192 characters. Batch accepts a job that is over
/// it and lets it fail later.
const ECS_TAKES: usize = 8192;
/// Characters that Batch adds before ECS counts them: its own variables (AWS Batch user guide,
/// "Job environment variables") with names as long as they get, and the container's name and sizes.
const BATCH_ADDS: usize = 768;
const MOST_OVERRIDES: usize = ECS_TAKES - BATCH_ADDS;
/// SubmitJob: at most 30 KiB.
const MOST_REQUEST: usize = 30 * 1024;
/// As many fields are named as tell what to do.
const NAMED: usize = 3;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LimitError {
    #[error("the container overrides are {size} characters long, and at most {MOST_OVERRIDES} go with the {BATCH_ADDS} that AWS Batch adds; the largest: {}", list(.largest))]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_batch_adds_has_room() {
        // Names of queues and compute environments have at most 128 characters.
        let name = "n".repeat(128);
        let id = format!("{}:9999", "0".repeat(36));
        let variables = [
            ("AWS_BATCH_JOB_ID", id.as_str()),
            ("AWS_BATCH_JOB_ATTEMPT", "10"),
            ("AWS_BATCH_CE_NAME", name.as_str()),
            ("AWS_BATCH_JQ_NAME", name.as_str()),
            ("AWS_BATCH_JOB_ARRAY_INDEX", "9999"),
            ("AWS_BATCH_JOB_ARRAY_SIZE", "10000"),
        ];
        let variables =
            variables.map(|(name, value)| serde_json::json!({"name": name, "value": value}));
        let around = serde_json::json!({"containerOverrides": [{
            "name": "default", "cpu": 1_048_576, "memory": 16_777_216, "memoryReservation": 16_777_216,
            "environment": variables,
        }]});
        let added = around.to_string().len();
        assert!((BATCH_ADDS - 100..=BATCH_ADDS).contains(&added), "{added}");
    }
}
