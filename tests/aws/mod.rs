//! AWS Batch, as moto speaks for it. What moto can't show, a proxy between does: answers that
//! are lost, calls that are too many, credentials that expire.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

mod began;
mod bundles;
mod canary;
mod credentials;
mod cut;
mod doctor;
mod elsewhere;
mod exactly_once;
mod explain;
mod fargate;
mod fence;
mod files;
mod follow;
mod give_up;
mod least_privilege;
mod logs;
mod network;
mod once;
mod others;
mod overrides;
mod prefix;
mod queues;
mod requests;
mod rights;
mod second;
mod secrets;
mod throttled;
mod transfers;
mod unseen;
mod urls;
