//! The bucket for sources, inputs and results.

use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule};

use super::{Diagnosis, Health};
use crate::engine::aws::objects::{LIST_OBJECTS, Objects, call};
use crate::engine::aws::{Action, Trouble};
use crate::plan::Bucket;

pub const ENCRYPTION: Action = Action("s3:GetEncryptionConfiguration");
pub const PUBLIC_ACCESS: Action = Action("s3:GetBucketPublicAccessBlock");
pub const LIFECYCLE: Action = Action("s3:GetLifecycleConfiguration");

/// A parcel is sent again after a week, so one that is younger may be needed for as long.
const LEAST_DAYS: i32 = 14;

impl Diagnosis<'_> {
    pub(super) async fn bucket(&mut self, bucket: &Bucket) {
        let what = format!("bucket {}", bucket.name);
        let objects = Objects::new(self.clients, bucket.clone());
        match objects.look_for_any_parcel().await {
            Err(error) if error.trouble() == Trouble::NotFound => {
                self.add(&what, Health::Bad, "there is no such bucket in this region");
                self.mend("terraform apply, or set `bucket` to one that is there");
                return;
            }
            tried => self.may(LIST_OBJECTS, tried),
        }
        self.encryption(&what, bucket).await;
        self.public_access(bucket).await;
        self.lifecycle(bucket).await;
    }

    async fn encryption(&mut self, what: &str, bucket: &Bucket) {
        let request = self.clients.s3().get_bucket_encryption().bucket(&bucket.name);
        match call(ENCRYPTION, request.send()).await {
            Ok(answer) => {
                let rules = answer.server_side_encryption_configuration;
                let rule = rules.and_then(|rules| rules.rules.into_iter().next());
                let by = rule.and_then(|rule| rule.apply_server_side_encryption_by_default);
                match by {
                    Some(by) => {
                        self.good(what, format!("encrypted, {}", by.sse_algorithm.as_str()));
                    }
                    None => self.not_encrypted(what, bucket),
                }
            }
            Err(error) if error.trouble() == Trouble::NotFound => self.not_encrypted(what, bucket),
            Err(error) => self.error(what, &error),
        }
    }

    fn not_encrypted(&mut self, what: &str, bucket: &Bucket) {
        self.add(what, Health::Weak, "nobody said how it is encrypted");
        self.mend(format!(
            "aws s3api put-bucket-encryption --bucket {} --server-side-encryption-configuration \
             'Rules=[{{ApplyServerSideEncryptionByDefault={{SSEAlgorithm=AES256}}}}]'",
            bucket.name
        ));
    }

    async fn public_access(&mut self, bucket: &Bucket) {
        let what = "public access";
        let request = self.clients.s3().get_public_access_block().bucket(&bucket.name);
        let blocked = match call(PUBLIC_ACCESS, request.send()).await {
            Ok(answer) => answer.public_access_block_configuration.is_some_and(|it| {
                [
                    it.block_public_acls,
                    it.block_public_policy,
                    it.ignore_public_acls,
                    it.restrict_public_buckets,
                ]
                .iter()
                .all(|it| *it == Some(true))
            }),
            Err(error) if error.trouble() == Trouble::NotFound => false,
            Err(error) => return self.error(what, &error),
        };
        if blocked {
            return self.good(what, "blocked");
        }
        self.add(what, Health::Bad, "not all of it is blocked");
        self.mend(format!(
            "aws s3api put-public-access-block --bucket {} --public-access-block-configuration \
             BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
            bucket.name
        ));
    }

    async fn lifecycle(&mut self, bucket: &Bucket) {
        let what = "lifecycle";
        let request = self.clients.s3().get_bucket_lifecycle_configuration().bucket(&bucket.name);
        let rules = match call(LIFECYCLE, request.send()).await {
            Ok(answer) => answer.rules.unwrap_or_default(),
            Err(error) if error.trouble() == Trouble::NotFound => Vec::new(),
            Err(error) => return self.error(what, &error),
        };
        let enabled: Vec<_> =
            rules.iter().filter(|rule| rule.status == ExpirationStatus::Enabled).collect();
        let days = |rule: &&LifecycleRule| rule.expiration.as_ref().and_then(|it| it.days);
        let aborts = enabled.iter().any(|rule| rule.abort_incomplete_multipart_upload.is_some());
        match enabled.iter().filter_map(days).min() {
            None => {
                self.add(what, Health::Weak, "what is in it stays for ever, and is paid for");
                self.mend("let objects expire after 30 days or so: terraform/bucket.tf has a rule");
            }
            Some(days) if days < LEAST_DAYS => {
                self.add(what, Health::Weak, format!("objects expire after {days} days"));
                self.mend(format!(
                    "a job that waits for long loses its source: let them expire after {LEAST_DAYS} \
                     days at least"
                ));
            }
            Some(days) if !aborts => {
                self.add(
                    what,
                    Health::Weak,
                    format!("objects expire after {days} days, and uploads that broke off never"),
                );
                self.mend("add AbortIncompleteMultipartUpload: terraform/bucket.tf has it");
            }
            Some(days) => self.good(what, format!("objects expire after {days} days")),
        }
    }
}
