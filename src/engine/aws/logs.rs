//! What an attempt wrote, from `CloudWatch` Logs.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use tokio::time::Instant;

use super::began::{EMPTY_PATIENCE, SURELY_SHOWN_AFTER, Seen};
use super::classify;
use super::client::Clients;
use super::describe::describe_one;
use super::mfa::{AskForCode, nobody};
use super::urls;
use super::{Action, AwsError, AwsSettings, Trouble};
use crate::engine::mask::Mask;
use crate::engine::{EngineError, LogReader};
use crate::job::{EnvName, FailureClass, JobId, Secrets};
use crate::ledger::{HandOver, JobRecord, Ledger, LogStream, Millis};
use crate::plan::{BatchName, Fetch, OwnLines, Proof};

pub const READ: Action = Action("logs:GetLogEvents");

/// Reads an attempt's stream page by page.
pub struct AwsLog {
    settings: AwsSettings,
    clients: Option<Rc<Clients>>,
    seen: Rc<Seen>,
    ask: AskForCode,
    job: JobId,
    attempt: u32,
    made: Made,
    open: Option<Open>,
    ending: Option<Ending>,
    doubt: Option<String>,
}

/// When a reader was made, by the clock of the day and by one that nobody sets.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub now: Millis,
    pub at: Instant,
}

impl Made {
    fn now(self) -> Millis {
        let since = Millis::try_from(self.at.elapsed().as_millis()).unwrap_or(Millis::MAX);
        self.now.saturating_add(since)
    }
}

/// A stream that is known.
struct Open {
    record: JobRecord,
    region: String,
    log: LogStream,
    token: Option<String>,
    mask: Option<Mask>,
    own: OwnLines,
    /// Does a line of ours precede the command, and something write a last one?
    tells: (bool, bool),
    times: Times,
    late: Lateness,
    /// When the last line of the newest page was written, ours or the job's.
    newest: Option<Millis>,
}

/// How late lines were shown: by when they came to `CloudWatch`, and by looks that did not find them yet.
#[derive(Debug, Default)]
struct Lateness {
    /// When it was seen last that there was no more.
    caught_up_at: Option<Millis>,
    /// So much later than it was written a line was not shown yet. In ms.
    most: Millis,
}

impl Lateness {
    fn note(&mut self, event: &OutputLogEvent) {
        let seen = [self.caught_up_at, event.ingestion_time].into_iter().flatten();
        for seen in seen {
            self.most = self.most.max(event.timestamp.map_or(0, |written| seen - written));
        }
    }
}

/// When what was given out was written.
#[derive(Default)]
struct Times {
    given: u64,
    /// From which byte on it was when.
    since: VecDeque<(u64, Millis)>,
}

impl Times {
    fn note(&mut self, bytes: usize, at: Option<Millis>) {
        self.since.extend(at.filter(|_| bytes > 0).map(|at| (self.given, at)));
        self.given += bytes as u64;
    }

    /// Bytes are asked for in their order.
    fn of(&mut self, byte: u64) -> Option<Millis> {
        while self.since.get(1).is_some_and(|(from, _)| *from <= byte) {
            self.since.pop_front();
        }
        self.since.front().map(|(_, at)| *at)
    }
}

/// The wait for what an attempt that is over wrote last.
struct Ending {
    until: Instant,
    /// As long as nothing at all has come: all of it may be late.
    until_if_empty: Instant,
    /// So many more looks have to bring nothing.
    looks: u32,
    /// So long after something came more may.
    after_news: Duration,
    /// When the attempt ended, as Batch says.
    closed_at: Option<Millis>,
    /// Was the end of what there was seen? What comes after that has just come to be shown.
    caught_up: bool,
    /// No longer than this it is waited because of how late the log is.
    latest: Duration,
    /// So late it was seen to be.
    late: Duration,
    /// Is it told already that its command never began?
    never_began: bool,
    /// And only because its log lacked the line at that time?
    by_its_log: bool,
}

/// Of an attempt that ended just now; of others one is enough.
const QUIET_LOOKS: u32 = 2;
/// No pause between them is longer, however seldom the job itself is looked at.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// So many lines may come before the job's own. Images that greet write some dozens.
pub const FIRST_LINES: usize = 200;
/// Pages without events may come before those with some.
const MOST_EMPTY_PAGES: usize = 5;

/// The first lines of a log. `None`: there may be some behind the pages that were read.
pub async fn head(
    clients: &Clients,
    region: &str,
    log: &LogStream,
) -> Result<Option<Vec<String>>, AwsError> {
    let mut token = None;
    for _ in 0..MOST_EMPTY_PAGES {
        let limit = i32::try_from(FIRST_LINES).unwrap_or(i32::MAX);
        let call = clients.logs(region).get_log_events().limit(limit);
        let call = call.log_group_name(&log.group).log_stream_name(&log.stream);
        let call = call.start_from_head(true).set_next_token(token.clone());
        let answer = clients.call(READ, call.send()).await.map_err(|error| missing(error, log))?;
        let messages = answer.events().iter().filter_map(|event| event.message.as_deref());
        let lines: Vec<_> = messages.flat_map(str::lines).map(str::to_owned).collect();
        if !lines.is_empty() || answer.next_forward_token == token {
            return Ok(Some(lines));
        }
        token = answer.next_forward_token;
    }
    Ok(None)
}

fn missing(error: AwsError, log: &LogStream) -> AwsError {
    if error.trouble() != Trouble::NotFound {
        return error;
    }
    let why = format!("stream `{}` in group `{}`", log.stream, log.group);
    AwsError::NoLog { attempt: None, why }
}

impl AwsLog {
    pub const fn new(
        settings: AwsSettings,
        clients: Option<Rc<Clients>>,
        seen: Rc<Seen>,
        (job, attempt): (JobId, u32),
        made: Made,
    ) -> Self {
        let (open, ending, doubt) = (None, None, None);
        Self { settings, clients, ask: nobody, seen, job, attempt, made, open, ending, doubt }
    }

    /// With somebody who is asked for the code of a device.
    #[must_use]
    pub fn asking(self, ask: AskForCode) -> Self {
        Self { ask, ..self }
    }

    async fn clients(&mut self) -> Result<Rc<Clients>, AwsError> {
        Clients::of(&mut self.clients, &self.settings, self.ask).await
    }

    /// `None`: the attempt has no stream yet.
    async fn open(&mut self, ledger: &Ledger) -> Result<Option<&mut Open>, EngineError> {
        // Another job may have taken the place of the one that came second.
        if let Some(open) = &self.open {
            let attempts = ledger.attempts(&open.record)?;
            let log = attempts.into_iter().find(|attempt| attempt.number == self.attempt);
            if log.and_then(|attempt| attempt.log).as_ref() != Some(&open.log) {
                (self.open, self.ending) = (None, None);
            }
        }
        if self.open.is_none() {
            let record = ledger.job(self.job)?;
            let attempts = ledger.attempts(&record)?;
            let log = attempts.into_iter().find(|attempt| attempt.number == self.attempt);
            let (Some(log), Some(sent)) =
                (log.and_then(|attempt| attempt.log), ledger.hand_over_of(record.seq)?)
            else {
                return Ok(None);
            };
            let mask = self.mask(&record, &sent).await?;
            let region = log.region.clone().unwrap_or(sent.region);
            // What a dry run printed knows no id of ours, whoever sent it.
            let ours = BatchName::parse(&sent.name).map(|name| name.id);
            let own = OwnLines::new(Proof::new(ours), FIRST_LINES);
            let carrier = record.plan.carrier();
            let tells_end = carrier.is_some_and(|(_, fetch)| fetch == Fetch::Program);
            let tells = (record.plan.has_line(), tells_end);
            let (times, late, newest) = (Times::default(), Lateness::default(), None);
            let token = None;
            self.open =
                Some(Open { record, region, log, token, mask, own, tells, times, late, newest });
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
        let looked_at = self.made.now();
        let Some(open) = &mut self.open else { return Ok(false) };
        // What was given out before was asked for.
        open.times.since.clear();
        open.newest = None;
        let call = clients
            .logs(&open.region)
            .get_log_events()
            .log_group_name(&open.log.group)
            .log_stream_name(&open.log.stream)
            .start_from_head(true)
            .set_next_token(open.token.clone())
            .send();
        let answer = match clients.call(READ, call).await.map_err(|error| missing(error, &open.log))
        {
            Ok(answer) => answer,
            Err(AwsError::NoLog { why, .. }) => {
                open.late.caught_up_at = Some(looked_at);
                return Err(AwsError::NoLog { attempt: Some(attempt), why }.into());
            }
            Err(error) => return Err(error.into()),
        };
        for event in answer.events() {
            let message = event.message().unwrap_or_default();
            open.late.note(event);
            open.newest = event.timestamp.or(open.newest);
            let Some(message) = open.own.take_from(message) else { continue };
            let mut line = message.as_bytes().to_vec();
            line.push(b'\n');
            let before = out.len();
            match &mut open.mask {
                Some(mask) => mask.push(&line, out),
                None => out.extend_from_slice(&line),
            }
            open.times.note(out.len() - before, event.timestamp);
        }
        if open.own.has_begun() {
            self.seen.began(&open.log.stream);
        }
        // An empty page is not the end; a token that stays the same is.
        let more = answer.next_forward_token.is_some() && answer.next_forward_token != open.token;
        open.token = answer.next_forward_token;
        if !more {
            open.late.caught_up_at = Some(looked_at);
        }
        Ok(more)
    }

    /// What is shown of an attempt that is over may lack its end for a while, counted from the end
    /// that Batch tells.
    fn ending(&mut self, ledger: &Ledger) -> Result<&mut Ending, EngineError> {
        let ending = if let Some(ending) = self.ending.take() {
            ending
        } else {
            let record = ledger.job(self.job)?;
            let attempts = ledger.attempts(&record)?;
            let log = attempts.iter().find(|attempt| attempt.number == self.attempt);
            let closed_at = log.and_then(|attempt| attempt.closed_at);
            let class = log.and_then(|attempt| attempt.class);
            let age = closed_at.map_or(0, |closed_at| self.made.now() - closed_at);
            let never_began = class == Some(FailureClass::StartFailed);
            let exit_code = log.and_then(|attempt| attempt.exit_code);
            let by_its_log = classify::never_began(class, exit_code);
            let late = self.open.as_ref().map_or(0, |open| open.late.most);
            let late = Duration::from_millis(late.max(0).unsigned_abs());
            let ending = Ending::new(age, self.settings.log_settle, late);
            // What never ran wrote nothing.
            let has_run = exit_code.is_some() && !never_began;
            let until_if_empty = if has_run { ending.until_if_empty } else { ending.until };
            Ending { until_if_empty, closed_at, never_began, by_its_log, ..ending }
        };
        Ok(self.ending.insert(ending))
    }

    fn finish(&mut self, has_ended: bool, page: &Result<bool, EngineError>, out: &mut Vec<u8>) {
        let (Some(open), Some(ending)) = (&mut self.open, &self.ending) else { return };
        if let Some(mask) = &mut open.mask {
            mask.finish(out);
        }
        if ending.by_its_log && open.own.has_begun() {
            self.doubt = Some(format!("attempt {}: {}", self.attempt, classify::BEGAN_AFTER_ALL));
            return;
        }
        let lacks = match open.tells {
            _ if page.is_err() || ending.never_began => return,
            (true, _) if !open.own.has_begun() => {
                "lacks the line that precedes the command: more may be missing, or the command \
                 never began"
            }
            (_, true) if !has_ended => {
                "may lack its end: the line that the job writes last is not there"
            }
            (_, false) if ending.is_fresh() && ending.late > ending.latest => {
                "may lack its end: its lines were shown later than it is waited for"
            }
            (false, _) if ending.is_fresh() && open.times.given == 0 => {
                "is empty: the job wrote nothing, or that is not shown yet"
            }
            _ => return,
        };
        self.doubt = Some(format!("the log of attempt {} {lacks}", self.attempt));
    }
}

/// May what is not there now be there in a moment?
const fn is_passing(error: &AwsError) -> bool {
    error.passes() || matches!(error, AwsError::NoLog { .. })
}

impl Ending {
    /// Of an attempt that ended so many ms ago, by this machine's clock. `late`: as late as lines were while
    /// it ran the last one will be.
    fn new(age: Millis, settle: Duration, late: Duration) -> Self {
        let age_now = Duration::from_millis(age.max(0).unsigned_abs());
        let until = |settle: Duration| Instant::now() + settle.saturating_sub(age_now);
        let (latest, after_news) = (settle * EMPTY_PATIENCE, settle / 3);
        let fresh = Self {
            until: until(settle.max(late.min(latest) + after_news)),
            until_if_empty: until(latest),
            looks: QUIET_LOOKS,
            after_news,
            closed_at: None,
            caught_up: false,
            latest,
            late,
            never_began: false,
            by_its_log: false,
        };
        // The clock may be wrong by a little.
        if age < SURELY_SHOWN_AFTER {
            return fresh;
        }
        Self { looks: 1, after_news: Duration::ZERO, latest: Duration::ZERO, ..fresh }
    }

    /// Something came, so that more may: of what was written later as much later, until the end. `at`: when
    /// the last of it was written.
    fn goes_on(&mut self, at: Option<Millis>) {
        let to_the_end = self.closed_at.zip(at).map_or(0, |(closed_at, at)| closed_at - at);
        let late = Duration::from_millis(to_the_end.max(0).unsigned_abs());
        let late = if self.caught_up { late } else { Duration::ZERO };
        self.late = self.late.max(late);
        let more = late.min(self.latest);
        self.until = self.until.max(Instant::now() + more + self.after_news);
        self.looks = self.looks.max(1);
    }

    /// Did the attempt end so recently that its log may not be whole?
    const fn is_fresh(&self) -> bool {
        !self.latest.is_zero()
    }

    /// One more look brought nothing. Is that the end?
    fn is_over(&mut self, is_empty: bool) -> bool {
        self.looks = self.looks.saturating_sub(1);
        self.caught_up = true;
        let until = if is_empty { self.until_if_empty } else { self.until };
        self.looks == 0 && Instant::now() >= until
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

    fn time_of(&mut self, _: &Ledger, byte: u64) -> Result<Option<Millis>, EngineError> {
        Ok(self.open.as_mut().and_then(|open| open.times.of(byte)))
    }

    async fn rest(&mut self, ledger: &Ledger, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let before = out.len();
        loop {
            let page = self.page(ledger, out).await;
            let Some(open) = &mut self.open else { return page.map(|_| ()) };
            let has_ended = open.own.has_ended();
            let newest = open.newest;
            let is_empty = open.tells.0 && open.times.given == 0 && !open.own.has_begun();
            let ending = self.ending(ledger)?;
            if newest.is_some() {
                ending.goes_on(newest);
            }
            if out.len() > before {
                return page.map(|_| ());
            }
            let is_over = has_ended || ending.is_over(is_empty);
            match page {
                Ok(true) => continue,
                Ok(false) if !is_over => {}
                Err(EngineError::Aws(error)) if !is_over && is_passing(&error) => {}
                page => {
                    self.finish(has_ended, &page, out);
                    return page.map(|_| ());
                }
            }
            tokio::time::sleep(self.settings.poll.min(LONGEST_PAUSE)).await;
        }
    }

    fn doubt(&mut self) -> Option<String> {
        self.doubt.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who looks for the first time when the beginning of a log is there and its end is not.
    #[tokio::test]
    async fn how_late_a_line_came_tells_how_late_the_last_one_will() {
        let mut late = Lateness::default();
        late.note(&OutputLogEvent::builder().timestamp(1000).ingestion_time(31_000).build());
        assert_eq!(late.most, 30_000);
        let settle = Duration::from_secs(15);
        let left = |age: Millis, late: u64| {
            let ending = Ending::new(age, settle, Duration::from_secs(late));
            ending.until.saturating_duration_since(Instant::now()).as_secs_f64().ceil()
        };
        assert!((left(20_000, 30) - 15.0).abs() < 1.0, "{}", left(20_000, 30));
        assert!(left(20_000, 2) < 1.0);
        // No longer than an empty one is waited for, and then it is told.
        let ending = Ending::new(0, settle, Duration::from_secs(70));
        assert!(ending.is_fresh() && ending.late > ending.latest);
    }
}
