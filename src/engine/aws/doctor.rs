//! Is everything there that a job needs, and may the caller do what it takes?

use std::collections::BTreeSet;

use aws_sdk_batch::types::JobDefinition;
use aws_sdk_efs::types::LifeCycleState;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;

use super::client::Clients;
use super::definition;
use super::describe;
use super::logs::READ;
use super::queues::{self, QueueOnAws};
use super::send::LIST;
use super::{Action, AwsEngine, AwsError, Trouble};
use crate::job::Queue;

const IDENTITY: Action = Action("sts:GetCallerIdentity");
pub const FILE_SYSTEMS: Action = Action("elasticfilesystem:DescribeFileSystems");
pub const MOUNT_TARGETS: Action = Action("elasticfilesystem:DescribeMountTargets");
pub const LOG_GROUPS: Action = Action("logs:DescribeLogGroups");

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
const NO_STREAM: &str = "computes-doctor/default/no-such-stream";

/// What is being put together.
struct Diagnosis<'c> {
    clients: &'c Clients,
    checks: Vec<Check>,
}

impl AwsEngine<'_> {
    /// Looks at everything, one after the other. `definition` and `mount` are those that the
    /// settings name.
    pub async fn diagnose(&mut self, definition: &str, mount: &str) -> Vec<Check> {
        let clients = match self.clients().await {
            Ok(clients) => clients,
            Err(error) => return vec![of_error("region", &error)],
        };
        let mut diagnosis = Diagnosis { clients: &clients, checks: Vec::new() };
        diagnosis.good("region", clients.region());
        if diagnosis.identity().await {
            let queues = diagnosis.queues().await;
            diagnosis.definition(definition, mount, &queues).await;
            diagnosis.permissions().await;
        }
        diagnosis.checks
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

    async fn queues(&mut self) -> Vec<QueueOnAws> {
        let clients = self.clients;
        let queues = match queues::describe(clients, clients.region(), &Queue::ALL).await {
            Ok(queues) => queues,
            Err(error) => {
                self.error("queues", &error);
                return Vec::new();
            }
        };
        let mut seen = BTreeSet::new();
        for QueueOnAws { queue, there } in &queues {
            let what = format!("queue {queue}");
            let Some(there) = there else {
                self.add(&what, Health::Bad, "there is no such queue");
                self.mend("terraform apply, or aws batch create-job-queue; is AWS_REGION right?");
                continue;
            };
            let found = format!("{}, {}, priority {}", there.state, there.status, there.priority);
            if there.works() && !there.environments.is_empty() {
                self.good(&what, found);
            } else if there.environments.is_empty() {
                self.add(&what, Health::Bad, format!("{found}, no compute environment"));
                self.mend("give it a compute environment");
            } else {
                self.add(&what, Health::Bad, found);
                self.mend(queues::mend(*queue));
            }
            for environment in &there.environments {
                if !seen.insert(environment.name.clone()) {
                    continue;
                }
                let (name, kind) = (&environment.name, &environment.kind);
                let (state, status) = (&environment.state, &environment.status);
                let most = environment.most_vcpus.unwrap_or_default();
                let what = format!("compute environment {name}");
                let found = format!("{state}, {status}, {kind}, at most {most} vCPUs");
                if environment.works() && most > 0 {
                    self.good(what, found);
                } else if most == 0 {
                    self.add(what, Health::Bad, found);
                    self.mend("raise its maximum of vCPUs");
                } else {
                    let why = environment.status_reason.clone().unwrap_or_default();
                    self.add(what, Health::Bad, format!("{found} {why}").trim_end().to_owned());
                    self.mend(environment.mend());
                }
            }
        }
        queues
    }

    async fn definition(&mut self, wanted: &str, mount: &str, queues: &[QueueOnAws]) {
        let what = format!("job definition {wanted}");
        let found = match definition::find(self.clients, wanted).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.add(what, Health::Bad, "there is no active one of that name");
                self.mend("register it, or set `job_definition`");
                return;
            }
            Err(error) => return self.error(&what, &error),
        };
        let container = found.container_properties.as_ref();
        let image = container.and_then(|container| container.image.clone()).unwrap_or_default();
        self.good(what, format!("revision {}, {image}", found.revision.unwrap_or_default()));
        self.files(&found, mount, queues).await;
        self.log_group(&found).await;
    }

    /// The file system that is `/files`, if the definition has one.
    async fn files(&mut self, definition: &JobDefinition, mount: &str, queues: &[QueueOnAws]) {
        let container = definition.container_properties.as_ref();
        let volumes =
            container.map(aws_sdk_batch::types::ContainerProperties::volumes).unwrap_or_default();
        let points = container
            .map(aws_sdk_batch::types::ContainerProperties::mount_points)
            .unwrap_or_default();
        let at_mount = points.iter().find(|it| it.container_path.as_deref() == Some(mount));
        let volume = at_mount
            .and_then(|point| volumes.iter().find(|volume| volume.name == point.source_volume));
        let Some(volume) = volume else {
            self.add("files", Health::Weak, format!("the definition mounts nothing at {mount}"));
            self.mend(
                "/files goes with each container: mount EFS there, or set `efs_mount` to where it is",
            );
            return;
        };
        let Some(efs) = &volume.efs_volume_configuration else {
            self.add("files", Health::Weak, format!("what is mounted at {mount} is no EFS"));
            self.mend("/files goes with the host: mount EFS there");
            return;
        };
        let id = efs.file_system_id.as_deref().unwrap_or_default();
        let what = format!("file system {id}");
        let call = self.clients.efs().describe_file_systems().file_system_id(id).send();
        match self.clients.call(FILE_SYSTEMS, call).await {
            Ok(answer) => match answer.file_systems().first() {
                Some(found) if found.life_cycle_state != LifeCycleState::Available => {
                    self.add(&what, Health::Bad, found.life_cycle_state.as_str());
                    self.mend("wait until it is available, or mount another");
                }
                Some(found) if found.encrypted != Some(true) => {
                    self.add(&what, Health::Weak, "available, not encrypted");
                    self.mend("make an encrypted one: that can't be changed later");
                }
                Some(_) => self.good(&what, "available, encrypted"),
                None => self.add(&what, Health::Bad, "there is no such file system"),
            },
            Err(error) => {
                self.error(&what, &error);
                if error.trouble() == Trouble::NotFound {
                    self.mend("the definition is old: register one that mounts a file system that is there");
                }
                return;
            }
        }
        self.mount_targets(id, queues).await;
    }

    async fn mount_targets(&mut self, id: &str, queues: &[QueueOnAws]) {
        let what = "mount targets";
        let call = self.clients.efs().describe_mount_targets().file_system_id(id).send();
        let targets = match self.clients.call(MOUNT_TARGETS, call).await {
            Ok(answer) => answer.mount_targets.unwrap_or_default(),
            Err(error) => return self.error(what, &error),
        };
        let available = |state: &LifeCycleState| *state == LifeCycleState::Available;
        let with: BTreeSet<String> = targets
            .into_iter()
            .filter(|target| available(&target.life_cycle_state))
            .map(|target| target.subnet_id)
            .collect();
        let needed: BTreeSet<String> = queues
            .iter()
            .filter_map(|queue| queue.there.as_ref())
            .flat_map(|queue| &queue.environments)
            .flat_map(|environment| environment.subnets.clone())
            .collect();
        let missing: Vec<_> = needed.difference(&with).cloned().collect();
        if with.is_empty() {
            self.add(what, Health::Bad, "there is none that is available");
            self.mend("make one in each zone in which jobs run");
        } else if missing.is_empty() {
            self.good(what, format!("in {} subnets", with.len()));
        } else {
            // Another subnet of the same zone would do, which can't be told from here.
            self.add(what, Health::Weak, format!("none in {}", missing.join(", ")));
            self.mend("make one in each of these subnets, or in another of the same zone");
        }
    }

    async fn log_group(&mut self, definition: &JobDefinition) {
        let container = definition.container_properties.as_ref();
        let group = describe::log_group(container.and_then(|it| it.log_configuration.as_ref()));
        let what = format!("log group {group}");
        let client = self.clients.logs(self.clients.region());
        let call = client.describe_log_groups().log_group_name_prefix(&group).send();
        match self.clients.call(LOG_GROUPS, call).await {
            Ok(answer) => {
                let there =
                    answer.log_groups().iter().any(|it| it.log_group_name() == Some(&group));
                if there {
                    self.good(what, "there");
                } else {
                    self.add(what, Health::Weak, "not there");
                    self.mend("Batch makes its own with the first job; any other has to be made");
                }
            }
            Err(error) => self.error(&what, &error),
        }
        let call = client.get_log_events().log_group_name(&group).log_stream_name(NO_STREAM);
        let tried = self.clients.call(READ, call.send()).await.map(|_| ());
        self.may(READ, tried);
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
