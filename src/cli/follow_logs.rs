//! Following the logs of several jobs at once.

use super::context::Context;
use super::doubts;
use super::error::Failure;
use super::follow::End;
use super::interrupts::Interrupts;
use super::log_lines::How;
use super::tail::Tail;
use crate::engine::{EngineName, Engines, Watch};
use crate::job::JobId;

/// The jobs that go on, each with its log.
pub struct Logs {
    open: Vec<(JobId, Tail)>,
    /// AWS could not be asked, and that was told.
    away: bool,
}

impl Logs {
    pub fn new(ids: &[JobId], hows: Vec<How>, engines: &mut Engines<'_>) -> Result<Self, Failure> {
        let mut open = Vec::new();
        for (id, how) in ids.iter().zip(hows) {
            let newest = engines.ledger().standing(*id)?.attempt;
            open.push((*id, Tail::new(*id, how, newest)));
        }
        Ok(Self { open, away: false })
    }

    /// Shows what comes of each until all are over.
    pub async fn follow(
        &mut self,
        engines: &mut Engines<'_>,
        watch: &mut dyn Watch,
        interrupts: &mut Interrupts,
        context: &Context<'_>,
    ) -> Result<End, Failure> {
        loop {
            tokio::select! {
                attended = self.attend(engines, context) => attended?,
                code = interrupts.leave() => return Ok(End::Left(code)),
            }
            let mut looks = true;
            while looks {
                let more = tokio::select! {
                    more = self.show(engines, watch, context) => more?,
                    code = interrupts.leave() => return Ok(End::Left(code)),
                };
                if self.open.is_empty() || context.output.reader_is_gone() {
                    return Ok(End::Left(0));
                }
                looks = more
                    || tokio::select! {
                        changes = watch.changed() => !changes?.workers,
                        code = interrupts.leave() => return Ok(End::Left(code)),
                    };
            }
        }
    }

    /// True: there is more of one of them.
    async fn show(
        &mut self,
        engines: &mut Engines<'_>,
        watch: &mut dyn Watch,
        context: &Context<'_>,
    ) -> Result<bool, Failure> {
        let mut more = false;
        let mut index = 0;
        while let Some((job, tail)) = self.open.get_mut(index) {
            let now = engines.ledger().standing(*job)?;
            if now.attempt > 0 {
                watch.follow_log(*job, now.attempt)?;
            }
            let is_over = now.state.is_terminal();
            more |= tail.up_to(engines, now.attempt, is_over, context).await?;
            let short = job.short();
            for doubt in tail.doubts() {
                context.output.warning(&format!("{short}: {doubt}"));
            }
            if let Some(error) = tail.failure() {
                let why = Failure::from(error).message();
                context.output.warning(&format!("no more of the log of {short}: {why}"));
            }
            if is_over {
                self.open.remove(index);
            } else {
                index += 1;
            }
        }
        Ok(more)
    }

    /// Sees to it that those that wait are run, and that the ledger knows how all stand.
    async fn attend(
        &mut self,
        engines: &mut Engines<'_>,
        context: &Context<'_>,
    ) -> Result<(), Failure> {
        for engine in EngineName::ALL {
            let mut jobs = Vec::new();
            for (job, _) in &self.open {
                if engines.of(*job)? == engine {
                    jobs.push(*job);
                }
            }
            let attended = engines.attend(&jobs).await?;
            doubts::tell(attended.doubts, context);
            if let Some(error) = attended.later
                && !std::mem::replace(&mut self.away, true)
            {
                let why = Failure::from(error).message();
                context.output.warning(&format!("cannot look at the jobs just now: {why}"));
            }
        }
        Ok(())
    }
}
