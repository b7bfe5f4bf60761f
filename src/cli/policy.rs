//! `computes policy`: the least IAM policy for what is done.

use clap::Args;

use super::context::Context;
use super::error::Failure;
use crate::engine::aws::{LOG_GROUP, Scope, policy, policy_words};

#[derive(Debug, Args)]
pub struct Options {
    /// Verbs, and `once`, `tags` and `secrets` for the options that take more; without any, all
    #[arg(value_name = "VERB")]
    verbs: Vec<String>,
    /// Narrow it to a region
    #[arg(long, value_name = "REGION", default_value = "*")]
    region: String,
    /// Narrow it to an account
    #[arg(long, value_name = "ID", default_value = "*")]
    account: String,
    /// `aws-cn` in China, `aws-us-gov` in `GovCloud`
    #[arg(long, value_name = "NAME", default_value = "aws")]
    partition: String,
    /// The log group that the job definition names
    #[arg(long, value_name = "NAME", default_value = LOG_GROUP)]
    log_group: String,
    /// Roles of the job definition, for `secrets`; give it for the job's and the execution role
    #[arg(long = "role", value_name = "NAME", default_value = "*")]
    roles: Vec<String>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let words: Vec<_> = match options.verbs.as_slice() {
        [] => policy_words().collect(),
        some => some.iter().map(String::as_str).collect(),
    };
    let set = context.config.job.job_definition.as_deref();
    let roles: Vec<_> = options.roles.iter().map(String::as_str).collect();
    let scope = Scope {
        partition: &options.partition,
        region: &options.region,
        account: &options.account,
        job_definition: set.unwrap_or("default"),
        log_group: &options.log_group,
        roles: &roles,
    };
    let document = policy(&words, &scope).map_err(|word| {
        let known: Vec<_> = policy_words().collect();
        Failure::usage(
            format!("`{word}` asks nothing of AWS, or is no verb"),
            format!("give some of {}", known.join(", ")),
        )
    })?;
    if context.output.json {
        context.output.json_line(&document)?;
    } else {
        context.output.json_pretty(&document)?;
    }
    Ok(0)
}
