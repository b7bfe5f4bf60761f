//! What can go wrong with a call of AWS, and what that says about the call.

use std::time::Duration;

use aws_sdk_batch::config::http::HttpResponse;
use aws_sdk_batch::error::{ProvideErrorMetadata, SdkError};

use crate::job::fargate::{self, NotOnFargate};
use crate::job::{MASK, Queue, Secrets};
use crate::plan::Fence;

/// What an error says about the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It never reached AWS.
    NotSent,
    /// There are no credentials, or AWS does not take them.
    Credentials,
    /// Too many calls. It had no effect.
    Throttled,
    /// It may have had its effect: the answer was lost, or was an error of the server.
    Unclear,
    /// The caller may not do that.
    Denied,
    /// What it names is not there.
    NotFound,
    /// AWS does not take what was asked.
    Refused,
}

#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    #[error("AWS {action}: {message}")]
    Call { action: Action, trouble: Trouble, message: String },
    #[error("no region is set")]
    NoRegion,
    #[error("there is no profile `{name}`, which AWS_PROFILE names")]
    NoProfile { name: String, known: Vec<String> },
    #[error("whether AWS Batch has the job `{name}` is not known: {why}")]
    Unknown { name: String, why: Box<Self> },
    #[error("the list of AWS Batch does not show all of it {} s after it was sent more than once, so that it may be there twice; {}", .settle.as_secs_f32(), blind(*.fence))]
    Blind { settle: Duration, fence: Option<Fence> },
    #[error("the list of AWS Batch does not show it {} s after it was sent, so that another machine's may do the same", .patience.as_secs_f32())]
    NotOnce { patience: Duration },
    #[error(
        "{other} does the same and was not over when it was sent; the list of AWS Batch showed that too late, so that both ran"
    )]
    BothRan { other: String },
    #[error("`{0}`, whose value the job needs, is not set")]
    SecretGone(String),
    #[error("it was cancelled before it was sent")]
    Withdrawn,
    #[error("it may have been sent, and the list of AWS Batch did not show it for {} s", .patience.as_secs_f32())]
    NotSeen { patience: Duration },
    #[error(
        "its end is asked for, and it was sent more than once: whether another of it runs is not known: {why}"
    )]
    OthersUnknown { why: Box<Self> },
    #[error("the job is in account {job}, and the credentials are of account {caller}")]
    OtherAccount { job: String, caller: String },
    #[error("the job definition `{name}` {what}")]
    Definition { name: String, what: &'static str },
    #[error("the job `{name}` on AWS Batch {what}")]
    Foreign { name: String, what: String },
    #[error("AWS Batch knows no job with the id `{text}`{looked}")]
    NoSuchJob { text: String, looked: &'static str },
    #[error("the log{} is not there: {why}", .attempt.map_or_else(String::new, |it| format!(" of attempt {it}")))]
    NoLog { attempt: Option<u32>, why: String },
    #[error("job {job} was submitted without a bucket, so its files are out of reach")]
    NoBucket { job: String },
    #[error("the object `{key}` is not what computes writes: {why}")]
    Object { key: String, why: String },
    #[error("`{key}` is in format {format}, and this version of computes knows only {known}")]
    Format { key: String, format: u32, known: u32 },
    #[error("nothing can be put to job {job}: {why}")]
    Put { job: String, why: &'static str, hint: &'static str },
    #[error("{why}")]
    Urls { why: String, hint: &'static str },
    #[error("this is no job of AWS Batch: AWS_BATCH_JOB_ID is not the id of one")]
    NotInside,
    #[error("profile `{profile}` wants a code of {serial}: {why}")]
    Mfa { profile: String, serial: String, why: String },
    #[error("cannot mask the log: {0}")]
    Mask(String),
    #[error("the queue `{queue}` is on Fargate: {wrong}")]
    Fargate { queue: Queue, wrong: NotOnFargate },
}

/// A call, as IAM names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action(pub &'static str);

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl AwsError {
    /// From what the SDK has to say.
    pub(super) fn call<E>(action: Action, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (trouble, message) = match error {
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                let code = answer.err().code().unwrap_or_default();
                let says = [answer.err().message().unwrap_or_default(), code, "no reason is given"];
                let message = says.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
                (of_answer(status, code), format!("{message} ({status})"))
            }
            SdkError::DispatchFailure(_) => {
                let chain = chain(error);
                let trouble =
                    super::credentials::trouble(error).unwrap_or_else(|| of_dispatch(&chain));
                let mut message = chain.strip_prefix("dispatch failure: ").unwrap_or(&chain);
                // As the SDK wraps what has nothing to do with the connection.
                message = message.strip_prefix("other: ").unwrap_or(message);
                (trouble, message.replace("Attempted:; ", "Attempted: "))
            }
            SdkError::ConstructionFailure(_) => (Trouble::NotSent, chain(error)),
            // The answer did not come in time, or was none.
            _ => (Trouble::Unclear, chain(error)),
        };
        Self::Call { action, trouble, message }
    }

    /// Without the values of secrets, which a server may quote.
    #[must_use]
    pub(super) fn without(self, secrets: &Secrets) -> Self {
        match self {
            Self::Call { action, trouble, mut message } => {
                // Of two that begin alike the longer one is hidden whole; a server may quote JSON.
                let mut parts: Vec<_> = secrets.iter().flat_map(|(_, it)| it.parts()).collect();
                parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
                for part in parts {
                    let quoted = serde_json::Value::from(part).to_string();
                    message = message.replace(quoted.trim_matches('"'), MASK).replace(part, MASK);
                }
                Self::Call { action, trouble, message }
            }
            other => other,
        }
    }

    /// Of credentials that were there before: whoever gave them is away for a while, whatever it
    /// says.
    #[must_use]
    pub(super) fn for_a_while(self) -> Self {
        match self {
            Self::Call { action, trouble: Trouble::Credentials, message } => {
                Self::Call { action, trouble: Trouble::NotSent, message }
            }
            other => other,
        }
    }

    /// An answer that ended before it was whole.
    pub(super) fn cut_short(action: Action) -> Self {
        let message = "the answer broke off".to_owned();
        Self::Call { action, trouble: Trouble::Unclear, message }
    }

    #[must_use]
    pub const fn trouble(&self) -> Trouble {
        match self {
            Self::Call { trouble, .. } => *trouble,
            Self::Unknown { .. }
            | Self::Blind { .. }
            | Self::NotOnce { .. }
            | Self::OthersUnknown { .. }
            | Self::BothRan { .. } => Trouble::Unclear,
            Self::NoSuchJob { .. } | Self::NoLog { .. } => Trouble::NotFound,
            Self::Mfa { .. } | Self::NoProfile { .. } => Trouble::Credentials,
            Self::NoRegion
            | Self::SecretGone(_)
            | Self::Withdrawn
            | Self::NotSeen { .. }
            | Self::Urls { .. }
            | Self::Put { .. }
            | Self::NotInside
            | Self::OtherAccount { .. } => Trouble::NotSent,
            Self::Definition { .. }
            | Self::Foreign { .. }
            | Self::NoBucket { .. }
            | Self::Object { .. }
            | Self::Format { .. }
            | Self::Fargate { .. }
            | Self::Mask(_) => Trouble::Refused,
        }
    }

    /// May the same call succeed a little later, without anybody doing anything?
    #[must_use]
    pub const fn passes(&self) -> bool {
        match self {
            Self::Call { trouble, .. } => {
                matches!(trouble, Trouble::NotSent | Trouble::Throttled | Trouble::Unclear)
            }
            _ => false,
        }
    }

    /// Is what was asked for wrong, rather than AWS?
    #[must_use]
    pub const fn is_about_the_request(&self) -> bool {
        matches!(
            self,
            Self::NoSuchJob { .. } | Self::Foreign { .. } | Self::Put { .. } | Self::Fargate { .. }
        )
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        if let Self::Call { trouble: Trouble::Refused, message, .. } = self
            && let Some(wrong) = fargate::refused(message)
        {
            return Some(wrong.hint());
        }
        let hint = match self {
            Self::Call { action, trouble, message } => match trouble {
                _ if message.contains("request time and the current time") => {
                    "set the clock of this machine"
                }
                _ if message.contains("specified endpoint") => {
                    "the bucket is in another region: take one in the region of the jobs"
                }
                Trouble::Denied if message.contains("kms:") => {
                    "the key of the bucket has to allow kms:GenerateDataKey and kms:Decrypt to the caller"
                }
                Trouble::NotFound | Trouble::Refused if action.0.starts_with("s3:") => {
                    "it may have expired, or `bucket` is not the one that it was kept in; `computes doctor` looks at it"
                }
                Trouble::Denied => {
                    let needed = denied(message).unwrap_or(action.0);
                    return Some(format!(
                        "the policy of the caller has to allow {needed}: `computes policy` prints it"
                    ));
                }
                Trouble::Credentials => CREDENTIALS,
                Trouble::NotSent if message.contains("credentials") => {
                    "whoever gives the credentials can't just now: try again later"
                }
                Trouble::NotSent => {
                    "look at the network, AWS_REGION and AWS_ENDPOINT_URL; `computes doctor` tells more"
                }
                Trouble::Throttled => "AWS takes only so many calls a second; try again later",
                Trouble::NotFound | Trouble::Refused => {
                    "`computes doctor` looks at the queues and the job definition"
                }
                Trouble::Unclear => return None,
            },
            Self::Blind { fence: Some(_), .. } => {
                "`computes status` goes over to the one that runs"
            }
            Self::OthersUnknown { why } => {
                let again = "computes cancel looks again";
                return Some(
                    why.hint().map_or_else(|| again.to_owned(), |hint| format!("{hint}; {again}")),
                );
            }
            Self::Blind { fence: None, .. } | Self::NotOnce { .. } => {
                "`computes list --all` shows both once AWS Batch does"
            }
            Self::BothRan { .. } => "`computes list --all` shows both",
            Self::Mfa { profile, .. } => {
                return Some(format!(
                    "`aws sts get-caller-identity --profile {profile}` asks for it and keeps the \
                     session, which is taken here too; where nobody can be asked, set keys of \
                     `aws sts get-session-token`, or credential_process in the profile"
                ));
            }
            Self::NoProfile { known, .. } => {
                let mut known = known.clone();
                known.sort();
                return Some(match &*known {
                    [] => "`aws configure` or `aws login` make one".to_owned(),
                    known => format!("the profiles are {}", known.join(", ")),
                });
            }
            Self::NoRegion => "set AWS_REGION, or `region` in the profile",
            Self::Unknown { why, .. } => return why.hint(),
            Self::SecretGone(name) => return Some(format!("export {name}, then try again")),
            Self::OtherAccount { .. } => "choose the other account with AWS_PROFILE",
            Self::Definition { .. } => {
                "choose another with --job-definition, or give the secret by --secret NAME"
            }
            Self::NoBucket { .. } => {
                "set bucket in computes.toml before you submit, and say what is kept with --output"
            }
            Self::Urls { hint, .. } | Self::Put { hint, .. } => hint,
            Self::Format { .. } => "take the version that the image of the job holds",
            Self::NoSuchJob { .. } => "`computes list --all` shows every job",
            Self::Fargate { wrong, .. } => {
                let hint = wrong.hint();
                return Some(format!("{hint}; `computes queues` looks again where it runs"));
            }
            Self::NotInside
            | Self::Object { .. }
            | Self::Withdrawn
            | Self::NotSeen { .. }
            | Self::Foreign { .. }
            | Self::NoLog { .. }
            | Self::Mask(_) => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}

/// What becomes of a job that is there twice.
fn blind(fence: Option<Fence>) -> String {
    let unless = match fence {
        Some(Fence::Files) => "jobs share the file system of /files".to_owned(),
        Some(Fence::Bucket) => format!("`computes` in its image is {CLAIMS_SINCE} or later"),
        None => return "both would run".to_owned(),
    };
    format!("the one that starts second runs nothing, if {unless}")
}

/// The version that claims a job in the bucket before it does anything else.
const CLAIMS_SINCE: &str = "0.1.0";

const CREDENTIALS: &str =
    "log in (`aws login`, `aws sso login`, `aws configure`), or set AWS_PROFILE";

/// Which right is missing, in IAM's own words: a call may need more than its own.
fn denied(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    rest.split_whitespace().next()
}

/// What the status and the code of an answer say. Batch's own codes are `ClientException` and
/// `ServerException`; the others are those that all of AWS shares.
pub(super) fn of_answer(status: u16, code: &str) -> Trouble {
    // The last is S3's where somebody else writes the same object in that moment.
    let throttled = [
        "Throttling",
        "TooManyRequests",
        "RequestLimitExceeded",
        "SlowDown",
        "ConditionalRequestConflict",
    ];
    let credentials = [
        "ExpiredToken",
        "UnrecognizedClient",
        "InvalidClientTokenId",
        "InvalidSignature",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "RequestExpired",
    ];
    let is = |starts: &[&str]| starts.iter().any(|start| code.starts_with(start));
    if status == 429 || is(&throttled) {
        Trouble::Throttled
    } else if is(&credentials) {
        Trouble::Credentials
    } else if code.starts_with("AccessDenied") || code == "UnauthorizedOperation" || status == 403 {
        Trouble::Denied
    } else if status == 407 {
        // A proxy's, which passed nothing on.
        Trouble::NotSent
    } else if !(400..500).contains(&status) || status == 408 {
        // A success that can't be read is one all the same.
        Trouble::Unclear
    } else if status == 404 || code.contains("NotFound") {
        Trouble::NotFound
    } else {
        Trouble::Refused
    }
}

/// A connection that was never made carried nothing. Of any other failure nobody knows.
fn of_dispatch(chain: &str) -> Trouble {
    // The SDK does not tell the two apart but in its words; others than these are taken for
    // the worse case.
    if chain.contains("credential") || chain.contains("identity") {
        Trouble::Credentials
    } else if chain.contains("(Connect)") || chain.contains("connect timeout") {
        Trouble::NotSent
    } else {
        Trouble::Unclear
    }
}

/// The causes in one line, without those that only repeat.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        // What credentials were looked for is told in lines.
        let text = error.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ");
        if texts.last().is_none_or(|last| !last.ends_with(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::aws::send::SUBMIT;
    use crate::job::{EnvName, Secret};

    #[test]
    fn what_a_server_quotes_of_secrets_is_hidden_whole() {
        let mut secrets = Secrets::default();
        for (name, value) in [
            ("A", "alpha-12345"),
            ("B", "alpha-12345-and-more"),
            ("C", "first \"line\"\nsecond-line"),
        ] {
            let name = EnvName::new(name).expect("a name");
            secrets.insert(name, Secret::new(value.to_owned()));
        }
        let hidden = |text: &str| {
            let message = text.to_owned();
            let error = AwsError::Call { action: SUBMIT, trouble: Trouble::Refused, message };
            error.without(&secrets).to_string()
        };
        for (said, told) in [
            ("bad alpha-12345-and-more", "bad ***"),
            ("bad second-line", "bad ***"),
            (r#"bad "first \"line\"\nsecond-line""#, r#"bad "***""#),
        ] {
            assert_eq!(hidden(said), format!("AWS batch:SubmitJob: {told}"));
        }
    }

    #[test]
    fn answers_are_told_apart() {
        for (status, code, trouble) in [
            (429, "TooManyRequestsException", Trouble::Throttled),
            (400, "ThrottlingException", Trouble::Throttled),
            (403, "ExpiredTokenException", Trouble::Credentials),
            (403, "UnrecognizedClientException", Trouble::Credentials),
            (403, "AccessDeniedException", Trouble::Denied),
            (400, "AccessDeniedException", Trouble::Denied),
            (500, "ServerException", Trouble::Unclear),
            (503, "", Trouble::Unclear),
            (200, "", Trouble::Unclear),
            (400, "ClientException", Trouble::Refused),
            (404, "ResourceNotFoundException", Trouble::NotFound),
            (409, "ConditionalRequestConflict", Trouble::Throttled),
        ] {
            assert_eq!(of_answer(status, code), trouble, "{status} {code}");
        }
    }
}
