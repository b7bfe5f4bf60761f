//! The least that IAM has to allow, as a policy. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Action;
use super::cancel::{CANCEL, TERMINATE};
use super::definition::{DESCRIBE_DEFINITIONS, REGISTER};
use super::describe::DESCRIBE;
use super::doctor::{
    ACCESS_POINTS, ENCRYPTION, FILE_SYSTEMS, LIFECYCLE, LOG_GROUPS, MOUNT_TARGETS, PUBLIC_ACCESS,
};
use super::ecr::{READ_IMAGE, READ_LAYER};
use super::logs::READ;
use super::objects::{DELETE_OBJECT, LIST_OBJECTS, LIST_PARTS, READ_OBJECT, WRITE_OBJECT};
use super::queues::{DESCRIBE_ENVIRONMENTS, DESCRIBE_QUEUES, SNAPSHOT};
use super::send::{LIST, SUBMIT};
use crate::job::Queue;

/// `tags` of a request need it besides SubmitJob.
const TAG: Action = Action("batch:TagResource");
/// For a definition that names roles.
const PASS: Action = Action("iam:PassRole");

/// To what an action is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// The job definition, the queues, and the job that it makes, which AWS's reference names and
    /// its user guide does not.
    Submitting,
    /// Definitions that are derived for secrets that AWS fetches.
    Derived,
    Jobs,
    Queues,
    Logs,
    /// The roles of the job definition.
    Roles,
    /// The image of the job definition.
    Images,
    /// The bucket itself.
    Bucket,
    /// What is in the bucket below `parcels/`.
    Parcels,
    /// What is in the bucket below `jobs/`.
    Kept,
    /// The list of the one, and of the other.
    ListOfParcels,
    ListOfKept,
    /// IAM can't narrow it (AWS, Service Authorization Reference).
    All,
}

use On::{
    All, Bucket, Derived, Images, Jobs, Kept, ListOfKept, ListOfParcels, Logs, Parcels, Queues,
    Roles, Submitting,
};

/// A right: an action, and to what it may be done.
type Right = (Action, On);

const SEE: Right = (DESCRIBE, All);
const FIND: Right = (LIST, All);
const END: Right = (TERMINATE, Jobs);
const READ_LOG: Right = (READ, Logs);
const SEE_QUEUES: Right = (DESCRIBE_QUEUES, All);
const SEE_ENVIRONMENTS: Right = (DESCRIBE_ENVIRONMENTS, All);
/// The place of a job in its queue.
const SEE_PLACES: Right = (SNAPSHOT, Queues);
const SEE_DEFINITIONS: Right = (DESCRIBE_DEFINITIONS, All);
const SEND: Right = (SUBMIT, Submitting);

/// The word for what a job itself does.
pub const INSIDE: &str = "inside";

/// What a verb, or an option that costs more, asks of AWS.
const VERBS: [(&str, &[Right]); 18] = [
    ("submit", &[SEND]),
    ("run", &[SEND, SEE, SEE_PLACES, READ_LOG, END]),
    ("wait", &[SEE, SEE_PLACES, READ_LOG, END]),
    ("status", &[SEE, READ_LOG]),
    ("list", &[SEE, FIND, READ_LOG]),
    ("logs", &[SEE, SEE_PLACES, READ_LOG]),
    (
        "files",
        &[
            SEE,
            (LIST_OBJECTS, ListOfKept),
            (READ_OBJECT, Kept),
            (WRITE_OBJECT, Kept),
            (DELETE_OBJECT, Kept),
            (LIST_OBJECTS, ListOfParcels),
            (WRITE_OBJECT, Parcels),
            (LIST_PARTS, Parcels),
        ],
    ),
    ("cancel", &[SEE, READ_LOG, END]),
    ("retry", &[SEE, READ_LOG, SEND]),
    ("queues", &[SEE_QUEUES, SEE_ENVIRONMENTS, FIND]),
    ("explain", &[SEE, READ_LOG, SEE_QUEUES, SEE_ENVIRONMENTS, SEE_PLACES]),
    (
        "doctor",
        &[
            SEE,
            FIND,
            SEE_QUEUES,
            SEE_ENVIRONMENTS,
            SEE_DEFINITIONS,
            (FILE_SYSTEMS, All),
            (MOUNT_TARGETS, All),
            (ACCESS_POINTS, All),
            (READ_IMAGE, Images),
            (READ_LAYER, Images),
            (LOG_GROUPS, All),
            READ_LOG,
            END,
            (ENCRYPTION, Bucket),
            (PUBLIC_ACCESS, Bucket),
            (LIFECYCLE, Bucket),
            (LIST_OBJECTS, ListOfParcels),
        ],
    ),
    // Not verbs: finding a job again whose acceptance nobody heard of, and `--once`; tags;
    // secrets that AWS fetches; sources and inputs that are sent along, and that jobs fetch by URLs,
    // whose rights are those of whoever signs them; and what a job itself does in the place of that.
    ("once", &[SEE, FIND, END, (CANCEL, Jobs)]),
    ("tags", &[(TAG, Jobs)]),
    ("source", &[(LIST_OBJECTS, ListOfParcels), (WRITE_OBJECT, Parcels), (LIST_PARTS, Parcels)]),
    ("urls", &[(READ_OBJECT, Parcels), (READ_OBJECT, Kept), (WRITE_OBJECT, Kept)]),
    (
        INSIDE,
        &[
            (LIST_OBJECTS, ListOfParcels),
            (READ_OBJECT, Parcels),
            (LIST_OBJECTS, ListOfKept),
            (READ_OBJECT, Kept),
            (WRITE_OBJECT, Kept),
        ],
    ),
    ("secrets", &[SEE_DEFINITIONS, (REGISTER, Derived), (SUBMIT, Derived), (PASS, Roles)]),
];

/// The words that [`policy`] takes, in the order in which they are shown.
pub fn policy_words() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|(word, _)| *word)
}

/// Where a policy holds.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'a str,
    /// `*` for all.
    pub region: &'a str,
    /// `*` for all.
    pub account: &'a str,
    /// As the settings have it: a name, `name:revision` or an ARN.
    pub job_definition: &'a str,
    /// Where jobs log: a name or an ARN.
    pub log_group: &'a str,
    /// The roles of the job definition, by names or ARNs; `*` for all.
    pub roles: &'a [&'a str],
    /// `NAME`, or `NAME/PREFIX`; `*` for all.
    pub bucket: &'a str,
}

/// The policy as JSON.
///
/// # Errors
/// The first word that is none of [`policy_words`].
pub fn policy<'w>(words: &[&'w str], scope: &Scope<'_>) -> Result<Value, &'w str> {
    let mut resources: BTreeMap<(Action, Option<Condition>), Vec<String>> = BTreeMap::new();
    for word in words {
        let (_, rights) = VERBS.iter().find(|(verb, _)| verb == word).ok_or(*word)?;
        for (action, on) in *rights {
            let condition = scope.condition(*action, *on);
            let known = resources.entry((*action, condition)).or_default();
            let more: Vec<_> =
                scope.resources(*on).into_iter().filter(|it| !known.contains(it)).collect();
            known.extend(more);
        }
    }
    // Actions that may be done to the same things share a statement.
    let mut statements: BTreeMap<(Vec<String>, Option<Condition>), Vec<&str>> = BTreeMap::new();
    for ((action, condition), resources) in resources {
        statements.entry((resources, condition)).or_default().push(action.0);
    }
    let statements: Vec<_> = statements
        .into_iter()
        .map(|((resources, condition), actions)| {
            let mut statement = json!({
                "Effect": "Allow", "Action": actions, "Resource": resources,
            });
            if let Some(Condition { operator, key, value }) = condition {
                statement["Condition"] = json!({operator: {key: value}});
            }
            statement
        })
        .collect();
    Ok(json!({"Version": "2012-10-17", "Statement": statements}))
}

/// What else has to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Condition {
    operator: &'static str,
    key: &'static str,
    value: String,
}

impl Scope<'_> {
    fn condition(&self, action: Action, on: On) -> Option<Condition> {
        let (operator, key, value) = match on {
            _ if action == PASS => {
                let service = "ecs-tasks.amazonaws.com".to_owned();
                ("StringEquals", "iam:PassedToService", service)
            }
            ListOfParcels => ("StringLike", "s3:prefix", format!("{}parcels/*", self.prefix())),
            ListOfKept => ("StringLike", "s3:prefix", format!("{}jobs/*", self.prefix())),
            _ => return None,
        };
        Some(Condition { operator, key, value })
    }

    /// What all keys in the bucket begin with.
    fn prefix(&self) -> String {
        self.bucket.split_once('/').map_or_else(String::new, |(_, prefix)| format!("{prefix}/"))
    }

    fn objects(&self, folder: &str) -> String {
        format!("arn:{}:s3:::{}/{folder}/*", self.partition, self.bucket)
    }

    fn resources(&self, on: On) -> Vec<String> {
        let Self { partition, region, account, .. } = self;
        let batch = |rest: &str| format!("arn:{partition}:batch:{region}:{account}:{rest}");
        let queues = || Queue::ALL.map(|queue| batch(&format!("job-queue/{queue}"))).to_vec();
        match on {
            Submitting => [self.definition(), queues(), vec![batch("job/*")]].concat(),
            Derived => vec![batch("job-definition/*--secrets-*")],
            Jobs => vec![batch("job/*")],
            Queues => queues(),
            Logs => {
                let arn = match self.log_group.trim_end_matches(":*") {
                    arn if arn.starts_with("arn:") => arn.to_owned(),
                    name => format!("arn:{partition}:logs:{region}:{account}:log-group:{name}"),
                };
                vec![format!("{arn}:log-stream:*")]
            }
            Roles => {
                let arn = |role: &&str| match *role {
                    arn if arn.starts_with("arn:") => arn.to_owned(),
                    name => format!("arn:{partition}:iam::{account}:role/{name}"),
                };
                self.roles.iter().map(arn).collect()
            }
            // It can come from any region, and from another account.
            Images => vec![format!("arn:{partition}:ecr:*:*:repository/*")],
            Bucket | ListOfParcels | ListOfKept => {
                let name = self.bucket.split('/').next().unwrap_or_default();
                vec![format!("arn:{partition}:s3:::{name}")]
            }
            Parcels => vec![self.objects("parcels")],
            Kept => vec![self.objects("jobs")],
            All => vec!["*".to_owned()],
        }
    }

    /// A definition by its name alone is allowed with each of its revisions too: AWS's user guide
    /// says that a request is matched by the revision that it gets, its examples by tags that it
    /// is matched by what was asked for.
    fn definition(&self) -> Vec<String> {
        let Self { partition, region, account, job_definition, .. } = self;
        let is_arn = job_definition.starts_with("arn:");
        let arn = if is_arn {
            (*job_definition).to_owned()
        } else {
            format!("arn:{partition}:batch:{region}:{account}:job-definition/{job_definition}")
        };
        let name = arn.rsplit('/').next().unwrap_or_default();
        if name.contains(':') { vec![arn] } else { vec![arn.clone(), format!("{arn}:*")] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYWHERE: Scope<'_> = Scope {
        partition: "aws",
        region: "*",
        account: "*",
        job_definition: "default",
        log_group: "/aws/batch/job",
        roles: &["*"],
        bucket: "*",
    };

    #[test]
    fn to_submit_takes_one_action_on_a_definition_and_four_queues() {
        let policy = policy(&["submit"], &ANYWHERE).expect("known");
        assert_eq!(
            policy["Statement"],
            json!([{
                "Effect": "Allow",
                "Action": ["batch:SubmitJob"],
                "Resource": [
                    "arn:aws:batch:*:*:job-definition/default",
                    "arn:aws:batch:*:*:job-definition/default:*",
                    "arn:aws:batch:*:*:job-queue/default",
                    "arn:aws:batch:*:*:job-queue/asap",
                    "arn:aws:batch:*:*:job-queue/default-uninterruptible",
                    "arn:aws:batch:*:*:job-queue/asap-uninterruptible",
                    "arn:aws:batch:*:*:job/*",
                ],
            }])
        );
    }

    #[test]
    fn a_revision_is_allowed_as_it_stands() {
        for (definition, expected) in [
            ("build:3", "arn:aws:batch:*:*:job-definition/build:3"),
            ("arn:aws:batch:x:1:job-definition/y:2", "arn:aws:batch:x:1:job-definition/y:2"),
        ] {
            let scope = Scope { job_definition: definition, ..ANYWHERE };
            assert_eq!(scope.definition(), [expected]);
        }
        let scope = Scope { job_definition: "arn:aws:batch:x:1:job-definition/y", ..ANYWHERE };
        let each = "arn:aws:batch:x:1:job-definition/y:*";
        assert_eq!(scope.definition(), [scope.job_definition, each]);
    }

    #[test]
    fn roles_and_a_log_group_may_be_arns() {
        let scope = Scope {
            log_group: "arn:aws:logs:x:1:log-group:/a:*",
            roles: &["arn:aws:iam::1:role/a", "b"],
            ..ANYWHERE
        };
        assert_eq!(scope.resources(Logs), ["arn:aws:logs:x:1:log-group:/a:log-stream:*"]);
        assert_eq!(scope.resources(Roles), ["arn:aws:iam::1:role/a", "arn:aws:iam::*:role/b"]);
    }

    #[test]
    fn what_several_words_ask_for_is_asked_once() {
        let policy = policy(&["submit", "retry", "secrets"], &ANYWHERE).expect("known");
        let statements = policy["Statement"].as_array().expect("a list");
        let submits = statements.iter().filter(|it| it["Action"] == json!(["batch:SubmitJob"]));
        let resources: Vec<_> = submits.map(|it| it["Resource"].as_array()).collect();
        assert_eq!(resources.len(), 1);
        assert_eq!(resources[0].map(Vec::len), Some(8));
    }

    #[test]
    fn each_has_its_own_part_of_the_bucket() {
        let scope = Scope { bucket: "builds/team", ..ANYWHERE };
        let policy = policy(&["source"], &scope).expect("known");
        assert_eq!(
            policy["Statement"],
            json!([
                {
                    "Effect": "Allow",
                    "Action": ["s3:ListBucket"],
                    "Resource": ["arn:aws:s3:::builds"],
                    "Condition": {"StringLike": {"s3:prefix": "team/parcels/*"}},
                },
                {
                    "Effect": "Allow",
                    "Action": ["s3:ListMultipartUploadParts", "s3:PutObject"],
                    "Resource": ["arn:aws:s3:::builds/team/parcels/*"],
                },
            ])
        );
    }

    #[test]
    fn what_is_not_known_is_given_back() {
        assert_eq!(policy(&["submit", "fly"], &ANYWHERE), Err("fly"));
    }
}
