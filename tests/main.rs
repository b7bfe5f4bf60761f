//! All integration tests in one binary: it links once.

mod aws;
mod ci;
mod cli;
mod docs;
mod engine;
mod faults;
mod house;
mod machine;
mod nix;
mod support;
mod terraform;
