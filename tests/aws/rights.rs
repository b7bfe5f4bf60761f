//! What `computes policy` prints for a verb is what the verb takes: no less, and no more.

use serde_json::{Value, json};

use crate::support::{Account, Home, Jobs};

/// A call, and the words that its policy is asked by.
struct Case {
    words: &'static [&'static str],
    /// What the ledger knows of, as `last`.
    job: Job,
    /// `#` is another number each time.
    call: &'static [&'static str],
    /// Rights that this call does not come to use.
    unused: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Job {
    None,
    Over,
    Running,
}

const CASES: [Case; 17] = [
    Case { words: &["submit"], job: Job::None, call: &["submit", "--", "true"], unused: &[] },
    // To end the job on Ctrl-C, and to tell the place in the queue of one that waits for longer.
    Case {
        words: &["run"],
        job: Job::None,
        call: &["run", "--", "echo", "hello"],
        unused: &["batch:TerminateJob", "batch:GetJobQueueSnapshot"],
    },
    Case {
        words: &["wait"],
        job: Job::Over,
        call: &["wait", "last"],
        unused: &["batch:TerminateJob", "batch:GetJobQueueSnapshot"],
    },
    Case { words: &["status"], job: Job::Over, call: &["status", "last"], unused: &[] },
    Case { words: &["list"], job: Job::Running, call: &["list"], unused: &["logs:GetLogEvents"] },
    Case {
        words: &["logs"],
        job: Job::Over,
        call: &["logs", "last"],
        unused: &["batch:GetJobQueueSnapshot"],
    },
    // Jobs that the ledger does not know are looked at first.
    Case {
        words: &["cancel"],
        job: Job::Running,
        call: &["cancel", "last"],
        unused: &["batch:DescribeJobs", "logs:GetLogEvents"],
    },
    Case {
        words: &["retry"],
        job: Job::Over,
        call: &["retry", "last"],
        unused: &["logs:GetLogEvents"],
    },
    Case { words: &["queues"], job: Job::None, call: &["queues"], unused: &[] },
    // The place in the queue is asked of a job that waits, the log of one that is over.
    Case {
        words: &["explain"],
        job: Job::Running,
        call: &["explain", "last"],
        unused: &[
            "batch:DescribeJobQueues",
            "batch:DescribeComputeEnvironments",
            "batch:GetJobQueueSnapshot",
            "logs:GetLogEvents",
        ],
    },
    Case { words: &["doctor"], job: Job::None, call: &["doctor"], unused: &[] },
    // A job that is there twice is ended once: tests/aws/{once,exactly_once}.rs.
    Case {
        words: &["submit", "once"],
        job: Job::None,
        // Each time other work: what is there already is not sent.
        call: &["submit", "--once", "--", "true", "#"],
        unused: &["batch:DescribeJobs", "batch:TerminateJob", "batch:CancelJob"],
    },
    Case {
        words: &["submit", "tags"],
        job: Job::None,
        call: &["submit", "--tag", "team=x", "--", "true"],
        unused: &[],
    },
    // What an upload in parts left is asked for only by one that goes on.
    Case {
        words: &["submit", "source"],
        job: Job::None,
        call: &["submit", "--input", "input-#", "--", "true"],
        unused: &["s3:ListMultipartUploadParts"],
    },
    Case {
        words: &["submit", "source", "urls"],
        job: Job::None,
        call: &["submit", "--input", "input-#", "--name", "by-urls", "--", "true"],
        // The rights of a URL are looked at when it is used.
        unused: &["s3:ListMultipartUploadParts", "s3:GetObject"],
    },
    Case {
        words: &["files"],
        job: Job::Running,
        call: &["files", "ls", "last"],
        unused: &["s3:PutObject", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts"],
    },
    Case {
        words: &["submit", "secrets"],
        job: Job::None,
        call: &["submit", "--secret", "TOKEN=ssm:/token-#", "--", "true"],
        unused: &[],
    },
];

/// An account whose definition has an image in ECR, roles, a file system and an access point.
fn account() -> Account {
    let account = Account::new(Jobs::Run);
    let efs = account.field("efs");
    let point = account.aws(&["efs", "create-access-point", "--file-system-id", &efs]);
    let role = account.field("role");
    let container = json!({
        "image": account.push("eu-west-1", "team/build", "9"),
        "jobRoleArn": role, "executionRoleArn": role,
        "volumes": [{"name": "efs", "efsVolumeConfiguration": {
            "fileSystemId": efs,
            "transitEncryption": "ENABLED",
            "authorizationConfig": {"accessPointId": point["AccessPointId"]},
        }}],
        "mountPoints": [{"sourceVolume": "efs", "containerPath": "/mnt/efs"}],
    });
    account.register("default", &container);
    account.aws(&[
        "s3api",
        "put-public-access-block",
        "--bucket",
        &account.field("bucket"),
        "--public-access-block-configuration",
        "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
    ]);
    account
}

fn policy(home: &Home, account: &Account, words: &[&str]) -> Value {
    let id = account.id();
    let narrowed = ["--region", "us-east-1", "--account", &id, "--role", "computes", "--json"];
    home.run([&["policy"], words, &narrowed].concat()).json().remove(0)
}

fn actions(policy: &Value) -> Vec<String> {
    let of = |statement: &Value| statement["Action"].as_array().expect("a list").clone();
    let all = policy["Statement"].as_array().expect("a list").iter().flat_map(of);
    all.map(|action| action.as_str().expect("a text").to_owned()).collect()
}

fn without(policy: &Value, action: &str) -> Value {
    let mut less = policy.clone();
    for statement in less["Statement"].as_array_mut().expect("a list") {
        statement["Action"].as_array_mut().expect("a list").retain(|it| it != action);
    }
    less
}

/// Runs a call under a policy, and gives what it printed.
fn under(policy: &Value, account: &Account, case: &Case, turn: usize) -> String {
    account.allow(&Value::Null);
    // The ledger of an earlier call would know too much.
    let home = account.home().with("COMPUTES_BUCKET", &account.field("bucket"));
    let by_urls = case.words.contains(&"urls");
    let home = if by_urls { home.with("COMPUTES_FETCH", "urls") } else { home };
    // Another each time, so that it is not there yet.
    let input = home.work().join(format!("input-{turn}"));
    std::fs::write(input, format!("{by_urls}, {turn}")).expect("written");
    let before = match case.job {
        Job::None => None,
        Job::Over => Some((["echo", "hello"], "SUCCEEDED")),
        Job::Running => Some((["sleep", "1000"], "RUNNING")),
    };
    if let Some((command, status)) = before {
        home.run([&["submit", "--"], command.as_slice()].concat());
        // `status` would ask, and the ledger would know what became of it.
        let newest = account.jobs().pop().expect("a job");
        account.until(newest["jobId"].as_str().expect("an id"), status);
    }
    account.allow(policy);
    let run = home.run(case.call.iter().map(|word| word.replace('#', &turn.to_string())));
    account.allow(&Value::Null);
    if matches!(case.job, Job::Running) {
        home.run(["cancel", "last"]);
    }
    format!("{}{}", run.stdout, run.stderr)
}

#[test]
fn every_word_is_looked_at() {
    let mut looked: Vec<_> = CASES.iter().flat_map(|case| case.words).collect();
    // In tests/aws/files.rs.
    looked.push(&"inside");
    for word in computes::engine::aws::policy_words() {
        assert!(looked.contains(&&word), "{word}");
    }
}

/// Why a job waits is asked of its queue.
#[test]
fn to_explain_a_job_that_waits_takes_all_that_explain_may() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let whole = policy(&home, &account, &["explain"]);
    home.submit(["--", "true"]);
    account.stage(&home.batch_id("last"), json!({"status": "RUNNABLE"}));
    account.allow(&whole);
    let said = home.run(["explain", "last"]);
    assert!(said.code == 0 && !said.stdout.contains("unknown"), "{}", said.stdout);
    for action in actions(&whole).into_iter().filter(|action| action != "logs:GetLogEvents") {
        account.allow(&without(&whole, &action));
        let run = home.run(["explain", "last"]);
        assert!(run.stdout.contains(&action) || run.stderr.contains(&action), "{}", run.stdout);
    }
}

#[test]
fn a_verb_needs_no_more_than_its_policy_and_no_less() {
    let account = account();
    let home = account.home();
    for case in &CASES {
        let Case { words, call, unused, .. } = case;
        let whole = policy(&home, &account, words);
        let said = under(&whole, &account, case, 0);
        let is_bad = said.lines().any(|line| line.starts_with("bad "));
        assert!(!said.contains("not authorized") && !is_bad, "{call:?}: {said}");
        for (turn, action) in (1..).zip(actions(&whole)) {
            let said = under(&without(&whole, &action), &account, case, turn);
            let told = said.contains(&action);
            assert_eq!(told, !unused.contains(&action.as_str()), "{call:?}, {action}: {said}");
        }
    }
}
