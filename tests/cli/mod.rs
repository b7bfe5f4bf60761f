//! One file a verb, and one for each thing that all verbs have in common. A snapshot holds
//! exit code, stdout and stderr together.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod back;
mod back_cut;
mod back_times;
mod bad_environment;
mod bad_job;
mod bad_json;
mod bad_ledger;
mod bad_settings;
mod bad_size;
mod bad_state_dir;
mod cancel;
mod completions;
mod drop_in;
mod dry_run;
mod from;
mod github;
mod help;
mod init;
mod interrupts;
mod list;
mod logs;
mod man;
mod meant;
mod names;
mod outputs;
mod pipes;
mod plain;
mod precedence;
mod program;
mod programs;
mod prune;
mod queues;
mod rehearsal;
mod retry;
mod run;
mod run_json;
mod secrets;
mod sources;
pub mod stage;
mod status;
mod stdin;
mod submit;
mod usage;
mod wait;
mod waiting;
mod worker;
