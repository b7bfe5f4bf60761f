//! Roles that want the code of a device: `mfa_serial` in a profile, for which the SDK never asks.
//!
//! The session lies where the AWS CLI keeps those of its own, in its form and by its name, so that
//! one code does for both and for every call until the session ends.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use aws_config::profile::Profile;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_batch::error::{ProvideErrorMetadata, SdkError};
use aws_types::os_shim_internal::{Env, Fs};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::{Action, AwsError};

/// Asks whoever sits at the terminal for the code of a device; `None` where nobody does.
pub type AskForCode = fn(serial: &str) -> Option<String>;

/// Nobody sits at a job.
pub const fn nobody(_: &str) -> Option<String> {
    None
}

const ASSUME_ROLE: Action = Action("sts:AssumeRole");
/// As the AWS CLI calls its own, but for the name.
const SESSION_NAME: &str = "computes";
/// One that ends sooner is not begun with.
const LEAST_SECONDS: i64 = 60;

/// What a profile says of its role.
#[derive(Debug)]
pub struct MfaRole {
    profile: String,
    source_profile: String,
    role_arn: String,
    mfa_serial: String,
    external_id: Option<String>,
    role_session_name: Option<String>,
    duration_seconds: Option<i32>,
    folder: PathBuf,
}

/// A file of the AWS CLI's; what else is in it is not read.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "Credentials")]
    session: Session,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Session {
    access_key_id: String,
    secret_access_key: String,
    #[serde(rename = "SessionToken")]
    token: String,
    /// RFC 3339
    expiration: String,
}

impl MfaRole {
    /// Of the profile that is chosen, if no keys in the environment win over it. What the SDK
    /// makes of any other profile is right.
    ///
    /// # Errors
    /// When there is no such profile: the SDK would look for credentials elsewhere, without a word.
    pub async fn of_environment() -> Result<Option<Self>, AwsError> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if set("AWS_ACCESS_KEY_ID").is_some() {
            return Ok(None);
        }
        let files = EnvConfigFiles::default();
        let loaded = aws_config::profile::load(&Fs::real(), &Env::real(), &files, None).await;
        let Ok(profiles) = loaded else { return Ok(None) };
        let chosen = profiles.selected_profile();
        match profiles.get_profile(chosen) {
            Some(profile) => Ok(Self::of(profile, set("HOME"))),
            None if set("AWS_PROFILE").is_some() => {
                let known = profiles.profiles().map(str::to_owned).collect();
                Err(AwsError::NoProfile { name: chosen.to_owned(), known })
            }
            None => Ok(None),
        }
    }

    fn of(profile: &Profile, home: Option<OsString>) -> Option<Self> {
        let says = |key: &str| profile.get(key).map(str::to_owned);
        Some(Self {
            profile: profile.name().to_owned(),
            mfa_serial: says("mfa_serial")?,
            role_arn: says("role_arn")?,
            source_profile: says("source_profile")?,
            external_id: says("external_id"),
            role_session_name: says("role_session_name"),
            duration_seconds: says("duration_seconds").and_then(|text| text.parse().ok()),
            folder: PathBuf::from(home?).join(".aws/cli/cache"),
        })
    }

    /// Sees to it that there is a session. `like` says how AWS is reached.
    ///
    /// # Errors
    /// When nobody can be asked for the code, or it is wrong.
    pub async fn open(&self, like: &SdkConfig, ask: AskForCode) -> Result<(), AwsError> {
        let left = |session: &Session| {
            let ends = session.expiration.parse::<Timestamp>().ok()?;
            Some(ends.as_second() - Timestamp::now().as_second())
        };
        if self.kept().as_ref().and_then(left).is_some_and(|left| left >= LEAST_SECONDS) {
            return Ok(());
        }
        let fails = |why: &str| AwsError::Mfa {
            profile: self.profile.clone(),
            serial: self.mfa_serial.clone(),
            why: why.to_owned(),
        };
        let code = ask(&self.mfa_serial).ok_or_else(|| fails("there is no terminal to ask at"))?;
        let mut whose =
            aws_config::defaults(BehaviorVersion::latest()).profile_name(&self.source_profile);
        if let Some(client) = like.http_client() {
            whose = whose.http_client(client);
        }
        let whose = whose.region(like.region().cloned()).load().await;
        let call = aws_sdk_sts::Client::new(&whose)
            .assume_role()
            .role_arn(&self.role_arn)
            .role_session_name(self.role_session_name.as_deref().unwrap_or(SESSION_NAME))
            .serial_number(&self.mfa_serial)
            .token_code(code.trim())
            .set_external_id(self.external_id.clone())
            .set_duration_seconds(self.duration_seconds)
            .send();
        let answer = call.await.map_err(|error| match &error {
            SdkError::ServiceError(answer) => {
                fails(answer.err().message().unwrap_or("AWS takes no such code"))
            }
            _ => AwsError::call(ASSUME_ROLE, &error),
        })?;
        let given = answer.credentials.ok_or_else(|| fails("AWS gave no session"))?;
        self.keep(Session {
            access_key_id: given.access_key_id,
            secret_access_key: given.secret_access_key,
            token: given.session_token,
            expiration: given.expiration.to_string(),
        })
        .map_err(|error| fails(&format!("the session can't be kept: {error}")))
    }

    fn kept(&self) -> Option<Session> {
        let text = std::fs::read(self.folder.join(self.file_name())).ok()?;
        serde_json::from_slice::<Kept>(&text).ok().map(|kept| kept.session)
    }

    /// For nobody's eyes but the user's.
    fn keep(&self, session: Session) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&serde_json::to_vec(&Kept { session })?)?;
        file.persist(self.folder.join(self.file_name()))?;
        Ok(())
    }

    /// SHA-1 of what the role is assumed with, as Python writes it: `_create_cache_key` of
    /// botocore's `AssumeRoleCredentialFetcher`.
    fn file_name(&self) -> String {
        let text = |value: &Option<String>| {
            value.as_ref().map(|value| serde_json::Value::from(value.as_str()))
        };
        let said = [
            ("DurationSeconds", self.duration_seconds.map(serde_json::Value::from)),
            ("ExternalId", text(&self.external_id)),
            ("RoleArn", Some(self.role_arn.as_str().into())),
            ("RoleSessionName", text(&self.role_session_name)),
            ("SerialNumber", Some(self.mfa_serial.as_str().into())),
        ];
        let said =
            said.into_iter().filter_map(|(name, value)| Some(format!("\"{name}\": {}", value?)));
        let key = format!("{{{}}}", said.collect::<Vec<_>>().join(", "));
        let hash = Sha1::digest(key).into_iter().map(|byte| format!("{byte:02x}"));
        hash.collect::<String>() + ".json"
    }
}

impl ProvideCredentials for MfaRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let session = self.kept().and_then(|session| {
            let ends = session.expiration.parse::<Timestamp>().ok()?;
            let (id, key) = (session.access_key_id, session.secret_access_key);
            Some(Credentials::new(id, key, Some(session.token), Some(ends.into()), "MfaRole"))
        });
        future::ProvideCredentials::ready(session.ok_or_else(|| {
            CredentialsError::not_loaded(format!("the session of profile {} is gone", self.profile))
        }))
    }
}
