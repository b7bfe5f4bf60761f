//! The job definition, and where its jobs log.

use aws_sdk_batch::types::{
    ContainerProperties, EcsTaskProperties, JobDefinition, PlatformCapability,
};

use super::{Diagnosis, Expected, Health};
use crate::engine::aws::Action;
use crate::engine::aws::definition;
use crate::engine::aws::logs::READ;
use crate::engine::aws::queues::QueueOnAws;
use crate::engine::aws::streams::{LOG_GROUP, Logs};
use crate::plan::Fetch;

pub const LOG_GROUPS: Action = Action("logs:DescribeLogGroups");

const NO_STREAM: &str = "computes-doctor/default/no-such-stream";

impl Diagnosis<'_> {
    pub(super) async fn definition(&mut self, expected: &Expected<'_>, queues: &[QueueOnAws]) {
        let what = format!("job definition {}", expected.job_definition);
        let found =
            match definition::find(self.clients, self.clients.region(), expected.job_definition)
                .await
            {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.add(what, Health::Bad, "there is no active one of that name");
                    self.mend("terraform apply, register it, or set `job_definition`");
                    return;
                }
                Err(error) => return self.error(&what, &error),
            };
        let kind = kind(&found);
        let Some(container) = &found.container_properties else {
            self.add(what, Health::Bad, format!("{kind}; jobs are sent for one container"));
            self.mend("register one with containerProperties, or set `job_definition`");
            return;
        };
        let image = container.image.as_deref().unwrap_or_default();
        self.good(what, format!("{kind}, {image}"));
        let of = container.runtime_platform().and_then(|it| it.cpu_architecture());
        self.image(image, if of == Some("ARM64") { "arm64" } else { "amd64" }).await;
        self.execution_role(container);
        if expected.bucket.is_some() && expected.fetch == Fetch::Program {
            self.job_role(container);
        }
        self.files(container, expected.mount, queues).await;
        self.log_group(container).await;
    }

    fn execution_role(&mut self, container: &ContainerProperties) {
        if let Some(role) = container.execution_role_arn() {
            self.good("execution role", role);
        } else {
            self.add("execution role", Health::Weak, "the definition has none");
            self.mend("secrets that AWS fetches (--secret NAME=ssm:…) need one");
        }
    }

    /// With it a job fetches its source and keeps its outputs.
    fn job_role(&mut self, container: &ContainerProperties) {
        if let Some(role) = container.job_role_arn() {
            self.good("job role", role);
        } else {
            self.add("job role", Health::Bad, "the definition has none, and jobs fetch with it");
            self.mend("terraform apply, or set fetch = \"urls\" in computes.toml");
        }
    }

    async fn log_group(&mut self, container: &ContainerProperties) {
        let logs = container.log_configuration.as_ref();
        let place = Logs::of(logs);
        if let Some(driver) = place.elsewhere {
            self.add("log", Health::Weak, format!("it goes to the driver {driver}"));
            self.mend("`logs` and `run` show what goes to awslogs");
            return;
        }
        let options = logs.and_then(|it| it.options.as_ref());
        let makes = options.and_then(|it| it.get("awslogs-create-group"));
        let is_made = makes.is_some_and(|value| value == "true");
        let group = place.group;
        let region = place.region.filter(|region| region != self.clients.region());
        let what = match &region {
            Some(region) => format!("log group {group} in {region}"),
            None => format!("log group {group}"),
        };
        let client = self.clients.logs(region.as_deref().unwrap_or(self.clients.region()));
        let call = client.describe_log_groups().log_group_name_prefix(&group).send();
        match self.clients.call(LOG_GROUPS, call).await {
            Ok(answer) => {
                let there =
                    answer.log_groups().iter().any(|it| it.log_group_name() == Some(&group));
                if there {
                    self.good(what, "there");
                } else if is_made || group == LOG_GROUP {
                    self.add(what, Health::Weak, "not there");
                    self.mend("the first job makes it");
                } else {
                    self.add(what, Health::Bad, "not there, so that no job starts");
                    self.mend(format!(
                        "terraform apply, or aws logs create-log-group --log-group-name {group}{}",
                        region.map_or_else(String::new, |region| format!(" --region {region}"))
                    ));
                }
            }
            Err(error) => self.error(&what, &error),
        }
        let call = client.get_log_events().log_group_name(&group).log_stream_name(NO_STREAM);
        let tried = self.clients.call(READ, call.send()).await.map(|_| ());
        self.may(READ, tried);
    }
}

/// Its revision, what its jobs consist of, and where they run.
fn kind(definition: &JobDefinition) -> String {
    let revision = definition.revision.unwrap_or_default();
    let of = |tasks: &[EcsTaskProperties]| tasks.iter().map(|it| it.containers().len()).sum();
    let containers: usize = definition.ecs_properties().map_or(0, |it| of(it.task_properties()));
    let what = if definition.eks_properties.is_some() {
        "a pod on EKS".to_owned()
    } else if let Some(nodes) = definition.node_properties() {
        format!("{} nodes (multinode)", nodes.num_nodes.unwrap_or_default())
    } else {
        let what = match containers {
            0 => "one container".to_owned(),
            some => format!("{some} containers of a task (ecsProperties)"),
        };
        // EC2 is what it is where nothing is said (RegisterJobDefinition, platformCapabilities).
        let platforms = definition.platform_capabilities().iter();
        let platforms: Vec<_> = platforms.map(PlatformCapability::as_str).collect();
        format!(
            "{what} on {}",
            if platforms.is_empty() { "EC2".into() } else { platforms.join(" or ") }
        )
    };
    format!("revision {revision}, {what}")
}

#[cfg(test)]
mod tests {
    use aws_sdk_batch::types::{EcsProperties, NodeProperties, TaskContainerProperties};

    use super::*;

    #[test]
    fn kinds_have_their_names() {
        let definition = || JobDefinition::builder().revision(3);
        let container = || TaskContainerProperties::builder().image("busybox").build();
        let task = EcsTaskProperties::builder().containers(container()).containers(container());
        let several = EcsProperties::builder().task_properties(task.build()).build();
        let nodes = NodeProperties::builder().num_nodes(4).build();
        for (definition, named) in [
            (definition(), "revision 3, one container on EC2"),
            (
                definition()
                    .platform_capabilities(PlatformCapability::Fargate)
                    .ecs_properties(several),
                "revision 3, 2 containers of a task (ecsProperties) on FARGATE",
            ),
            (definition().node_properties(nodes), "revision 3, 4 nodes (multinode)"),
        ] {
            assert_eq!(kind(&definition.build()), named);
        }
    }
}
