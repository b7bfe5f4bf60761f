//! `computes retry`: submit jobs that are over once more.

use clap::Args;

use super::context::{Context, block_on};
use super::ending::until_over;
use super::error::{Doing, Failure, Kind};
use super::interrupts::Interrupts;
use super::submission::{Ids, check_first, hand_over};
use super::submit;
use crate::engine::{Clock, EngineName, Engines, Submission};
use crate::job::{EnvName, JobId, JobRef, Secret, Secrets, SpecError, State};
use crate::ledger::{JobRecord, NewJob};

#[derive(Debug, Args)]
pub struct Options {
    /// Ids, the beginning of ids, or `last`
    #[arg(required = true, value_name = "JOB")]
    jobs: Vec<JobRef>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let Some(first) = options.jobs.first() else { return Ok(0) };
    let mut engines = context.engines_of_existing(first)?;
    block_on(async {
        let found = engines.find_all(&options.jobs).await?;
        engines.refresh(&found).await?.by_now()?;
        // All may be retried, or none is.
        let mut again = Vec::new();
        let mut ids = Ids::at(context.clock.now());
        for id in &found {
            let job = engines.ledger().job(*id)?;
            let sent = engines.ledger().hand_over_of(job.seq)?;
            let may_be_twice = sent.is_some_and(|sent| sent.may_be_twice());
            if job.may_be_there() || may_be_twice && job.state == State::Cancelled {
                let (short, state) = (id.short(), job.state);
                context.output.warning(&format!(
                    "{short} counts as {state}, and may run on AWS Batch all the same: both would"
                ));
            }
            let submission =
                submission(&job, &mut ids).doing(|| format!("retry {}", id.short()))?;
            again.push((engines.of(*id)?, submission));
        }
        let mut interrupts = Interrupts::new(None)?;
        let left = until_all_over(&mut engines, &mut interrupts, &found, context).await?;
        if let Some(exit_code) = left {
            let shorts: Vec<_> = found.iter().map(JobId::short).collect();
            context.output.warning(&format!(
                "nothing was submitted. To come back: computes retry {}",
                shorts.join(" ")
            ));
            return Ok(exit_code);
        }
        match interrupts.unless_left(submit_all(&mut engines, again, context)).await {
            Ok(submitted) => submitted.map(|()| 0),
            Err(exit_code) => {
                let last = "`computes list` shows which are there";
                context.output.warning(&format!("interrupted while they were submitted: {last}"));
                Ok(exit_code)
            }
        }
    })
}

/// Each goes where it was; those of one engine are handed over together.
async fn submit_all(
    engines: &mut Engines<'_>,
    mut all: Vec<(EngineName, Submission)>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    for engine in EngineName::ALL {
        let (ours, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(of, _)| *of == engine);
        all = others;
        let submissions: Vec<_> = ours.into_iter().map(|(_, submission)| submission).collect();
        if submissions.is_empty() {
            continue;
        }
        engines.choose(engine);
        check_first(&submissions, engine, context)?;
        engines
            .send_ahead(&submissions, Vec::new(), &mut |_| ())
            .await
            .doing(|| "submit it again".to_owned())?;
        let handed_over = hand_over(engines, &submissions, context).await?;
        submit::print(engines, handed_over, context)?;
    }
    Ok(())
}

/// A job that is being ended is not done twice at the same time: its end comes first. `Some`:
/// somebody wants us to leave.
async fn until_all_over(
    engines: &mut Engines<'_>,
    interrupts: &mut Interrupts,
    jobs: &[JobId],
    context: &Context<'_>,
) -> Result<Option<u8>, Failure> {
    let mut watch = engines.watch()?;
    for (index, job) in jobs.iter().enumerate() {
        if engines.ledger().standing(*job)?.state.is_terminal() {
            continue;
        }
        let short = job.short();
        context.output.status(&format!("{short} is being ended, and is retried when it is over"));
        let left = until_over(engines, &mut *watch, interrupts, &jobs[index..], context).await?;
        if left.is_some() {
            return Ok(left);
        }
    }
    Ok(None)
}

fn submission(job: &JobRecord, ids: &mut Ids) -> Result<Submission, Failure> {
    if !job.state.is_terminal() && job.cancel_requested_at.is_none() {
        return Err(Failure {
            kind: Kind::Usage,
            error: anyhow::anyhow!("the job is not over: it is {}", job.state),
            hint: Some(format!("computes cancel {} first, or wait for it", job.id.short())),
        });
    }
    // Their values went with the first job, so they have to be there again.
    let mut secrets = Secrets::default();
    for name in &job.plan.spec.secrets {
        secrets.insert(name.clone(), secret(name)?);
    }
    let new = NewJob {
        id: ids.next(),
        plan: job.plan.clone(),
        directory: job.directory.clone(),
        rehearse_after: None,
        retry_of: Some(job.id),
    };
    Ok(Submission { job: new, secrets, once: false })
}

fn secret(name: &EnvName) -> Result<Secret, SpecError> {
    match std::env::var(name.as_str()) {
        Ok(value) if value.is_empty() => Err(SpecError::SecretEmpty(name.clone())),
        Ok(value) => Ok(Secret::new(value)),
        Err(std::env::VarError::NotPresent) => Err(SpecError::SecretUnset(name.clone())),
        Err(std::env::VarError::NotUnicode(_)) => Err(SpecError::NotUnicode(name.clone())),
    }
}
