//! The embedded engine: the ledger is the queue, and workers on this machine pull from it.
//!
//! No daemon: the one who submits starts a worker in the background where none runs, and it
//! leaves when it is idle. Nobody polls: see [`wake`].

mod claim;
mod client;
mod explain;
mod files;
mod freight;
mod inherited;
mod keeping;
mod launch;
mod lease;
mod machine;
mod memory;
mod outcome;
mod output;
mod processes;
mod prune;
mod room;
mod secrets;
mod terminal;
mod waiting;
mod wake;
mod watch;
mod worker;

pub use super::local_settings::{Ready, WorkerOptions};
pub use client::{LocalEngine, check_fit};
pub use lease::{live_workers, unattended};
pub use machine::capacity;
pub use prune::KeptHere;
pub use terminal::leave_terminal;
pub use worker::run_worker;

use super::LocalSettings;
