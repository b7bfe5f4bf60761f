//! The bucket: what is sent there, what a job may do with it, and what comes back.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Account, Aws, Fault, Home, Jobs, Proxy, Run};

/// A home whose jobs bring files along by way of the account's bucket.
pub fn carrying(account: &Account) -> Home {
    carrying_through(account, Aws::server().port())
}

pub fn carrying_through(account: &Account, port: u16) -> Home {
    let home = account.home_through(port).with("COMPUTES_AWS_LOOK", "100ms");
    home.with("COMPUTES_BUCKET", &account.field("bucket"))
}

fn git(folder: &Path, words: &[&str]) {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(words)
        .output()
        .expect("git");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn repository(folder: &Path) {
    fs::create_dir_all(folder.join("in")).expect("a folder");
    fs::write(folder.join("in/a"), "a\n").expect("written");
    fs::write(folder.join("b"), "b\n".repeat(10_000)).expect("written");
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "first"]);
}

/// What the job is told of what it brings along.
fn freight(home: &Home, folder: &Path, source: &str) -> Value {
    let mut dry = home.command(["submit", "--dry-run", "--json", "--source", source, "--", "true"]);
    let run = home.run_command(dry.current_dir(folder));
    let request = run.json().remove(0);
    let variables = request["containerOverrides"]["environment"].as_array().expect("a list");
    let variable = variables.iter().find(|it| it["name"] == "COMPUTES_FREIGHT").expect("freight");
    let cargo: Value =
        serde_json::from_str(variable["value"].as_str().expect("text")).expect("JSON");
    cargo["freight"].clone()
}

/// Uploads of parcels that went through a proxy.
fn parcels_sent(proxy: &Proxy) -> usize {
    let sent = |request: &crate::support::Request| {
        request.method == "PUT" && request.path.contains("/parcels/")
    };
    proxy.requests().iter().filter(|request| sent(request)).count()
}

#[test]
fn two_hundred_jobs_of_one_tree_send_it_once() {
    let account = Account::new(Jobs::Succeed);
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let home = carrying_through(&account, proxy.port());
    repository(&home.work());
    let lines =
        (0..200).map(|n| format!("{{\"command\":[\"echo\",\"{n}\"],\"source\":\"tree\"}}\n"));
    home.write("../jobs.jsonl", &lines.collect::<String>());
    let run = home.run(["submit", "--from", "../jobs.jsonl"]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 200), "{}", run.stderr);
    assert_eq!(account.jobs().len(), 200);
    assert_eq!(parcels_sent(&proxy), 1);
    // Nor does anybody else send it, from wherever.
    let elsewhere = carrying_through(&account, proxy.port());
    repository(&elsewhere.work());
    elsewhere.submit(["--source", "tree", "--", "true"]);
    elsewhere.submit(["--source", "commit", "--", "true"]);
    assert_eq!(parcels_sent(&proxy), 1);
}

#[test]
fn the_same_tree_has_the_same_address_in_two_clones() {
    let account = Account::new(Jobs::Stay);
    let home = carrying(&account);
    let first = home.work().join("first");
    repository(&first);
    let second = home.work().join("second");
    git(&home.work(), &["clone", "--quiet", "first", "second"]);
    let touched = Command::new("sh")
        .args(["-c", "chmod -R g+w,o-r . && touch -d 2001-02-03 b in/a && chown -R 1234:1234 in"])
        .current_dir(&second)
        .status();
    assert!(touched.is_ok_and(|status| status.success()));
    git(&second, &["config", "core.fileMode", "false"]);
    let there = freight(&home, &first, "tree");
    assert_eq!(there, freight(&home, &second, "tree"));
    assert_eq!(there, freight(&home, &second, "commit"));
    fs::write(second.join("new"), "").expect("written");
    assert_ne!(there, freight(&home, &second, "tree"));
}

fn policy(home: &Home, account: &Account, words: &[&str]) -> Value {
    let narrowed = ["--bucket", &account.field("bucket"), "--json"];
    home.run([&["policy"], words, &narrowed].concat()).json().remove(0)
}

fn without(policy: &Value, action: &str) -> Value {
    let mut less = policy.clone();
    for statement in less["Statement"].as_array_mut().expect("a list") {
        statement["Action"].as_array_mut().expect("a list").retain(|it| it != action);
    }
    less
}

#[test]
fn a_job_does_with_its_role_what_it_is_granted_and_no_more() {
    let account = Account::with_program(Jobs::Run, 0);
    let home = carrying(&account);
    let whole = policy(&home, &account, &["inside"]);
    home.write("it", "it\n");
    let run = |policy: &Value| -> Run {
        account.allow_jobs(policy);
        let script = "cat /files/it; echo done >/files/out";
        home.run(["run", "--input", "it", "--output", "out", "--", "sh", "-c", script])
    };
    let full = run(&whole);
    assert_eq!((full.code, full.stdout.as_str()), (0, "it\n"), "{}", full.stderr);
    for action in ["s3:GetObject", "s3:ListBucket", "s3:PutObject"] {
        let less = run(&without(&whole, action));
        assert_eq!(less.code, 125, "{action}: {}", less.stdout);
        assert!(less.stdout.contains(action), "{action}: {}", less.stdout);
        assert!(less.stdout.contains("`computes policy`"), "{action}: {}", less.stdout);
    }
    // It never sees the parcels of others in a list, nor writes one.
    let denied = json!(whole).to_string();
    assert!(!denied.contains("\"s3:prefix\":\"parcels"), "{denied}");
}

#[test]
fn files_are_listed_got_put_and_pruned_with_what_that_takes() {
    let account = Account::with_program(Jobs::Run, 0);
    let home = carrying(&account);
    let script = "mkdir /files/out; echo 1 >/files/out/1";
    let run = home.run(["run", "--output", "out", "--", "sh", "-c", script]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    home.write("it", "it\n");
    account.allow(&policy(&home, &account, &["files"]));
    let calls: [&[&str]; 4] = [
        &["files", "ls", "last"],
        &["files", "get", "last", "--into", "results"],
        &["files", "put", "last", "it"],
        &["files", "prune", "--older-than", "0s"],
    ];
    for call in calls {
        let run = home.run(call);
        assert_eq!(run.code, 0, "{call:?}: {}", run.stderr);
    }
    let left = home.run(["files", "ls", "last"]);
    assert_eq!((left.code, left.stdout.as_str()), (0, ""), "{}", left.stderr);
}

#[test]
fn a_job_removes_what_jobs_left_on_the_file_system() {
    let account = Account::new(Jobs::Run);
    let home = carrying(&account);
    // The file system is that of all tests: what they leave is young.
    let there = |id: &str| Aws::server().host_path(&format!("/mnt/efs/{id}"));
    let [old, young] =
        ["0a0a0a0a-0000-4000-8000-000000000001", "0a0a0a0a-0000-4000-8000-000000000002"];
    for id in [old, young] {
        fs::create_dir_all(there(id).join("in")).expect("a folder");
        fs::write(there(id).join("in/it"), "it").expect("written");
    }
    let aged = Command::new("find")
        .arg(there(old))
        .args(["-depth", "-exec", "touch", "-d", "40 days ago", "{}", ";"])
        .status();
    assert!(aged.is_ok_and(|status| status.success()));
    assert_eq!(home.run(["files", "prune", "--file-system", "--engine", "local"]).code, 2);
    let run = home.run(["files", "prune", "--file-system"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let id = run.stdout.trim();
    assert_eq!(home.run(["wait", id]).code, 0);
    assert!(home.run(["logs", id]).stdout.contains(&format!("removed {old}\n")));
    assert!(!there(old).exists() && there(young).join("in/it").exists());
}

#[test]
fn what_the_bucket_lost_is_said_before_the_job_is_submitted_again() {
    let account = Account::new(Jobs::Succeed);
    let home = carrying(&account);
    home.write("it", "it\n");
    home.submit(["--input", "it", "--", "true"]);
    let retry = home.run(["retry", "last"]);
    assert_eq!(retry.code, 0, "{}", retry.stderr);
    let bucket = format!("s3://{}", account.field("bucket"));
    account.aws(&["s3", "rm", "--quiet", "--recursive", &bucket]);
    let run = home.run(["retry", "last"]);
    assert_eq!(run.code, 125);
    assert!(run.stderr.contains("is not here any more"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: submit the job anew"), "{}", run.stderr);
    assert_eq!(account.jobs().len(), 2);
}

#[test]
fn an_old_parcel_is_sent_again_because_its_job_may_start_late() {
    let account = Account::new(Jobs::Succeed);
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let home = carrying_through(&account, proxy.port());
    home.write("it", "it\n");
    home.submit(["--input", "it", "--", "true"]);
    home.submit(["--input", "it", "--", "true"]);
    assert_eq!(parcels_sent(&proxy), 1);
    account.age_objects(6);
    home.submit(["--input", "it", "--", "true"]);
    assert_eq!(parcels_sent(&proxy), 1);
    account.age_objects(2);
    home.submit(["--input", "it", "--", "true"]);
    assert_eq!(parcels_sent(&proxy), 2);
}

/// What a job wrote into its index is not believed.
#[test]
fn hostile_names_are_refused_and_nothing_is_written() {
    let account = Account::new(Jobs::Succeed);
    let home = carrying(&account);
    home.submit(["--output", ".", "--", "true"]);
    let id = home.status("last")["id"].as_str().expect("an id").to_owned();
    let hash = "0".repeat(64);
    let file = |path: &str| json!({"path": path, "bytes": 1, "sha256": hash, "modified": null});
    let link = |path: &str, target: &str| json!({"path": path, "target": target});
    for entries in [
        vec![file("../out")],
        vec![file("/tmp/computes-hostile")],
        vec![file("a/../../out")],
        vec![file("a\\..\\out")],
        vec![file("C:out")],
        vec![file("NUL")],
        vec![file("aux.txt")],
        vec![file("a"), file("A")],
        vec![file("dir/a"), file("DIR/A")],
        vec![link("out", "/etc")],
        vec![link("out", "../../etc")],
        vec![link("d", "."), file("d/x")],
        vec![file("x\u{1b}[2J")],
    ] {
        let index = json!({"attempt": 1, "entries": entries});
        let body = home.work().join("../index.json");
        fs::write(&body, index.to_string()).expect("written");
        let key = format!("jobs/{id}/index/job.json");
        let (bucket, body) = (account.field("bucket"), body.display().to_string());
        account.aws(&["s3api", "put-object", "--bucket", &bucket, "--key", &key, "--body", &body]);
        let run = home.run(["files", "get", "last", "--into", "results"]);
        assert_eq!(run.code, 125, "{entries:?}: {}", run.stderr);
        assert!(!home.work().join("results").exists(), "{entries:?}");
        assert!(!run.stderr.contains('\u{1b}'), "{entries:?}");
        // To look is no danger.
        assert_eq!(home.run(["files", "ls", "last"]).code, 0);
    }
    assert!(!Path::new("/tmp/computes-hostile").exists());
}

/// What a job says it kept has to be there.
#[test]
fn a_file_that_is_not_what_its_hash_says_gets_no_name() {
    let account = Account::new(Jobs::Succeed);
    let home = carrying(&account);
    home.submit(["--output", ".", "--", "true"]);
    let id = home.status("last")["id"].as_str().expect("an id").to_owned();
    let (hash, bucket) = ("0".repeat(64), account.field("bucket"));
    let entry = json!({"path": "it", "bytes": 3, "sha256": hash, "modified": null});
    home.write("index", &json!({"attempt": 1, "entries": [entry]}).to_string());
    home.write("blob", "no\n");
    for (name, key) in [("index", "index/job.json".to_owned()), ("blob", format!("blobs/{hash}"))] {
        let body = home.work().join(name).display().to_string();
        let key = format!("jobs/{id}/{key}");
        account.aws(&["s3api", "put-object", "--bucket", &bucket, "--key", &key, "--body", &body]);
    }
    let run = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(run.code, 125);
    assert!(run.stderr.contains("is not what it should be"), "{}", run.stderr);
    let left = fs::read_dir(home.work().join("results")).expect("a folder").count();
    assert_eq!(left, 0);
}

#[test]
fn children_of_an_array_keep_each_their_own() {
    let account = Account::with_program(Jobs::Run, 0);
    let home = carrying(&account);
    let script = "echo $AWS_BATCH_JOB_ARRAY_INDEX >/files/index";
    let dry = ["submit", "--dry-run", "--json", "--output", ".", "--", "sh", "-c", script];
    let mut request = home.run(dry).json().remove(0);
    request["arrayProperties"] = json!({"size": 2});
    let array = account.aws(&["batch", "submit-job", "--cli-input-json", &request.to_string()]);
    let array = array["jobId"].as_str().expect("an id");
    account.until(array, "SUCCEEDED");
    let listed = home.run(["files", "ls", "--json", array]);
    let paths: Vec<_> = listed.json().iter().map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["0/index", "1/index"], "{}", listed.stderr);
    let one = home.run(["files", "get", array, "1", "--into", "results"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    let results = home.work().join("results");
    assert_eq!(fs::read_to_string(results.join("1/index")).expect("a file"), "1\n");
    assert!(!results.join("0").exists());
    let all = home.run(["files", "get", array, "--into", "results"]);
    assert_eq!(all.code, 0, "{}", all.stderr);
    assert_eq!(fs::read_to_string(results.join("0/index")).expect("a file"), "0\n");
}

#[test]
fn a_job_without_a_bucket_is_refused() {
    let account = Account::new(Jobs::Succeed);
    let home = account.home();
    home.write("it", "");
    insta::assert_snapshot!(home.run(["submit", "--input", "it", "--", "true"]).snapshot(), @r#"
    exit code 2
    --- stderr
    error: cannot submit `true`: the job has inputs, and no bucket is set to bring them to AWS and back
    hint: set it in computes.toml, as in bucket = "s3://builds"; or leave them out
    "#);
    insta::assert_snapshot!(home.run(["submit", "--output", "out", "--", "true"]).snapshot(), @r#"
    exit code 2
    --- stderr
    error: cannot submit `true`: the job has outputs, and no bucket is set to bring them to AWS and back
    hint: set it in computes.toml, as in bucket = "s3://builds"; or leave them out
    "#);
    home.submit(["--", "true"]);
    insta::assert_snapshot!(home.run(["files", "ls", "last"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot list the files of [short]: job [short] was submitted without a bucket, so its files are out of reach
    hint: set bucket in computes.toml before you submit, and say what is kept with --output
    ");
    assert_eq!(account.jobs().len(), 1);
}

#[test]
fn what_is_put_before_the_job_starts_is_listed() {
    let account = Account::new(Jobs::Stay);
    let home = carrying(&account);
    home.write("it", "it\n");
    home.submit(["--input", "it=in/it", "--", "true"]);
    assert_eq!(home.run(["files", "put", "last", "it=later"]).code, 0);
    let listed = home.run(["files", "ls", "--json", "last"]).json();
    let seen: Vec<_> = listed.iter().map(|it| (it["path"].as_str(), it["kind"].as_str())).collect();
    assert_eq!(seen, [(Some("in/it"), Some("input")), (Some("later"), Some("input"))]);
    let got = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
}
