//! Some bytes of an object, brought by one request or, where that is cut, by as many as it takes.

use tokio::time::{Duration, sleep};

use super::{Objects, READ_OBJECT, call, cut, may_pass};
use crate::engine::EngineError;
use crate::engine::aws::AwsError;

/// So often in a row a request brings nothing new before it is given up.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(200);

/// The bytes of an object from `from` to before `end`.
pub struct Range<'a> {
    pub objects: &'a Objects,
    pub key: &'a str,
    pub from: u64,
    pub end: u64,
}

/// Takes bytes, and where in the object they are: one after the other, each once.
pub type Take<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), EngineError>;

impl Range<'_> {
    /// Goes on where it was cut, as often as that brings something.
    ///
    /// # Errors
    /// When S3 does not give it, or `take` fails.
    pub async fn fetch(&self, take: Take<'_>) -> Result<(), EngineError> {
        let mut at = self.from;
        let mut in_vain = 0;
        while at < self.end {
            let before = at;
            let error = match self.rest(&mut at, take).await {
                Ok(()) => continue,
                Err(error) => error,
            };
            in_vain = if at > before { 0 } else { in_vain + 1 };
            match error {
                EngineError::Aws(error) if may_pass(&error) && in_vain < TRIES => {
                    tracing::debug!(%error, at, "fetched on");
                    sleep(PAUSE * in_vain).await;
                }
                error => return Err(error),
            }
        }
        Ok(())
    }

    async fn rest(&self, at: &mut u64, take: Take<'_>) -> Result<(), EngineError> {
        let request = self
            .objects
            .parts
            .get_object()
            .bucket(&self.objects.bucket.name)
            .key(self.key)
            .range(format!("bytes={at}-{}", self.end - 1));
        let mut body = call(READ_OBJECT, request.send()).await?.body;
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| cut(READ_OBJECT, &error))?;
            // More than was asked for is none of this.
            let most = usize::try_from(self.end - *at).unwrap_or(usize::MAX).min(bytes.len());
            take(*at, &bytes[..most])?;
            *at += most as u64;
            if *at == self.end {
                return Ok(());
            }
        }
        Err(AwsError::cut_short(READ_OBJECT).into())
    }
}
