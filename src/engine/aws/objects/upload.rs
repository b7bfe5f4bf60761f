//! A file to an object: in parts, several at a time, taken up again where it was left.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::{LIST_PARTS, Objects, WRITE_OBJECT, again, aside, call, is_gone, shared};
use crate::engine::aws::AwsError;
use crate::engine::{EngineError, Hear, Sent};
use crate::parcel::ParcelError;

/// Bytes of a part, and of a file that goes in one piece. S3 takes 5 MiB at the least (but for the
/// last), and 10,000 of them.
const PART: u64 = 8 << 20;
const MOST_PARTS: u64 = 10_000;
/// So many parts are under way at a time, where there are lines for them.
const AT_ONCE: usize = 8;

/// A file that becomes an object.
pub struct Upload<'a> {
    pub objects: &'a Objects,
    pub key: String,
    pub file: &'a Path,
    /// Where to remember what was sent, for a process that comes after this one. The bytes have
    /// to be the same then, as those of a parcel are.
    pub record: Option<PathBuf>,
    /// Parts that may be under way at a time, and in memory, of all uploads together.
    pub lines: &'a Semaphore,
}

/// What S3 says of a part that it has, and wants to be told again at the end.
#[derive(Debug)]
struct Part {
    tag: Option<String>,
    /// CRC-32.
    checksum: Option<String>,
}

/// An upload that is not complete.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    bucket: String,
    key: String,
    upload: String,
    part: u64,
}

impl Upload<'_> {
    /// Sends it.
    ///
    /// # Errors
    /// When it can't be read, or S3 does not take it.
    pub async fn send(&self, hear: Hear<'_>) -> Result<(), EngineError> {
        let unreadable = |source| ParcelError::Read { path: self.file.to_owned(), source };
        let file = Arc::new(File::open(self.file).map_err(unreadable)?);
        let bytes = file.metadata().map_err(unreadable)?.len();
        hear(Sent::Expected(bytes));
        if bytes <= PART {
            let _line = self.lines.acquire().await;
            let content = self.read_at(&file, 0, bytes).await?;
            self.objects.write_large(&self.key, content).await?;
            hear(Sent::Bytes(bytes));
            return Ok(());
        }
        let part = part_size(bytes);
        let (upload, mut done) = self.begin(part).await?;
        let count = i32::try_from(bytes.div_ceil(part)).unwrap_or(i32::MAX);
        let size_of = |number: i32| {
            let before = u64::from(number.unsigned_abs() - 1) * part;
            (before, part.min(bytes - before))
        };
        done.retain(|number, _| (1..=count).contains(number));
        for number in done.keys() {
            hear(Sent::Bytes(size_of(*number).1));
        }
        let missing: Vec<_> = (1..=count).filter(|number| !done.contains_key(number)).collect();
        let (upload, file) = (upload.as_str(), &file);
        let parts = missing.into_iter().map(|number| async move {
            let (at, length) = size_of(number);
            let _line = self.lines.acquire().await;
            let content = self.read_at(file, at, length).await?;
            // Shared by the tries, not copied.
            let content = ByteStream::from(content).into_inner();
            let part = again(async || {
                let request = self
                    .objects
                    .parts
                    .upload_part()
                    .bucket(&self.objects.bucket.name)
                    .key(&self.key)
                    .upload_id(upload)
                    .part_number(number)
                    .checksum_algorithm(ChecksumAlgorithm::Crc32)
                    .body(shared(&content));
                // S3 compares a checksum of its own, and who opens a parcel its hash.
                let request = request.customize().disable_payload_signing();
                let answer = call(WRITE_OBJECT, request.send()).await?;
                Ok(Part { tag: answer.e_tag, checksum: answer.checksum_crc32 })
            })
            .await?;
            Ok::<_, EngineError>((number, part, length))
        });
        let mut parts = futures_util::stream::iter(parts).buffer_unordered(AT_ONCE);
        while let Some(sent) = parts.next().await {
            let (number, part, length) = sent?;
            done.insert(number, part);
            hear(Sent::Bytes(length));
        }
        self.complete(upload, done, bytes).await?;
        if let Some(record) = &self.record {
            // Where it stays, it names an upload that is no more, which S3 will say.
            let _ = fs::remove_file(record);
        }
        Ok(())
    }

    async fn read_at(
        &self,
        file: &Arc<File>,
        at: u64,
        length: u64,
    ) -> Result<Vec<u8>, EngineError> {
        let (file, path) = (Arc::clone(file), self.file.to_owned());
        // Allocated and freed by the same thread: others would keep as much again for themselves.
        let mut content = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        aside(move || {
            let read = file.read_exact_at(&mut content, at);
            read.map_err(|source| ParcelError::Read { path, source })?;
            Ok(content)
        })
        .await
    }

    async fn complete(
        &self,
        upload: &str,
        parts: BTreeMap<i32, Part>,
        bytes: u64,
    ) -> Result<(), EngineError> {
        let parts = parts.into_iter().map(|(number, Part { tag, checksum })| {
            let part = CompletedPart::builder().part_number(number);
            part.set_e_tag(tag).set_checksum_crc32(checksum).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let complete = async || {
            let request = self
                .objects
                .parts
                .complete_multipart_upload()
                .bucket(&self.objects.bucket.name)
                .key(&self.key)
                .upload_id(upload)
                .multipart_upload(parts.clone());
            call(WRITE_OBJECT, request.send()).await.map(drop)
        };
        let Err(error) = again(complete).await else { return Ok(()) };
        // An answer may have got lost: it was completed before.
        match self.objects.look(&self.key).await? {
            Some(object) if object.bytes == bytes => Ok(()),
            _ => Err(error.into()),
        }
    }

    /// The upload that was begun before, with the parts that S3 has, or a new one.
    async fn begin(&self, part: u64) -> Result<(String, BTreeMap<i32, Part>), EngineError> {
        let bucket = &self.objects.bucket.name;
        let record = self.record.as_ref().and_then(|record| fs::read(record).ok());
        let begun: Option<Begun> = record.and_then(|json| serde_json::from_slice(&json).ok());
        if let Some(begun) = begun
            .filter(|begun| begun.bucket == *bucket && begun.key == self.key && begun.part == part)
            && let Some(parts) = self.parts(&begun.upload).await?
        {
            return Ok((begun.upload, parts));
        }
        let upload = again(async || {
            let request = self
                .objects
                .s3
                .create_multipart_upload()
                .bucket(bucket)
                .key(&self.key)
                .checksum_algorithm(ChecksumAlgorithm::Crc32);
            let answer = call(WRITE_OBJECT, request.send()).await?;
            Ok(answer.upload_id.unwrap_or_default())
        })
        .await?;
        if let Some(record) = &self.record {
            let begun = Begun {
                bucket: bucket.clone(),
                key: self.key.clone(),
                upload: upload.clone(),
                part,
            };
            let json = serde_json::to_vec(&begun).unwrap_or_default();
            fs::write(record, json)
                .map_err(|source| ParcelError::Write { path: record.clone(), source })?;
        }
        Ok((upload, BTreeMap::new()))
    }

    /// `None`: S3 knows no such upload any more.
    async fn parts(&self, upload: &str) -> Result<Option<BTreeMap<i32, Part>>, EngineError> {
        let mut parts = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let request = self
                .objects
                .s3
                .list_parts()
                .bucket(&self.objects.bucket.name)
                .key(&self.key)
                .upload_id(upload)
                .set_part_number_marker(after.take());
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => {
                    let error = AwsError::call(LIST_PARTS, &error);
                    // Without the right to look, all of it is sent anew.
                    tracing::debug!(%error, "what was sent before is not known");
                    return Ok(None);
                }
            };
            for part in answer.parts() {
                if let Some(number) = part.part_number {
                    let (tag, checksum) = (part.e_tag.clone(), part.checksum_crc32.clone());
                    parts.insert(number, Part { tag, checksum });
                }
            }
            match answer.next_part_number_marker {
                Some(marker) if answer.is_truncated == Some(true) => after = Some(marker),
                _ => return Ok(Some(parts)),
            }
        }
    }
}

/// So large that there are not too many of them.
const fn part_size(bytes: u64) -> u64 {
    let mut part = PART;
    while bytes.div_ceil(part) > MOST_PARTS {
        part *= 2;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_not_too_many() {
        assert_eq!(part_size(1), PART);
        assert_eq!(part_size(PART * MOST_PARTS), PART);
        assert_eq!(part_size(PART * MOST_PARTS + 1), 2 * PART);
        // The largest object that S3 takes.
        assert!((5_u64 << 40).div_ceil(part_size(5 << 40)) <= MOST_PARTS);
    }
}
