//! `--output` as `aws batch submit-job` takes it: how the answer is printed, and no path.

use serde::Serialize;

use super::error::Failure;
use crate::ledger::{HandOver, JobRecord};

/// How `submit` prints, in the words of the AWS CLI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    Json,
    Text,
}

/// Those that the AWS CLI takes. A path that is called so is `./json`.
const WORDS: [&str; 6] = ["json", "text", "table", "yaml", "yaml-stream", "off"];

/// Is it the AWS CLI's word, rather than a path?
pub fn is_word(output: &str) -> bool {
    WORDS.contains(&output)
}

/// What is asked for, if something is.
///
/// # Errors
/// When it is nothing that is printed here.
pub fn printed(outputs: &[String], is_json: bool) -> Result<Option<Printed>, Failure> {
    let Some(word) = outputs.iter().find(|output| is_word(output)) else { return Ok(None) };
    let path = format!("what is kept at `{word}` is named by --output ./{word}");
    match word.as_str() {
        _ if is_json => Err(Failure::usage(
            format!("--json and --output {word} both say how to print"),
            format!("leave one of them out; {path}"),
        )),
        "json" => Ok(Some(Printed::Json)),
        "text" => Ok(Some(Printed::Text)),
        _ => Err(Failure::usage(
            format!("--output {word} is how the AWS CLI prints, and computes does not"),
            format!("--output json and --output text are printed; {path}"),
        )),
    }
}

/// For verbs that print nothing of that kind.
///
/// # Errors
/// When it is asked for.
pub fn refuse(outputs: &[String]) -> Result<(), Failure> {
    match outputs.iter().find(|output| is_word(output)) {
        Some(word) => Err(Failure::usage(
            format!(
                "--output {word} is how the AWS CLI prints, and `run` shows what the job writes"
            ),
            format!(
                "what is kept at `{word}` is named by --output ./{word}; `computes submit` takes \
                 --output json and --output text"
            ),
        )),
        None => Ok(()),
    }
}

/// What AWS Batch answers to `SubmitJob`. A job of this machine has no ARN.
#[derive(Debug, Serialize)]
pub struct Answer {
    #[serde(rename = "jobArn", skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(rename = "jobName")]
    name: String,
    #[serde(rename = "jobId")]
    id: String,
}

impl Answer {
    pub fn new(job: &JobRecord, sent: Option<HandOver>) -> Self {
        let (name, arn) = sent.map_or((None, None), |sent| (Some(sent.name), sent.arn));
        Self {
            arn,
            name: name.unwrap_or_else(|| job.plan.spec.name.to_string()),
            id: job.engine_id.clone().unwrap_or_else(|| job.id.to_string()),
        }
    }

    /// Sorted by what they are called, with tabs between.
    pub fn text(&self) -> String {
        let fields = self.arn.iter().chain([&self.id, &self.name]);
        fields.map(String::as_str).collect::<Vec<_>>().join("\t")
    }
}
