//! The containers of a job: one, several of a task, or those of a pod. One speaks for the job.

use aws_sdk_batch::types::{
    AttemptDetail, AttemptEcsTaskDetails, EcsPropertiesDetail, EcsTaskDetails,
    EksAttemptContainerDetail, EksAttemptDetail, EksContainerDetail, EksPodPropertiesDetail,
    JobDetail, LogConfiguration, TaskContainerDetails,
};

/// What is known of a container's end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// When it ends the job does. All are, unless the definition says otherwise.
    is_essential: bool,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub log_stream: Option<String>,
}

/// The one whose end is the job's, as the job itself stands.
pub fn of_job(job: &JobDetail) -> Container {
    if let Some(container) = &job.container {
        return Container {
            is_essential: true,
            exit_code: container.exit_code,
            reason: container.reason.clone(),
            log_stream: container.log_stream_name.clone(),
        };
    }
    let of_task = in_task(job).iter().map(|it| Container {
        is_essential: is_essential(it),
        exit_code: it.exit_code,
        reason: it.reason.clone(),
        log_stream: it.log_stream_name.clone(),
    });
    let of_pod = in_pod(job).map(|it| Container {
        is_essential: true,
        exit_code: it.exit_code,
        reason: it.reason.clone(),
        log_stream: None,
    });
    speaker(of_task.chain(of_pod).collect())
}

/// The same of an attempt.
pub fn of_attempt(job: &JobDetail, attempt: &AttemptDetail) -> Container {
    let tasks = attempt.task_properties().iter().flat_map(AttemptEcsTaskDetails::containers);
    let of_task: Vec<_> = tasks
        .map(|it| Container {
            is_essential: in_task(job)
                .iter()
                .find(|known| known.name.is_some() && known.name == it.name)
                .is_none_or(is_essential),
            exit_code: it.exit_code,
            reason: it.reason.clone(),
            log_stream: it.log_stream_name.clone(),
        })
        .collect();
    match &attempt.container {
        Some(container) if of_task.is_empty() => Container {
            is_essential: true,
            exit_code: container.exit_code,
            reason: container.reason.clone(),
            log_stream: container.log_stream_name.clone(),
        },
        _ => speaker(of_task),
    }
}

/// The same of an attempt on EKS.
pub fn of_eks_attempt(attempt: &EksAttemptDetail) -> Container {
    let container = |it: &EksAttemptContainerDetail| Container {
        is_essential: true,
        exit_code: it.exit_code,
        reason: it.reason.clone(),
        log_stream: None,
    };
    let all = attempt.init_containers().iter().chain(attempt.containers());
    speaker(all.map(container).collect())
}

/// Where the one container, or the first essential one of several, writes.
pub fn log_configuration(job: &JobDetail) -> Option<&LogConfiguration> {
    if let Some(container) = &job.container {
        return container.log_configuration.as_ref();
    }
    let first = in_task(job).iter().find(|it| is_essential(it));
    first.and_then(|container| container.log_configuration.as_ref())
}

/// What the one container runs, or the first essential one of several; `None`: what its image says.
pub fn command(job: &JobDetail) -> Option<Vec<String>> {
    let of_task = in_task(job).iter().find(|it| is_essential(it)).map(|it| it.command().to_vec());
    let pod = job.eks_properties().and_then(|it| it.pod_properties());
    let of_pod = pod.and_then(|pod| pod.containers().first());
    let of_pod = of_pod.map(|it| [it.command(), it.args()].concat());
    let of_one = job.container.as_ref().map(|it| it.command().to_vec());
    of_one.or(of_task).or(of_pod).filter(|command| !command.is_empty())
}

/// Batch has one task a job.
fn in_task(job: &JobDetail) -> &[TaskContainerDetails] {
    let tasks = job.ecs_properties().map(EcsPropertiesDetail::task_properties).unwrap_or_default();
    tasks.first().map(EcsTaskDetails::containers).unwrap_or_default()
}

fn in_pod(job: &JobDetail) -> impl Iterator<Item = &EksContainerDetail> {
    let pod = job.eks_properties().and_then(|it| it.pod_properties());
    let first = pod.map(EksPodPropertiesDetail::init_containers).unwrap_or_default();
    first.iter().chain(pod.map(EksPodPropertiesDetail::containers).unwrap_or_default())
}

fn is_essential(container: &TaskContainerDetails) -> bool {
    container.essential != Some(false)
}

/// SIGTERM and SIGKILL, by which the others are ended once one has.
const ENDED_WITH_THE_REST: [i32; 2] = [143, 137];

/// Of several containers the essential one that ended by itself, and badly if any did.
fn speaker(mut containers: Vec<Container>) -> Container {
    if containers.iter().any(|it| it.is_essential) {
        containers.retain(|it| it.is_essential);
    }
    let rank = |it: &Container| match it.exit_code {
        Some(0) => 3,
        Some(code) if ENDED_WITH_THE_REST.contains(&code) => 2,
        Some(_) => 0,
        None if it.reason.is_some() => 1,
        None => 4,
    };
    // The first of the lowest rank.
    containers.into_iter().min_by_key(rank).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(is_essential: bool, exit_code: Option<i32>) -> Container {
        Container { is_essential, exit_code, ..Container::default() }
    }

    #[test]
    fn the_essential_container_that_failed_by_itself_speaks() {
        for (containers, code) in [
            (vec![ended(true, Some(0)), ended(true, Some(3))], Some(3)),
            (vec![ended(false, Some(9)), ended(true, Some(0))], Some(0)),
            (vec![ended(true, Some(143)), ended(true, Some(4)), ended(true, Some(137))], Some(4)),
            (vec![ended(true, Some(0)), ended(true, Some(137))], Some(137)),
            (vec![ended(false, Some(5))], Some(5)),
            (vec![ended(true, None), ended(true, Some(1))], Some(1)),
            (vec![], None),
        ] {
            assert_eq!(speaker(containers.clone()).exit_code, code, "{containers:?}");
        }
    }
}
