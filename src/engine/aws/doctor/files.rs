//! The file system that is `/files`, and the way to it.

use std::collections::BTreeSet;

use aws_sdk_batch::types::{ContainerProperties, EfsVolumeConfiguration};
use aws_sdk_efs::types::LifeCycleState;

use super::{Diagnosis, Health};
use crate::engine::aws::queues::QueueOnAws;
use crate::engine::aws::{Action, Trouble};

pub const FILE_SYSTEMS: Action = Action("elasticfilesystem:DescribeFileSystems");
pub const MOUNT_TARGETS: Action = Action("elasticfilesystem:DescribeMountTargets");
pub const ACCESS_POINTS: Action = Action("elasticfilesystem:DescribeAccessPoints");

/// What mends a definition that mounts what was removed.
const OLD: &str = "the definition is old: register one that mounts a file system that is there";

impl Diagnosis<'_> {
    /// What the definition mounts where jobs look for it.
    pub(super) async fn files(
        &mut self,
        container: &ContainerProperties,
        mount: &str,
        queues: &[QueueOnAws],
    ) {
        let mut points = container.mount_points().iter();
        let path = |path: &str| path.trim_end_matches('/').to_owned();
        let at_mount =
            points.find(|it| it.container_path.as_deref().map(path) == Some(path(mount)));
        if at_mount.is_some_and(|it| it.read_only == Some(true)) {
            self.add("files", Health::Bad, format!("{mount} is mounted to be read only"));
            self.mend("mount it without readOnly: each job makes its directory there");
            return;
        }
        let mut volumes = container.volumes().iter();
        let volume =
            at_mount.and_then(|point| volumes.find(|volume| volume.name == point.source_volume));
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
        if self.file_system(id).await {
            self.access_point(efs).await;
            self.mount_targets(id, queues).await;
        }
    }

    /// False: there is none, so that nothing else can be asked of it.
    async fn file_system(&mut self, id: &str) -> bool {
        let what = format!("file system {id}");
        let call = self.clients.efs().describe_file_systems().file_system_id(id).send();
        let found = match self.clients.call(FILE_SYSTEMS, call).await {
            Ok(answer) => answer.file_systems.unwrap_or_default().into_iter().next(),
            Err(error) if error.trouble() == Trouble::NotFound => None,
            Err(error) => {
                self.error(&what, &error);
                return true;
            }
        };
        match found {
            Some(found) if found.life_cycle_state != LifeCycleState::Available => {
                self.add(&what, Health::Bad, found.life_cycle_state.as_str());
                self.mend("wait until it is available, or mount another");
            }
            Some(found) if found.encrypted != Some(true) => {
                self.add(&what, Health::Weak, "available, not encrypted");
                self.mend("make an encrypted one: that can't be changed later");
            }
            Some(_) => self.good(&what, "available, encrypted"),
            None => {
                self.add(&what, Health::Bad, "there is no such file system");
                self.mend(OLD);
                return false;
            }
        }
        true
    }

    /// The directory of the file system that jobs see as the whole, if the definition names one.
    async fn access_point(&mut self, efs: &EfsVolumeConfiguration) {
        let authorization = efs.authorization_config.as_ref();
        let Some(id) = authorization.and_then(|it| it.access_point_id.as_deref()) else { return };
        let what = format!("access point {id}");
        let call = self.clients.efs().describe_access_points().access_point_id(id).send();
        let found = match self.clients.call(ACCESS_POINTS, call).await {
            Ok(answer) => answer.access_points.unwrap_or_default().into_iter().next(),
            Err(error) if error.trouble() == Trouble::NotFound => None,
            Err(error) => return self.error(&what, &error),
        };
        match found {
            Some(found) if found.life_cycle_state != Some(LifeCycleState::Available) => {
                let state =
                    found.life_cycle_state.as_ref().map_or("unknown", LifeCycleState::as_str);
                self.add(what, Health::Bad, state);
                self.mend("wait until it is available, or mount by another");
            }
            Some(found) if found.file_system_id != efs.file_system_id => {
                let of = found.file_system_id.as_deref().unwrap_or_default();
                self.add(what, Health::Bad, format!("it is one of {of}"));
                self.mend(OLD);
            }
            Some(found) => {
                let root = found.root_directory.and_then(|it| it.path);
                self.good(what, root.unwrap_or_else(|| "/".to_owned()));
            }
            None => {
                self.add(what, Health::Bad, "there is no such access point");
                self.mend("terraform apply, or register a definition that names one that is there");
            }
        }
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
}
