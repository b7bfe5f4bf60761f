//! The options that say what a job is: the same for `run` and `submit`.

use std::path::PathBuf;

use clap::Args;

/// What is left out comes from the job file, then from `computes.toml`, then from defaults.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The job")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct JobOptions {
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// What the job is called; any text becomes a valid name
    #[arg(long, visible_alias = "job-name", value_name = "TEXT")]
    pub name: Option<String>,
    /// default, asap, default-uninterruptible or asap-uninterruptible
    #[arg(long, visible_alias = "job-queue", value_name = "QUEUE")]
    pub queue: Option<String>,
    /// How many vCPUs: 0.25, 0.5 or a whole number
    #[arg(long, value_name = "N")]
    pub vcpus: Option<String>,
    /// How much memory: MiB, or with a unit as in 1GiB
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// How many GPUs
    #[arg(long, value_name = "N")]
    pub gpus: Option<u32>,
    /// How often the job is started at the most, 1 to 10
    #[arg(long, value_name = "N")]
    pub attempts: Option<u64>,
    /// What is tried again: interruption (the default with several attempts) or any
    #[arg(long, value_name = "WHAT")]
    pub retry_on: Option<String>,
    /// How long an attempt may run, from 60 s on: 3600, 1h, or attemptDurationSeconds=3600
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// A variable for the job; without a value it takes yours
    #[arg(long = "env", short = 'e', value_name = "NAME[=VALUE]")]
    pub environment: Vec<String>,
    /// Variables from a file: NAME=VALUE or NAME a line, # starts a comment
    #[arg(long = "env-file", value_name = "FILE")]
    pub environment_files: Vec<PathBuf>,
    /// A variable whose value is yours and is never shown, or one that AWS has: ssm:PARAMETER,
    /// secretsmanager:SECRET
    #[arg(long = "secret", value_name = "NAME[=SOURCE]")]
    pub secrets: Vec<String>,
    /// A tag of the job
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub tags: Vec<String>,
    /// The job definition on AWS: a name, name:revision or an ARN
    #[arg(long, value_name = "NAME")]
    pub job_definition: Option<String>,
    /// What of your repository goes along: tree (as it stands), commit (HEAD) or image (nothing)
    #[arg(long, value_name = "WHAT")]
    pub source: Option<String>,
    /// A file or folder that is at /files/PATH when the command starts
    #[arg(long = "input", value_name = "LOCAL[=PATH]")]
    pub inputs: Vec<String>,
    /// A file that the command reads on its stdin; - is what is on your own
    #[arg(long, value_name = "FILE")]
    pub stdin: Option<String>,
    /// What is kept as the result, also of a job that fails: a path or pattern in /files, or with
    /// /source before it in the source; . and /source are all of it, !PATH leaves out
    #[arg(long = "output", value_name = "PATH")]
    pub outputs: Vec<String>,
    /// Give each attempt an empty /files of its own
    #[arg(long, conflicts_with = "no_files")]
    pub fresh_files: bool,
    /// Leave the command as it is, without /files
    #[arg(long)]
    pub no_files: bool,
    /// Whose share of a fair-share queue it uses
    #[arg(long, visible_alias = "share-identifier", value_name = "SHARE")]
    pub share: Option<String>,
    /// Within a share, higher goes first: 0 to 9999
    #[arg(long, visible_alias = "scheduling-priority-override", value_name = "N")]
    pub priority: Option<u32>,
    /// If a job that does the same is waiting or running, take that one
    #[arg(long)]
    pub once: bool,
    /// A job as TOML or JSON, several as a list or as .jsonl; - reads stdin
    #[arg(long, value_name = "FILE")]
    pub from: Option<String>,
    /// Print the SubmitJob request, secrets masked, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub aws: AwsOptions,
}

/// What `aws batch submit-job` takes, so that its callers need not change.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "As aws batch submit-job takes them")]
pub struct AwsOptions {
    /// JSON, `file://PATH`, or - for stdin
    #[arg(long, value_name = "JSON")]
    pub container_overrides: Option<String>,
    /// attempts=N, or JSON
    #[arg(long, value_name = "STRATEGY", conflicts_with_all = ["attempts", "retry_on"])]
    pub retry_strategy: Option<String>,
    /// The whole request: JSON, `file://PATH`, or - for stdin
    #[arg(long, value_name = "JSON", conflicts_with = "from")]
    pub cli_input_json: Option<String>,
}
