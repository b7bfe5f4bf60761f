//! `computes policy`: the least IAM policy for what is done.

use clap::Args;

use super::context::Context;
use super::error::Failure;
use crate::engine::aws::{INSIDE, LOG_GROUP, Scope, policy, policy_words};
use crate::plan::Bucket;

#[derive(Debug, Args)]
pub struct Options {
    /// Verbs; `once`, `tags`, `secrets`, `source` and `urls` for what takes more; `inside` for the
    /// role of jobs; without any, all
    #[arg(value_name = "VERB")]
    verbs: Vec<String>,
    /// Narrow it to a region
    #[arg(long, value_name = "REGION", default_value = "*")]
    region: String,
    /// Narrow it to an account
    #[arg(long, value_name = "ID", default_value = "*")]
    account: String,
    /// `aws-cn` in China, `aws-us-gov` in `GovCloud`; without it that of the region
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// The job definition, in the place of the one that is set
    #[arg(long, value_name = "NAME")]
    job_definition: Option<String>,
    /// The log group that the job definition names, or its ARN
    #[arg(long, value_name = "NAME", default_value = LOG_GROUP)]
    log_group: String,
    /// The bucket, in the place of the one that is set
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Roles of the job definition, or their ARNs, for `secrets`: the job's and the execution role
    #[arg(long = "role", value_name = "NAME", default_value = "*")]
    roles: Vec<String>,
}

pub fn run(options: &Options, context: &Context<'_>) -> Result<u8, Failure> {
    let words: Vec<_> = match options.verbs.as_slice() {
        // What jobs are allowed is not for those who submit them.
        [] => policy_words().filter(|word| *word != INSIDE).collect(),
        some => some.iter().map(String::as_str).collect(),
    };
    let set = options.job_definition.as_ref().or(context.config.job.job_definition.as_ref());
    let partition = options.partition.as_deref().unwrap_or(match options.region.as_str() {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    });
    let bucket = options.bucket.as_ref().map(|text| text.parse::<Bucket>()).transpose();
    let bucket =
        bucket.map_err(|error| Failure::usage(error.to_string(), "as in --bucket builds"))?;
    let bucket = bucket.or_else(|| context.config.bucket.clone()).map(|it| it.to_string());
    let bucket = bucket.as_deref().map_or("*", |text| text.trim_start_matches("s3://"));
    let roles: Vec<_> = options.roles.iter().map(String::as_str).collect();
    let scope = Scope {
        partition,
        region: &options.region,
        account: &options.account,
        job_definition: set.map_or("default", String::as_str),
        log_group: &options.log_group,
        roles: &roles,
        bucket,
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
