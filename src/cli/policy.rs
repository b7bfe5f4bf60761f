//! `computes policy`: the least IAM policy for what is done.

use clap::Args;

use super::context::Context;
use super::error::Failure;
use crate::engine::aws::{Scope, VERBS, policy};

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
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let all = || VERBS.iter().map(|(verb, _)| *verb).collect();
    let words: Vec<_> = match options.verbs.as_slice() {
        [] => all(),
        some => some.iter().map(String::as_str).collect(),
    };
    let set = context.config.job.job_definition.as_deref();
    let scope = Scope {
        region: &options.region,
        account: &options.account,
        job_definition: set.unwrap_or("default"),
    };
    let document = policy(&words, &scope).map_err(|word| {
        let known: Vec<_> = all();
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
