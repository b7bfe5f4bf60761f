//! Why a job on AWS Batch waits, or why it ended, and what to do about it.

use super::classify;
use super::describe::{self, Ended, Observed, Status, describe_one};
use super::observe::SURELY_KNOWN_AFTER;
use super::place::{Place, SHOWN, place};
use super::queues::{self, Details};
use super::sender::is_sending;
use super::{AwsEngine, AwsError, Trouble, fargate};
use crate::engine::{EngineError, Explanation};
use crate::job::{self, FailureClass, JobId, Queue, State, Vcpus};
use crate::ledger::{HandOver, JobRecord, Ledger};
use crate::plan::FENCED;

/// Why a job does nothing that Batch still has.
const TO_END: &str = "its end is asked for, and AWS Batch is at it";

/// What Batch says of a job at the head of its queue that can't start, what it means, and what
/// to do (AWS Batch user guide, jobs stuck in RUNNABLE).
const STUCK: [(&str, &str, &str); 7] = [
    (
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "AWS has no such machines to give just now",
        "wait, allow more instance types in the compute environment, or submit to an \
         uninterruptible queue",
    ),
    (
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "the job asks for more vCPUs than the compute environments of its queue may have",
        "raise their maximum of vCPUs, or ask for less with --vcpus",
    ),
    (
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        "no instance type of the queue's compute environments is as large as the job",
        "ask for less with --vcpus, --memory and --gpus, or allow larger instance types",
    ),
    (
        "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
        "the instance types of the compute environment are not supported there",
        "choose others in the compute environment",
    ),
    (
        "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS",
        "the service role of the compute environment may not do what it has to",
        "give it the policy AWSBatchServiceRole",
    ),
    (
        "ACTION_REQUIRED",
        "the compute environments of the queue are invalid",
        "computes doctor tells why",
    ),
    ("UNDETERMINED", "Batch can't tell what blocks the job", "computes doctor looks around it"),
];

impl AwsEngine<'_> {
    /// Asks Batch for everything that bears upon the job.
    ///
    /// # Errors
    /// When Batch can't be asked for the job itself.
    pub async fn explain(
        &mut self,
        ledger: &mut Ledger,
        id: JobId,
    ) -> Result<Explanation, EngineError> {
        let record = ledger.job(id)?;
        let sent = ledger.hand_over_of(record.seq)?;
        let (Some(engine_id), Some(sent)) = (record.engine_id.clone(), sent.as_ref()) else {
            let goes_on = sent.as_ref().is_some_and(|sent| is_sending(&self.dir, &sent.sender));
            return Ok(Explanation::of_what_is_not_known_there(record, sent.as_ref(), goes_on));
        };
        let clients = self.clients().await?;
        let mut explanation = Explanation::default();
        let job = match describe_one(&clients, &sent.region, &engine_id).await {
            Ok(Some(job)) => job,
            Ok(None) => {
                explanation.reason = record.reason;
                explanation.find(if self.clock.now() - sent.sent_at > SURELY_KNOWN_AFTER {
                    "AWS Batch no longer knows the job; it keeps them for a week"
                } else {
                    "AWS Batch has taken it, and does not show it yet"
                });
                return Ok(explanation);
            }
            Err(error) if error.trouble() == Trouble::Denied => {
                explanation.reason = record.reason.or(record.engine_reason);
                explanation.status = record.engine_status;
                explanation.not_told("how it stands now", &error);
                return Ok(explanation);
            }
            Err(error) => return Err(error.into()),
        };
        let observed = Observed::new(&job);
        explanation.status = Some(observed.status.as_str().to_owned());
        explanation.reason =
            observed.newest.reason.clone().or_else(|| observed.newest.status_reason.clone());
        if observed.status.is_over() {
            // It may have ended since the ledger heard of it last.
            Box::pin(self.observe(ledger, &[id])).await?.by_now()?;
            let record = ledger.job(id)?;
            if record.engine_id.as_ref() != Some(&engine_id) {
                // Another does the work.
                return Box::pin(self.explain(ledger, id)).await;
            }
            if !record.state.is_terminal() {
                explanation.find(format!(
                    "it is over, and how it ended is told once its log shows it, or ten minutes later: computes wait {} \
                     tells it sooner",
                    id.short()
                ));
                return Ok(explanation);
            }
            explanation.of_the_end(&record, observed.end());
            if sent.may_be_twice() && record.state == State::Cancelled {
                explanation.find("it was sent more than once, and another of it may run there");
                explanation
                    .hint(format!("computes cancel {} looks again, and ends it", id.short()));
            }
            let looked = self.seen.look(&clients, &sent.region, &observed, self.clock.now()).await;
            match looked {
                // Whose host was taken away may have lost its log with it.
                Some(false)
                    if record.state == State::Failed
                        && record.class != Some(FailureClass::Interrupted) =>
                {
                    explanation.of_the_start();
                }
                Some(true) if classify::never_began(record.class, record.exit_code) => {
                    explanation.find(classify::BEGAN_AFTER_ALL);
                    explanation.hints.clear();
                }
                _ => {}
            }
            return Ok(explanation);
        }
        if record.cancel_requested_at.is_some() {
            explanation.find(TO_END);
            return Ok(explanation);
        }
        let why = observed.newest.status_reason.as_deref().unwrap_or_default();
        explanation.of_the_wait(observed.status, why);
        if observed.status.waits() {
            explanation.since = Some(ledger.waits_since(&record)?);
            let spec = &record.plan.spec;
            match queues::describe(&clients, &sent.region, &[(spec.queue, spec.queue_id())]).await {
                Ok(queues) => {
                    fargate::remember(ledger, &sent.region, &queues)?;
                    let queue = queues.into_iter().next().and_then(|queue| queue.there);
                    let asked = spec.resources.vcpus.or_else(|| describe::vcpus(&job));
                    explanation.of_the_queue(spec.queue, queue, asked);
                }
                Err(error) => explanation.not_told("the queue", &error),
            }
            let place = place(&clients, &sent.region, spec.queue_id(), &engine_id).await;
            explanation.of_the_place(observed.status, place);
        }
        Ok(explanation)
    }

    /// What holds up a job that waits, as the ledger heard of it last; only its place in the queue
    /// is asked for, by whoever may.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(in crate::engine) async fn waits(
        &mut self,
        ledger: &Ledger,
        id: JobId,
    ) -> Result<Option<Explanation>, EngineError> {
        let record = ledger.job(id)?;
        let status = record.engine_status.as_deref().and_then(Status::parse);
        let (Some(status), Some(engine_id)) = (status, &record.engine_id) else { return Ok(None) };
        if status.is_over() && !record.state.is_terminal() {
            let mut explanation = Explanation::default();
            explanation.find(classify::NOT_SHOWN_YET);
            return Ok(Some(explanation));
        }
        if !status.waits() {
            return Ok(None);
        }
        let mut explanation = Explanation {
            status: Some(status.as_str().to_owned()),
            reason: record.engine_reason.clone(),
            since: Some(ledger.waits_since(&record)?),
            ..Explanation::default()
        };
        if record.cancel_requested_at.is_some() {
            explanation.find(TO_END);
            return Ok(Some(explanation));
        }
        explanation.of_the_wait(status, record.engine_reason.as_deref().unwrap_or_default());
        let sent = ledger.hand_over_of(record.seq)?;
        if let Some(sent) = sent.filter(|_| status == Status::Runnable && self.may_see_places) {
            let place = match self.clients().await {
                Ok(clients) => {
                    place(&clients, &sent.region, record.plan.spec.queue_id(), engine_id).await
                }
                Err(error) => Err(error),
            };
            // Who may not ask once may not ask again.
            let is_denied = |error: &AwsError| error.trouble() == Trouble::Denied;
            self.may_see_places = !place.as_ref().is_err_and(is_denied);
            explanation.of_the_place(status, place);
        }
        Ok(Some(explanation))
    }
}

impl Explanation {
    /// What may not be asked takes nothing away from the rest.
    fn not_told(&mut self, what: &str, error: &AwsError) {
        self.unknown.push(format!("{what}: {error}"));
        if error.trouble() == Trouble::Denied {
            self.hints.extend(error.hint());
        }
    }

    /// Batch does not have the job, as far as is known. `goes_on`: somebody sends it now.
    fn of_what_is_not_known_there(job: JobRecord, sent: Option<&HandOver>, goes_on: bool) -> Self {
        let (short, may_be_there) = (job.id.short(), job.may_be_there());
        let mut told = Self { reason: job.reason.or(job.engine_reason), ..Self::default() };
        match (job.state, sent) {
            (State::Submitting, _) if goes_on => {
                told.find("another process of this machine is sending it");
            }
            (State::Submitting, Some(_)) => {
                told.find("it was sent, and nobody could see yet whether AWS Batch has it");
                told.hint(format!(
                    "computes wait {short} looks for it, and sends it only if it is not there; computes \
                     cancel --give-up {short} looks no more"
                ));
            }
            (_, Some(_)) if may_be_there => {
                told.find("it was sent, and may run there all the same");
                told.hint(format!(
                    "computes cancel {short} looks again, and ends it if it is there; computes retry \
                     {short} sends another"
                ));
            }
            (State::Cancelled, Some(_)) => {
                told.find("it was cancelled before it was seen on AWS Batch");
            }
            (state, _) if state.is_terminal() => {
                told.find("AWS Batch never had the job");
                let size = told.reason.as_deref().and_then(job::fargate::refused);
                if let Some(wrong) = size {
                    told.hint(wrong.hint());
                }
            }
            _ => {
                told.find("AWS Batch does not have the job yet");
                told.hint(format!("computes wait {short} hands it over"));
            }
        }
        told
    }

    /// Its command never began, as its log shows.
    fn of_the_start(&mut self) {
        if self.findings.iter().all(|finding| !finding.contains(classify::NEVER_BEGAN)) {
            self.find("its command never began: its log lacks the line that precedes it");
        }
        self.hints = vec![classify::ENTRYPOINT.to_owned()];
    }

    /// As the ledger has it, which is what `wait` tells.
    fn of_the_end(&mut self, record: &JobRecord, attempt: &Ended) {
        match (record.state, record.class) {
            (State::Succeeded, _) => {
                self.unknown.extend(record.reason.clone());
                return self.find("it succeeded");
            }
            (_, Some(class)) => {
                let told = class.told(record.exit_code, record.reason.as_deref());
                self.find(format!("it failed: {told}"));
            }
            _ => return self.find("its end was asked for"),
        }
        // Beside the exit code.
        let has_reason = record
            .reason
            .as_ref()
            .is_some_and(|why| *why != classify::of_exit_code(record.exit_code));
        self.hint(match (classify::advice(attempt), record.exit_code) {
            (Some(advice), _) => advice.to_owned(),
            (None, Some(0)) => classify::ENTRYPOINT.to_owned(),
            (None, Some(126 | 127)) => format!(
                "`{}` is not in the image, or can't be executed there; or what it runs is not, which \
                 its log names",
                record.plan.spec.program().unwrap_or("the command")
            ),
            (None, Some(code)) if code == i32::from(FENCED) && has_reason => {
                "its log on AWS says whether another job came first, and which: `computes policy logs` \
                 prints what it takes to read it"
                    .to_owned()
            }
            (None, Some(137)) => {
                "somebody killed it: most often it was out of memory; try --memory".to_owned()
            }
            (None, Some(_)) => "the command ended by itself: its log says why".to_owned(),
            (None, None) => "computes doctor looks at what it needs to start".to_owned(),
        });
    }

    fn of_the_place(&mut self, status: Status, place: Result<Place, AwsError>) {
        match place {
            Ok(Place::Behind(before)) => self.stands_behind(before),
            Ok(Place::FarBehind) if status == Status::Runnable => {
                self.find(format!("it is not among the first {SHOWN} of its queue"));
            }
            Ok(Place::FarBehind | Place::Nowhere) => {}
            Err(error) => self.not_told("its place in the queue", &error),
        }
    }

    /// `why`: what Batch says of that.
    fn of_the_wait(&mut self, status: Status, why: &str) {
        self.find(match status {
            Status::Submitted => "Batch has it and looks at it first",
            Status::Pending => "it waits for jobs that it depends on, or for its children",
            Status::Runnable => "it could start, and waits for a machine",
            Status::Starting => "a machine has it and fetches the image",
            Status::Running => "it runs",
            Status::Succeeded | Status::Failed => "it is over",
        });
        let stuck = STUCK.iter().find(|(starts, ..)| why.starts_with(starts));
        if let Some((_, finding, hint)) = stuck.filter(|_| status == Status::Runnable) {
            self.find(*finding);
            self.hint(*hint);
        }
    }

    fn of_the_queue(&mut self, name: Queue, there: Option<Details>, asked: Option<Vcpus>) {
        let Some(queue) = there else {
            self.find(format!("there is no queue `{name}` any more"));
            return;
        };
        if !queue.works() {
            self.find(stands(
                "queue",
                name.as_str(),
                &queue.state,
                &queue.status,
                queue.status_reason,
            ));
            self.hint(queues::mend(name));
        }
        if queue.environments.is_empty() {
            self.find(format!("the queue `{name}` has no compute environment"));
        }
        let most = queue.environments.iter().filter_map(|environment| environment.most_vcpus).max();
        let too_many =
            |(asked, most): &(Vcpus, i32)| i64::from(asked.thousandths()) > i64::from(*most) * 1000;
        if let Some((asked, most)) = asked.zip(most).filter(too_many) {
            self.find(format!(
                "it asks for {asked} vCPUs, and the largest compute environment of `{name}` may \
                 have {most}"
            ));
            self.hint("raise the maximum of vCPUs, or ask for less with --vcpus");
        }
        for environment in queue.environments {
            let name = &environment.name;
            if !environment.works() {
                let (state, status) = (&environment.state, &environment.status);
                let why = environment.status_reason.clone();
                self.find(stands("compute environment", name, state, status, why));
                self.hint(environment.mend());
            } else if environment.most_vcpus.is_some_and(|most| most > 0)
                && environment.wanted_vcpus >= environment.most_vcpus
            {
                self.find(format!("the compute environment `{name}` is as large as it may get"));
            }
        }
    }
}

fn stands(what: &str, name: &str, state: &str, status: &str, why: Option<String>) -> String {
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!("the {what} `{name}` is {state} and {status}{why}")
}
