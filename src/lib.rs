//! `computes` submits a build job to AWS Batch, or runs the very same job here.
//!
//! The road of every job: a [`job::JobSpec`] says what is asked, [`plan::Plan`] is the exact
//! request, the [`ledger::Ledger`] writes it down, an [`engine`] runs it, and [`cli`] turns
//! its end into text and an exit code. ARCHITECTURE.md has the map.

pub mod cli;
pub mod config;
pub mod engine;
pub mod job;
pub mod ledger;
pub mod parcel;
pub mod plan;
