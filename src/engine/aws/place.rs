//! Where a job stands in its queue.

use super::AwsError;
use super::client::Clients;
use super::queues::SNAPSHOT;

/// `GetJobQueueSnapshot` shows so many.
pub const SHOWN: usize = 100;

/// Where a job stands in its queue.
pub enum Place {
    /// Behind so many.
    Behind(usize),
    /// Not among the first, which are all that Batch shows.
    FarBehind,
    /// It stands in line no more, or not yet.
    Nowhere,
}

/// As the list of those that can start has it.
pub async fn place(
    clients: &Clients,
    region: &str,
    queue: &str,
    engine_id: &str,
) -> Result<Place, AwsError> {
    let call = clients.batch(region).get_job_queue_snapshot().job_queue(queue).send();
    let answer = clients.call(SNAPSHOT, call).await?;
    let jobs = answer.front_of_queue.and_then(|front| front.jobs).unwrap_or_default();
    let is_it = |arn: &str| arn.rsplit('/').next() == Some(engine_id);
    Ok(match jobs.iter().position(|job| job.job_arn.as_deref().is_some_and(is_it)) {
        Some(before) => Place::Behind(before),
        None if jobs.len() >= SHOWN => Place::FarBehind,
        None => Place::Nowhere,
    })
}
