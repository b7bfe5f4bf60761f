//! What is kept in the bucket: parcels, and what goes to a job and comes from it.
//!
//! ```text
//! parcels/<address>             a source or inputs, the same for every job that brings them along
//! jobs/<id>/claim               the id on AWS Batch of the job that runs, of all that were sent for it
//! jobs/<id>/put/<id>.json       a parcel that was brought to the job later, in the order of the ids
//! jobs/<id>/blobs/<uuid>        a file that the job keeps, or many small ones
//! jobs/<id>/index/<child>.json  what the job keeps, by path: `job`, or the index of a child
//! jobs/<id>/fetch               the script of a job that fetches by URLs
//! jobs/<id>/results             the archive that such a job keeps
//! ```
//!
//! Submitters write parcels, jobs read them; nobody reads a parcel without comparing its hash. What
//! is below `jobs/` is between a job and those who may look at it.

mod bundle;
mod download;
mod index;
mod pieces;
mod range;
mod upload;

pub use bundle::{SMALL, bundled};
pub use download::Download;
pub use index::{Index, Indexed, Put};
pub use pieces::{Piece, spans};
pub use upload::Upload;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, DateTime, SdkBody};
use aws_sdk_s3::types::{ChecksumAlgorithm, Delete, ObjectIdentifier};
use tokio::time::{Duration, sleep};
use uuid::Uuid;

use self::range::Range;
use super::client::Clients;
use super::{Action, AwsError, Trouble};
use crate::engine::EngineError;
use crate::job::{Address, JobId};
use crate::ledger::Millis;
use crate::plan::Bucket;

pub const READ_OBJECT: Action = Action("s3:GetObject");
pub const WRITE_OBJECT: Action = Action("s3:PutObject");
pub const DELETE_OBJECT: Action = Action("s3:DeleteObject");
pub const LIST_OBJECTS: Action = Action("s3:ListBucket");
pub const LIST_PARTS: Action = Action("s3:ListMultipartUploadParts");

/// So often a part is sent.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(200);
/// S3 removes at most so many objects with one call of `DeleteObjects`.
const MOST_DELETED: usize = 1000;

/// A bucket, and the client that asks for it.
#[derive(Clone)]
pub struct Objects {
    s3: aws_sdk_s3::Client,
    /// For what takes as long as the line says.
    parts: aws_sdk_s3::Client,
    bucket: Bucket,
}

/// An object, as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    pub bytes: u64,
    pub modified: Option<Millis>,
}

impl Objects {
    pub fn new(clients: &Clients, bucket: Bucket) -> Self {
        Self { s3: clients.s3(), parts: clients.s3_parts(), bucket }
    }

    fn key(&self, rest: &str) -> String {
        let prefix = &self.bucket.prefix;
        if prefix.is_empty() { rest.to_owned() } else { format!("{prefix}/{rest}") }
    }

    pub fn parcel(&self, address: &Address) -> String {
        self.key(&format!("parcels/{address}"))
    }

    /// What is kept for a job; `rest` is empty for the beginning of all.
    pub fn of_job(&self, job: JobId, rest: &str) -> String {
        self.key(&format!("jobs/{job}/{rest}"))
    }

    pub fn blob(&self, job: JobId, blob: Uuid) -> String {
        self.of_job(job, &format!("blobs/{blob}"))
    }

    /// All objects whose keys begin so.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>, AwsError> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let request = self
                .s3
                .list_objects_v2()
                .bucket(&self.bucket.name)
                .prefix(prefix)
                .set_continuation_token(next.take());
            let page = call(LIST_OBJECTS, request.send()).await?;
            found.extend(page.contents().iter().filter_map(|object| {
                Some(Object {
                    key: object.key.clone()?,
                    bytes: object.size.and_then(|size| size.try_into().ok()).unwrap_or(0),
                    modified: object.last_modified.as_ref().and_then(millis),
                })
            }));
            match page.next_continuation_token {
                Some(token) if page.is_truncated == Some(true) => next = Some(token),
                _ => return Ok(found),
            }
        }
    }

    /// The object of that very key, if it is there. A caller who may only list sees that too.
    pub async fn look(&self, key: &str) -> Result<Option<Object>, AwsError> {
        let request = self.s3.list_objects_v2().bucket(&self.bucket.name).prefix(key).max_keys(1);
        let page = call(LIST_OBJECTS, request.send()).await?;
        let found = page.contents().iter().find(|object| object.key.as_deref() == Some(key));
        Ok(found.map(|object| Object {
            key: key.to_owned(),
            bytes: object.size.and_then(|size| size.try_into().ok()).unwrap_or(0),
            modified: object.last_modified.as_ref().and_then(millis),
        }))
    }

    /// May the caller look for parcels?
    pub async fn look_for_any_parcel(&self) -> Result<(), AwsError> {
        self.look(&self.key("parcels/")).await.map(drop)
    }

    /// A small object, as a whole.
    pub async fn read(&self, key: &str) -> Result<Vec<u8>, AwsError> {
        let request = self.s3.get_object().bucket(&self.bucket.name).key(key);
        let answer = call(READ_OBJECT, request.send()).await?;
        let body = answer.body.collect().await.map_err(|error| cut(READ_OBJECT, &error))?;
        Ok(body.to_vec())
    }

    /// A small object, written as a whole.
    pub async fn write(&self, key: &str, content: Vec<u8>) -> Result<(), AwsError> {
        let request = self.s3.put_object().bucket(&self.bucket.name).key(key);
        let request = request.body(ByteStream::from(content));
        call(WRITE_OBJECT, request.send()).await.map(drop)
    }

    /// A small object that nobody has written yet: `false` if somebody has, and that stays as it is
    /// (S3, "Conditional writes").
    pub async fn create(&self, key: &str, content: Vec<u8>) -> Result<bool, AwsError> {
        let content = ByteStream::from(content).into_inner();
        again(async || {
            let request = self.s3.put_object().bucket(&self.bucket.name).key(key);
            let request = request.if_none_match("*").body(shared(&content));
            match Box::pin(request.send()).await {
                Ok(_) => Ok(true),
                Err(error) if answers(&error, 412) => Ok(false),
                Err(error) => Err(AwsError::call(WRITE_OBJECT, &error)),
            }
        })
        .await
    }

    /// The same as `write` for one of some MiB, as often as it takes.
    pub async fn write_large(&self, key: &str, content: Vec<u8>) -> Result<(), AwsError> {
        let content = ByteStream::from(content).into_inner();
        again(async || {
            let request = self.parts.put_object().bucket(&self.bucket.name).key(key);
            let request =
                request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(shared(&content));
            // S3 compares a checksum of its own, and who reads it the hash.
            let request = request.customize().disable_payload_signing();
            call(WRITE_OBJECT, request.send()).await.map(drop)
        })
        .await
    }

    /// An index, if it is one that this program knows.
    pub async fn index(&self, object: &Object) -> Result<Index, EngineError> {
        let mut json = Vec::new();
        let mut take = |_, bytes: &[u8]| {
            json.extend_from_slice(bytes);
            Ok(())
        };
        let key = &object.key;
        let range = Range { objects: self, key, from: 0, end: object.bytes };
        range.fetch(&mut take).await?;
        Ok(Index::parse(key, &json)?)
    }

    pub async fn delete(&self, keys: &[String]) -> Result<(), AwsError> {
        for keys in keys.chunks(MOST_DELETED) {
            let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
            let objects: Vec<_> =
                objects.collect::<Result<_, _>>().map_err(|error| invalid(&error))?;
            let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
            let delete = delete.map_err(|error| invalid(&error))?;
            let request = self.s3.delete_objects().bucket(&self.bucket.name).delete(delete);
            let answer = call(DELETE_OBJECT, request.send()).await?;
            if let Some(error) = answer.errors().first() {
                let code = error.code.as_deref().unwrap_or_default();
                let denied = code == "AccessDenied";
                let trouble = if denied { Trouble::Denied } else { Trouble::Refused };
                let key = error.key.as_deref().unwrap_or_default();
                let message = format!("{key}: {code}");
                return Err(AwsError::Call { action: DELETE_OBJECT, trouble, message });
            }
        }
        Ok(())
    }

    /// A URL by which whoever has it may read the object for so long.
    pub async fn url_to_read(&self, key: &str, lasts: Duration) -> Result<String, AwsError> {
        let how = PresigningConfig::expires_in(lasts).map_err(|error| invalid(&error))?;
        let request = self.s3.get_object().bucket(&self.bucket.name).key(key).presigned(how);
        match request.await {
            Ok(request) => Ok(request.uri().to_owned()),
            Err(error) => Err(AwsError::call(READ_OBJECT, &error)),
        }
    }

    /// The same, to write it.
    pub async fn url_to_write(&self, key: &str, lasts: Duration) -> Result<String, AwsError> {
        let how = PresigningConfig::expires_in(lasts).map_err(|error| invalid(&error))?;
        let request = self.s3.put_object().bucket(&self.bucket.name).key(key).presigned(how);
        match request.await {
            Ok(request) => Ok(request.uri().to_owned()),
            Err(error) => Err(AwsError::call(WRITE_OBJECT, &error)),
        }
    }
}

/// S3 takes thousands of calls a second, so none has to wait for its turn.
pub async fn call<T, E>(
    action: Action,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, AwsError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    // Those of the SDK are large, and would make everything large that waits for one.
    Box::pin(call).await.map_err(|error| AwsError::call(action, &error))
}

fn millis(time: &DateTime) -> Option<Millis> {
    time.to_millis().ok()
}

/// An answer that broke off.
fn cut(action: Action, error: &dyn std::error::Error) -> AwsError {
    let message = super::error::chain(error);
    AwsError::Call { action, trouble: Trouble::Unclear, message }
}

/// A request that the SDK could not even put together.
fn invalid(error: &dyn std::error::Error) -> AwsError {
    let message = super::error::chain(error);
    AwsError::Call { action: WRITE_OBJECT, trouble: Trouble::Refused, message }
}

/// Sends something as often as that may help, besides what the SDK does by itself.
async fn again<T>(request: impl AsyncFn() -> Result<T, AwsError>) -> Result<T, AwsError> {
    let mut tries = 1;
    loop {
        match request().await {
            Err(error) if tries < TRIES && may_pass(&error) => {
                tracing::debug!(%error, tries, "sent again");
                sleep(PAUSE * tries).await;
                tries += 1;
            }
            result => return result,
        }
    }
}

/// Does what takes long where it holds up nothing else.
pub async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| EngineError::io("go on")(std::io::Error::other(error)))?
}

/// What is in memory once, however often it is sent.
fn shared(content: &SdkBody) -> ByteStream {
    content.try_clone().map(ByteStream::new).unwrap_or_default()
}

/// Is it worth another try?
const fn may_pass(error: &AwsError) -> bool {
    matches!(error.trouble(), Trouble::NotSent | Trouble::Throttled | Trouble::Unclear)
}

/// Whether S3 says that there is no such thing.
fn is_gone<E>(error: &SdkError<E, HttpResponse>) -> bool {
    answers(error, 404)
}

fn answers<E>(error: &SdkError<E, HttpResponse>, status: u16) -> bool {
    error.raw_response().is_some_and(|answer| answer.status().as_u16() == status)
}
