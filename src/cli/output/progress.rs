//! A bar for those who wait for many jobs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(visible: bool, total: u64) -> Self {
        let target =
            if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        // The template is a constant that the crate's own tests would refuse were it wrong.
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} over {wide_bar} {elapsed}") {
            bar.set_style(style);
        }
        if visible {
            bar.enable_steady_tick(Duration::from_secs(1));
        }
        Self(bar)
    }

    pub fn one_more(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
