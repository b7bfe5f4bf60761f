//! Jobs are written down, marked as being sent, sent, and what became of that is written down.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::join_all;

use super::cancel::terminate;
use super::definition::{self, Definitions};
use super::find::Sooner;
use super::send::{Delivery, Here, Letter, MaySend, send};
use super::sender::{Sender, is_sending};
use super::{AwsEngine, AwsError, fargate};
use crate::engine::{Accepted, Clock, EngineError, EngineName, Submission};
use crate::job::{Event, FailureClass, JobId, Secrets, State};
use crate::ledger::{
    Applied, Change, Detail, Entry, HandOver, JobRecord, Ledger, LedgerError, Millis, StateDir,
};
use crate::plan::{BatchName, Cargo, Plan, SubmitJob};

/// So many are under way at a time. Each of them has to be looked for if this process is killed.
const AT_ONCE: usize = 32;

/// A job that is to be sent, with all that it takes.
struct Outgoing {
    id: JobId,
    name: String,
    region: String,
    definition: Option<String>,
    request: SubmitJob,
    secrets: Secrets,
    /// What is known of this sender's right to send it.
    claim: Claim,
    may_send: MaySend,
}

/// What came of a delivery, apart from what went well.
#[derive(Default)]
pub(super) struct Delivered {
    /// Batch did not take these, or may not have.
    pub failed: Vec<(JobId, EngineError)>,
    /// Batch has these; whether only once, or though it should not, is not sure.
    pub doubts: Vec<(JobId, EngineError)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// Nobody was asked yet.
    Open,
    /// It is ours, and it was never sent.
    Fresh,
    /// It is ours, and another may have sent it, so often.
    Inherited { sent: u32 },
    /// Another is sending it, or has.
    Anothers,
}

impl AwsEngine<'_> {
    pub(super) async fn take(
        &mut self,
        ledger: &mut Ledger,
        submissions: &[Submission],
    ) -> Result<Accepted, EngineError> {
        // Whatever makes all of them impossible is told before one is written down.
        let clients = self.clients().await?;
        let mut accepted = Accepted::default();
        fargate::check(ledger, clients.region(), submissions)?;
        accepted.notes.extend(self.check_urls(&clients, submissions).await?);
        let mut outgoing = Vec::new();
        let mut definitions = Definitions::default();
        for submission in submissions {
            let id = submission.job.id;
            if submission.once
                && let Some(twin) = self.twin(ledger, &submission.job).await?
            {
                accepted.instead.push((id, twin));
                continue;
            }
            let definition = definitions.of(&clients, &submission.job.plan.spec).await?;
            let name = name_of(&submission.job.plan, id);
            let plan = &submission.job.plan;
            let region = plan.spec.region().unwrap_or_else(|| clients.region()).to_owned();
            let look = self.settings.look;
            let bucket = clients.region();
            let request = request_of(plan, id, (&name, bucket), definition.as_ref(), look);
            let (claim, may_send) = (Claim::Open, MaySend::Yes);
            let secrets = submission.secrets.clone();
            outgoing.push(Outgoing {
                id,
                name,
                region,
                definition,
                request,
                secrets,
                claim,
                may_send,
            });
            self.secrets.insert(id, submission.secrets.clone());
        }
        let sender = Sender::new(&self.dir)?;
        let now = self.clock.now();
        let entry = Entry::Accepted(EngineName::Aws.as_str());
        let mut instead = Vec::new();
        ledger.write(|change| {
            for submission in submissions {
                if accepted.instead.iter().any(|(ours, _)| *ours == submission.job.id) {
                    continue;
                }
                // Another process of this machine may have been sooner.
                let twin = if submission.once {
                    change.active_twin(
                        EngineName::Aws.as_str(),
                        &submission.job.plan.fingerprint(),
                        None,
                    )?
                } else {
                    None
                };
                match twin {
                    Some(twin) => instead.push((submission.job.id, twin)),
                    None => change.accept(&submission.job, entry, now)?,
                }
            }
            // Those of the first round are marked in the same transaction.
            outgoing.retain(|job| !instead.iter().any(|(ours, _)| *ours == job.id));
            let mut round = outgoing.iter_mut().take(AT_ONCE);
            round.try_for_each(|job| job.claim(change, &self.dir, &sender, now))
        })?;
        accepted.instead.append(&mut instead);
        let Delivered { failed, doubts } = self.deliver(ledger, &sender, outgoing).await?;
        accepted.not_handed_over = failed;
        accepted.doubts = doubts;
        for submission in submissions.iter().filter(|submission| submission.once) {
            let id = submission.job.id;
            if accepted.instead.iter().any(|(ours, _)| *ours == id) {
                continue;
            }
            match self.sooner(ledger, id).await {
                Ok(Some(Sooner { twin, had_started })) => {
                    accepted.instead.push((id, twin));
                    if had_started {
                        accepted.notes.push(format!(
                            "the list showed {} late, which does the same: ours had started by then, and \
                             was ended",
                            twin.short()
                        ));
                    }
                }
                Ok(None) => {}
                Err(error) => accepted.doubts.push((id, error)),
            }
        }
        // One that was written down and never sent does nothing yet.
        for twin in accepted.instead.iter().map(|(_, twin)| *twin).collect::<Vec<_>>() {
            let mut delivered = self.hand_over_left(ledger, &[twin]).await?;
            accepted.not_handed_over.append(&mut delivered.failed);
            accepted.doubts.append(&mut delivered.doubts);
        }
        Ok(accepted)
    }

    /// Sends jobs that were written down and that no one handed over to the end: the process
    /// was killed, or AWS could not be reached.
    pub(super) async fn hand_over_left(
        &mut self,
        ledger: &mut Ledger,
        jobs: &[JobId],
    ) -> Result<Delivered, EngineError> {
        let (mut outgoing, mut unready) = (Vec::new(), Vec::new());
        for id in jobs {
            let state = ledger.standing(*id)?.state;
            if matches!(state, State::Accepted | State::Submitting) {
                match self.again(ledger, *id).await {
                    Ok(again) => outgoing.push(again),
                    Err(error) => unready.push((*id, error)),
                }
            }
        }
        let mut delivered = Delivered::default();
        if !outgoing.is_empty() {
            let sender = Sender::new(&self.dir)?;
            delivered = self.deliver(ledger, &sender, outgoing).await?;
        }
        delivered.failed.append(&mut unready);
        // A refusal is the end of its job, which tells of it.
        let mut failed = Vec::new();
        for (job, error) in delivered.failed {
            if !ledger.standing(job)?.state.is_terminal() {
                failed.push((job, error));
            }
        }
        Ok(Delivered { failed, ..delivered })
    }

    async fn again(&mut self, ledger: &Ledger, id: JobId) -> Result<Outgoing, EngineError> {
        let record = ledger.job(id)?;
        let sent = ledger.hand_over_of(record.seq)?;
        let clients = self.clients().await?;
        let (secrets, may_send) = match self.secrets_of(&record) {
            _ if record.cancel_requested_at.is_some() => (Secrets::default(), MaySend::Cancelled),
            Ok(secrets) => (secrets, MaySend::Yes),
            Err(name) => (Secrets::default(), MaySend::SecretGone(name)),
        };
        // The name that it may have there, whatever this version of the program would call it.
        let before = sent.as_ref().map(|sent| sent.name.clone());
        let name = before.unwrap_or_else(|| name_of(&record.plan, id));
        let asked = record.plan.spec.region();
        let region = match (&sent, asked) {
            (Some(sent), _) => sent.region.clone(),
            (None, asked) => asked.unwrap_or_else(|| clients.region()).to_owned(),
        };
        // A job that goes elsewhere leaves the bucket where it is.
        let bucket = if asked.is_some() { clients.region() } else { region.as_str() };
        let definition = match (&may_send, sent.and_then(|sent| sent.definition)) {
            (_, Some(definition)) => Some(definition),
            (MaySend::Yes, None) => definition::for_job(&clients, &record.plan.spec).await?,
            (MaySend::Cancelled | MaySend::SecretGone(_), None) => None,
        };
        let look = self.settings.look;
        let request = request_of(&record.plan, id, (&name, bucket), definition.as_ref(), look);
        let claim = Claim::Open;
        Ok(Outgoing { id, name, region, definition, request, secrets, claim, may_send })
    }

    /// The values of a job's secrets: those of this process, or those of its environment. Gives
    /// the name of one that is in neither.
    fn secrets_of(&self, record: &JobRecord) -> Result<Secrets, String> {
        if let Some(secrets) = self.secrets.get(&record.id) {
            return Ok(secrets.clone());
        }
        let mut secrets = Secrets::default();
        for name in &record.plan.spec.secrets {
            let value = (self.lookup)(name.as_str()).ok().filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| name.to_string())?;
            secrets.insert(name.clone(), crate::job::Secret::new(value));
        }
        Ok(secrets)
    }

    /// Sends them in rounds, those that no other sender has.
    async fn deliver(
        &mut self,
        ledger: &mut Ledger,
        sender: &Sender,
        outgoing: Vec<Outgoing>,
    ) -> Result<Delivered, EngineError> {
        let Delivered { mut failed, mut doubts } = Delivered::default();
        let clients = self.clients().await?;
        let settle = self.settings.settle;
        let mut rest = outgoing.into_iter().peekable();
        while rest.peek().is_some() {
            let mut round: Vec<_> = rest.by_ref().take(AT_ONCE).collect();
            let now = self.clock.now();
            if round.iter().any(|job| job.claim == Claim::Open) {
                ledger.write(|change| {
                    let mut open = round.iter_mut().filter(|job| job.claim == Claim::Open);
                    open.try_for_each(|job| job.claim(change, &self.dir, sender, now))
                })?;
            }
            let mut letters: Vec<_> = round.into_iter().filter_map(Outgoing::into_letter).collect();
            let unsigned = self.sign_letters(&clients, ledger, &mut letters).await?;
            let here = InLedger { ledger: RefCell::new(&mut *ledger), clock: self.clock };
            let (clients, here) = (&clients, &here);
            let deliveries = letters.iter().zip(unsigned).map(|(letter, error)| async move {
                match error {
                    Some(error) => Ok(Delivery::NotSent(error)),
                    None => send(clients, letter, settle, here).await,
                }
            });
            let deliveries = join_all(deliveries).await;
            let now = self.clock.now();
            // One of which nothing could be written down stays as it is, until somebody looks for it.
            let (mut ends, mut unwritten) = (Vec::new(), None);
            for (letter, delivery) in letters.iter().zip(deliveries) {
                match delivery {
                    Ok(delivery) => ends.push((letter, delivery)),
                    Err(error) => unwritten = Some(error),
                }
            }
            let mut unwanted = Vec::new();
            // Were this lost in a power cut, the jobs would be looked for by their names.
            ledger.note(|change| {
                for (letter, delivery) in &ends {
                    if record(change, letter.id, delivery, now)? {
                        unwanted.push(letter.id);
                    }
                }
                Ok(())
            })?;
            for (letter, delivery) in ends {
                let id = letter.id;
                match delivery {
                    Delivery::Taken { engine_id, doubt, .. } => {
                        self.secrets.remove(&id);
                        // Its end was asked for while it was on its way.
                        let ended = if unwanted.contains(&id) {
                            let reason = "cancelled while it was being submitted";
                            terminate(clients, &letter.region, &engine_id, reason).await
                        } else {
                            Ok(())
                        };
                        doubts.extend(ended.err().or(doubt).map(|error| (id, error.into())));
                    }
                    Delivery::Refused(error)
                    | Delivery::NotSent(error)
                    | Delivery::Unclear(error) => failed.push((id, error.into())),
                }
            }
            unwritten.map_or(Ok(()), Err)?;
        }
        Ok(Delivered { failed, doubts })
    }
}

/// What the ledger says of jobs that are on their way, several of which ask at a time.
struct InLedger<'a> {
    ledger: RefCell<&'a mut Ledger>,
    clock: &'a dyn Clock,
}

impl Here for InLedger<'_> {
    fn is_to_end(&self, job: JobId) -> bool {
        let job = self.ledger.borrow().job(job);
        job.is_ok_and(|job| job.cancel_requested_at.is_some())
    }

    fn send_again(&self, job: JobId, at_most: u32) -> Result<(), LedgerError> {
        let now = self.clock.now();
        self.ledger.borrow_mut().write(|change| {
            let holder = change.holder(job)?;
            change.send_again(holder.seq, at_most, now)
        })
    }
}

impl Outgoing {
    /// From here on Batch may have it, as far as anybody else can know.
    fn claim(
        &mut self,
        change: &Change<'_>,
        dir: &StateDir,
        sender: &Sender,
        now: Millis,
    ) -> Result<(), LedgerError> {
        let holder = change.holder(self.id)?;
        self.claim = match holder.state {
            State::Accepted => {
                let sent = HandOver {
                    name: self.name.clone(),
                    region: self.region.clone(),
                    sent_at: now,
                    sender: sender.id().to_owned(),
                    definition: self.definition.clone(),
                    arn: None,
                    attempts_before: 0,
                    at_most: 1,
                };
                match change.hand_over(holder, &sent)? {
                    Applied::Done(_) => Claim::Fresh,
                    Applied::Stale => Claim::Anothers,
                }
            }
            State::Submitting => match change.hand_over_of(holder.seq)? {
                Some(sent) if is_sending(dir, &sent.sender) => Claim::Anothers,
                Some(sent) if change.take_over(holder.seq, &sent.sender, sender.id(), now)? => {
                    Claim::Inherited { sent: sent.at_most }
                }
                _ => Claim::Anothers,
            },
            _ => Claim::Anothers,
        };
        Ok(())
    }

    fn into_letter(self) -> Option<Letter> {
        let is_derived = self.definition.is_some();
        let Self { id, request, secrets, region, claim, may_send, .. } = self;
        let sent = match claim {
            Claim::Fresh => 0,
            Claim::Inherited { sent } => sent,
            Claim::Open | Claim::Anothers => return None,
        };
        Some(Letter { id, request, secrets, region, sent, may_send, is_derived })
    }
}

/// What is sent, with the mask in the place of each secret.
fn request_of(
    plan: &Plan,
    id: JobId,
    (name, bucket_region): (&str, &str),
    definition: Option<&String>,
    look: Duration,
) -> SubmitJob {
    let request = plan.masked_request(Some(id));
    let request = SubmitJob {
        job_name: Some(name.to_owned()),
        job_definition: definition.cloned().or(request.job_definition),
        ..request
    };
    let Some(cargo) = request.cargo() else { return request };
    let look = u32::try_from(look.as_millis()).unwrap_or(u32::MAX);
    let region = Some(bucket_region.to_owned());
    request.with_cargo(&Cargo { job: Some(id), region, look, ..cargo })
}

fn name_of(plan: &Plan, id: JobId) -> String {
    BatchName::new(&plan.spec.name, plan.fingerprint(), id).to_string()
}

/// Writes down what became of it. True: Batch has it, and its end was asked for.
fn record(
    change: &Change<'_>,
    id: JobId,
    delivery: &Delivery,
    now: Millis,
) -> Result<bool, LedgerError> {
    let holder = change.holder(id)?;
    let is_taken = matches!(delivery, Delivery::Taken { .. });
    if holder.state != State::Submitting {
        // Another process was at it too, and was sooner.
        return Ok(is_taken && holder.state == State::Cancelled);
    }
    // What an earlier sender could not find out is known now.
    change.say_status(holder.seq, None, None)?;
    match delivery {
        Delivery::Taken { engine_id, arn, doubt } => {
            change.handed_over(id, engine_id, arn, now)?;
            if doubt.is_none() {
                change.is_one(holder.seq)?;
            }
        }
        Delivery::Refused(error) => {
            let reason = error.to_string();
            let class = Some(FailureClass::Refused);
            let detail = Detail { class, reason: Some(&reason), ..Detail::default() };
            change.apply(holder, Event::Failed, detail, now)?;
        }
        Delivery::NotSent(error) => {
            let reason = error.to_string();
            if matches!(error, AwsError::NotSeen { .. }) {
                change.say_status(holder.seq, None, Some(&reason))?;
            }
            let detail = Detail { reason: Some(&reason), ..Detail::default() };
            change.apply(holder, Event::NotHandedOver, detail, now)?;
        }
        // It stays as it is, until somebody finds out.
        Delivery::Unclear(error) => {
            let why = error.to_string();
            change.say_status(holder.seq, None, Some(&why))?;
        }
    }
    Ok(is_taken && change.is_to_end(holder.seq)?)
}
