//! What a job brings along, unpacked before its command starts, and what it leaves, kept when the command
//! has ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::engine::EngineError;
use crate::engine::changes::Before;
use crate::engine::files::Roots;
use crate::job::{Freight, JobFiles, JobId, Parcel, Root};
use crate::ledger::StateDir;
use crate::parcel::{How, InTheWay, Names, Store, Times, open_alone, remove_folder, unpack};
use crate::plan::Plan;

/// Where a job that has a source finds it, if the machine has room for that.
const SOURCE: &str = "/source";

/// The directory that is `/files` in an attempt.
pub fn files(dir: &StateDir, files: JobFiles, id: JobId, attempt: u32) -> Option<PathBuf> {
    let job = dir.files_of(id);
    match files {
        JobFiles::Kept => Some(job),
        JobFiles::Fresh => Some(job.join(attempt.to_string())),
        JobFiles::None => None,
    }
}

/// Where the command starts.
pub fn directory(
    dir: &StateDir,
    freight: &Freight,
    id: JobId,
    attempt: u32,
    mounted: bool,
    caller: &Path,
) -> PathBuf {
    match &freight.source {
        None => caller.to_owned(),
        Some(source) if mounted => source.start(Path::new(SOURCE)),
        Some(source) => source.start(&dir.source(id, attempt)),
    }
}

/// Are the parcels of a job all here?
///
/// # Errors
/// The first that is not.
pub fn check(dir: &StateDir, freight: &Freight) -> Result<(), EngineError> {
    let store = Store::new(dir.parcels());
    let gone = freight.parcels().find(|parcel| !store.has(&parcel.address));
    gone.map_or(Ok(()), |gone: &Parcel| Err(EngineError::ParcelGone(gone.clone())))
}

/// Is there something to unpack before an attempt?
pub fn has_any(dir: &StateDir, plan: &Plan, id: JobId) -> bool {
    !plan.freight.is_empty() || dir.puts_of(id).exists()
}

/// Where an attempt has its roots.
pub fn roots(dir: &StateDir, plan: &Plan, id: JobId, attempt: u32) -> Roots {
    let files = files(dir, plan.spec.files, id, attempt).unwrap_or_else(|| dir.files_of(id));
    Roots { files, source: dir.source(id, attempt) }
}

/// Unpacks what an attempt is to find, and gives how its source looks then.
///
/// # Errors
/// When a parcel is gone or is not what it should be, or there is no room for it.
pub fn unload(dir: &StateDir, plan: &Plan, id: JobId, attempt: u32) -> Result<Before, EngineError> {
    check(dir, &plan.freight)?;
    let store = Store::new(dir.parcels());
    // An earlier attempt may have left what is in the way.
    let how = How { names: Names::Any, in_the_way: InTheWay::Goes, times: Times::OfAParcel };
    let make = |folder: &Path| {
        fs::create_dir_all(folder).map_err(EngineError::io("make the job's directory"))
    };
    let open = |parcel: &Parcel, into: &Path| {
        make(into)?;
        Ok::<_, EngineError>(unpack(
            &store.path(&parcel.address),
            Some(&parcel.address),
            into,
            how,
        )?)
    };
    if let Some(files) = files(dir, plan.spec.files, id, attempt) {
        plan.freight.inputs.iter().try_for_each(|input| open(&input.parcel, &files))?;
        make(&files)?;
        puts(dir, id)?.iter().try_for_each(|put| unpack(put, None, &files, how))?;
    }
    if let Some(source) = &plan.freight.source {
        // An attempt that lost its worker left its own behind.
        (1..attempt).try_for_each(|before| remove_folder(&dir.source(id, before)))?;
        let into = dir.source(id, attempt);
        remove_folder(&into)?;
        if let Err(error) = open(&source.parcel, &into) {
            // Half of it is no use, and the ledger may be on the same disk.
            remove_folder(&into)?;
            return Err(error);
        }
        // Git knows no folder without files, and the caller may stand in one.
        fs::create_dir_all(source.start(&into))
            .map_err(EngineError::io("make the directory that the job was submitted from"))?;
    }
    if plan.spec.outputs.first_in(Root::Source).is_some() {
        return Before::of(&roots(dir, plan, id, attempt));
    }
    Ok(Before::default())
}

/// What the command of an attempt reads on its stdin, from its beginning.
///
/// # Errors
/// When the parcel is gone or is not what it should be, or there is no room for it.
pub fn stdin(dir: &StateDir, plan: &Plan, id: JobId) -> Result<Option<File>, EngineError> {
    let Some(parcel) = &plan.freight.stdin else { return Ok(None) };
    let path = Store::new(dir.parcels()).path(&parcel.address);
    // Called as a source of the job is, and pruned as one if the worker is killed meanwhile.
    let folder = tempfile::Builder::new().prefix(&format!("{id}.")).tempdir_in(dir.sources());
    let folder = folder.map_err(EngineError::io("make a folder for the job's stdin"))?;
    let how = How { names: Names::Portable, in_the_way: InTheWay::Stays, times: Times::OfAParcel };
    unpack(&path, Some(&parcel.address), folder.path(), how)?;
    // It is read to its end although its name is gone.
    Ok(Some(open_alone(folder.path())?))
}

/// What was put to a job, in its order.
fn puts(dir: &StateDir, id: JobId) -> Result<Vec<PathBuf>, EngineError> {
    let look = || EngineError::io("look for what was put to the job");
    let entries = match fs::read_dir(dir.puts_of(id)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(look())?,
    };
    let mut puts = Vec::new();
    for entry in entries {
        puts.push(entry.map_err(look())?.path());
    }
    puts.sort();
    Ok(puts)
}
