//! What Terraform grants is what `computes policy` prints.

use computes::engine::aws::{Scope, policy, policy_words};
use serde_json::{Map, Value};

use super::check;

/// The names that terraform/roles.tf fills in.
const TEMPLATE: Scope<'_> = Scope {
    partition: "${partition}",
    region: "${region}",
    account: "${account}",
    job_definition: "${job_definition}",
    log_group: "${log_group}",
    roles: &["${job_role}", "${execution_role}"],
    bucket: "${bucket}",
};

#[test]
fn the_policies_of_the_terraform_module_are_current() {
    let of = |word| policy(&[word], &TEMPLATE).expect("a word")["Statement"].clone();
    let all: Map<_, _> = policy_words().map(|word| (word.to_owned(), of(word))).collect();
    let text = serde_json::to_string_pretty(&Value::Object(all)).expect("JSON");
    check("terraform/policies.json", &format!("{text}\n"));
}
