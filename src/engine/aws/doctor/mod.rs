//! Is everything there that a job needs, and may the caller do what it takes?

mod bucket;
mod definition;
mod files;
mod image;
mod queues;

pub use self::bucket::{ENCRYPTION, LIFECYCLE, PUBLIC_ACCESS};
pub use self::definition::LOG_GROUPS;
pub use self::files::{ACCESS_POINTS, FILE_SYSTEMS, MOUNT_TARGETS};

use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;

use super::client::Clients;
use super::describe;
use super::queues::QueueOnAws;
use super::send::LIST;
use super::{Action, AwsEngine, AwsError, Trouble};
use crate::job::{Queue, Requested};
use crate::plan::{Bucket, Fetch};

const IDENTITY: Action = Action("sts:GetCallerIdentity");

/// One line of the diagnosis.
#[derive(Debug, Clone)]
pub struct Check {
    pub what: String,
    pub health: Health,
    pub found: String,
    /// What mends it.
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Good,
    /// Jobs run, but not as they should.
    Weak,
    Bad,
    /// It could not be looked at.
    Unknown,
}

impl Health {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Weak => "weak",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        }
    }
}

/// No job has this id.
const NO_JOB: &str = "00000000-0000-0000-0000-000000000000";

/// What the settings say about every job.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub job_definition: &'a str,
    /// Where the job definition mounts the file system of `/files`.
    pub mount: &'a str,
    /// Whose share of fair-share queues jobs use.
    pub share: Option<&'a str>,
    pub bucket: Option<&'a Bucket>,
    pub fetch: Fetch,
    /// What every job asks for that says nothing else.
    pub size: Requested,
}

/// What is being put together.
struct Diagnosis<'c> {
    clients: &'c Clients,
    checks: Vec<Check>,
}

impl AwsEngine<'_> {
    /// Looks at everything, one after the other. Gives the queues too, as far as they were seen.
    pub async fn diagnose(&mut self, expected: &Expected<'_>) -> (Vec<Check>, Vec<QueueOnAws>) {
        let clients = match self.clients().await {
            Ok(clients) => clients,
            Err(error) => return (vec![of_error("region", &error)], Vec::new()),
        };
        let mut queues = Vec::new();
        let mut diagnosis = Diagnosis { clients: &clients, checks: Vec::new() };
        diagnosis.good("region", clients.region());
        if diagnosis.identity().await {
            queues = diagnosis.queues(expected).await;
            diagnosis.definition(expected, &queues).await;
            if let Some(bucket) = expected.bucket {
                diagnosis.bucket(bucket).await;
            }
            diagnosis.permissions().await;
        }
        (diagnosis.checks, queues)
    }

    /// The account of the caller.
    pub(super) async fn account(&mut self) -> Result<String, AwsError> {
        let clients = self.clients().await?;
        Ok(caller(&clients).await?.account.unwrap_or_default())
    }
}

async fn caller(clients: &Clients) -> Result<GetCallerIdentityOutput, AwsError> {
    clients.call(IDENTITY, clients.sts().get_caller_identity().send()).await
}

fn of_error(what: &str, error: &AwsError) -> Check {
    let health = if error.trouble() == Trouble::Denied { Health::Unknown } else { Health::Bad };
    Check { what: what.to_owned(), health, found: error.to_string(), hint: error.hint() }
}

impl Diagnosis<'_> {
    fn add(&mut self, what: impl Into<String>, health: Health, found: impl Into<String>) {
        self.checks.push(Check { what: what.into(), health, found: found.into(), hint: None });
    }

    fn good(&mut self, what: impl Into<String>, found: impl Into<String>) {
        self.add(what, Health::Good, found);
    }

    /// Adds what mends the last one.
    fn mend(&mut self, hint: impl Into<String>) {
        if let Some(last) = self.checks.last_mut() {
            last.hint = Some(hint.into());
        }
    }

    fn error(&mut self, what: &str, error: &AwsError) {
        self.checks.push(of_error(what, error));
    }

    /// Who asks. False: nobody that AWS knows, so that nothing else can be asked.
    async fn identity(&mut self) -> bool {
        match caller(self.clients).await {
            Ok(answer) => {
                self.good("identity", answer.arn.unwrap_or_default());
                true
            }
            Err(error) => {
                self.error("identity", &error);
                false
            }
        }
    }

    /// Calls that do nothing, whoever may make them.
    async fn permissions(&mut self) {
        let clients = self.clients;
        let region = clients.region();
        let tried = describe::describe(clients, region, &[NO_JOB.to_owned()]).await.map(|_| ());
        self.may(describe::DESCRIBE, tried);
        let list = clients.batch(region).list_jobs().job_queue(Queue::Default.as_str());
        let tried = clients.call(LIST, list.max_results(1).send()).await.map(|_| ());
        self.may(LIST, tried);
        let tried = super::cancel::terminate(clients, region, NO_JOB, "computes doctor").await;
        self.may(super::cancel::TERMINATE, tried);
        self.add(format!("may {}", super::send::SUBMIT), Health::Unknown, "only a job would tell");
        self.mend("computes run --engine aws -- true");
    }

    /// An error about what was asked for comes after the question whether it may be asked.
    fn may(&mut self, action: Action, tried: Result<(), AwsError>) {
        let what = format!("may {action}");
        match tried {
            Ok(()) => self.good(what, "yes"),
            Err(error) => match error.trouble() {
                Trouble::Refused | Trouble::NotFound => self.good(what, "yes"),
                Trouble::Denied => {
                    self.add(what, Health::Bad, "no");
                    self.mend(format!("allow {action}: `computes policy` prints the statement"));
                }
                _ => self.error(&what, &error),
            },
        }
    }
}
