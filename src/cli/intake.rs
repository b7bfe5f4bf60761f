//! From options, files and settings to jobs.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::aws_output::is_word;
use super::error::Failure;
use super::input;
use super::job_options::JobOptions;
use crate::config::quotes_missing;
use crate::job::{Draft, EnvironmentEntry, JobFiles, Outputs, Root, SpecError, nearest};
use crate::plan::{ContainerOverrides, EvaluatedRetry, SubmitJob, TimeoutSeconds};

/// What the options say, one draft a job, with nothing of the settings in it.
pub fn drafts(options: &JobOptions) -> Result<Vec<Draft>, Failure> {
    check_readers(options, options.stdin.as_deref())?;
    let flags = flags(options)?;
    let beneath = match (&options.from, &options.aws.cli_input_json) {
        (Some(file), _) => job_file(file)?,
        (None, Some(json)) => {
            let request: SubmitJob = aws_json("--cli-input-json", json)?;
            vec![request.into_draft()?]
        }
        (None, None) => vec![Draft::default()],
    };
    let drafts: Vec<_> = beneath.into_iter().map(|draft| flags.clone().over(draft)).collect();
    drafts.iter().try_for_each(|draft| check_readers(options, draft.stdin.as_deref()))?;
    Ok(drafts)
}

/// The options whose value is what is on stdin.
fn readers(options: &JobOptions) -> impl Iterator<Item = &'static str> {
    let is_stdin = |text: &Option<String>| text.as_deref() == Some("-");
    let all = [
        ("--from", &options.from),
        ("--cli-input-json", &options.aws.cli_input_json),
        ("--container-overrides", &options.aws.container_overrides),
    ];
    all.into_iter().filter(move |(_, value)| is_stdin(value)).map(|(name, _)| name)
}

/// What was read by one is not there for another.
fn check_readers(options: &JobOptions, stdin: Option<&str>) -> Result<(), Failure> {
    match readers(options).next() {
        Some(reader) if stdin == Some("-") => Err(Failure::usage(
            format!("stdin is given twice: to {reader}, and to the job as its own"),
            "name a file in the place of one -",
        )),
        _ => Ok(()),
    }
}

fn flags(options: &JobOptions) -> Result<Draft, Failure> {
    let overrides = match &options.aws.container_overrides {
        Some(json) => {
            aws_json::<ContainerOverrides>("--container-overrides", json)?.into_draft()?
        }
        None => Draft::default(),
    };
    if !options.command.is_empty() && overrides.command.is_some() {
        return Err(Failure::usage(
            "the command is given twice: after `--` and in --container-overrides",
            "leave one of them out",
        ));
    }
    let mut environment = Vec::new();
    for file in &options.environment_files {
        environment.extend(environment_file(file, &options.environment)?);
    }
    for text in &options.environment {
        check_name(text).map_err(|failure| failure.doing("take --env"))?;
        environment.push(EnvironmentEntry::parse(text));
    }
    let (retry, retry_on) = if let Some(text) = &options.aws.retry_strategy {
        let retry = retry_strategy(text)?;
        let retry_on = retry.retry_on();
        (retry, retry_on)
    } else {
        let attempts = options.attempts;
        (EvaluatedRetry { attempts, ..EvaluatedRetry::default() }, options.retry_on.clone())
    };
    let files = match (options.no_files, options.fresh_files) {
        (true, _) => Some(JobFiles::None),
        (_, true) => Some(JobFiles::Fresh),
        _ => None,
    };
    if options.no_files
        && let Some(output) = Outputs::parse(&options.outputs)?.first_in(Root::Files)
    {
        return Err(SpecError::OutputWithoutFiles(output.to_string()).into());
    }
    let draft = Draft {
        name: options.name.clone(),
        queue: options.queue.clone(),
        command: (!options.command.is_empty()).then(|| options.command.clone()),
        environment,
        secrets: options.secrets.iter().cloned().collect(),
        vcpus: options.vcpus.clone(),
        memory: options.memory.clone(),
        gpus: options.gpus,
        attempts: retry.attempts,
        retry_rules: retry.evaluate_on_exit,
        retry_on,
        files: files.map(|files| files.as_str().to_owned()),
        share: options.share.clone(),
        priority: options.priority,
        timeout: options.timeout.as_deref().map(timeout).transpose()?,
        tags: options.tags.iter().map(|text| tag(text)).collect::<Result<_, _>>()?,
        job_definition: options.job_definition.clone(),
        source: options.source.clone(),
        inputs: options.inputs.clone(),
        stdin: options.stdin.clone(),
        outputs: options.outputs.iter().filter(|it| !is_word(it)).cloned().collect(),
        ..Draft::default()
    };
    Ok(draft.over(overrides))
}

fn tag(text: &str) -> Result<(String, String), Failure> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::usage(
            format!("`{text}` is no tag: it has no `=`"),
            format!("pass --tag {text}=VALUE"),
        )),
    }
}

/// `3600`, `1h`, `attemptDurationSeconds=3600` or `{"attemptDurationSeconds": 3600}`.
fn timeout(text: &str) -> Result<String, Failure> {
    if let Some(seconds) = text.strip_prefix("attemptDurationSeconds=") {
        return Ok(seconds.to_owned());
    }
    if text.trim_start().starts_with('{') {
        let timeout: TimeoutSeconds = aws_json("--timeout", text)?;
        return Ok(timeout.attempt_duration_seconds.unwrap_or_default().to_string());
    }
    Ok(text.to_owned())
}

/// `attempts=3` or JSON.
fn retry_strategy(text: &str) -> Result<EvaluatedRetry, Failure> {
    if let Some(count) = text.strip_prefix("attempts=") {
        let attempts = count.parse().map_err(|_| {
            Failure::usage(
                format!("--retry-strategy: `{count}` is no number of attempts"),
                "pass attempts=N with N from 1 to 10, or JSON",
            )
        })?;
        return Ok(EvaluatedRetry { attempts: Some(attempts), ..EvaluatedRetry::default() });
    }
    Ok(aws_json::<EvaluatedRetry>("--retry-strategy", text)?.checked()?)
}

/// JSON as the AWS CLI takes it: the text itself, or where to find it.
fn aws_json<T: DeserializeOwned>(option: &str, text: &str) -> Result<T, Failure> {
    let (from, json) = if text == "-" {
        (option.to_owned(), input::read_stdin()?)
    } else if let Some(path) = text.strip_prefix("file://") {
        (path.to_owned(), input::read_file(Path::new(path))?)
    } else {
        (option.to_owned(), text.to_owned())
    };
    if json.trim().is_empty() {
        return Err(Failure::usage(format!("{from} is empty"), JSON_HINT));
    }
    // A list would be taken for the fields in their order.
    if json.trim_start().starts_with('[') {
        return Err(Failure::usage(format!("{from}: a list is no JSON object"), JSON_HINT));
    }
    serde_json::from_str(&json).map_err(|error| broken_json(&from, &error))
}

/// The text itself is not shown: it may hold a secret.
fn broken_json(from: &str, error: &serde_json::Error) -> Failure {
    let says = without_values(&error.to_string());
    let hint = if error.is_data() && says.contains("unknown field") {
        "leave it out: computes has nothing that does the same"
    } else {
        JSON_HINT
    };
    let place = format!("{from}:{}:{}", error.line(), error.column());
    let what = if error.is_data() { "" } else { "it is no JSON: " };
    refused(&format!("{place}: {what}"), &says, hint)
}

/// What a parser says of a place. Where a field that it expected may have been meant, all others are noise.
fn refused(place: &str, says: &str, hint: &str) -> Failure {
    let meant = || {
        let (what, expected) = says.split_once(", expected ")?;
        let said = what.strip_prefix("unknown field `")?.strip_suffix('`')?;
        Some((what, nearest(said, expected.split('`').skip(1).step_by(2))?))
    };
    match meant() {
        Some((what, field)) => {
            Failure::usage(format!("{place}{what}"), format!("did you mean `{field}`?"))
        }
        None => Failure::usage(format!("{place}{says}"), hint),
    }
}

const JSON_HINT: &str = "give JSON, file://PATH, or - for stdin";

/// What a parser says, without the text that it did not expect, which may be a secret, and
/// without the place, which is told apart.
fn without_values(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if let Some(within) = message.strip_prefix("EOF while parsing ") {
        return format!("it ends too early, within {within}");
    }
    match (message.find(": string \""), message.rfind("\", expected ")) {
        (Some(from), Some(to)) if from < to => {
            format!("{}: a text, {}", &message[..from], &message[to + 3..])
        }
        _ => message.to_owned(),
    }
}

/// One job or several, in the form that the file's name tells.
fn job_file(file: &str) -> Result<Vec<Draft>, Failure> {
    let path = Path::new(file);
    let (file, text) = match file {
        "-" => ("stdin", input::read_stdin()?),
        file => (file, input::read_file(path)?),
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    if text.trim().is_empty() {
        let hint = if extension == Some("toml") { TOML_FILE_HINT } else { JOB_FILE_HINT };
        return Err(Failure::usage(format!("{file} is empty"), hint));
    }
    let drafts = match extension {
        Some("toml") => toml_jobs(file, &text)?,
        Some("jsonl" | "ndjson") => json_lines(file, &text)?,
        _ => match serde_json::from_str::<OneOrMany>(&text) {
            Ok(jobs) => jobs.into_vec(file)?,
            // Several objects in a row are lines of JSON.
            Err(error) if error.is_syntax() && text.trim_start().starts_with('{') => {
                json_lines(file, &text)?
            }
            Err(error) => return Err(broken_job(file, &error)),
        },
    };
    if drafts.is_empty() {
        return Err(Failure::usage(format!("{file}: there is no job in it"), JOB_FILE_HINT));
    }
    Ok(drafts)
}

const JOB_FILE_HINT: &str =
    "a job has at least a command: {\"command\": [\"./build.sh\", \"test\"]}; see docs/job-file.md";
const TOML_FILE_HINT: &str =
    "a job has at least a command: command = [\"./build.sh\", \"test\"]; see docs/job-file.md";

/// Read as values first, so that an error is about the job and not about the two forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<serde_json::Value>),
    One(serde_json::Value),
}

impl OneOrMany {
    fn into_vec(self, file: &str) -> Result<Vec<Draft>, Failure> {
        let values = match self {
            Self::Many(values) => values,
            Self::One(value) => vec![value],
        };
        let drafts = values.into_iter().enumerate().map(|(index, value)| {
            serde_json::from_value(value)
                .map_err(|error| broken_job(&format!("{file}, job {}", index + 1), &error))
        });
        drafts.collect()
    }
}

fn json_lines(file: &str, text: &str) -> Result<Vec<Draft>, Failure> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| {
                broken_job(&format!("{file}:{}:{}", index + 1, error.column()), &error)
            })
        })
        .collect()
}

fn broken_job(place: &str, error: &serde_json::Error) -> Failure {
    // One that was made from a value knows no line, and one of a line of many is on line 1.
    let place = match (error.line(), place.ends_with(|c: char| c.is_ascii_digit())) {
        (0, _) | (_, true) => place.to_owned(),
        (line, false) => format!("{place}:{line}:{}", error.column()),
    };
    let says = without_values(&error.to_string());
    refused(&format!("{place}: "), &says, JOB_FILE_HINT)
}

fn toml_jobs(file: &str, text: &str) -> Result<Vec<Draft>, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Several {
        job: Vec<Draft>,
    }
    let broken = |error: toml::de::Error| {
        // The error's own rendering shows the line, which may hold a secret.
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let says = without_values(error.message());
        let hint = quotes_missing(error.message()).unwrap_or(TOML_FILE_HINT);
        refused(&format!("{file}:{line}: "), &says, hint)
    };
    let table: toml::Table = text.parse().map_err(broken)?;
    if table.contains_key("job") {
        toml::from_str::<Several>(text).map(|several| several.job).map_err(broken)
    } else {
        toml::from_str(text).map(|draft| vec![draft]).map_err(broken)
    }
}

/// As container runtimes read such files: nothing is quoted and nothing is expanded.
/// `given` is what options say besides.
fn environment_file(path: &Path, given: &[String]) -> Result<Vec<EnvironmentEntry>, Failure> {
    let text = input::read_file(path)?;
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let there = || format!("{}:{}", path.display(), index + 1);
        check_name(line).map_err(|failure| failure.doing(format!("read {}", there())))?;
        let is_given = || given.iter().any(|text| name_of(text) == line);
        if !line.contains('=') && std::env::var_os(line).is_none() && !is_given() {
            let is_plain =
                line.len() <= 40 && line.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let name = if is_plain { line } else { "NAME" };
            return Err(Failure::usage(
                format!(
                    "{}: without `=` a line is a variable of yours, and you have none",
                    there()
                ),
                format!("export {name}, or write {name}=VALUE"),
            ));
        }
        entries.push(EnvironmentEntry::parse(line));
    }
    Ok(entries)
}

fn name_of(text: &str) -> &str {
    text.split_once('=').map_or(text, |(name, _)| name)
}

/// What nobody means, and a job would not find by any name that it asks for. It is not repeated: a line may
/// be a part of somebody's key.
fn check_name(text: &str) -> Result<(), Failure> {
    let name = name_of(text);
    if let Some(rest) = name.strip_prefix("export ") {
        let hint = format!("leave out `export`: {}=…", rest.trim());
        return Err(Failure::usage("`export` is no part of a variable's name", hint));
    }
    if name.contains(char::is_whitespace) {
        return Err(Failure::usage(
            "the name of a variable holds a blank",
            "write NAME=VALUE without blanks before or after the `=`",
        ));
    }
    if name.is_empty() {
        return Err(Failure::usage("a variable needs a name", "write NAME=VALUE"));
    }
    Ok(())
}
