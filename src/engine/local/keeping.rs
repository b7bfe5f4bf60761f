//! What a job leaves, kept when its command has ended.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::freight;
use crate::engine::EngineError;
use crate::engine::changes::Before;
use crate::engine::outputs::{Found, Search};
use crate::job::{JobId, JobPath, Output, Root};
use crate::ledger::StateDir;
use crate::parcel::{ParcelError, remove_folder};
use crate::plan::Plan;

/// Moves what an attempt leaves in its source to where it outlives it, in the place of what an attempt
/// before left; all of it or nothing. What can't be kept is told in the log. Gives the outputs for
/// which nothing is there.
///
/// # Errors
/// When something can't be looked at or moved.
pub fn keep(
    dir: &StateDir,
    plan: &Plan,
    id: JobId,
    attempt: u32,
    before: &Before,
) -> Result<Vec<Output>, EngineError> {
    let roots = freight::roots(dir, plan, id, attempt);
    let (outputs, freight) = (&plan.spec.outputs, &plan.freight);
    let search = Search { outputs, roots: &roots, freight, before };
    let Found { entries, missing, unfit } = search.find(&Root::ALL)?;
    tell(&dir.log(id, attempt), &unfit)?;
    if outputs.first_in(Root::Source).is_none() {
        return Ok(missing);
    }
    let (keeping, kept) = (dir.keeping(id, attempt), dir.kept_of(id, attempt));
    // A worker may have been killed in the middle of it.
    remove_folder(&keeping)?;
    make(&keeping)?;
    for entry in &entries {
        if let (Root::Source, below) = JobPath::split(&entry.path) {
            carry(&roots.place(&entry.path), &keeping.join(below))?;
        }
    }
    fs::rename(&keeping, &kept).map_err(write(&kept))?;
    (1..attempt).try_for_each(|before| remove_folder(&dir.kept_of(id, before)))?;
    Ok(missing)
}

fn carry(from: &Path, to: &Path) -> Result<(), EngineError> {
    make(to.parent().unwrap_or(to))?;
    match fs::rename(from, to) {
        // What the command left running took it away.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        carried => Ok(carried.map_err(write(to))?),
    }
}

fn make(folder: &Path) -> Result<(), EngineError> {
    Ok(fs::create_dir_all(folder).map_err(write(folder))?)
}

fn write(path: &Path) -> impl FnOnce(io::Error) -> ParcelError {
    move |source| ParcelError::Write { path: path.to_owned(), source }
}

fn tell(log: &Path, unfit: &[String]) -> Result<(), EngineError> {
    if unfit.is_empty() {
        return Ok(());
    }
    let log = OpenOptions::new().append(true).open(log);
    let told = log.and_then(|mut log| {
        unfit.iter().try_for_each(|why| writeln!(log, "warning: not kept: {why}"))
    });
    told.map_err(EngineError::io("write into the log what can't be kept"))
}
