//! `computes retry`: submit jobs that are over once more.

use clap::Args;

use super::context::{Context, block_on};
use super::error::{Doing, Failure, Kind};
use super::submission::{self, Ids};
use super::submit;
use crate::engine::{Clock, EngineName, Submission};
use crate::job::{EnvName, JobRef, Secret, Secrets, SpecError};
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
    let mut ids = Ids::at(context.clock.now());
    block_on(async {
        let found = engines.find_all(&options.jobs).await?;
        engines.refresh(&found).await?.by_now()?;
        // Each goes where it was; those of one engine are handed over together.
        for engine in EngineName::ALL {
            let mut submissions = Vec::new();
            for id in &found {
                if engines.of(*id)? == engine {
                    let job = engines.ledger().job(*id)?;
                    submissions
                        .push(again(job, &mut ids).doing(|| format!("retry {}", id.short()))?);
                }
            }
            if !submissions.is_empty() {
                engines.choose(engine);
                submission::check_first(&submissions, engine, context)?;
                engines
                    .send_ahead(&submissions, Vec::new(), &mut |_| ())
                    .await
                    .doing(|| "submit it again".to_owned())?;
                let handed_over =
                    submission::hand_over(&mut engines, &submissions, context).await?;
                submit::print(&mut engines, handed_over, context)?;
            }
        }
        Ok(0)
    })
}

fn again(job: JobRecord, ids: &mut Ids) -> Result<Submission, Failure> {
    if !job.state.is_terminal() {
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
        plan: job.plan,
        directory: job.directory,
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
