//! What a job is, and which changes it may go through.
//!
//! Everything here is pure: no clock, no file, no process. What the rest of the
//! program decides about a job (may it start, is it tried again, is it over) is
//! decided here and carried out elsewhere.

mod arn;
mod command;
mod declared;
mod draft;
mod environment;
mod failure;
pub mod fargate;
mod files;
mod files_path;
mod freight;
mod id;
mod job_path;
mod name;
mod nearest;
mod output;
mod plain;
mod program;
mod queue;
mod resources;
mod retry;
mod secret;
mod secret_source;
mod sending;
mod shell;
mod source;
mod spec;
mod state;
mod timeout;
mod transition;

pub use arn::{Arn, NoArn};
pub use command::{Command, CommandError, command_words, shell_word};
pub use declared::EnvironmentEntry;
pub use draft::Draft;
pub use environment::{EnvName, EnvNameError};
pub use failure::{FailureClass, Outcome, Verdict};
pub use files::{JobFiles, UnknownFiles};
pub use files_path::{FilesPath, FilesPathError};
pub use freight::{Address, Freight, InputParcel, NoAddress, Parcel, SourceParcel};
pub use id::{JobId, JobRef};
pub use job_path::{JobPath, Root};
pub use name::JobName;
pub use nearest::{ALIKE, is_like, meant, nearest};
pub use output::{Output, Outputs};
pub use plain::{one_line, plain_name};
pub use program::{DEFAULT_PATH, Surprise, candidates, missing, surprise};
pub use queue::{Queue, UnknownQueue};
pub use resources::{Memory, Requested, Resources, Shortage, SizeError, Vcpus};
pub use retry::{
    Action, Decision, ExitRule, Pattern, RetryError, RetryOn, RetryReason, RetryStrategy, decide,
};
pub use secret::{MASK, Secret, Secrets};
pub use secret_source::{NoSecretSource, SecretSource};
pub use sending::{Input, Sending, Stdin};
pub use shell::{Slip, is_line, operator, slip, through_a_shell};
pub use source::{Source, UnknownSource};
pub use spec::{JobSpec, SpecError};
pub use state::State;
pub use timeout::{Timeout, TimeoutError, parse_duration};
pub use transition::{Effect, Event, IllegalTransition, mermaid, table, transition};
