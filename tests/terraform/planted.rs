//! Mistakes are found, by the check without Terraform and by Terraform.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;

use super::{check, skipped, terraform};
use crate::support::root;

/// A mistake: what stands there, and what is put in its place.
struct Mistake {
    file: &'static str,
    is: &'static str,
    becomes: &'static str,
    /// Only a call of AWS would show it, and no type.
    is_valid: bool,
}

const fn mistake(file: &'static str, is: &'static str, becomes: &'static str) -> Mistake {
    Mistake { file, is, becomes, is_valid: false }
}

const MISTAKES: [Mistake; 15] = [
    // A misspelt argument, one that is missing, one that can only be read, a list for a number.
    mistake("compute.tf", "min_vcpus ", "min_vcpu "),
    mistake("queues.tf", "  priority              = each.value.priority\n", ""),
    mistake("files.tf", "  encrypted       = true", "  arn             = \"arn:aws:x\""),
    mistake("queues.tf", "order               = 1", "order               = [1]"),
    // A resource, a block and an attribute that there are not.
    mistake("queues.tf", "\"aws_batch_scheduling_policy\"", "\"aws_batch_fair_share\""),
    mistake("compute.tf", "  update_policy {", "  update_rules {"),
    mistake(
        "files.tf",
        "aws_efs_access_point.files.arn }\n          Bool",
        "aws_efs_access_point.files.name }\n          Bool",
    ),
    // A block as an argument.
    mistake("bucket.tf", "  rule {\n    object_ownership", "  rule = {\n    object_ownership"),
    // Names that nothing has.
    mistake("job-definition.tf", "var.image\n", "var.images\n"),
    mistake(
        "outputs.tf",
        "aws_ecr_repository.image.repository_url",
        "aws_ecr_repository.images.repository_url",
    ),
    mistake(
        "outputs.tf",
        "aws_iam_role.caller[\"submitter\"].arn",
        "aws_iam_role.caller[\"submitter\"].arm",
    ),
    mistake("queues.tf", "[each.value.environment].arn", ".arn"),
    // What no type tells.
    Mistake {
        is_valid: true,
        ..mistake("roles.tf", "\"ecr:BatchGetImage\"", "\"ecr:BatchGetImages\"")
    },
    Mistake {
        is_valid: true,
        ..mistake("policies.json", "job-definition/*--secrets-*", "job-queue/*--secrets-*")
    },
    Mistake {
        is_valid: true,
        ..mistake("roles.tf", "    log_group      =", "    logs_group     =")
    },
];

fn plant(mistake: &Mistake, into: &Path) {
    let copied = Command::new("cp").arg("-r").arg(root().join("terraform")).arg(into).status();
    assert!(copied.expect("cp starts").success());
    let path = into.join("terraform").join(mistake.file);
    let text = fs::read_to_string(&path).expect("a file");
    assert_eq!(text.matches(mistake.is).count(), 1, "{}: {}", mistake.file, mistake.is);
    fs::write(path, text.replace(mistake.is, mistake.becomes)).expect("written");
}

/// The line on which a mistake stands, or the block that lacks something begins.
fn line_of(mistake: &Mistake) -> usize {
    let text = fs::read_to_string(root().join("terraform").join(mistake.file)).expect("a file");
    text[..text.find(mistake.is).expect("it is there")].matches('\n').count() + 1
}

#[test]
fn each_mistake_fails_the_check_with_its_place() {
    let line = Regex::new(r":\d+:").expect("a pattern");
    let mut told = String::new();
    for mistake in &MISTAKES {
        let directory = tempfile::tempdir().expect("a directory");
        plant(mistake, directory.path());
        let output = check(&[directory.path().join("terraform")]);
        assert!(!output.status.success(), "{}: {}", mistake.file, mistake.becomes);
        let says = String::from_utf8(output.stderr).expect("text");
        let says = says.replace(directory.path().to_str().expect("text"), "");
        if mistake.file == "compute.tf" {
            let place = format!("compute.tf:{}: ", line_of(mistake));
            assert!(says.contains(&place), "{says}");
        }
        // Whoever changes the module moves the lines of the rest.
        let _ = writeln!(told, "{}", line.replace_all(&says, ":"));
    }
    insta::assert_snapshot!(told, @r"
    /terraform/compute.tf: aws_batch_compute_environment.this.compute_resources has no argument `min_vcpu`; `min_vcpus`?

    /terraform/queues.tf: aws_batch_job_queue.this lacks `priority`

    /terraform/files.tf: `arn` of aws_efs_file_system.files can only be read

    /terraform/queues.tf: `order` of aws_batch_job_queue.this.compute_environment_order is one number, not many

    /terraform/queues.tf: there is no resource `aws_batch_fair_share` among those of schema.json; `aws_batch_job_queue`?
    /terraform/queues.tf: there is no resource `aws_batch_scheduling_policy.this`

    /terraform/compute.tf: aws_batch_compute_environment.this has no block `update_rules`; `update_policy`?

    /terraform/files.tf: aws_efs_access_point has no `name`

    /terraform/bucket.tf: `rule` of aws_s3_bucket_ownership_controls.objects is a block and takes no `=`

    /terraform/job-definition.tf: there is no `var.images`; `image`?
    /terraform/variables.tf: nothing uses the variable `image`

    /terraform/outputs.tf: there is no resource `aws_ecr_repository.images`; `aws_ecr_repository.image`?

    /terraform/outputs.tf: aws_iam_role has no `arm`; `arn`?

    /terraform/queues.tf: there are many `aws_batch_compute_environment.this`, and none of them is named

    /terraform/roles.tf: there is no action `ecr:BatchGetImages`; `BatchGetImage`?

    /terraform/policies.json (secrets): `batch:RegisterJobDefinition` is never done to `arn:${partition}:batch:${region}:${account}:job-queue/*--secrets-*`

    /terraform/roles.tf: /terraform/policies.json has no gap `logs_group`
    /terraform/roles.tf: nothing fills the gap of /terraform/policies.json `log_group`
    ");
}

#[test]
fn terraform_refuses_them_too() {
    // Each takes a second and a half; these are of as many kinds.
    for mistake in MISTAKES.iter().step_by(2).filter(|mistake| !mistake.is_valid) {
        let directory = tempfile::tempdir().expect("a directory");
        plant(mistake, directory.path());
        let folder = directory.path().join("terraform");
        let Some(mut command) = terraform(&folder, &directory.path().join("data")) else {
            return skipped();
        };
        let output = command.args(["validate", "-no-color"]).output().expect("terraform starts");
        let says = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{}: {}", mistake.file, mistake.becomes);
        assert!(says.contains(&format!("on {} line", mistake.file)), "{says}");
    }
}
