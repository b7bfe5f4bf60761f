//! `computes run`: submit a job, follow it, exit with its code.

use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;

use super::aws_output;
use super::context::{Context, block_on, internal};
use super::error::{self, Doing, Failure};
use super::follow::{self, End};
use super::interrupts::Interrupts;
use super::job_options::JobOptions;
use super::output::{EventLine, Rehearsed};
use super::stdin::Unread;
use super::{outputs, submission, submit};
use crate::engine::Engines;
use crate::job::{FailureClass, JobId, State, parse_duration};
use crate::ledger::JobRecord;

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    job: JobOptions,
    #[command(flatten, next_help_heading = "Following it")]
    get: outputs::Get,
    /// Cancel the job on Ctrl-C or SIGTERM, without asking; for CI
    #[arg(long, help_heading = "Following it")]
    cancel_on_interrupt: bool,
    /// Stop waiting after so long, with exit code 124; the job goes on
    #[arg(long, value_name = "DURATION", help_heading = "Following it")]
    limit: Option<String>,
    /// Show the job a host that is taken away so long after its start: SIGTERM, 30 s, SIGKILL
    #[arg(
        long,
        help_heading = "Following it",
        value_name = "AFTER", num_args = 0..=1, require_equals = true, default_missing_value = "5s")]
    rehearse_interruption: Option<String>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let limit = options.limit.as_deref().map(|text| parse("--limit", text)).transpose()?;
    let rehearse = options.rehearse_interruption.as_deref();
    let rehearse = rehearse.map(|text| parse("--rehearse-interruption", text)).transpose()?;
    let after = rehearse.map(|after| u32::try_from(after.as_millis()).unwrap_or(u32::MAX));
    aws_output::refuse(&options.job.outputs)?;
    options.get.check(context)?;
    let how = submission::How {
        rehearse_after: after,
        once: options.job.once,
        gets: options.get.is_said(),
    };
    let prepared = submission::prepare(&options.job, how, context)?;
    let mut unread = Unread::beside(&prepared.submissions);
    unread.tell(context);
    if options.job.dry_run {
        return submit::dry_run(prepared, context);
    }
    let [one] = prepared.submissions.as_slice() else {
        return Err(Failure::usage(
            format!("{} jobs in one `run`, which follows one", prepared.submissions.len()),
            "submit them with `computes submit`, then `computes wait`",
        ));
    };
    submission::check_first(&prepared.submissions, context.config.engine, context)?;
    let (id, queue) = (one.job.id, one.job.plan.spec.queue);
    let name = one.job.plan.spec.name.clone();
    block_on(async {
        let mut engines = context.engines()?;
        // From here on a signal detaches or cancels, and says which.
        let mut interrupts = Interrupts::new(limit)?;
        let mut watch = engines.watch()?;
        let send = async {
            let submissions = submission::send_ahead(&mut engines, prepared, context).await?;
            submission::hand_over(&mut engines, &submissions, context).await
        };
        let handed_over = tokio::select! {
            handed_over = send => handed_over?,
            code = interrupts.leave() => {
                let cancel = options.cancel_on_interrupt;
                return left_in_between(&mut engines, id, code, cancel, context).await;
            }
        };
        let ours = id;
        let id = handed_over.check(context)?.first();
        if context.output.json {
            let (id, short, name) = (id.to_string(), id.short(), name.as_str());
            context.output.json_line_while_read(&EventLine::Submitted { id, short, name })?;
        } else {
            let submitted = if id == ours { "submitted to" } else { "is already there, in" };
            context.output.status(&format!("{} {name} {submitted} {queue}", id.short()));
        }
        let log = Some(super::log_lines::How::default());
        let follow = follow::Options {
            log,
            cancel_on_interrupt: options.cancel_on_interrupt,
            may_cancel: true,
        };
        let followed =
            follow::follow_one(&mut engines, &mut *watch, &mut interrupts, id, &follow, context);
        match unread.tell_while(followed, context).await? {
            End::Over(record) => {
                if after.is_some() {
                    say_rehearsed(&mut engines, &record, context)?;
                }
                let get = &options.get;
                match outputs::over(&mut engines, *record, get, &mut interrupts, context).await? {
                    ControlFlow::Continue(code) => Ok(code),
                    ControlFlow::Break(code) => get.say_left(&[id], code, context),
                }
            }
            End::Left(code) => follow::say_left(&mut engines, &[id], code, context),
        }
    })
}

/// An interrupt while the job is being handed over: what is true of it then is in the ledger.
async fn left_in_between(
    engines: &mut Engines<'_>,
    id: JobId,
    code: u8,
    cancel: bool,
    context: &Context<'_>,
) -> Result<u8, Failure> {
    let Ok(standing) = engines.ledger().standing(id) else {
        context.output.warning("nothing was submitted");
        return Ok(code);
    };
    if cancel {
        context.output.status("cancelling the job");
        for (id, ended) in engines.cancel(&[id], "interrupted while it was submitted").await? {
            ended.doing(|| format!("cancel {}", id.short()))?;
        }
        let record = engines.ledger().job(id)?;
        // It may have been over before.
        if record.state.is_terminal() {
            return follow::say_end(&record, context);
        }
        return Ok(error::code::CANCELLED);
    }
    if matches!(standing.state, State::Accepted | State::Submitting) {
        let short = id.short();
        context.output.warning(&format!(
            "interrupted while the job was handed over: computes wait {short} sees to it that it \
             is there once, computes cancel {short} that it is not"
        ));
        return Ok(code);
    }
    follow::say_left(engines, &[id], code, context)
}

pub fn parse(option: &str, text: &str) -> Result<Duration, Failure> {
    parse_duration(text).ok_or_else(|| {
        Failure::usage(
            format!("{option}: `{text}` is no duration"),
            "give seconds, or units as in 90s, 50m or 1h",
        )
    })
}

/// What the rehearsal showed.
fn say_rehearsed(
    engines: &mut Engines<'_>,
    record: &JobRecord,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let attempts = engines.ledger().attempts(record)?;
    let first = attempts.first().ok_or_else(|| internal("a job that ended has no attempt"))?;
    let after = i64::from(record.rehearse_after.unwrap_or_default());
    let took = first.started_at.zip(first.closed_at).map(|(from, to)| to - from - after);
    let verdict = match (&first.reason, first.class) {
        (_, Some(FailureClass::Interrupted)) if record.attempt > 1 => {
            "the attempt was lost with its host, and the job was tried again"
        }
        (_, Some(FailureClass::Interrupted)) => {
            "the attempt was lost with its host, and there was no other: give it more with --attempts"
        }
        (Some(_), None) if first.exit_code == Some(0) => {
            "the job ended with exit code 0 after SIGTERM, which AWS Batch counts as success: \
             exit with another code if there was work left"
        }
        _ => "the job was over before its host was taken away",
    };
    let took_away =
        first.reason.is_some() && matches!(first.class, None | Some(FailureClass::Interrupted));
    let seconds = took.filter(|_| took_away).map(|took| {
        let took = Duration::from_millis(took.max(0).unsigned_abs());
        took.as_secs_f64()
    });
    if context.output.json {
        let line = EventLine::Rehearsed(Rehearsed { seconds_to_end: seconds, verdict });
        return context.output.json_line_while_read(&line);
    }
    let when =
        seconds.map_or_else(String::new, |seconds| format!("{seconds:.1} s after SIGTERM: "));
    context.output.status(&format!("rehearsal: {when}{verdict}"));
    Ok(())
}
