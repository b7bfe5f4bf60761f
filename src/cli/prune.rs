//! `computes files prune`: remove what nobody wants any more.

use clap::Args;

use super::context::{Context, block_on};
use super::error::{Doing, Failure};
use super::files::days;
use super::output::PruneView;
use crate::engine::{Clock, Pruned};
use crate::parcel::size;

#[derive(Debug, Args)]
pub struct Options {
    /// How long a job has to be over: 30d, 12h
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    older_than: String,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let older = days("--older-than", &options.older_than)?;
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
