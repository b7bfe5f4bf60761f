//! Jobs that fetch by URLs, which hold for a while and are nobody else's business.

use std::fs;

use serde_json::json;

use crate::support::{Account, Home, Jobs, Run};

use super::files::carrying;

fn by_urls(account: &Account) -> Home {
    carrying(account).with("COMPUTES_FETCH", "urls")
}

/// In so many minutes, as tools write it.
fn ends_in(minutes: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes)).to_string()
}

#[test]
fn what_can_not_hold_is_refused_before_there_is_a_job() {
    let account = Account::new(Jobs::Succeed);
    let home = by_urls(&account).with("AWS_CREDENTIAL_EXPIRATION", &ends_in(59));
    home.write("it", "it\n");
    let submit = |options: &[&str]| {
        home.run([&["submit", "--input", "it"], options, &["--", "true"]].concat())
    };
    insta::assert_snapshot!(submit(&[]).snapshot(), @r"
    exit code 0
    --- stdout
    [id]
    --- stderr
    note: the URLs of the job's files hold for 58 min: it has to start within that time
    note: to submit takes `batch:SubmitJob` alone; what it takes to wait, list, read logs and cancel is printed by `computes policy`
    ");
    insta::assert_snapshot!(submit(&["--output", "out"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot submit `true`: the URL for its outputs has to hold until the job ends, and it has no timeout
    hint: say how long it may run, as in --timeout 30m
    ");
    let too_long = ["--output", "out", "--timeout", "20m", "--attempts", "3"];
    insta::assert_snapshot!(submit(&too_long).snapshot(), @r#"
    exit code 125
    --- stderr
    error: cannot submit `true`: the URLs of its files would hold for 58 min, and the job may need them for 90 min
    hint: get credentials that last longer, lower aws.start_within, or let the job fetch for itself: fetch = "program"
    "#);
    let holds = ["--output", "out", "--timeout", "20m"];
    insta::assert_snapshot!(submit(&holds).snapshot(), @r"
    exit code 0
    --- stdout
    [id]
    --- stderr
    note: the URLs of the job's files hold for 58 min: it has to start within that time
    ");
    let home = home.with("AWS_CREDENTIAL_EXPIRATION", &ends_in(20));
    insta::assert_snapshot!(home.run(["submit", "--input", "it", "--", "true"]).snapshot(), @r#"
    exit code 125
    --- stderr
    error: cannot submit `true`: the URLs of its files would hold for 19 min, and the job may need them for 30 min
    hint: get credentials that last longer, lower aws.start_within, or let the job fetch for itself: fetch = "program"
    "#);
    assert_eq!(account.jobs().len(), 2);
}

#[test]
fn a_url_that_expired_ends_the_job_before_its_command() {
    let account = Account::new(Jobs::Run);
    let home = by_urls(&account);
    home.write("it", "it\n");
    // As S3 answers by then.
    account.deny(&["s3:GetObject"]);
    let run = home.run(["run", "--input", "it", "--", "echo", "ran"]);
    assert_eq!(run.code, 125, "{}", run.stderr);
    assert!(run.stdout.contains("the URL has expired"), "{}", run.stdout);
    assert!(!run.stdout.contains("ran"), "{}", run.stdout);
}

#[test]
fn outputs_that_can_not_be_kept_fail_a_job_that_succeeded() {
    let account = Account::new(Jobs::Run);
    let home = by_urls(&account);
    let options = ["run", "--timeout", "5m", "--output", "out", "--", "sh", "-c"];
    account.deny(&[]);
    let submitted = home.run([&options[..], &["echo it >/files/out"]].concat());
    assert_eq!(submitted.code, 0, "{}", submitted.stdout);
    // The script is read, and the archive not taken.
    let gate = crate::support::Gate::new(&home);
    drop(gate);
    let arrived = home.work().join("go");
    let script =
        format!("until [ -e {} ]; do sleep 0.01; done; echo it >/files/out", arrived.display());
    let id = home.submit([&options[1..], &[script.as_str()]].concat());
    home.until(&id, "running");
    account.deny(&["s3:PutObject"]);
    fs::write(&arrived, "").expect("written");
    let waited = home.run(["wait", &id]);
    account.deny(&[]);
    assert_eq!(waited.code, 125, "{}", waited.stderr);
    let log = home.run(["logs", &id]).stdout;
    assert!(log.contains("cannot keep the outputs of the job"), "{log}");
}

#[test]
fn signals_reach_the_command_and_its_outputs_are_kept_all_the_same() {
    let account = Account::in_scene(Jobs::Run, &json!({"grace": 30}));
    let home = by_urls(&account);
    let script =
        "trap 'echo ended >/files/out; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let id = home.submit(["--timeout", "5m", "--output", "out", "--", "sh", "-c", script]);
    crate::support::eventually("the job is ready", || {
        home.run(["logs", &id]).stdout.contains("ready").then_some(())
    });
    assert_eq!(home.run(["cancel", &id]).code, 0);
    assert_eq!(home.run(["wait", &id]).code, 120);
    let got = home.run(["files", "get", &id]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert_eq!(fs::read_to_string(home.work().join("out")).expect("a file"), "ended\n");
}

/// What makes a URL one that opens something.
fn tells(account: &Account) -> [String; 3] {
    [account.field("sessionToken"), account.field("secretAccessKey"), "X-Amz-Signature".to_owned()]
}

#[test]
fn no_url_and_no_credential_is_anywhere_but_in_one_variable_of_the_request() {
    let account = Account::new(Jobs::Run);
    let home = by_urls(&account).with("COMPUTES_LOG", "trace").with("RUST_LOG", "trace");
    home.write("it", "it\n");
    let run = |script: &str| -> Run {
        let options = ["--timeout", "5m", "--input", "it", "--output", "it"];
        home.run([&["run"], options.as_slice(), &["--", "sh", "-c", script]].concat())
    };
    // All that a command can see of itself and of those around it.
    let mut runs = vec![run("env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; exit 3")];
    assert_eq!(runs[0].code, 3, "{}", runs[0].stderr);
    for words in [
        ["status", "--json"],
        ["logs", "--json"],
        ["explain", "--json"],
        ["files", "ls"],
        ["files", "get"],
        ["retry", "--json"],
    ] {
        runs.push(home.run([words.as_slice(), &["last"]].concat()));
    }
    account.deny(&["s3:*"]);
    runs.push(run("true"));
    account.deny(&[]);
    for run in &runs {
        for told in tells(&account) {
            assert!(!run.stdout.contains(&told), "{told}: {}", run.stdout);
            assert!(!run.stderr.contains(&told), "{told}: {}", run.stderr);
        }
    }
    for file in files_below(&home.state()).into_iter().chain(files_below(&home.work())) {
        let content = fs::read(&file).unwrap_or_default();
        let content = String::from_utf8_lossy(&content);
        for told in tells(&account) {
            assert!(!content.contains(&told), "{told}: {}", file.display());
        }
    }
    // In the request it is one, in a variable that is masked.
    for request in account.requests() {
        let variables = request["containerOverrides"]["environment"].as_array().expect("a list");
        let holds = |text: &str| text.contains("X-Amz-Signature");
        let with: Vec<_> = variables
            .iter()
            .filter(|it| holds(it["value"].as_str().expect("text")))
            .map(|it| it["name"].as_str().expect("text"))
            .collect();
        assert_eq!(with, ["COMPUTES_FETCH"]);
        assert_eq!(request.to_string().matches("X-Amz-Signature").count(), 1);
        let masked = variables.iter().find(|it| it["name"] == "COMPUTES_MASKED").expect("masked");
        assert_eq!(masked["value"], "COMPUTES_FETCH");
    }
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.append(&mut files_below(&path));
        } else if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            found.push(path);
        }
    }
    found
}
