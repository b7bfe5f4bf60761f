//! What an attempt wrote, from `CloudWatch` Logs.

use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;

use super::client::Clients;
use super::describe::describe_one;
use super::urls;
use super::{Action, AwsError, AwsSettings, Trouble};
use crate::engine::mask::Mask;
use crate::engine::{EngineError, LogReader};
use crate::job::{EnvName, JobId, Secrets};
use crate::ledger::{HandOver, JobRecord, Ledger};
use crate::plan::BatchName;

pub const READ: Action = Action("logs:GetLogEvents");

/// Reads an attempt's stream page by page.
pub struct AwsLog {
    settings: AwsSettings,
    clients: Option<Rc<Clients>>,
    job: JobId,
    attempt: u32,
    open: Option<Open>,
    /// How often in a row nothing came although the attempt is over.
    quiet: u32,
}

/// A stream that is known.
struct Open {
    region: String,
    group: String,
    stream: String,
    token: Option<String>,
    mask: Option<Mask>,
}

/// What was written last takes a moment to be shown. So many looks without anything new, a
/// pause between them, are its end.
const QUIET_LOOKS: u32 = 2;
/// No pause of those is longer, however seldom the job itself is looked at.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl AwsLog {
    pub const fn new(
        settings: AwsSettings,
        clients: Option<Rc<Clients>>,
        job: JobId,
        attempt: u32,
    ) -> Self {
        Self { settings, clients, job, attempt, open: None, quiet: 0 }
    }

    async fn clients(&mut self) -> Result<Rc<Clients>, AwsError> {
        Clients::of(&mut self.clients, &self.settings).await
    }

    /// `None`: the attempt has no stream yet.
    async fn open(&mut self, ledger: &Ledger) -> Result<Option<&mut Open>, EngineError> {
        if self.open.is_none() {
            let record = ledger.job(self.job)?;
            let attempts = ledger.attempts(&record)?;
            let log = attempts.into_iter().find(|attempt| attempt.number == self.attempt);
            let (Some((group, stream)), Some(sent)) =
                (log.and_then(|attempt| attempt.log), ledger.hand_over_of(record.seq)?)
            else {
                return Ok(None);
            };
            let mask = self.mask(&record, &sent).await?;
            self.open = Some(Open { region: sent.region, group, stream, token: None, mask });
        }
        Ok(self.open.as_mut())
    }

    /// The values are asked of Batch, which shows them to whoever may see the job: they are
    /// kept nowhere else, and another machine has to mask them too.
    async fn mask(
        &mut self,
        record: &JobRecord,
        sent: &HandOver,
    ) -> Result<Option<Mask>, EngineError> {
        let mut names = record.plan.spec.secrets.clone();
        names.extend(urls::secret_of(&record.plan));
        let Some(engine_id) = record.engine_id.as_deref().filter(|_| !names.is_empty()) else {
            return Ok(None);
        };
        // Of a job of another program nobody said what is a secret; hiding every `1` helps none.
        if BatchName::parse(&sent.name).is_none() {
            return Ok(None);
        }
        let clients = self.clients().await?;
        let found = describe_one(&clients, &sent.region, engine_id).await?;
        let job = found.and_then(|job| job.container);
        let hidden = || AwsError::Mask("AWS Batch no longer shows the job's secrets".to_owned());
        let mut secrets = Secrets::default();
        for variable in job.ok_or_else(hidden)?.environment() {
            let name = variable.name.as_deref().and_then(|name| EnvName::new(name).ok());
            if let (Some(name), Some(value)) = (name, &variable.value)
                && names.contains(&name)
            {
                for (name, secret) in urls::parts(name, value) {
                    secrets.insert(name, secret);
                }
            }
        }
        if names.iter().any(|name| secrets.get(name).is_none()) {
            return Err(hidden().into());
        }
        Ok(Mask::new(&secrets).map_err(|error| AwsError::Mask(error.to_string()))?)
    }

    /// One page. False: it is the last for now.
    async fn page(&mut self, ledger: &Ledger, out: &mut Vec<u8>) -> Result<bool, EngineError> {
        let attempt = self.attempt;
        if self.open(ledger).await?.is_none() {
            return Ok(false);
        }
        let clients = self.clients().await?;
        let Some(open) = &mut self.open else { return Ok(false) };
        let call = clients
            .logs(&open.region)
            .get_log_events()
            .log_group_name(&open.group)
            .log_stream_name(&open.stream)
            .start_from_head(true)
            .set_next_token(open.token.clone())
            .send();
        let answer = match clients.call(READ, call).await {
            Ok(answer) => answer,
            Err(error) if error.trouble() == Trouble::NotFound => {
                let why = format!("stream `{}` in group `{}`", open.stream, open.group);
                return Err(AwsError::NoLog { attempt, why }.into());
            }
            Err(error) => return Err(error.into()),
        };
        for event in answer.events() {
            let mut line = event.message().unwrap_or_default().as_bytes().to_vec();
            line.push(b'\n');
            match &mut open.mask {
                Some(mask) => mask.push(&line, out),
                None => out.extend_from_slice(&line),
            }
        }
        // An empty page is not the end; a token that stays the same is.
        let more = answer.next_forward_token.is_some() && answer.next_forward_token != open.token;
        open.token = answer.next_forward_token;
        Ok(more)
    }
}

#[async_trait(?Send)]
impl LogReader for AwsLog {
    async fn read(&mut self, ledger: &Ledger, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let before = out.len();
        loop {
            match self.page(ledger, out).await {
                Ok(true) if out.len() == before => {}
                // A stream that is not there yet is no error of the job.
                Err(EngineError::Aws(AwsError::NoLog { .. })) => return Ok(()),
                other => return other.map(|_| ()),
            }
        }
    }

    async fn rest(&mut self, ledger: &Ledger, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let before = out.len();
        loop {
            let page = self.page(ledger, out).await;
            if out.len() > before {
                self.quiet = 0;
                return page.map(|_| ());
            }
            if matches!(page, Ok(true)) {
                continue;
            }
            self.quiet += 1;
            if self.quiet >= QUIET_LOOKS {
                if let Some(mask) = self.open.as_mut().and_then(|open| open.mask.as_mut()) {
                    mask.finish(out);
                }
                return page.map(|_| ());
            }
            tokio::time::sleep(self.settings.poll.min(LONGEST_PAUSE)).await;
        }
    }
}
