//! The jobs that a list shows, and what it says beside them.

use super::context::Context;
use super::error::Failure;
use super::output;
use crate::engine::aws::{Listed, Looked, MOST_LOOKED_AT, Trouble};
use crate::engine::{Attended, EngineName, Engines};
use crate::job::State;
use crate::ledger::{Filter, JobRecord, Ledger, LedgerError};

#[derive(Default)]
pub struct Listing {
    /// Those of the ledger, newest first.
    pub jobs: Vec<JobRecord>,
    /// Those that only the engine knows, newest first.
    pub foreign: Vec<Listed>,
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
}

impl Listing {
    /// The jobs of the ledger, as they are.
    pub fn of_ledger(ledger: &Ledger, filter: &Filter) -> Result<Self, LedgerError> {
        let mut listing = Self { jobs: ledger.list(filter)?, ..Self::default() };
        let all = ledger.count(filter)?;
        if all == 0 {
            listing.notes.push(match ledger.count(&Filter::default())? {
                0 => "there is no job".to_owned(),
                others => format!("none of {} is so", output::jobs(others)),
            });
        }
        if all > listing.jobs.len() as u64 {
            let shown = listing.jobs.len();
            listing.notes.push(format!("{shown} of {}; {MORE}", output::jobs(all)));
        }
        Ok(listing)
    }

    /// The jobs of the ledger that went to AWS, brought up to date, and those of others there.
    pub async fn of_aws(engines: &mut Engines<'_>, filter: &Filter) -> Result<Self, Failure> {
        let mut listing = Self::default();
        let away = engines.ledger().away()?;
        match engines.refresh(&away).await {
            Ok(Attended { later: None, .. }) => {}
            Ok(Attended { later: Some(error), .. }) | Err(error) => {
                let why = Failure::from(error).message();
                listing.warnings.push(format!("as it was when last looked at: {why}"));
            }
        }
        // One more than is shown tells whether something is left out.
        let limit = filter.limit.map(|limit| limit.saturating_add(1));
        let more = Filter { limit, ..filter.clone() };
        let (aws, ledger) = engines.aws();
        let others = match aws.list(&more).await {
            Ok(others) => others,
            // What the ledger knows can be shown all the same.
            Err(error) if error.trouble() == Trouble::Denied => {
                let why = Failure::from(error).message();
                listing.notes.push(format!("only the jobs of this machine: {why}"));
                Looked::default()
            }
            Err(error) => return Err(error.into()),
        };
        // What was not looked at may be meant too.
        for (queue, oldest) in others.cut {
            let back_to = output::timestamp(oldest);
            listing.notes.push(format!(
                "of queue `{queue}` only the newest {MOST_LOOKED_AT} jobs were looked at; \
                 --before {back_to} goes on from there"
            ));
        }
        for job in others.jobs {
            if ledger.known_by_engine_id(&job.engine_id)?.is_some() {
                continue;
            }
            let ours = match &job.ours {
                Some((id, _)) if ledger.has(*id)? => Some(*id),
                _ => None,
            };
            match ours {
                // The ledger's row is its own, as soon as it is found.
                Some(id) if ledger.standing(id)?.state == State::Submitting => {}
                Some(_) if job.may_be_second() => {}
                // What counts as over here is another job by now.
                Some(id) if ledger.standing(id)?.state.is_terminal() => {
                    listing.foreign.push(job.by_its_own_id());
                }
                _ => listing.foreign.push(job),
            }
        }
        listing.jobs = ledger.list(&Filter { engine: Some(EngineName::Aws.as_str()), ..more })?;
        if let Some(limit) = filter.limit {
            listing.cut(limit as usize);
        }
        if let Err(error) = aws.doubt_successes(&mut listing.foreign).await {
            let why = Failure::from(error).message();
            let doubt =
                "of the jobs of others that succeeded nobody saw whether their commands ran";
            listing.notes.push(format!("{doubt}: {why}"));
        }
        Ok(listing)
    }

    /// Both together are as many as one list would be, the newest of them.
    fn cut(&mut self, most: usize) {
        let mut times: Vec<_> = self.jobs.iter().map(|job| job.accepted_at).collect();
        times.extend(self.foreign.iter().map(|job| job.created_at));
        if times.len() <= most {
            return;
        }
        times.sort_unstable_by(|a, b| b.cmp(a));
        let Some(too_old) = times.get(most) else { return };
        self.jobs.retain(|job| job.accepted_at > *too_old);
        self.foreign.retain(|job| job.created_at > *too_old);
        let shown = output::jobs((self.jobs.len() + self.foreign.len()) as u64);
        self.notes.push(format!("the newest {shown}; {MORE}"));
    }

    pub async fn of(
        engines: &mut Engines<'_>,
        filter: &Filter,
        context: &Context<'_>,
    ) -> Result<Self, Failure> {
        if context.config.engine == EngineName::Aws {
            Self::of_aws(engines, filter).await
        } else {
            Ok(Self::of_ledger(engines.ledger(), filter)?)
        }
    }

    /// Does time go on for one of them?
    pub fn goes_on(&self) -> bool {
        self.jobs.iter().any(|job| !job.state.is_terminal())
            || self.foreign.iter().any(|job| !job.state().is_terminal())
    }
}

const MORE: &str = "--all or -n N shows more";
