//! `computes files prune`: remove what nobody wants any more.

use std::time::Duration;

use clap::Args;

use super::context::{Context, block_on};
use super::error::{Doing, Failure};
use super::files::days;
use super::output::PruneView;
use super::{submission, submit};
use crate::engine::{Clock, EngineName, Pruned};
use crate::job::{Draft, JobFiles, Source};
use crate::parcel::size;

#[derive(Debug, Args)]
pub struct Options {
    /// How long a job has to be over: 30d, 12h
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    older_than: String,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// Have a job remove what jobs left on the file system of AWS, and nobody has written to since
    #[arg(long, conflicts_with = "dry_run")]
    file_system: bool,
}

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// Removes the directories of jobs in which nothing was written for `$1` days. Jobs of others are
/// among them, and this one is not.
const SWEEP: &str = r#"cd "$1" && for job in ????????-????-????-????-????????????; do
    if [ -d "$job" ] && [ "$job" != "$AWS_BATCH_JOB_ID" ] && [ -z "$(find "$job" -mtime "-$2" | head -n 1)" ]; then
        rm -rf -- "$job" && echo "removed $job"
    fi
done"#;

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let older = days("--older-than", &options.older_than)?;
    if options.file_system {
        return sweep(older, context);
    }
    if context.ledger()?.is_none() {
        return say(Pruned::default(), options.dry_run, context);
    }
    let mut engines = context.engines()?;
    let older = i64::try_from(older.as_millis()).unwrap_or(i64::MAX);
    let before = context.clock.now().saturating_sub(older);
    let pruned = block_on(async {
        let doing = || "remove the files of jobs that are over".to_owned();
        engines.prune(before, options.dry_run).await.doing(doing)
    })?;
    say(pruned, options.dry_run, context)
}

/// What is on EFS only a job reaches.
fn sweep(older: Duration, context: &Context<'_>) -> Result<u8, Failure> {
    if context.config.engine != EngineName::Aws {
        return Err(Failure::usage(
            "the file system of AWS is looked after with the engine `aws`",
            "add --engine aws, or leave out --file-system",
        ));
    }
    let days = older.as_secs().div_ceil(DAY).max(1).to_string();
    let mount = context.config.files_mount.0.clone();
    let words = ["sh", "-c", SWEEP, "sweep", &mount, &days].map(str::to_owned);
    let draft = Draft {
        name: Some("computes-files-prune".to_owned()),
        command: Some(words.into()),
        files: Some(JobFiles::None.as_str().to_owned()),
        source: Some(Source::Image.as_str().to_owned()),
        ..Draft::default()
    };
    let submissions = [submission::of_ours(draft, context)?];
    let mut engines = context.engines()?;
    let handed_over = block_on(submission::hand_over(&mut engines, &submissions, context))?;
    submit::print(&mut engines, handed_over, context)?;
    Ok(0)
}

fn say(pruned: Pruned, dry_run: bool, context: &Context<'_>) -> Result<u8, Failure> {
    if context.output.json {
        let view = PruneView { jobs: pruned.jobs, bytes: pruned.bytes, removed: !dry_run };
        context.output.json_line(&view)?;
        return Ok(0);
    }
    let plural = if pruned.jobs == 1 { "" } else { "s" };
    let verb = if dry_run { "would remove" } else { "removed" };
    let Pruned { jobs, bytes } = pruned;
    context
        .output
        .status(&format!("{verb} the files of {jobs} job{plural}, {} in all", size(bytes)));
    Ok(0)
}
