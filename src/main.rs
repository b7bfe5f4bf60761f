//! The thin end: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    computes::cli::main(std::env::args_os())
}
