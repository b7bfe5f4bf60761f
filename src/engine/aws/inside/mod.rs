//! What this program does in a job: fetch what the job brings along, and keep what it leaves.
//!
//! It runs in the image, with the role of the job, as the process that the line of shell becomes
//! (`plan/files.rs`).

mod bundle;
mod claim;
mod command;
mod known;
mod sending;

pub use claim::Claim;
pub use command::{Around, Command, Signals};

use self::known::Known;
use self::sending::{Kept, Sent};

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::client::Clients;
use super::files::{LINES, WHOLE, read_json};
use super::objects::{Download, Index, Indexed, Objects, Put, aside};
use super::{AwsError, AwsSettings};
use crate::engine::changes::{Before, Look};
use crate::engine::files::{FileEntry, FileKind, Roots};
use crate::engine::outputs::{Found, Search};
use crate::engine::{EngineError, Stored, replace};
use crate::job::{JobId, Output, Parcel, Root};
use crate::parcel::{How, InTheWay, Names, Times, open_alone, unpack};
use crate::plan::Cargo;

/// Who it is that runs, as AWS Batch tells a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// Batch's id of the job, without the index of a child.
    pub job: JobId,
    /// The index of a child of an array.
    pub child: Option<String>,
    pub attempt: u32,
}

/// A job, seen from within.
pub struct Inside {
    objects: Objects,
    cargo: Cargo,
    /// Under which its objects are: our own id, or Batch's of a job that others submitted.
    job: JobId,
    runs: Runs,
    roots: Roots,
    /// How the source looked when it was unpacked.
    before: Before,
    /// Puts that were unpacked.
    unpacked: BTreeSet<String>,
    known: Arc<Known>,
    /// How files looked at the last look.
    seen: BTreeMap<String, Look>,
    /// What was kept of them then.
    kept: BTreeMap<String, Kept>,
    /// What an earlier attempt kept, and this one has not yet.
    earlier: BTreeMap<String, Indexed>,
    index: Index,
    /// Parts that are in memory at a time, of all files together: the memory is that of the job.
    lines: Semaphore,
}

const PARTS_AT_ONCE: usize = 4;

impl Inside {
    /// # Errors
    /// When AWS can't be asked.
    pub async fn new(
        cargo: Cargo,
        runs: Runs,
        roots: Roots,
        settings: &AwsSettings,
    ) -> Result<Self, EngineError> {
        let clients = Clients::of_job(settings, cargo.region.clone()).await?;
        let objects = Objects::new(&clients, cargo.bucket.clone());
        let job = cargo.job.unwrap_or(runs.job);
        Ok(Self {
            objects,
            cargo,
            job,
            runs,
            roots,
            before: Before::default(),
            unpacked: BTreeSet::new(),
            known: Arc::default(),
            seen: BTreeMap::new(),
            kept: BTreeMap::new(),
            earlier: BTreeMap::new(),
            index: Index::default(),
            lines: Semaphore::new(PARTS_AT_ONCE),
        })
    }

    /// Brings source and inputs to their places, and says where the command starts, if not where
    /// the image says.
    ///
    /// # Errors
    /// When something can't be had, is not what it should be, or there is no room for it.
    pub async fn fetch(&mut self) -> Result<(Option<PathBuf>, Vec<String>), EngineError> {
        for input in &self.cargo.freight.inputs {
            self.open(&input.parcel, &self.roots.files, InTheWay::Goes).await?;
        }
        let mut complaints = self.recall().await?;
        complaints.append(&mut self.fetch_puts().await?);
        let Some(source) = &self.cargo.freight.source else { return Ok((None, complaints)) };
        let make = |folder: &Path| {
            fs::create_dir_all(folder)
                .map_err(EngineError::io(format!("make `{}`", folder.display())))
        };
        make(&self.roots.source)?;
        self.open(&source.parcel, &self.roots.source, InTheWay::Goes).await?;
        // Git knows no folder without files, and the caller may have stood in one.
        let directory = source.start(&self.roots.source);
        make(&directory)?;
        if self.cargo.outputs.first_in(Root::Source).is_some() {
            self.before = Before::of(&self.roots)?;
        }
        Ok((Some(directory), complaints))
    }

    /// What the command reads on its stdin, from its beginning, if the job brings something.
    ///
    /// # Errors
    /// As those of [`fetch`](Self::fetch).
    pub async fn stdin(&self) -> Result<Option<File>, EngineError> {
        let Some(parcel) = &self.cargo.freight.stdin else { return Ok(None) };
        let folder = tempfile::tempdir().map_err(EngineError::io("make a folder for stdin"))?;
        self.open(parcel, folder.path(), InTheWay::Stays).await?;
        // It is read to its end although its name is gone.
        Ok(Some(open_alone(folder.path())?))
    }

    async fn open(
        &self,
        parcel: &Parcel,
        into: &Path,
        in_the_way: InTheWay,
    ) -> Result<(), EngineError> {
        let key = self.objects.parcel(&parcel.address);
        // S3 tells those who may not list only that they may not read.
        if self.objects.look(&key).await?.is_none() {
            return Err(EngineError::ParcelGone(parcel.clone()));
        }
        // Nobody else's: other jobs of this machine may fetch the same.
        let folder = tempfile::tempdir().map_err(EngineError::io("make a folder for a parcel"))?;
        let (file, into) = (folder.path().join("parcel"), into.to_owned());
        let lines = Semaphore::new(LINES);
        let download = Download {
            objects: &self.objects,
            key,
            at: 0,
            bytes: parcel.bytes,
            hash: Some(&parcel.address),
            to: &file,
            executable: false,
            lines: &lines,
            land: &replace,
        };
        download.fetch(&|_| ()).await?;
        // It was compared when it was fetched. An earlier attempt may have left what is in the way.
        let how = How { names: Names::Any, in_the_way, times: Times::OfAParcel };
        aside(move || {
            let _folder = folder;
            Ok(unpack(&file, None, &into, how)?)
        })
        .await
    }

    /// Unpacks what was put to the job since the last look.
    async fn fetch_puts(&mut self) -> Result<Vec<String>, EngineError> {
        let mut complaints = Vec::new();
        if !self.roots.files.is_dir() {
            return Ok(complaints);
        }
        let puts = self.objects.list(&self.objects.of_job(self.job, "put/")).await?;
        for object in puts {
            if self.unpacked.contains(&object.key) {
                continue;
            }
            let put: Put = read_json(&self.objects, &object.key).await?;
            match self.open(&put.parcel, &self.roots.files, InTheWay::Stays).await {
                Ok(()) => {}
                // Whoever put it is told by the log, and nothing else is held up.
                Err(error @ (EngineError::Parcel(_) | EngineError::ParcelGone(_))) => {
                    let paths = put.paths.join(", ");
                    let why = crate::engine::in_one_line(&error);
                    complaints.push(format!("what was put to `{paths}` does not fit: {why}"));
                }
                Err(error) => return Err(error),
            }
            self.unpacked.insert(object.key);
        }
        Ok(complaints)
    }

    /// Looks for what was put to the job, and keeps outputs that have not changed since the last
    /// look; with `is_last` all of them. Gives what can't be kept, and why.
    ///
    /// # Errors
    /// When AWS can't be asked, or a file can't be read.
    pub async fn look(&mut self, is_last: bool) -> Result<Vec<String>, EngineError> {
        let mut put = if is_last { Vec::new() } else { self.fetch_puts().await? };
        let Found { entries, missing, unfit: mut complaints } = self.find(is_last)?;
        // What is not there yet may come.
        if !is_last {
            complaints.clear();
        }
        complaints.extend(missing.iter().map(|output| format!("output `{output}` is not there")));
        complaints.append(&mut put);
        let mut to_send = Vec::new();
        for entry in &entries {
            if !matches!(entry.kind, FileKind::File { .. }) {
                continue;
            }
            // One that is gone again is none.
            let Some(look) = Look::at(&self.roots.place(&entry.path)) else { continue };
            let is_settled = is_last || self.seen.get(&entry.path) == Some(&look);
            let is_kept = self.kept.get(&entry.path).is_some_and(|kept| kept.look == look);
            self.seen.insert(entry.path.clone(), look);
            if is_settled && !is_kept {
                to_send.push((entry.path.clone(), look));
            }
        }
        let sent = self.send_all(to_send, is_last).await?;
        let known = Arc::make_mut(&mut self.known);
        for (path, sent) in sent {
            match sent {
                Sent::Kept(kept) => {
                    self.earlier.remove(&path);
                    known.insert(kept.look.bytes, kept.hash.clone(), kept.stored);
                    self.kept.insert(path, kept);
                }
                Sent::Changed => {}
                Sent::Not(why) => {
                    self.kept.remove(&path);
                    complaints.push(format!("`{path}`: {why}"));
                }
            }
        }
        if is_last {
            self.earlier.clear();
        }
        self.write_index(entries, &missing).await?;
        Ok(complaints)
    }

    /// The files that are outputs. A build leaves much in its source that is gone when it is over, so
    /// that is looked at when the command has ended.
    fn find(&self, is_last: bool) -> Result<Found, EngineError> {
        let (outputs, freight) = (&self.cargo.outputs, &self.cargo.freight);
        let search = Search { outputs, roots: &self.roots, freight, before: &self.before };
        if is_last {
            return search.find(&Root::ALL);
        }
        Ok(Found { missing: Vec::new(), ..search.find(&[Root::Files])? })
    }

    /// What an attempt before this one kept. It stays until this one keeps something in its place, or
    /// ends; and what has not changed is not sent again.
    async fn recall(&mut self) -> Result<Vec<String>, EngineError> {
        let key = self.index_key();
        let is_first = self.runs.attempt == 1;
        let object = if is_first { None } else { self.objects.look(&key).await? };
        let Some(object) = object else { return Ok(Vec::new()) };
        let index = match self.objects.index(&object).await {
            Ok(index) => index,
            Err(EngineError::Aws(error @ (AwsError::Object { .. } | AwsError::Format { .. }))) => {
                return Ok(vec![format!("what was kept before is not kept any more: {error}")]);
            }
            Err(error) => return Err(error),
        };
        let known = Arc::make_mut(&mut self.known);
        for entry in index.entries {
            if let Indexed::File { bytes, sha256, blob, at, .. } = &entry {
                known.insert(*bytes, sha256.clone(), Stored { object: *blob, at: *at });
            }
            self.earlier.insert(entry.path().to_owned(), entry);
        }
        Ok(Vec::new())
    }

    async fn write_index(
        &mut self,
        entries: Vec<FileEntry>,
        missing: &[Output],
    ) -> Result<(), EngineError> {
        let mut all = self.earlier.clone();
        for entry in entries {
            let path = entry.path.clone();
            if let Some(indexed) = self.indexed(entry) {
                all.insert(path, indexed);
            }
        }
        let missing = missing.iter().map(ToString::to_string).collect();
        let index = Index::new(self.runs.attempt, all.into_values().collect(), missing);
        if index == self.index {
            return Ok(());
        }
        let json = serde_json::to_vec(&index).unwrap_or_default();
        self.objects.write_large(&self.index_key(), json).await?;
        self.index = index;
        Ok(())
    }

    fn index_key(&self) -> String {
        let child = self.runs.child.as_deref().unwrap_or(WHOLE);
        self.objects.of_job(self.job, &format!("index/{child}.json"))
    }

    /// `None` for what is not kept.
    fn indexed(&self, entry: FileEntry) -> Option<Indexed> {
        let path = entry.path;
        match entry.kind {
            FileKind::File { executable, .. } => {
                let Kept { look, hash, stored } = self.kept.get(&path).cloned()?;
                let (Look { bytes, modified, .. }, Stored { object: blob, at }) = (look, stored);
                Some(Indexed::File { path, bytes, sha256: hash, blob, at, executable, modified })
            }
            FileKind::Link { target } => {
                let target = target.to_string_lossy().into_owned();
                Some(Indexed::Link { path, target })
            }
            FileKind::ToCome { .. } | FileKind::Unfit { .. } => None,
        }
    }
}

impl Runs {
    /// From the variables that AWS Batch sets.
    ///
    /// # Errors
    /// When this is no job of AWS Batch.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, AwsError> {
        let id = get("AWS_BATCH_JOB_ID").unwrap_or_default();
        let job = id.split(':').next().unwrap_or_default().parse();
        let job = job.map_err(|_| AwsError::NotInside)?;
        let child = get("AWS_BATCH_JOB_ARRAY_INDEX").filter(|index| !index.is_empty());
        let attempt = get("AWS_BATCH_JOB_ATTEMPT").and_then(|attempt| attempt.parse().ok());
        Ok(Self { job, child, attempt: attempt.unwrap_or(1) })
    }
}
