//! `computes prune`: remove jobs that have been over for long, with all that is kept of them.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::context::{Context, block_on};
use super::error::{Doing, Failure, code};
use super::output::{self, PruneView};
use super::run::parse;
use super::{submission, submit};
use crate::engine::{Clock, EngineName, Expires, Pruned, Pruning, is_due, prune};
use crate::job::{Draft, JobFiles, Source};

#[derive(Debug, Args)]
pub struct Options {
    /// How long a job has to be over: 30d, 12h
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    older_than: String,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// Keep the jobs and their logs, and remove only what they have at /files and brought along
    #[arg(long, value_name = "WHAT")]
    only: Option<Only>,
    /// Have a job remove what jobs left on the file system of AWS, and nobody has written to since.
    /// To read there does not count
    #[arg(long, conflicts_with_all = ["dry_run", "only"])]
    file_system: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Only {
    Files,
}

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// Removes the directories of jobs in which nothing was written for `$2` days. Jobs of others are
/// among them, and this one is not. What can't be looked into wholly stays.
const SWEEP: &str = r#"command -v find >/dev/null || { echo 'computes: the image has no `find`' >&2; exit 125; }
cd "$1" && for job in ????????-????-????-????-????????????; do
    [ -d "$job" ] && [ "$job" != "$AWS_BATCH_JOB_ID" ] || continue
    new=$(find "$job" -mtime "-$2") || continue
    [ -n "$new" ] || { rm -rf -- "$job" && echo "removed $job"; }
done"#;

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let older = age("--older-than", &options.older_than)?;
    if options.file_system {
        return sweep(older, context);
    }
    let older = i64::try_from(older.as_millis()).unwrap_or(i64::MAX);
    let now = context.clock.now();
    let pruning = Pruning {
        now,
        before: now.saturating_sub(older),
        only_files: matches!(options.only, Some(Only::Files)),
        dry_run: options.dry_run,
    };
    if context.ledger()?.is_none() {
        return say(Pruned::default(), &pruning, context);
    }
    let mut engines = context.engines()?;
    let pruned = block_on(async {
        let doing = || "remove jobs that have been over for long".to_owned();
        engines.prune(&pruning).await.doing(doing)
    })?;
    say(pruned, &pruning, context)
}

/// Where no worker sees to it, whoever waited for a job does: removes jobs of AWS from the ledger
/// that are older than the history that is kept.
pub fn by_itself(context: &Context<'_>) -> Result<(), Failure> {
    let Some(history) = context.config.local.history else { return Ok(()) };
    let Some(mut ledger) = context.ledger()? else { return Ok(()) };
    let now = context.clock.now();
    if context.config.engine != EngineName::Aws || !is_due(&ledger, now)? {
        return Ok(());
    }
    let pruning = Pruning::of_history(history, now);
    block_on(async {
        prune(&mut ledger, EngineName::Aws, &mut Expires, &pruning).await?;
        Ok(())
    })
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
        name: Some("computes-prune".to_owned()),
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

fn say(pruned: Pruned, pruning: &Pruning, context: &Context<'_>) -> Result<u8, Failure> {
    if context.output.json {
        context.output.json_line(&PruneView::new(&pruned, pruning))?;
    } else {
        context.output.status(&output::pruned(&pruned, pruning));
    }
    if pruned.kept > 0 {
        let jobs = output::jobs(pruned.kept);
        let (stay, each) = if pruned.kept == 1 { ("stays", "it is") } else { ("stay", "each is") };
        context.output.note(&format!(
            "{jobs} as old {stay}: {each} being tried once more, or AWS Batch may have it"
        ));
    }
    let Some((jobs, why)) = pruned.failed else { return Ok(0) };
    let why = Failure::from(why);
    context.output.warning(&format!("kept {} for now: {}", output::jobs(jobs), why.message()));
    Ok(code::FAILED)
}

/// `30d`, or anything else that is a duration with its unit.
fn age(option: &str, text: &str) -> Result<Duration, Failure> {
    let hint = "say how long, as in 30d or 12h";
    if text.parse::<u64>().is_ok() {
        return Err(Failure::usage(format!("{option}: `{text}` has no unit"), hint));
    }
    parse(option, text).map_err(|failure| Failure { hint: Some(hint.to_owned()), ..failure })
}
