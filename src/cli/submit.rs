//! `computes submit`: hand jobs over and print their ids.

use std::collections::BTreeSet;

use clap::Args;

use super::aws_output::{self, Answer, Printed};
use super::context::{Context, block_on};
use super::error::Failure;
use super::freight::Prepared;
use super::job_options::JobOptions;
use super::output::JobView;
use super::stdin::Unread;
use super::submission::{self, HandedOver};
use crate::engine::{EngineName, Engines};
use crate::plan::Cargo;

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    job: JobOptions,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let printed = aws_output::printed(&options.job.outputs, context.output.json)?;
    let how = submission::How { once: options.job.once, ..submission::How::default() };
    let prepared = submission::prepare(&options.job, how, context)?;
    Unread::beside(&prepared.submissions).tell(context);
    if options.job.dry_run {
        return dry_run(prepared, context);
    }
    submission::check_first(&prepared.submissions, context.config.engine, context)?;
    let mut engines = context.engines()?;
    let (handed_over, count) = block_on(async {
        let submissions = submission::send_ahead(&mut engines, prepared, context).await?;
        let handed_over = submission::hand_over(&mut engines, &submissions, context).await?;
        if options.job.once && !context.output.json {
            let ours: BTreeSet<_> = submissions.iter().map(|it| it.job.id).collect();
            for id in handed_over.on_their_way().filter(|id| !ours.contains(id)) {
                let spec = engines.ledger().job(id)?.plan.spec;
                let (short, name, queue) = (id.short(), spec.name, spec.queue);
                context.output.status(&format!("{short} {name} is already there, in {queue}"));
            }
        }
        Ok((handed_over, submissions.len()))
    })?;
    match printed {
        Some(printed) => answer(&mut engines, handed_over, printed, context)?,
        None => print(&mut engines, handed_over, context)?,
    }
    if context.config.engine == EngineName::Aws && engines.ledger().are_first_away(count)? {
        context.output.note(
            "to submit takes `batch:SubmitJob` alone; what it takes to wait, list, read logs and \
             cancel is printed by `computes policy`",
        );
    }
    Ok(0)
}

/// The ids, a line each: the lines are written at once, so that a batch costs little.
pub fn print(
    engines: &mut Engines<'_>,
    handed_over: HandedOver,
    context: &Context<'_>,
) -> Result<(), Failure> {
    if context.output.json {
        for id in handed_over.on_their_way() {
            let record = engines.ledger().job(id)?;
            context.output.json_line(&JobView::new(&record, &context.config.state_dir))?;
        }
    } else {
        let lines = handed_over.on_their_way().map(|id| format!("{id}\n"));
        context.output.data(lines.collect::<String>().as_bytes())?;
    }
    handed_over.check(context)?;
    Ok(())
}

/// What `aws batch submit-job` prints.
fn answer(
    engines: &mut Engines<'_>,
    handed_over: HandedOver,
    printed: Printed,
    context: &Context<'_>,
) -> Result<(), Failure> {
    for id in handed_over.on_their_way() {
        let record = engines.ledger().job(id)?;
        let sent = engines.ledger().hand_over_of(record.seq)?;
        let answer = Answer::new(&record, sent);
        match printed {
            Printed::Json => context.output.json_pretty(&answer)?,
            Printed::Text => context.output.line(&answer.text())?,
        }
    }
    handed_over.check(context)?;
    Ok(())
}

/// The request as `aws batch submit-job --cli-input-json` takes it.
pub fn dry_run(prepared: Prepared, context: &Context<'_>) -> Result<u8, Failure> {
    for submission in prepared.pack_nowhere(context)? {
        let spec = &submission.job.plan.spec;
        if !spec.secret_sources.is_empty() {
            let names: Vec<_> = spec.secret_sources.keys().map(ToString::to_string).collect();
            context.output.note(&format!(
                "in the place of `{}` a job definition is sent that is derived from it and has {}",
                spec.job_definition,
                names.join(", ")
            ));
        }
        let request = submission.job.plan.masked_request(None);
        // Somebody else may send it, and a container need not know where it is.
        let region =
            ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|it| std::env::var(it).ok());
        let cargo = request.cargo().map(|cargo| Cargo { region, ..cargo });
        let request = match cargo {
            Some(cargo) => request.with_cargo(&cargo),
            None => request,
        };
        if context.output.json {
            context.output.json_line(&request)?;
        } else {
            context.output.json_pretty(&request)?;
        }
    }
    Ok(0)
}
