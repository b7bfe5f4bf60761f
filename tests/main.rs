//! All integration tests in one binary: it links once.

mod aws;
mod cli;
mod docs;
mod engine;
mod faults;
mod house;
mod machine;
mod support;
