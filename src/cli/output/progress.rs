//! Bars for those who wait: for many jobs, and for bytes.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;
use crate::parcel::size;

/// How many of several are done.
pub struct Progress(Bar);

impl Progress {
    pub(super) fn new(bars: &MultiProgress, visible: bool, total: u64) -> Self {
        let bar = Bar::new(bars, total, "{pos}/{len} over {wide_bar} {elapsed}");
        // Of one there is no progress.
        if visible && total > 1 {
            bar.show();
        }
        Self(bar)
    }

    pub fn one_more(&self) {
        self.0.bar.inc(1);
    }
}

/// It is gone when it is dropped.
struct Bar {
    bars: MultiProgress,
    bar: ProgressBar,
}

impl Bar {
    fn new(bars: &MultiProgress, total: u64, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        // The templates are constants that the crate's own tests would refuse were they wrong.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bars: bars.clone(), bar }
    }

    fn show(&self) {
        self.bars.add(self.bar.clone()).enable_steady_tick(Duration::from_secs(1));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.bars.remove(&self.bar);
    }
}

/// Shows bytes, their rate and the time that is left; where nobody sees a bar, a line every now
/// and then.
pub struct Meter<'a> {
    output: &'a Output,
    doing: &'static str,
    bar: Bar,
    lines: bool,
    total: Cell<u64>,
    done: Cell<u64>,
    started: Instant,
    told: Cell<Instant>,
}

/// Less is done before anybody has read a bar.
const WORTH_A_BAR: u64 = 1 << 20;
/// How often a line tells of it where there is no bar.
const EVERY: Duration = Duration::from_secs(10);

impl<'a> Meter<'a> {
    pub(super) fn new(output: &'a Output, visible: bool, doing: &'static str, total: u64) -> Self {
        let template = "{msg} {bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}";
        let bar = Bar::new(&output.bars, total, template);
        bar.bar.set_message(doing);
        if visible && total >= WORTH_A_BAR {
            bar.show();
        }
        let now = Instant::now();
        let lines = !visible;
        let (total, done, told) = (Cell::new(total), Cell::new(0), Cell::new(now));
        Self { output, doing, bar, lines, total, done, started: now, told }
    }

    /// More is to be done than was known before.
    pub fn expect(&self, bytes: u64) {
        let before = self.total.replace(self.total.get() + bytes);
        if before < WORTH_A_BAR && self.total.get() >= WORTH_A_BAR && !self.lines {
            self.bar.show();
        }
        self.bar.bar.inc_length(bytes);
    }

    pub fn add(&self, bytes: u64) {
        self.done.set(self.done.get() + bytes);
        self.bar.bar.inc(bytes);
        if self.lines && self.told.get().elapsed() >= EVERY {
            self.told.set(Instant::now());
            self.output.status(&self.line());
        }
    }

    fn line(&self) -> String {
        let (done, total) = (self.done.get(), self.total.get());
        let seconds = self.started.elapsed().as_secs().max(1);
        let rate = (done / seconds).max(1);
        let left = Duration::from_secs(total.saturating_sub(done) / rate);
        format!(
            "{} {} of {}, {} a second, {} left",
            self.doing,
            size(done),
            size(total),
            size(rate),
            super::duration(left)
        )
    }
}
