//! What happens when processes are killed, stopped or late: nothing is lost, nothing ends
//! twice, nothing goes on running, and nothing is said that must not be.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

pub mod canary;
mod first_use;
mod hopeless_worker;
mod idle;
mod lost_worker;
mod random;
mod stopped_worker;
mod storm;
mod submitter;
mod wakeups;
