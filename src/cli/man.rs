//! `computes man`: the manual.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};

use super::error::{Doing, Failure};
use super::output::Output;
use super::{manual, verbs};

#[derive(Debug, Args)]
pub struct Options {
    /// Of which verb, as in `files get`; without it of the program
    #[arg(value_name = "VERB")]
    verb: Vec<String>,
    /// Write the pages of the program and of all verbs to files there, for a package
    #[arg(long, value_name = "FOLDER", conflicts_with = "verb")]
    into: Option<PathBuf>,
}

pub fn run(options: &Options, output: &Output) -> Result<u8, Failure> {
    let mut program = super::command();
    program.build();
    if let Some(folder) = &options.into {
        std::fs::create_dir_all(folder)
            .and_then(|()| write_all(&program, folder))
            .doing(|| format!("write the manual to {}", folder.display()))?;
        return Ok(0);
    }
    let mut page = &program;
    for verb in &options.verb {
        page = page.find_subcommand(verb).ok_or_else(|| {
            Failure::usage(format!("there is no verb `{verb}`"), verbs::hint(verb, page))
        })?;
    }
    output.text(&manual::render(page).doing(|| "render the manual".to_owned())?)?;
    Ok(0)
}

/// The page of a command and those of its verbs.
fn write_all(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    std::fs::write(folder.join(format!("{name}.1")), manual::render(command)?)?;
    verbs::shown(command).try_for_each(|verb| write_all(verb, folder))
}
