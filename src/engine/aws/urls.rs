//! Jobs whose images have no program of ours: they fetch by URLs that are signed when they are sent.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::client::Clients;
use super::files::RESULTS;
use super::objects::Objects;
use super::send::{Letter, MaySend};
use super::{AwsEngine, AwsError};
use crate::engine::{EngineError, Submission};
use crate::job::{Address, EnvName, JobId, Secret, Secrets};
use crate::ledger::Ledger;
use crate::plan::{FETCH, Feeding, Fetch, Keeping, Opening, Plan, script};

/// S3: a signed URL holds for seven days at the most, and never longer than the credentials that
/// signed it.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// When credentials in variables end, as `aws configure export-credentials` has it.
const ENDS: &str = "AWS_CREDENTIAL_EXPIRATION";

impl AwsEngine<'_> {
    /// Whether the URLs of jobs that fetch by them hold for long enough, and what is to be said of
    /// them.
    pub(super) async fn check_urls(
        &self,
        clients: &Clients,
        submissions: &[Submission],
    ) -> Result<Option<String>, EngineError> {
        let by_urls = submissions.iter().filter(|it| fetches_by_urls(&it.job.plan));
        let mut told = None;
        for Submission { job, secrets, .. } in by_urls {
            let lasts = self.lasting(clients).await?;
            check(&job.plan, lasts, self.settings.start_within)?;
            let secrets = rehearse(clients, &job.plan, job.id, lasts.most(), secrets).await?;
            job.plan.check_limits(&secrets).map_err(|error| AwsError::Urls {
                why: format!("with the URL of its files, {error}"),
                hint: "put large values into a file that is an input",
            })?;
            told = Some(lasts.told());
        }
        Ok(told)
    }

    async fn lasting(&self, clients: &Clients) -> Result<Lasts, AwsError> {
        let said = (self.lookup)(ENDS).ok().and_then(|ends| ends.parse::<jiff::Timestamp>().ok());
        let now = UNIX_EPOCH + Duration::from_millis(self.clock.now().unsigned_abs());
        lasting(clients, said.map(Into::into), now).await
    }

    /// Gives letters of jobs that fetch by URLs what these need, as late as can be. Where that can't
    /// be, the error is in the place of the letter.
    pub(super) async fn sign_letters(
        &self,
        clients: &Clients,
        ledger: &Ledger,
        letters: &mut [Letter],
    ) -> Result<Vec<Option<AwsError>>, EngineError> {
        let mut errors = Vec::new();
        for letter in letters {
            let by_urls = letter.request.cargo().is_some_and(|cargo| cargo.fetch == Fetch::Urls);
            if !by_urls || letter.may_send != MaySend::Yes {
                errors.push(None);
                continue;
            }
            let plan = ledger.job(letter.id)?.plan;
            let signed = async {
                let lasts = self.lasting(clients).await?;
                sign(clients, &plan, letter.id, lasts.most()).await
            };
            match signed.await {
                Ok(secret) => {
                    if let Some((name, secret)) = secret {
                        letter.secrets.insert(name, secret);
                    }
                    errors.push(None);
                }
                Err(error) => errors.push(Some(error)),
            }
        }
        Ok(errors)
    }
}

/// The variable of a job that fetches by URLs, which is masked as a secret is.
pub fn secret_of(plan: &Plan) -> Option<EnvName> {
    fetches_by_urls(plan).then(|| EnvName::new(FETCH).ok()).flatten()
}

/// What of a variable must not be shown: of the one that begins with a hash the URL alone, too.
pub fn parts(name: EnvName, value: &str) -> Vec<(EnvName, Secret)> {
    let mut parts = Vec::new();
    if name.as_str() == FETCH
        && let (Some((_, url)), Ok(url_name)) =
            (value.split_once(' '), EnvName::new(format!("{FETCH}_URL")))
    {
        parts.push((url_name, Secret::new(url.to_owned())));
    }
    parts.push((name, Secret::new(value.to_owned())));
    parts
}

/// Less is of no use to any job.
const LEAST: Duration = Duration::from_mins(1);

/// How long URLs hold that are signed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasts {
    For(Duration),
    /// The credentials are those of a session, and nobody said when it ends.
    AsLongAsTheSession,
}

impl Lasts {
    const fn most(self) -> Duration {
        match self {
            Self::For(time) => time,
            Self::AsLongAsTheSession => LONGEST,
        }
    }

    /// What whoever submits is told.
    fn told(self) -> String {
        match self {
            Self::For(time) => format!(
                "the URLs of the job's files hold for {}: it has to start within that time",
                minutes(time)
            ),
            Self::AsLongAsTheSession => {
                "the URLs of the job's files hold as long as your session, of which nobody said \
                 when it ends"
                    .to_owned()
            }
        }
    }
}

fn minutes(time: Duration) -> String {
    match time.as_secs() / 60 {
        0 => "less than a minute".to_owned(),
        minutes @ ..120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}

/// Does it fetch by URLs?
fn fetches_by_urls(plan: &Plan) -> bool {
    plan.carrier().is_some_and(|(_, fetch)| fetch == Fetch::Urls)
}

/// How long URLs hold that these credentials sign. `said` is when they end, where the credentials
/// do not know it.
async fn lasting(
    clients: &Clients,
    said: Option<SystemTime>,
    now: SystemTime,
) -> Result<Lasts, AwsError> {
    let (ends, is_session) = clients.credentials().await?;
    Ok(match ends.or(said) {
        Some(ends) => Lasts::For(ends.duration_since(now).unwrap_or_default().min(LONGEST)),
        None if is_session => Lasts::AsLongAsTheSession,
        None => Lasts::For(LONGEST),
    })
}

/// Refuses a job that may outlive its URLs.
///
/// # Errors
/// When it may.
fn check(plan: &Plan, lasts: Lasts, start_within: Duration) -> Result<(), AwsError> {
    let mut needed = start_within.max(LEAST);
    if !plan.spec.outputs.is_empty() {
        let Some(timeout) = plan.spec.timeout else {
            return Err(AwsError::Urls {
                why:
                    "the URL for its outputs has to hold until the job ends, and it has no timeout"
                        .to_owned(),
                hint: "say how long it may run, as in --timeout 30m",
            });
        };
        // Those that only the job definition knows of are not counted.
        let attempts = plan.spec.retry.clone().unwrap_or_default().attempts;
        needed += timeout.duration() * u32::from(attempts);
    }
    if lasts.most() < needed {
        let (lasts, needed) = (minutes(lasts.most()), minutes(needed));
        return Err(AwsError::Urls {
            why: format!(
                "the URLs of its files would hold for {lasts}, and the job may need them for {needed}"
            ),
            hint: "get credentials that last longer, lower aws.start_within, or let the job fetch \
                   for itself: fetch = \"program\"",
        });
    }
    Ok(())
}

/// Signs the URLs of a job, and lays down the script that knows them. What the job has to be given
/// is a secret.
async fn sign(
    clients: &Clients,
    plan: &Plan,
    job: JobId,
    lasts: Duration,
) -> Result<Option<(EnvName, Secret)>, AwsError> {
    let Some((bucket, Fetch::Urls)) = plan.carrier() else { return Ok(None) };
    let objects = Objects::new(clients, bucket.clone());
    let script = written(&objects, plan, job, lasts).await?;
    let hash = Address::of_hash(Sha256::digest(&script).into());
    let key = objects.of_job(job, "fetch");
    objects.write(&key, script.into_bytes()).await?;
    let url = objects.url_to_read(&key, lasts).await?;
    let name = EnvName::new(FETCH).ok();
    Ok(name.map(|name| (name, Secret::new(format!("{hash} {url}")))))
}

/// The same without a trace, to see whether the request would be within the limits.
async fn rehearse(
    clients: &Clients,
    plan: &Plan,
    job: JobId,
    lasts: Duration,
    secrets: &Secrets,
) -> Result<Secrets, AwsError> {
    let mut secrets = secrets.clone();
    if let Some((bucket, Fetch::Urls)) = plan.carrier() {
        let objects = Objects::new(clients, bucket.clone());
        let url = objects.url_to_read(&objects.of_job(job, "fetch"), lasts).await?;
        if let Ok(name) = EnvName::new(FETCH) {
            secrets.insert(name, Secret::new(format!("{} {url}", "0".repeat(64))));
        }
    }
    Ok(secrets)
}

async fn written(
    objects: &Objects,
    plan: &Plan,
    job: JobId,
    lasts: Duration,
) -> Result<String, AwsError> {
    let mut openings = Vec::new();
    for input in &plan.freight.inputs {
        let address = &input.parcel.address;
        let url = objects.url_to_read(&objects.parcel(address), lasts).await?;
        openings.push(Opening { url, address, into: "/files" });
    }
    let mut stdin = None;
    if let Some(parcel) = &plan.freight.stdin {
        let address = &parcel.address;
        let url = objects.url_to_read(&objects.parcel(address), lasts).await?;
        stdin = Some(Feeding { url, address });
    }
    let mut directory = None;
    if let Some(source) = &plan.freight.source {
        let address = &source.parcel.address;
        let url = objects.url_to_read(&objects.parcel(address), lasts).await?;
        openings.push(Opening { url, address, into: "/source" });
        directory = Some(source.start(Path::new("/source")).display().to_string());
    }
    let keeping = if plan.spec.outputs.is_empty() {
        None
    } else {
        let url = objects.url_to_write(&objects.of_job(job, RESULTS), lasts).await?;
        Some(Keeping { url, outputs: &plan.spec.outputs })
    };
    Ok(script(&openings, stdin.as_ref(), directory.as_deref(), keeping.as_ref()))
}
