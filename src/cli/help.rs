//! `computes help`: the same as `--help`.

use std::process::ExitCode;

use clap::Args;

#[derive(Debug, Args)]
pub struct Options {
    /// Of which verb, as in `files get`; without it of the program
    #[arg(value_name = "VERB")]
    verb: Vec<String>,
}

pub fn run(options: &Options) -> ExitCode {
    let words = ["computes"].into_iter().chain(options.verb.iter().map(String::as_str));
    super::main(words.chain(["--help"]).map(Into::into))
}
