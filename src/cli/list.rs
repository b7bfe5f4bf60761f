//! `computes list`: the jobs, newest first.

use std::time::Duration;

use clap::Args;
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::context::{Context, block_on};
use super::error::{Doing, Failure};
use super::interrupts::Interrupts;
use super::keyboard::Keyboard;
use super::listing::Listing;
use super::output::{self, JobView, ListedView};
use super::selection::Selection;
use crate::engine::local;
use crate::engine::{Clock, EngineName, until};
use crate::ledger::{Filter, JobRecord};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    selection: Selection,
    /// How many at the most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, conflicts_with = "all")]
    limit: u32,
    /// However many there are
    #[arg(long)]
    all: bool,
    /// Show when they were submitted, in the place of how long ago
    #[arg(long)]
    dates: bool,
    /// Stay, and show how they change, until `q` or Ctrl-C
    #[arg(long)]
    watch: bool,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let limit = (!options.all).then_some(options.limit);
    let filter = Filter { limit, ..options.selection.filter(context.clock.now())? };
    if options.watch {
        return block_on(watch(options, &filter, context));
    }
    if context.config.engine == EngineName::Aws {
        let mut engines = context.engines()?;
        let listing = block_on(Listing::of_aws(&mut engines, &filter))?;
        return print(&listing, options, context);
    }
    let Some(ledger) = context.ledger()? else {
        if !context.output.json {
            context.output.note("no job was ever submitted");
        }
        return Ok(0);
    };
    let listing = Listing::of_ledger(&ledger, &filter)?;
    print(&listing, options, context)?;
    let waits = |job: &JobRecord| !job.state.is_terminal() && job.is_here();
    if !context.output.json
        && listing.jobs.iter().any(waits)
        && local::unattended(&context.config.state_dir, &ledger)?
    {
        context
            .output
            .note("no worker runs; `computes wait --all` or `computes worker` starts one");
    }
    Ok(0)
}

fn print(listing: &Listing, options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    if context.output.json {
        let dir = &context.config.state_dir;
        for job in &listing.jobs {
            context.output.json_line(&JobView::new(job, dir))?;
        }
        let mut foreign = listing.foreign.iter();
        foreign.try_for_each(|job| context.output.json_line(&ListedView::new(job)))?;
    } else {
        context.output.data(lines(listing, options, context).as_bytes())?;
    }
    for warning in &listing.warnings {
        context.output.warning(warning);
    }
    for note in &listing.notes {
        context.output.note(note);
    }
    Ok(0)
}

fn lines(listing: &Listing, options: &Options, context: &Context<'_>) -> String {
    let jobs = output::Jobs { known: &listing.jobs, foreign: &listing.foreign };
    jobs.lines(options.dates, context.clock.now(), context.output.look())
}

/// Changes that come sooner after each other than that are shown together.
const TOGETHER: Duration = Duration::from_millis(200);
/// How often times go on that are shown.
const TICK: Duration = Duration::from_secs(1);
/// How often jobs of others are looked for, of whom nobody here hears.
const OTHERS: Duration = Duration::from_secs(15);

/// Draws the list anew whenever something changes, until somebody wants to leave.
async fn watch(options: &Options, filter: &Filter, context: &Context<'_>) -> Result<u8, Failure> {
    let mut screen = context.output.screen().ok_or_else(|| {
        Failure::usage(
            "--watch draws at a terminal, as text",
            "leave it out to print the list once; `computes wait --all` waits for all jobs",
        )
    })?;
    let mut engines = context.engines()?;
    let mut leave = Leave { interrupts: Interrupts::new(None)?, keyboard: Keyboard::default() };
    leave.keyboard.take();
    // Taken before the first look, so that no change falls in between.
    let mut changes = engines.watch()?;
    let listen = |kind| signal(kind).doing(|| "watch the terminal".to_owned());
    let mut resized = listen(SignalKind::window_change())?;
    let mut suspended = listen(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
    let is_away = context.config.engine == EngineName::Aws;
    let mut listing = Listing::default();
    loop {
        tokio::select! {
            code = leave.wanted() => return Ok(code),
            looked = Listing::of(&mut engines, filter, context) => match looked {
                Ok(new) => listing = new,
                // AWS can be asked again.
                Err(failure) if is_away => listing.warnings = vec![failure.message()],
                Err(failure) => return Err(failure),
            },
        }
        let others = is_away.then(|| Instant::now() + OTHERS);
        loop {
            let notes = listing.warnings.iter().chain(&listing.notes);
            screen.draw(&lines(&listing, options, context), notes)?;
            let tick = listing.goes_on().then(|| Instant::now() + TICK);
            tokio::select! {
                code = leave.wanted() => return Ok(code),
                news = changes.changed() => {
                    news?;
                    break;
                }
                () = until(others) => break,
                () = until(tick) => {}
                _ = resized.recv() => {}
                _ = suspended.recv() => {
                    screen.close()?;
                    // Goes on from here when the shell says so.
                    leave.keyboard.stop().doing(|| "stop".to_owned())?;
                }
            }
        }
        tokio::select! {
            code = leave.wanted() => return Ok(code),
            () = sleep(TOGETHER) => {}
        }
    }
}

/// By what somebody who watches leaves.
struct Leave {
    interrupts: Interrupts,
    keyboard: Keyboard,
}

impl Leave {
    /// With which exit code, once it is wanted.
    async fn wanted(&mut self) -> u8 {
        tokio::select! {
            code = self.interrupts.leave() => code,
            () = self.keyboard.pressed(b'q') => 0,
        }
    }
}
