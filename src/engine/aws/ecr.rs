//! Images in ECR: what one starts with. Two calls and a download, without the SDK's crate: ADR 0030.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_batch::config::http::{HttpRequest, HttpResponse};
use aws_sdk_batch::config::timeout::TimeoutConfig;
use aws_sdk_batch::config::{Layer, Region, RuntimeComponentsBuilder};
use aws_sdk_batch::error::ErrorMetadata;
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::Clients;
use super::error::{Action, AwsError, Trouble};
use crate::job::Address;

pub const READ_IMAGE: Action = Action("ecr:BatchGetImage");
pub const READ_LAYER: Action = Action("ecr:GetDownloadUrlForLayer");

/// Version 2 of Docker's manifests and those of OCI, each of one image and of several.
const MANIFESTS: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

/// Where an image is.
#[derive(Debug, PartialEq, Eq)]
pub struct EcrImage<'a> {
    account: &'a str,
    region: &'a str,
    /// `amazonaws.com`, or that of a partition.
    domain: &'a str,
    repository: &'a str,
    version: Version<'a>,
}

#[derive(Debug, PartialEq, Eq)]
enum Version<'a> {
    Tag(&'a str),
    Digest(&'a str),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    images: Vec<Image>,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    image_manifest: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    failure_reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Download {
    download_url: String,
}

/// Of one image, or of several for the machines that they run on.
#[derive(Debug, Deserialize)]
struct Manifest {
    config: Option<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    architecture: String,
}

#[derive(Debug, Deserialize)]
struct ImageConfig {
    config: Option<Start>,
}

#[derive(Debug, Deserialize)]
struct Start {
    #[serde(rename = "Entrypoint")]
    entrypoint: Option<Vec<String>>,
}

impl<'a> EcrImage<'a> {
    /// `ACCOUNT.dkr.ecr.REGION.DOMAIN/NAME`, with `:TAG` or `@DIGEST`.
    pub fn of(image: &'a str) -> Option<Self> {
        let (host, name) = image.split_once('/')?;
        let (account, host) = host.split_once(".dkr.ecr.")?;
        let (region, domain) = host.split_once('.')?;
        if !domain.starts_with("amazonaws.com") {
            return None;
        }
        let (name, digest) = match name.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (name, None),
        };
        // Where there are both, the digest counts.
        let (repository, tag) = name.split_once(':').unwrap_or((name, "latest"));
        let version = digest.map_or(Version::Tag(tag), Version::Digest);
        Some(Self { account, region, domain, repository, version })
    }

    /// The ENTRYPOINT; empty where there is none. Of an image for several architectures, that for
    /// the given one, or else the first.
    ///
    /// # Errors
    /// When it is not there, may not be read, or is not of a known kind.
    pub async fn entrypoint(
        &self,
        clients: &Clients,
        architecture: &str,
    ) -> Result<Vec<String>, AwsError> {
        let mut manifest = self.manifest(clients, &self.version).await?;
        if let Some(one) = for_architecture(&manifest.manifests, architecture) {
            manifest = self.manifest(clients, &Version::Digest(&one.digest)).await?;
        }
        let Some(Descriptor { digest, .. }) = manifest.config else {
            return Err(unclear(READ_IMAGE, "its manifest is of a kind that is not known here"));
        };
        let asked = json!({
            "registryId": self.account, "repositoryName": self.repository, "layerDigest": digest,
        });
        let answer = self.ask(clients, READ_LAYER, &asked).await?;
        let Download { download_url } = read(READ_LAYER, &answer)?;
        let config = download(clients, &download_url).await?;
        let hash = Address::of_hash(Sha256::digest(&config).into());
        if digest != format!("sha256:{hash}") {
            return Err(unclear(READ_LAYER, "what came is not what the image's manifest names"));
        }
        let config: ImageConfig = read(READ_LAYER, &config)?;
        Ok(config.config.and_then(|start| start.entrypoint).unwrap_or_default())
    }

    async fn manifest(
        &self,
        clients: &Clients,
        version: &Version<'_>,
    ) -> Result<Manifest, AwsError> {
        let id = match version {
            Version::Tag(tag) => json!({"imageTag": tag}),
            Version::Digest(digest) => json!({"imageDigest": digest}),
        };
        let asked = json!({
            "registryId": self.account, "repositoryName": self.repository,
            "imageIds": [id], "acceptedMediaTypes": MANIFESTS,
        });
        let answer = self.ask(clients, READ_IMAGE, &asked).await?;
        let Images { images, failures } = read(READ_IMAGE, &answer)?;
        match (images.first(), failures.first()) {
            (Some(image), _) => read(READ_IMAGE, image.image_manifest.as_bytes()),
            (None, failure) => {
                let why = failure.map_or("it is not there", |it| &it.failure_reason);
                let (action, trouble) = (READ_IMAGE, Trouble::NotFound);
                Err(AwsError::Call { action, trouble, message: why.to_owned() })
            }
        }
    }

    async fn ask(
        &self,
        clients: &Clients,
        action: Action,
        asked: &Value,
    ) -> Result<Vec<u8>, AwsError> {
        let operation = action.0.trim_start_matches("ecr:");
        let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
        let body = asked.to_string();
        let call = builder(clients, operation, &self.endpoint(clients.config()))
            .runtime_plugin(self.signing(clients.config()))
            .serializer(move |()| {
                let mut request = HttpRequest::new(body.clone().into());
                request.set_method("POST")?;
                request.headers_mut().insert("content-type", "application/x-amz-json-1.1");
                request.headers_mut().insert("x-amz-target", target.clone());
                Ok(request)
            })
            .deserializer(answered)
            .build();
        clients.call(action, call.invoke(())).await
    }

    /// As the usual variables and files say, or AWS's own (AWS General Reference, "Amazon ECR
    /// endpoints and quotas").
    fn endpoint(&self, config: &SdkConfig) -> String {
        let Self { region, domain, .. } = self;
        let key = ServiceConfigKey::builder()
            .service_id("ecr")
            .profile("endpoint_url")
            .env("AWS_ENDPOINT_URL")
            .build();
        let set = key.ok().and_then(|key| config.service_config()?.load_config(key));
        let set = set.or_else(|| config.endpoint_url().map(str::to_owned));
        set.unwrap_or_else(|| match config.use_fips() {
            Some(true) => format!("https://ecr-fips.{region}.{domain}"),
            _ => format!("https://api.ecr.{region}.{domain}"),
        })
    }

    fn signing(&self, config: &SdkConfig) -> StaticRuntimePlugin {
        let mut layer = Layer::new("ecr");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(Region::new(self.region.to_owned()))),
            name: Some(SigningName::from_static("ecr")),
            ..SigV4OperationSigningConfig::default()
        });
        let mut components = RuntimeComponentsBuilder::new("ecr")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                SCHEME_ID,
            ])));
        components.set_identity_cache(config.identity_cache());
        if let Some(credentials) = config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
    }
}

/// What a signed URL stands for.
async fn download(clients: &Clients, url: &str) -> Result<Vec<u8>, AwsError> {
    let path_at = url.find("://").and_then(|at| Some(at + 3 + url[at + 3..].find('/')?));
    let Some((place, path)) = path_at.map(|at| url.split_at(at)) else {
        return Err(unclear(READ_LAYER, "the URL of the image's configuration is none"));
    };
    let path = path.to_owned();
    let call = builder(clients, "DownloadLayer", place)
        .no_auth()
        .serializer(move |()| Ok(HttpRequest::get(&path)?))
        .deserializer(answered)
        .build();
    // No policy of the caller's has to do with it, whatever the answer is.
    clients.call(READ_LAYER, call.invoke(())).await.map_err(|error| {
        unclear(READ_LAYER, format!("the image's configuration can't be fetched: {error}"))
    })
}

fn builder(clients: &Clients, operation: &str, endpoint: &str) -> OperationBuilder {
    let config = clients.config();
    let timeouts = config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
    let mut builder = Operation::builder()
        .behavior_version(BehaviorVersion::latest())
        .service_name("ecr")
        .operation_name(operation.to_owned())
        .endpoint_url(endpoint)
        .standard_retry(&clients.retries())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .timeout_config(timeouts);
    if let Some(http) = config.http_client() {
        builder = builder.http_client(http);
    }
    if let Some(sleep) = config.sleep_impl() {
        builder = builder.sleep_impl(sleep);
    }
    builder
}

fn answered(answer: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<ErrorMetadata>> {
    let body = answer.body().bytes().unwrap_or_default();
    if answer.status().is_success() {
        return Ok(body.to_vec());
    }
    Err(OrchestratorError::operation(refusal(body)))
}

/// Of AWS JSON 1.1: the code follows a namespace, if there is one.
fn refusal(body: &[u8]) -> ErrorMetadata {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut refusal = ErrorMetadata::builder();
    if let Some(kind) = said["__type"].as_str() {
        refusal = refusal.code(kind.rsplit('#').next().unwrap_or(kind));
    }
    if let Some(message) = said["message"].as_str().or_else(|| said["Message"].as_str()) {
        refusal = refusal.message(message);
    }
    refusal.build()
}

fn for_architecture<'m>(all: &'m [Descriptor], architecture: &str) -> Option<&'m Descriptor> {
    let is_for = |one: &&Descriptor, name: &str| {
        one.platform.as_ref().is_some_and(|platform| platform.architecture == name)
    };
    // Signatures and the like are of an unknown one.
    let is_image = |one: &&Descriptor| !is_for(one, "unknown");
    all.iter().find(|one| is_for(one, architecture)).or_else(|| all.iter().find(is_image))
}

fn read<T: DeserializeOwned>(action: Action, json: &[u8]) -> Result<T, AwsError> {
    serde_json::from_slice(json).map_err(|error| unclear(action, error.to_string()))
}

fn unclear(action: Action, message: impl Into<String>) -> AwsError {
    AwsError::Call { action, trouble: Trouble::Unclear, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_in_ecr_is_known_by_its_address() {
        let image = |version| EcrImage {
            account: "123456789012",
            region: "eu-west-1",
            domain: "amazonaws.com",
            repository: "team/build",
            version,
        };
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        for (rest, version) in [
            ("", Version::Tag("latest")),
            (":9", Version::Tag("9")),
            ("@sha256:ab", Version::Digest("sha256:ab")),
            (":9@sha256:ab", Version::Digest("sha256:ab")),
        ] {
            let name = format!("{host}/team/build{rest}");
            assert_eq!(EcrImage::of(&name), Some(image(version)), "{name}");
        }
        for other in ["busybox", "public.ecr.aws/a/b", "1.dkr.ecr.x.example.org/a", "ghcr.io/a"] {
            assert_eq!(EcrImage::of(other), None);
        }
    }

    #[test]
    fn the_image_of_an_architecture_or_the_first_that_is_one() {
        let all = |names: &[&str]| -> Vec<Descriptor> {
            let of = |name: &&str| json!({"digest": name, "platform": {"architecture": name}});
            names.iter().map(|name| serde_json::from_value(of(name)).expect("one")).collect()
        };
        let chosen =
            |names: &[&str]| for_architecture(&all(names), "amd64").map(|it| it.digest.clone());
        assert_eq!(chosen(&["arm64", "amd64"]).as_deref(), Some("amd64"));
        assert_eq!(chosen(&["unknown", "arm64"]).as_deref(), Some("arm64"));
        assert_eq!(chosen(&[]), None);
    }
}
