//! What is brought to jobs and what they keep, by way of the bucket.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;
use uuid::Uuid;

use super::objects::{Object, Objects, Put, Upload};
use super::{AwsEngine, AwsError};
use crate::engine::files::{FileEntry, FileKind};
use crate::engine::{EngineError, Hear, Submission};
use crate::job::{JobFiles, Parcel};
use crate::ledger::{JobRecord, Millis};
use crate::parcel::{Made, ParcelError, Store};
use crate::plan::Fetch;

/// A parcel that was sent longer ago is sent again: the bucket's lifecycle counts from then, and
/// the job may start late. In ms: a week.
const FRESH: Millis = 7 * 24 * 60 * 60 * 1000;
/// So many connections fetch at a time.
pub const LINES: usize = 8;

impl AwsEngine<'_> {
    pub(super) async fn objects(&mut self, job: &JobRecord) -> Result<Objects, EngineError> {
        let bucket = job.plan.bucket.clone().ok_or(AwsError::NoBucket { job: job.id.short() })?;
        let clients = self.clients().await?;
        Ok(Objects::new(&clients, bucket))
    }

    /// Sends what was packed and is not there yet, and looks whether the rest is.
    pub(super) async fn send_parcels(
        &mut self,
        submissions: &[Submission],
        made: Vec<Made>,
        hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        let plans = submissions.iter().map(|it| &it.job.plan);
        let Some(bucket) = plans.clone().find_map(|plan| plan.bucket.clone()) else {
            return Ok(());
        };
        let wanted: BTreeSet<Parcel> =
            plans.flat_map(|plan| plan.freight.parcels().cloned()).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let clients = self.clients().await?;
        let objects = Objects::new(&clients, bucket);
        let records = Store::new(self.dir.parcels());
        for parcel in wanted {
            let made = made.iter().find(|made| made.parcel == parcel);
            self.send_parcel(&objects, &parcel, made, &records, hear).await?;
        }
        Ok(())
    }

    async fn send_parcel(
        &self,
        objects: &Objects,
        parcel: &Parcel,
        made: Option<&Made>,
        records: &Store,
        hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        let Some(made) = made else {
            let there = self.fresh(objects, parcel).await?;
            return there.map_or(Err(EngineError::ParcelGone(parcel.clone())), |_| Ok(()));
        };
        if self.fresh(objects, parcel).await? == Some(true) {
            return Ok(());
        }
        // One process of this machine sends it; the others find that it is there.
        let record = records.path(&parcel.address).with_extension("upload");
        let _turn = turn(&record).await?;
        if self.fresh(objects, parcel).await? == Some(true) {
            return Ok(());
        }
        let key = objects.parcel(&parcel.address);
        let (file, record) = (made.path(), Some(record));
        let lines = &Semaphore::new(LINES);
        Upload { objects, key, file, record, lines }.send(hear).await
    }

    /// Is it there, and will it be for long enough?
    async fn fresh(&self, objects: &Objects, parcel: &Parcel) -> Result<Option<bool>, EngineError> {
        let there = objects.look(&objects.parcel(&parcel.address)).await?;
        let there = there.filter(|object| object.bytes == parcel.bytes);
        Ok(there.map(|object| object.modified.is_none_or(|since| self.clock.now() - since < FRESH)))
    }

    pub(super) async fn list_files(
        &mut self,
        job: &JobRecord,
    ) -> Result<Vec<FileEntry>, EngineError> {
        if !job.plan.carries() && job.plan.bucket.is_none() {
            return Err(AwsError::NoBucket { job: job.id.short() }.into());
        }
        let objects = self.objects(job).await?;
        let there = objects.list(&objects.of_job(job.id, "")).await?;
        let below = objects.of_job(job.id, "");
        let rest = |object: &Object| object.key.strip_prefix(&below).map(str::to_owned);
        let mut found = Vec::new();
        let mut have = BTreeSet::new();
        let mut add = |entry: FileEntry, found: &mut Vec<FileEntry>| {
            if have.insert(entry.path.clone()) {
                found.push(entry);
            }
        };
        for object in &there {
            let child = rest(object).and_then(|rest| {
                Some(rest.strip_prefix("index/")?.strip_suffix(".json")?.to_owned())
            });
            let Some(child) = child else { continue };
            let index = objects.index(object).await?;
            let child = (child != WHOLE).then_some(child.as_str());
            for entry in index.entries {
                add(entry.into_entry(child), &mut found);
            }
        }
        if there.iter().filter_map(rest).any(|rest| rest == RESULTS) {
            let (_folder, entries) = self.results(&objects, job.id, &mut |_| ()).await?;
            for entry in entries {
                add(entry, &mut found);
            }
        }
        // What waits for the job, or was put to it and that it does not keep.
        let waiting =
            job.plan.freight.inputs.iter().map(|input| (input.path.to_string(), &input.parcel));
        for (path, parcel) in waiting {
            let kind = FileKind::ToCome { bytes: parcel.bytes };
            add(FileEntry { path, kind, modified: None }, &mut found);
        }
        for object in there.iter().filter(|it| rest(it).is_some_and(|it| it.starts_with("put/"))) {
            let put: Put = read_json(&objects, &object.key).await?;
            for path in put.paths {
                let kind = FileKind::ToCome { bytes: put.parcel.bytes };
                add(FileEntry { path, kind, modified: Some(put.at) }, &mut found);
            }
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    pub(super) async fn put_files(
        &mut self,
        job: &JobRecord,
        made: Made,
        paths: Vec<String>,
        hear: Hear<'_>,
    ) -> Result<(), EngineError> {
        can_be_put(job)?;
        let objects = self.objects(job).await?;
        let records = Store::new(self.dir.parcels());
        self.send_parcel(&objects, &made.parcel, Some(&made), &records, hear).await?;
        let at = self.clock.now();
        let put = Put { parcel: made.parcel.clone(), paths, at };
        // Sorted by time, so that the last one wins.
        let name = format!("put/{}.json", Uuid::now_v7());
        let json = serde_json::to_vec(&put).unwrap_or_default();
        objects.write(&objects.of_job(job.id, &name), json).await?;
        Ok(())
    }

    /// Removes what the bucket has of a job, and gives its bytes.
    pub(super) async fn remove_objects(
        &mut self,
        job: &JobRecord,
        keep_all: bool,
    ) -> Result<u64, EngineError> {
        if job.plan.bucket.is_none() {
            return Ok(0);
        }
        let objects = self.objects(job).await?;
        let there = objects.list(&objects.of_job(job.id, "")).await?;
        let bytes = there.iter().map(|object| object.bytes).sum();
        if !keep_all && !there.is_empty() {
            let keys: Vec<_> = there.into_iter().map(|object| object.key).collect();
            objects.delete(&keys).await?;
        }
        Ok(bytes)
    }
}

/// Will somebody look for what is put to the job?
fn can_be_put(job: &JobRecord) -> Result<(), EngineError> {
    let plan = &job.plan;
    if plan.spec.files == JobFiles::None {
        return Err(EngineError::NoFiles(job.id));
    }
    let (why, hint) = if plan.carrier().is_none() {
        (
            "it brings nothing along and keeps nothing, so nobody in it looks for files",
            "submit it with --output or --input",
        )
    } else if plan.fetch == Fetch::Urls {
        (
            "it fetches by URLs, once, before its command starts",
            "bring it along with --input, or let the job fetch for itself: fetch = \"program\"",
        )
    } else {
        return Ok(());
    };
    Err(AwsError::Put { job: job.id.short(), why, hint }.into())
}

/// Waits until no other process has the lock of a file. It is let go with what is returned.
async fn turn(path: &Path) -> Result<File, EngineError> {
    let write = |source| ParcelError::Write { path: path.to_owned(), source };
    let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
    let file = open.map_err(write)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => sleep(TURN).await,
            Err(TryLockError::Error(error)) => return Err(write(error).into()),
        }
    }
}

/// How often it is asked whether a lock is free.
const TURN: Duration = Duration::from_millis(50);

/// The index of a job that is no child of an array.
pub const WHOLE: &str = "job";
/// The archive of a job that keeps its results by a URL.
pub const RESULTS: &str = "results";

pub async fn read_json<T: serde::de::DeserializeOwned>(
    objects: &Objects,
    key: &str,
) -> Result<T, EngineError> {
    let json = objects.read(key).await?;
    let broken =
        |error: serde_json::Error| AwsError::Object { key: key.to_owned(), why: error.to_string() };
    Ok(serde_json::from_slice(&json).map_err(broken)?)
}
