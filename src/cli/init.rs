//! `computes init`: write a `computes.toml` that explains itself.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::error::{Doing, Failure, Kind};
use super::output::Output;
use crate::config;
use crate::parcel::Checkout;

#[derive(Debug, Args)]
pub struct Options {
    /// Print it instead
    #[arg(long)]
    print: bool,
}

pub fn run(options: &Options, output: &Output) -> Result<u8, Failure> {
    // A repository is sent along. Without one there is nothing to send.
    let is_repository = Checkout::around(Path::new(".")).is_ok();
    let text = config::commented_toml(is_repository);
    if options.print {
        output.text(text.as_bytes())?;
        return Ok(0);
    }
    let path = Path::new(config::FILE_NAME);
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure {
                kind: Kind::Usage,
                error: anyhow::anyhow!("there is a `{}` already", path.display()),
                hint: Some("`computes init --print` shows what it would hold".to_owned()),
            });
        }
        file => file.doing(|| format!("write `{}`", path.display()))?,
    };
    file.write_all(text.as_bytes()).doing(|| format!("write `{}`", path.display()))?;
    if output.json {
        #[derive(Serialize)]
        struct Written<'a> {
            file: &'a str,
        }
        output.json_line(&Written { file: config::FILE_NAME })?;
    } else {
        output.status(&format!("wrote {}", path.display()));
    }
    Ok(0)
}
