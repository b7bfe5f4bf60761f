//! The state machine: its table, and the ledger that keeps to it.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod impossible;
mod model;
mod old_ledger;
mod properties;
mod removable;
mod table;
