//! `computes completions`: the command line for a shell to complete.

use clap::Args;
use clap_complete::Shell;

use super::error::Failure;
use super::output::Output;

#[derive(Debug, Args)]
pub struct Options {
    shell: Shell,
}

pub fn run(options: &Options, output: &Output) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut super::command(), "computes", &mut text);
    output.text(&text)?;
    Ok(0)
}
