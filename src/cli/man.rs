//! `computes man`: the manual.

use std::path::PathBuf;

use clap::Args;

use super::error::{Doing, Failure};
use super::output::Output;

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
    if let Some(folder) = &options.into {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(program, folder))
            .doing(|| format!("write the manual to {}", folder.display()))?;
        return Ok(0);
    }
    program.build();
    let mut page = &program;
    for verb in &options.verb {
        page = page.find_subcommand(verb).ok_or_else(|| {
            Failure::usage(format!("there is no verb `{verb}`"), "`computes --help` lists them")
        })?;
    }
    let page = page.clone();
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).doing(|| "render the manual".to_owned())?;
    output.text(&text)?;
    Ok(0)
}
