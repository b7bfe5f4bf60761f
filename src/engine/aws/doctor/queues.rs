//! The queues, and the compute environments behind them.

use std::collections::BTreeSet;

use super::{Diagnosis, Expected, Health};
use crate::engine::aws::queues::{self, Details, Environment, QueueOnAws};
use crate::job::{Queue, fargate};

impl Diagnosis<'_> {
    /// The four queues as they are, for what else has to fit them.
    pub(super) async fn queues(&mut self, expected: &Expected<'_>) -> Vec<QueueOnAws> {
        let clients = self.clients;
        let all = Queue::ALL.map(|queue| (queue, queue.as_str()));
        let queues = match queues::describe(clients, clients.region(), &all).await {
            Ok(queues) => queues,
            Err(error) => {
                self.error("queues", &error);
                return Vec::new();
            }
        };
        let mut seen = BTreeSet::new();
        for QueueOnAws { queue, there } in &queues {
            let Some(there) = there else {
                self.add(name(*queue), Health::Bad, "there is no such queue");
                self.mend("terraform apply, or aws batch create-job-queue; is AWS_REGION right?");
                continue;
            };
            self.queue(*queue, there, usual(&queues, *queue), expected.share);
            if there.is_fargate()
                && let Err(wrong) = fargate::check(expected.size)
            {
                self.add(format!("sizes in {}", name(*queue)), Health::Bad, wrong.to_string());
                self.mend(wrong.hint());
            }
            for environment in &there.environments {
                if seen.insert(environment.name.clone()) {
                    self.environment(environment);
                }
            }
        }
        queues
    }

    fn queue(&mut self, queue: Queue, there: &Details, usual: Option<i32>, share: Option<&str>) {
        let found = format!("{}, {}, priority {}", there.state, there.status, there.priority);
        if there.environments.is_empty() {
            self.add(name(queue), Health::Bad, format!("{found}, no compute environment"));
            self.mend(
                "terraform apply, or aws batch update-job-queue --compute-environment-order …",
            );
            return;
        }
        if !there.works() {
            self.add(name(queue), Health::Bad, found);
            self.mend(queues::mend(queue));
            return;
        }
        let takes_back = there.environments.iter().find(|it| it.takes_hosts_back());
        match (there.fair_share, share, takes_back) {
            (true, None, _) => {
                self.add(
                    name(queue),
                    Health::Weak,
                    format!("{found}, takes no job without a share"),
                );
                self.mend("set `share` in computes.toml, or give --share");
            }
            (false, Some(share), _) => {
                self.add(name(queue), Health::Bad, format!("{found}, takes no job with a share"));
                self.mend(format!(
                    "unset `share`, which is `{share}`: this is no fair-share queue"
                ));
            }
            (_, _, Some(environment)) if !queue.interruptible() => {
                let (kind, by) = (&environment.kind, &environment.name);
                self.add(name(queue), Health::Weak, format!("{found}, on {kind} capacity"));
                self.mend(format!("its jobs may be interrupted: take `{by}` away from it"));
            }
            _ if usual.is_some_and(|usual| there.priority <= usual) => {
                self.add(name(queue), Health::Weak, format!("{found}, not before `default`"));
                self.mend(format!("aws batch update-job-queue --job-queue {queue} --priority 10"));
            }
            _ => self.good(name(queue), found),
        }
    }

    fn environment(&mut self, environment: &Environment) {
        let Environment { name, kind, state, status, .. } = environment;
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

fn name(queue: Queue) -> String {
    format!("queue {queue}")
}

/// The priority that an urgent queue has to be above: that of the usual queue which shares a
/// compute environment with it.
fn usual(queues: &[QueueOnAws], urgent: Queue) -> Option<i32> {
    let there = |queue| queues.iter().find(|it| it.queue == queue)?.there.as_ref();
    let names = |details: &Details| -> BTreeSet<String> {
        details.environments.iter().map(|it| it.name.clone()).collect()
    };
    let usual = there(urgent.usual()?)?;
    let shares = !names(usual).is_disjoint(&names(there(urgent)?));
    shares.then_some(usual.priority)
}
