//! One job is sent so that AWS Batch has it once, whatever becomes of the answers.

use std::time::Duration;

use aws_sdk_batch::types::{JobTimeout, RetryStrategy};
use tokio::time::{Instant, sleep};

use super::cancel::{cancel_unstarted, terminate};
use super::client::Clients;
use super::describe::Status;
use super::request::{overrides, rule};
use super::{Action, AwsError, Trouble};
use crate::job::{JobId, Secrets};
use crate::ledger::{LedgerError, Millis};
use crate::plan::{Fence, SubmitJob};

/// A job on its way.
pub struct Letter {
    pub id: JobId,
    /// With the name that is unique to the job, and the mask in the place of each secret.
    pub request: SubmitJob,
    pub secrets: Secrets,
    pub region: String,
    /// It may have been sent so often before. If it was, it is looked for first.
    pub sent: u32,
    pub may_send: MaySend,
    /// Its job definition is one that was derived for it, perhaps just now.
    pub is_derived: bool,
}

/// What may be done with a job that Batch does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaySend {
    Yes,
    /// Its end was asked for.
    Cancelled,
    /// The value of this secret is not at hand.
    SecretGone(String),
}

/// What became of it.
#[derive(Debug)]
pub enum Delivery {
    /// AWS Batch has it. A doubt is whether it has it only once.
    Taken { engine_id: String, arn: String, doubt: Option<AwsError> },
    /// AWS Batch does not want it.
    Refused(AwsError),
    /// It does not have it.
    NotSent(AwsError),
    /// Nobody knows.
    Unclear(AwsError),
}

/// A job by its name, as a list of AWS Batch has it.
#[derive(Debug, Clone)]
pub struct Found {
    pub engine_id: String,
    pub arn: String,
    pub name: String,
    pub status: Status,
    pub created_at: Millis,
    /// When an attempt of it started, of which there may be several.
    pub started_at: Option<Millis>,
    pub stopped_at: Option<Millis>,
    /// Somebody asked for its end.
    pub is_ended: bool,
}

impl Found {
    /// Will it do its work, or does it?
    pub const fn is_active(&self) -> bool {
        !self.status.is_over() && !self.is_ended
    }

    /// Was it not over yet at that time?
    pub fn was_active_at(&self, time: Millis) -> bool {
        !self.status.is_over() || self.stopped_at.is_some_and(|stopped| stopped >= time)
    }

    /// Did its command begin? Of one that was ended only its start tells.
    pub const fn has_run(&self) -> bool {
        self.started_at.is_some() || matches!(self.status, Status::Running | Status::Succeeded)
    }

    /// May its command have begun?
    pub const fn has_started(&self) -> bool {
        self.started_at.is_some()
            || !matches!(self.status, Status::Submitted | Status::Pending | Status::Runnable)
    }
}

impl Letter {
    /// By what a second job of it ends by itself.
    fn fence(&self) -> Option<Fence> {
        self.request.container_overrides.command.as_deref().and_then(Fence::of_command)
    }
}

pub const SUBMIT: Action = Action("batch:SubmitJob");
pub const LIST: Action = Action("batch:ListJobs");

/// So often a connection is tried to be made.
const MOST_CONNECTS: u32 = 5;
/// So often a job is sent whose acceptance stays unclear, each time after it was looked for.
const MOST_SENDS: u32 = 5;
/// So often AWS may say that it has too many calls. With one call in ten getting through, one
/// job in ten thousand would fail.
const MOST_THROTTLED: u32 = 100;
/// A definition that was just registered is not seen everywhere at once.
const MOST_UNSEEN: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Between two looks at a list, however long it is late.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// How many times `aws.settle` the list is waited for where nothing but the list tells.
pub const SETTLES: u32 = 6;

/// What is known of a job here while it is on its way.
pub trait Here {
    /// Did somebody ask for its end meanwhile?
    fn is_to_end(&self, job: JobId) -> bool;

    /// It is about to be sent once more, and Batch may have so many of it then.
    ///
    /// # Errors
    /// When that can't be written down.
    fn send_again(&self, job: JobId, at_most: u32) -> Result<(), LedgerError>;
}

/// Sends a job, and again where it is sure that Batch does not have it.
///
/// # Errors
/// When it can't be written down that it is sent again. It was not, then.
pub async fn send(
    clients: &Clients,
    letter: &Letter,
    settle: Duration,
    here: &dyn Here,
) -> Result<Delivery, LedgerError> {
    let (mut connects, mut unseen, mut throttled) = (0, 0, 0);
    // So often it was sent, by us or before us, without an answer that tells.
    let mut unclear = letter.sent;
    let mut look = unclear > 0;
    let mut first_at = Instant::now();
    loop {
        let is_unwanted = unclear > 0 && here.is_to_end(letter.id);
        let may_send = if is_unwanted { &MaySend::Cancelled } else { &letter.may_send };
        // A fence keeps what is sent again from running twice. Of what is not, nothing but the list tells.
        let is_cancelled = *may_send == MaySend::Cancelled;
        let patience = if is_cancelled { settle * SETTLES } else { settle };
        if std::mem::take(&mut look) {
            match settled(clients, letter, patience).await {
                Ok(Some(found)) if unclear == 1 => {
                    let Found { engine_id, arn, .. } = found;
                    return Ok(Delivery::Taken { engine_id, arn, doubt: None });
                }
                // Those that were sent after it are as late as it was, at least.
                Ok(Some(found)) => {
                    let known = (found.engine_id, found.arn);
                    let patience = settle.max(first_at.elapsed());
                    return Ok(only_one(clients, letter, known, unclear, patience).await);
                }
                Ok(None) if !is_cancelled && here.is_to_end(letter.id) => {
                    look = true;
                    continue;
                }
                Ok(None) => {}
                Err(error) => return Ok(Delivery::Unclear(error)),
            }
        }
        match may_send {
            MaySend::Yes => {}
            MaySend::Cancelled if unclear > 0 => {
                return Ok(Delivery::NotSent(AwsError::NotSeen { patience }));
            }
            MaySend::Cancelled => return Ok(Delivery::NotSent(AwsError::Withdrawn)),
            // It is looked for again before it is sent.
            MaySend::SecretGone(name) if unclear > 0 => {
                return Ok(Delivery::Unclear(AwsError::SecretGone(name.clone())));
            }
            MaySend::SecretGone(name) => {
                return Ok(Delivery::NotSent(AwsError::SecretGone(name.clone())));
            }
        }
        if unclear > 0 {
            here.send_again(letter.id, unclear + 1)?;
        } else {
            first_at = Instant::now();
        }
        let error = match submit(clients, letter).await {
            Ok((engine_id, arn)) if unclear == 0 => {
                return Ok(Delivery::Taken { engine_id, arn, doubt: None });
            }
            // An earlier one may have come late. Once the list shows this one it shows those before it.
            Ok(known) => return Ok(only_one(clients, letter, known, 1, settle).await),
            Err(error) => error.without(&letter.secrets),
        };
        match error.trouble() {
            Trouble::Throttled if throttled < MOST_THROTTLED => throttled += 1,
            Trouble::NotSent if connects < MOST_CONNECTS => {
                sleep(pause(letter.id, connects)).await;
                connects += 1;
            }
            Trouble::Refused | Trouble::NotFound if letter.is_derived && unseen < MOST_UNSEEN => {
                sleep(pause(letter.id, unseen)).await;
                unseen += 1;
            }
            Trouble::Unclear if unclear < MOST_SENDS => {
                unclear += 1;
                look = true;
            }
            // Whatever is said of the last one, an earlier one may have got there.
            _ if unclear > 0 => return Ok(Delivery::Unclear(error)),
            Trouble::Refused | Trouble::NotFound => return Ok(Delivery::Refused(error)),
            Trouble::Throttled
            | Trouble::NotSent
            | Trouble::Credentials
            | Trouble::Denied
            | Trouble::Unclear => return Ok(Delivery::NotSent(error)),
        }
    }
}

/// Doubles from try to try; the job's id varies it, so that many do not come back at once.
fn pause(id: JobId, tries: u32) -> Duration {
    let part = id.scatter();
    (FIRST_PAUSE * 2_u32.pow(tries)).mul_f64(0.5 + part)
}

async fn submit(clients: &Clients, letter: &Letter) -> Result<(String, String), AwsError> {
    let request = &letter.request;
    let call = clients
        .batch_once(&letter.region)
        .submit_job()
        .set_job_name(request.job_name.clone())
        .set_job_queue(request.job_queue.clone())
        .set_job_definition(request.job_definition.clone())
        .set_container_overrides(
            (!request.container_overrides.are_none())
                .then(|| overrides(&request.container_overrides, &letter.secrets)),
        )
        .set_retry_strategy(request.retry_strategy.as_ref().map(|retry| {
            let rules = retry.evaluate_on_exit.iter().map(rule).collect::<Vec<_>>();
            RetryStrategy::builder()
                .set_attempts(retry.attempts.and_then(|attempts| attempts.try_into().ok()))
                .set_evaluate_on_exit((!rules.is_empty()).then_some(rules))
                .build()
        }))
        .set_timeout(request.timeout.as_ref().map(|timeout| {
            let seconds = timeout.attempt_duration_seconds;
            JobTimeout::builder()
                .set_attempt_duration_seconds(seconds.and_then(|seconds| seconds.try_into().ok()))
                .build()
        }))
        .set_tags((!request.tags.is_empty()).then(|| request.tags.clone().into_iter().collect()))
        .set_propagate_tags(request.propagate_tags)
        .set_share_identifier(request.share_identifier.clone())
        .set_scheduling_priority_override(
            request.scheduling_priority_override.and_then(|priority| priority.try_into().ok()),
        );
    let answer = clients.call(SUBMIT, call.send()).await?;
    let unclear = || AwsError::Call {
        action: SUBMIT,
        trouble: Trouble::Unclear,
        message: "the answer names no job".to_owned(),
    };
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let engine_id = given(answer.job_id).ok_or_else(unclear)?;
    let arn = given(answer.job_arn).ok_or_else(unclear)?;
    Ok((engine_id, arn))
}

/// Looks for the job until it is there, or until it would be if it were.
async fn settled(
    clients: &Clients,
    letter: &Letter,
    settle: Duration,
) -> Result<Option<Found>, AwsError> {
    let name = letter.request.job_name.clone().unwrap_or_default();
    let unknown = |why| AwsError::Unknown { name: name.clone(), why: Box::new(why) };
    let end = Instant::now() + settle;
    let mut tries = 0;
    loop {
        let found = find(clients, letter).await.map_err(unknown)?;
        if let Some(first) = found.into_iter().next() {
            return Ok(Some(first));
        }
        let rest = end.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(None);
        }
        sleep(pause(letter.id, tries).min(LONGEST_PAUSE).min(rest)).await;
        tries += 1;
    }
}

/// Every job of exactly this name, the oldest first.
async fn find(clients: &Clients, letter: &Letter) -> Result<Vec<Found>, AwsError> {
    let name = letter.request.job_name.clone().unwrap_or_default();
    let queue = letter.request.job_queue.clone().unwrap_or_default();
    super::list::by_name(clients, &letter.region, &queue, &name).await
}

/// A job may have been sent more than once, because an earlier one seemed not to be there. If it
/// came late, there are two now: the first one stays, and the later ones are ended. The one that
/// is known to be there is waited for until the list shows it, and at least so many.
async fn only_one(
    clients: &Clients,
    letter: &Letter,
    (engine_id, arn): (String, String),
    at_least: u32,
    patience: Duration,
) -> Delivery {
    let end = Instant::now() + patience;
    let mut tries = 0;
    let is_shown = |found: &[Found]| found.iter().any(|job| job.engine_id == engine_id);
    let are_all = |found: &[Found]| is_shown(found) && found.len() >= at_least as usize;
    let found = loop {
        match find(clients, letter).await {
            Ok(found) if are_all(&found) || Instant::now() >= end => break found,
            Ok(_) => {
                sleep(pause(letter.id, tries).min(LONGEST_PAUSE)).await;
                tries += 1;
            }
            Err(error) => return Delivery::Taken { engine_id, arn, doubt: Some(error) },
        }
    };
    let known = is_shown(&found);
    let fence = letter.fence();
    let mut doubt = (!are_all(&found)).then_some(AwsError::Blind { settle: patience, fence });
    // One that nobody ended, and of those that started or may soon the oldest; one that is not in the
    // list is younger.
    let wanted = found.iter().filter(|job| !job.is_ended);
    let Some(first) = wanted.min_by_key(|job| !job.has_started()) else {
        return Delivery::Taken { engine_id, arn, doubt };
    };
    // Nothing kept another that has started from doing the work as well.
    let mut others = found.iter().filter(|job| job.engine_id != first.engine_id);
    if fence.is_none()
        && let Some(other) = others.find(|job| job.has_run())
    {
        doubt = doubt.or_else(|| Some(AwsError::BothRan { other: other.engine_id.clone() }));
    }
    let reason = format!("sent twice by mistake; {} is the one", first.engine_id);
    let later = found.iter().filter(|job| job.is_active()).map(|job| job.engine_id.clone());
    let later = later.chain((!known && fence.is_none()).then(|| engine_id.clone()));
    for later in later.filter(|later| *later != first.engine_id) {
        let region = &letter.region;
        // Whichever of those that started came first is for the fence to say: the one that is ended might
        // be the one that the others make way for.
        let ended = match fence {
            Some(_) => cancel_unstarted(clients, region, &later, &reason).await,
            None => terminate(clients, region, &later, &reason).await,
        };
        doubt = doubt.or(ended.err());
    }
    Delivery::Taken { engine_id: first.engine_id.clone(), arn: first.arn.clone(), doubt }
}
