//! The clients that speak to AWS, and how they are set up.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_batch::config::http::HttpResponse;
use aws_sdk_batch::config::retry::RetryConfig;
use aws_sdk_batch::config::{
    ProvideCredentials, RuntimeComponents, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_batch::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_dns::HickoryDnsResolver;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::error::{Action, AwsError};
use super::mfa::{AskForCode, MfaRole, nobody};
use super::pace::Pace;
use super::patient::Patient;
use super::roots;
use super::{AwsSettings, Trouble};

/// How often a call that changes nothing is tried, with growing gaps that vary. Two more than
/// the SDK's own default make up for a busy account.
const TRIES: u32 = 5;

/// By which ECS tells a container where the credentials of its role are.
const OF_A_CONTAINER: [&str; 2] =
    ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];

/// Ample for a part of some MiB on a slow line.
const LONGEST_PART: Duration = Duration::from_mins(30);
/// From the end of a request to the beginning of its answer.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

pub struct Clients {
    config: SdkConfig,
    region: String,
    pub pace: Pace,
    /// Was a call signed and answered?
    had_credentials: Cell<bool>,
    batch: RefCell<HashMap<(String, Repeat), aws_sdk_batch::Client>>,
}

/// Who repeats a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Repeat {
    /// The SDK: it changes nothing.
    Sdk,
    /// Whether a job is sent again is decided here.
    Never,
}

impl Clients {
    /// Those of a job: with its role, whatever credentials its command is given.
    ///
    /// # Errors
    /// When no region is set, neither here nor there.
    pub async fn of_job(settings: &AwsSettings, region: Option<String>) -> Result<Self, AwsError> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        let role = OF_A_CONTAINER.iter().any(|name| is_set(name)).then(|| {
            // The machine itself answers, and no proxy reaches that.
            let direct = http_client(ProxyConfig::disabled);
            let how = ProviderConfig::without_region().with_http_client(direct);
            EcsCredentialsProvider::builder().configure(&how).build()
        });
        Self::load(settings, region, role, nobody).await
    }

    /// Reads the usual variables and files of AWS.
    async fn load(
        settings: &AwsSettings,
        region: Option<String>,
        role: Option<EcsCredentialsProvider>,
        ask: AskForCode,
    ) -> Result<Self, AwsError> {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(settings.timeout).build();
        // A call that is cut while it waits for them would count as sent.
        let patient = IdentityCache::lazy().load_timeout(settings.timeout * 3 / 4).build();
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            .identity_cache(patient)
            .http_client(http_client(ProxyConfig::from_env))
            .timeout_config(timeouts);
        if let Some(region) = region {
            config = config.region(Region::new(region));
        }
        let of_profile = role.is_none();
        if let Some(role) = role {
            config = config.credentials_provider(role);
        }
        // Without the profile there is no region of it either.
        let device = if of_profile { MfaRole::of_environment().await? } else { None };
        let mut config = config.load().await;
        let region = config.region().map(ToString::to_string);
        let region = region.filter(|region| !region.is_empty()).ok_or(AwsError::NoRegion)?;
        if let Some(role) = device {
            role.open(&config, ask).await?;
            let role = SharedCredentialsProvider::new(role);
            config = config.into_builder().credentials_provider(role).build();
        }
        if let Some(provider) = config.credentials_provider() {
            let provider = SharedCredentialsProvider::new(Patient::new(provider, settings.timeout));
            config = config.into_builder().credentials_provider(provider).build();
        }
        let pace = Pace::new(settings.rate);
        Ok(Self {
            config,
            region,
            pace,
            had_credentials: Cell::new(false),
            batch: RefCell::default(),
        })
    }

    /// Those that are there, or new ones: made with the first call, because that reads files and
    /// variables.
    pub async fn of(
        made: &mut Option<Rc<Self>>,
        settings: &AwsSettings,
        ask: AskForCode,
    ) -> Result<Rc<Self>, AwsError> {
        if let Some(made) = made {
            return Ok(Rc::clone(made));
        }
        let region = settings.region.clone();
        // It is large, and made once.
        let clients = Rc::new(Box::pin(Self::load(settings, region, None, ask)).await?);
        *made = Some(Rc::clone(&clients));
        Ok(clients)
    }

    /// When the credentials end, where that is known, and whether they are those of a session.
    pub async fn credentials(&self) -> Result<(Option<SystemTime>, bool), AwsError> {
        let unknown = |message: String| AwsError::Call {
            action: super::objects::WRITE_OBJECT,
            trouble: Trouble::Credentials,
            message,
        };
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or_else(|| unknown("there are no credentials".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| unknown(super::error::chain(&error)))?;
        Ok((credentials.expiry(), credentials.session_token().is_some()))
    }

    /// Where new jobs go.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Batch in the region of a job; calls that change nothing are repeated by the SDK.
    pub fn batch(&self, region: &str) -> aws_sdk_batch::Client {
        self.batch_that(region, Repeat::Sdk)
    }

    /// Batch without repetitions, for sending jobs.
    pub fn batch_once(&self, region: &str) -> aws_sdk_batch::Client {
        self.batch_that(region, Repeat::Never)
    }

    fn batch_that(&self, region: &str, repeat: Repeat) -> aws_sdk_batch::Client {
        let mut made = self.batch.borrow_mut();
        let client = made.entry((region.to_owned(), repeat)).or_insert_with(|| {
            let retries = match repeat {
                Repeat::Sdk => self.retries(),
                Repeat::Never => RetryConfig::disabled(),
            };
            let config = aws_sdk_batch::config::Builder::from(&self.config)
                .region(Region::new(region.to_owned()))
                .retry_config(retries);
            aws_sdk_batch::Client::from_conf(config.build())
        });
        client.clone()
    }

    /// How AWS is reached, for what has no client here.
    pub const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// As the user set it, or more often than the SDK does by itself.
    pub fn retries(&self) -> RetryConfig {
        match self.config.retry_config() {
            Some(set) if std::env::var_os("AWS_MAX_ATTEMPTS").is_some() => set.clone(),
            set => set.cloned().unwrap_or_else(RetryConfig::standard).with_max_attempts(TRIES),
        }
    }

    pub fn logs(&self, region: &str) -> aws_sdk_cloudwatchlogs::Client {
        let config = aws_sdk_cloudwatchlogs::config::Builder::from(&self.config)
            .region(Region::new(region.to_owned()))
            .retry_config(self.retries());
        aws_sdk_cloudwatchlogs::Client::from_conf(config.build())
    }

    /// S3, for what is small.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(self.s3_config().retry_config(self.retries()).build())
    }

    /// S3, for parts of files. How long one takes is for the line to say, so only a line that stands
    /// still is given up. Whether it is tried again is decided by whoever sends it.
    pub fn s3_parts(&self) -> aws_sdk_s3::Client {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(LONGEST_PART)
            .read_timeout(LONGEST_SILENCE)
            .build();
        let config = self.s3_config().timeout_config(timeouts);
        aws_sdk_s3::Client::from_conf(config.retry_config(RetryConfig::disabled()).build())
    }

    fn s3_config(&self) -> aws_sdk_s3::config::Builder {
        // Any other than AWS's own has no name of its own for each bucket.
        let of_s3 = std::env::var_os("AWS_ENDPOINT_URL_S3").is_some_and(|url| !url.is_empty());
        let is_other = of_s3 || self.config.endpoint_url().is_some();
        aws_sdk_s3::config::Builder::from(&self.config).force_path_style(is_other)
    }

    pub fn efs(&self) -> aws_sdk_efs::Client {
        aws_sdk_efs::Client::new(&self.config)
    }

    pub fn sts(&self) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.config)
    }

    /// Makes a call when it is its turn.
    pub fn call<T, E>(
        &self,
        action: Action,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> impl Future<Output = Result<T, AwsError>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // Those of the SDK are large, and would make everything large that waits for one.
        let call = Box::pin(call);
        async move {
            self.pace.turn().await;
            match call.await {
                Ok(answer) => {
                    self.pace.faster();
                    self.had_credentials.set(true);
                    Ok(answer)
                }
                Err(error) => {
                    let is_signed = !matches!(error, SdkError::DispatchFailure(_));
                    let mut error = AwsError::call(action, &error);
                    if !is_signed && self.had_credentials.get() {
                        error = error.for_a_while();
                    }
                    if error.trouble() == Trouble::Throttled {
                        self.pace.slower();
                    }
                    // Without its words: a server may quote what it was sent.
                    tracing::debug!(%action, trouble = ?error.trouble(), "a call of AWS failed");
                    Err(error)
                }
            }
        }
    }
}

/// The usual variables for proxies hold (`HTTPS_PROXY`, `NO_PROXY`).
fn http_client(proxy: fn() -> ProxyConfig) -> SharedHttpClient {
    let resolver = resolver();
    aws_smithy_http_client::Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder();
        // The SDK makes one without settings, to see whether it can, and throws it away.
        if settings.is_none() {
            return connector.build_http();
        }
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        let connector =
            connector.proxy_config(proxy()).tls_provider(Provider::Rustls(CryptoMode::Ring));
        roots::believed(|roots| {
            connector.clone().tls_context(roots).build_with_resolver(resolver.clone())
        })
    })
}

/// The names of hosts are looked up by a library: the C library's own way loads shared objects,
/// which a static program has none of (ADR 0011).
fn resolver() -> HickoryDnsResolver {
    let configured = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    HickoryDnsResolver::builder().nameservers(&nameservers(&configured), DNS).build()
}

const DNS: u16 = 53;

/// Those of a `resolv.conf`; without any the machine itself is asked, as resolv.conf(5) says.
fn nameservers(text: &str) -> Vec<IpAddr> {
    let named = text.lines().filter_map(|line| line.trim_start().strip_prefix("nameserver"));
    // The zone of a link-local address is not taken.
    let mut found: Vec<_> = named.filter_map(|rest| rest.trim().parse().ok()).collect();
    if found.is_empty() {
        found.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_those_of_the_file_or_the_machine_itself() {
        let text = "# nameserver 9.9.9.9\nsearch x\n nameserver 10.0.0.2\nnameserver fd00::53\nnameserver fe80::1%eth0\n";
        let found: Vec<_> = nameservers(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.2", "fd00::53"]);
        assert_eq!(nameservers("options edns0").len(), 1);
    }
}
