//! Lists of jobs on AWS Batch.

use aws_sdk_batch::types::{JobSummary, KeyValuesPair};

use super::began::Began;
use super::client::Clients;
use super::describe::{self, AT_ONCE, Ended, Observed, Status, is_ended, time};
use super::send::{Found, LIST};
use super::twice::Rows;
use super::{AwsEngine, AwsError, Trouble, classify};
use crate::job::{JobId, Queue, State};
use crate::ledger::{Filter, Millis};
use crate::plan::BatchName;

/// A job as a list of Batch shows it: enough for a line of a table.
#[derive(Debug, Clone)]
pub struct Listed {
    pub engine_id: String,
    pub arn: String,
    /// Its name on Batch.
    pub batch_name: String,
    /// Our id and name, where this program submitted it.
    pub ours: Option<(JobId, String)>,
    pub queue: Queue,
    pub status: Status,
    pub reason: Option<String>,
    pub exit_code: Option<i32>,
    pub created_at: Millis,
    pub started_at: Option<Millis>,
    pub stopped_at: Option<Millis>,
    /// Somebody asked for its end.
    pub is_ended: bool,
}

/// Which jobs a list is of.
#[derive(Debug, Clone, Copy)]
enum Which<'a> {
    /// Those of a name; a `*` at its end stands for any rest.
    Named(&'a str),
    /// Those that were submitted after this time, newest first.
    After(Millis),
    /// Those that were submitted before this time, newest first.
    Before(Millis),
}

/// Jobs of AWS Batch, as far as they were looked at.
#[derive(Debug, Default)]
pub struct Looked {
    /// The newest first.
    pub jobs: Vec<Listed>,
    /// Queues that have more jobs than were looked at, and how far back these go.
    pub cut: Vec<(Queue, Millis)>,
}

/// A queue may hold a million jobs; nobody reads further than this many pages of a hundred.
const MOST_PAGES: usize = 20;
/// So many jobs of a queue are looked at, where no filter of Batch tells which are meant.
pub const MOST_LOOKED_AT: usize = MOST_PAGES * 100;

/// Was the end of a list seen?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pages {
    All,
    Cut,
}

/// Every job of exactly this name or, with a `*` at its end, of names that begin so; the oldest
/// first. Whatever state it is in: a filter makes Batch show all of them, and compares without regard to
/// case, which is made up for here.
pub async fn by_name(
    clients: &Clients,
    region: &str,
    queue: &str,
    name: &str,
) -> Result<Vec<Found>, AwsError> {
    let mut found = Vec::new();
    let is_meant = |called: &str| match name.strip_suffix('*') {
        Some(beginning) => called.starts_with(beginning),
        None => called == name,
    };
    pages(clients, region, queue, Which::Named(name), &mut |job| {
        if let (Some(engine_id), Some(arn), Some(name)) = (job.job_id, job.job_arn, job.job_name) {
            let created_at = job.created_at.unwrap_or_default();
            let status = Status::of(job.status.as_ref());
            found.push(Found {
                engine_id,
                arn,
                name,
                status,
                created_at,
                started_at: time(job.started_at),
                stopped_at: time(job.stopped_at),
                is_ended: is_ended(job.is_cancelled, job.is_terminated),
            });
        }
        true
    })
    .await?;
    found.retain(|job| is_meant(&job.name));
    found.sort_by(|a, b| (a.created_at, &a.engine_id).cmp(&(b.created_at, &b.engine_id)));
    Ok(found)
}

/// Reads page after page until `take` wants no more, or there are too many.
async fn pages(
    clients: &Clients,
    region: &str,
    queue: &str,
    which: Which<'_>,
    take: &mut dyn FnMut(JobSummary) -> bool,
) -> Result<Pages, AwsError> {
    let (filter, value) = match which {
        Which::Named(name) => ("JOB_NAME", name.to_owned()),
        Which::After(time) => ("AFTER_CREATED_AT", time.to_string()),
        Which::Before(time) => ("BEFORE_CREATED_AT", time.to_string()),
    };
    let filter = KeyValuesPair::builder().name(filter).values(value).build();
    // All jobs of a name are looked at: one that is missed would be sent again.
    // And whoever looks for one around its time knows when to stop.
    let most = if matches!(which, Which::After(_)) { MOST_PAGES } else { usize::MAX };
    let mut token = None;
    for _ in 0..most {
        let call = clients
            .batch(region)
            .list_jobs()
            .job_queue(queue)
            .filters(filter.clone())
            .set_next_token(token)
            .send();
        let answer = clients.call(LIST, call).await?;
        for job in answer.job_summary_list.unwrap_or_default() {
            if !take(job) {
                return Ok(Pages::All);
            }
        }
        token = answer.next_token;
        if token.is_none() {
            return Ok(Pages::All);
        }
    }
    Ok(Pages::Cut)
}

impl AwsEngine<'_> {
    /// The jobs that are meant, of the last week, newest first.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn list(&mut self, filter: &Filter) -> Result<Looked, AwsError> {
        let clients = self.clients().await?;
        let most = filter.limit.map_or(usize::MAX, |limit| limit as usize);
        let after = (self.clock.now() - KEPT).max(filter.since.unwrap_or_default());
        // Batch takes one filter at a time. The newest come first, so the end is seen.
        let which = filter.before.map_or(Which::After(after - 1), Which::Before);
        let queues = match filter.queues.as_slice() {
            [] => &Queue::ALL,
            some => some,
        };
        let begins = filter.name_contains.as_deref().and_then(beginning);
        let mut looked = Looked::default();
        for queue in queues {
            let is_meant = |job: &Listed| job.created_at >= after && job.fits(filter);
            let mut of_queue = Rows::new(&is_meant);
            let (region, name) = (clients.region(), queue.as_str());
            let mut oldest = self.clock.now();
            let mut take = |job: JobSummary| {
                let created_at = job.created_at.unwrap_or(oldest);
                oldest = oldest.min(created_at);
                if let Some(job) = Listed::new(job, *queue) {
                    of_queue.add(job);
                }
                of_queue.len() < most && created_at >= after
            };
            let seen = there(pages(&clients, region, name, which, &mut take).await)?;
            if seen == Pages::Cut {
                looked.cut.push((*queue, oldest));
                // Batch itself finds those whose name begins so, however many there are.
                if let Some(begins) = &begins {
                    let mut take = |job: JobSummary| {
                        let older = |job: &Listed| job.created_at < oldest;
                        if let Some(job) = Listed::new(job, *queue).filter(older) {
                            of_queue.add(job);
                        }
                        true
                    };
                    pages(&clients, region, name, Which::Named(begins), &mut take).await?;
                }
            }
            looked.jobs.append(&mut of_queue.into_jobs());
        }
        looked.jobs.sort_by(|a, b| b.age_key().cmp(&a.age_key()));
        looked.jobs.truncate(most);
        Ok(looked)
    }

    /// Asks the logs of those that Batch counts as a success whether their commands began, as is done for
    /// those of the ledger. One speaks for all of its definition.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub async fn doubt_successes(&mut self, jobs: &mut [Listed]) -> Result<(), AwsError> {
        let mut ours: Vec<_> = jobs
            .iter_mut()
            .filter(|job| job.ours.is_some() && job.status == Status::Succeeded)
            .collect();
        for some in ours.chunks_mut(AT_ONCE) {
            let clients = self.clients().await?;
            let region = clients.region().to_owned();
            let ids: Vec<_> = some.iter().map(|job| job.engine_id.clone()).collect();
            let found = describe::describe(&clients, &region, &ids).await?;
            let mut seen: Vec<_> = found.values().map(Observed::new).collect();
            let (settle, now) = (self.settings.log_settle, self.clock.now());
            self.seen
                .tell(&clients, &region, &mut seen.iter_mut().collect::<Vec<_>>(), (settle, now))
                .await;
            for job in some {
                match seen.iter().find(|it| it.engine_id == job.engine_id).map(|it| &it.began) {
                    Some(Began::No) => {
                        job.status = Status::Failed;
                        job.reason = Some(classify::NEVER_BEGAN.to_owned());
                    }
                    Some(Began::Later) => {
                        job.status = Status::Running;
                        job.reason = Some(classify::NOT_SHOWN_YET.to_owned());
                    }
                    Some(Began::Yes | Began::Unknown(_)) | None => {}
                }
            }
        }
        Ok(())
    }

    /// Looks through the queues for a job with our id, or one that begins so: around the time
    /// that a whole id carries, or else among the newest.
    pub(super) async fn look_for(&mut self, text: &str, now: Millis) -> Result<Looked, AwsError> {
        let clients = self.clients().await?;
        let made_at = text.parse::<JobId>().ok().and_then(|id| id.made_at());
        let which = match made_at {
            Some(made_at) => Which::Before(made_at + AROUND),
            None => Which::After(now - KEPT),
        };
        let mut found = Looked::default();
        for queue in Queue::ALL {
            let mut oldest = now;
            let is_meant = |job: &Listed| job.is_called(text);
            let mut of_queue = Rows::new(&is_meant);
            let mut take = |job: JobSummary| {
                oldest = oldest.min(job.created_at.unwrap_or(oldest));
                let too_old = made_at
                    .is_some_and(|made_at| job.created_at.is_some_and(|at| at < made_at - AROUND));
                if let Some(job) = Listed::new(job, queue) {
                    of_queue.add(job);
                }
                !too_old
            };
            let seen = pages(&clients, clients.region(), queue.as_str(), which, &mut take).await;
            if there(seen)? == Pages::Cut {
                found.cut.push((queue, oldest));
            }
            found.jobs.append(&mut of_queue.into_jobs());
        }
        Ok(found)
    }
}

/// The filter for names that begin with a text, if names of Batch can. It does not look at case.
fn beginning(text: &str) -> Option<String> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    (!text.is_empty() && text.chars().all(known)).then(|| format!("{text}*"))
}

/// A queue that is not there has no jobs.
fn there(looked: Result<Pages, AwsError>) -> Result<Pages, AwsError> {
    match looked {
        Err(error) if matches!(error.trouble(), Trouble::NotFound | Trouble::Refused) => {
            Ok(Pages::All)
        }
        looked => looked,
    }
}

/// Clocks differ, and a job may have waited to be sent.
const AROUND: Millis = 60 * 60 * 1000;
/// Batch keeps jobs that are over for a week.
pub const KEPT: Millis = 7 * 24 * 60 * 60 * 1000;

impl Listed {
    fn new(job: JobSummary, queue: Queue) -> Option<Self> {
        let batch_name = job.job_name?;
        let ours = BatchName::parse(&batch_name).map(|name| (name.id, name.job.to_owned()));
        let status = Status::of(job.status.as_ref());
        let is_ended = is_ended(job.is_cancelled, job.is_terminated);
        let container = job.container;
        let container_reason = container.as_ref().and_then(|container| container.reason.clone());
        let exit_code = container.and_then(|container| container.exit_code);
        let end = Ended {
            status_reason: job.status_reason.clone(),
            reason: container_reason.clone(),
            exit_code,
            ..Ended::default()
        };
        let is_ended = is_ended && !classify::is_of_batch(&end);
        // As the ledger has it of jobs of this machine.
        let told = status.is_over().then(|| classify::outcome(status, &end, is_ended).reason);
        Some(Self {
            engine_id: job.job_id?,
            arn: job.job_arn.unwrap_or_default(),
            ours,
            batch_name,
            queue,
            status,
            reason: told.flatten().or(container_reason).or(job.status_reason),
            exit_code,
            created_at: job.created_at.unwrap_or_default(),
            started_at: time(job.started_at),
            stopped_at: time(job.stopped_at),
            is_ended,
        })
    }

    /// The short form of the id that the job has here, or will have.
    #[must_use]
    pub fn short(&self) -> String {
        let theirs = || self.engine_id.parse::<JobId>().ok();
        let id = self.ours.as_ref().map(|(id, _)| *id).or_else(theirs);
        id.map_or_else(|| self.engine_id.clone(), |id| id.short())
    }

    /// The state in this program's words.
    #[must_use]
    pub fn state(&self) -> State {
        match self.status {
            Status::Submitted | Status::Pending | Status::Runnable => State::Queued,
            Status::Starting => State::Starting,
            Status::Running => State::Running,
            Status::Succeeded => State::Succeeded,
            Status::Failed if self.is_ended => State::Cancelled,
            Status::Failed => State::Failed,
        }
    }

    /// Is it one of those that are meant?
    #[must_use]
    pub fn fits(&self, filter: &Filter) -> bool {
        let name = self.name().to_lowercase();
        (filter.states.is_empty() || filter.states.contains(&self.state()))
            && (filter.queues.is_empty() || filter.queues.contains(&self.queue))
            && filter.since.is_none_or(|since| self.created_at >= since)
            && filter.before.is_none_or(|before| self.created_at < before)
            && (filter.name_contains.as_ref())
                .is_none_or(|text| name.contains(&text.to_lowercase()))
    }

    /// As one that nobody here submitted: our id of it is taken.
    #[must_use]
    pub fn by_its_own_id(mut self) -> Self {
        let theirs = self.engine_id.parse::<JobId>().ok();
        self.ours = self.ours.zip(theirs).map(|((_, name), id)| (id, name));
        self
    }

    /// Without what makes it unique on Batch.
    #[must_use]
    pub fn name(&self) -> &str {
        self.ours.as_ref().map_or(&self.batch_name, |(_, name)| name)
    }

    /// By our id, whole or its beginning or that of its last group, or by Batch's.
    fn is_called(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let by_ours = self.ours.as_ref().is_some_and(|(id, _)| {
            let id = id.to_string();
            id.starts_with(&text) || id[24..].starts_with(&text)
        });
        by_ours || self.engine_id.starts_with(&text) || self.short() == text
    }
}
