//! Reading what the command line points at.

use std::io::Read;
use std::path::Path;

use super::error::{Failure, Kind};

pub fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| unreadable("stdin", error))?;
    Ok(text)
}

pub fn read_file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| unreadable(&format!("`{}`", path.display()), error))
}

/// A file that was named and can't be read is bad input.
fn unreadable(what: &str, error: std::io::Error) -> Failure {
    let error = anyhow::Error::new(error).context(format!("cannot read {what}"));
    Failure { kind: Kind::Usage, error, hint: None }
}
