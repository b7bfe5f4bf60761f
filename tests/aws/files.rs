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
    // It writes no parcel.
    let statements = whole["Statement"].as_array().expect("a list");
    let writes = statements.iter().filter(|it| it["Action"].to_string().contains("s3:PutObject"));
    for statement in writes {
        assert!(!statement["Resource"].to_string().contains("parcels"), "{statement}");
    }
}

#[test]
fn files_are_listed_got_put_and_pruned_with_what_that_takes() {
    let account = Account::with_program(Jobs::Run, 0);
    let home = carrying(&account);
    let script = "mkdir /files/out; echo 1 >/files/out/1";
    let run = home.run(["run", "--output", "out", "--", "sh", "-c", script]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let over = home.status("last")["id"].as_str().expect("an id").to_owned();
    let on = home.submit(["--output", ".", "--", "sleep", "1000"]);
    home.write("it", "it\n");
    account.allow(&policy(&home, &account, &["files"]));
    let calls: [&[&str]; 4] = [
        &["files", "ls", &over],
        &["files", "get", &over, "--into", "results"],
        &["files", "put", &on, "it"],
        &["prune", "--older-than", "0s"],
    ];
    for call in calls {
        let run = home.run(call);
        assert_eq!(run.code, 0, "{call:?}: {}", run.stderr);
    }
    account.allow(&Value::Null);
    home.run(["cancel", &on]);
    let left = home.run(["files", "ls", &over]);
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
    assert_eq!(home.run(["prune", "--file-system", "--engine", "local"]).code, 2);
    let run = home.run(["prune", "--file-system"]);
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

/// The name of an object.
const BLOB: &str = "01a204ba-da57-74af-8b9d-b34252d507a8";

/// What a job wrote into its index is not believed.
#[test]
fn hostile_names_are_refused_and_nothing_is_written() {
    let account = Account::new(Jobs::Succeed);
    let home = carrying(&account);
    home.submit(["--output", ".", "--", "true"]);
    let id = home.status("last")["id"].as_str().expect("an id").to_owned();
    let hash = "0".repeat(64);
    let file = |path: &str| json!({"path": path, "bytes": 1, "sha256": hash, "blob": BLOB, "modified": null});
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
        let index = json!({"format": 1, "attempt": 1, "entries": entries});
        let body = home.work().join("../index.json");
        fs::write(&body, index.to_string()).expect("written");
        let key = format!("jobs/{id}/index/job.json");
        let (bucket, body) = (account.field("bucket"), body.display().to_string());
        account.aws(&["s3api", "put-object", "--bucket", &bucket, "--key", &key, "--body", &body]);
        let run = home.run(["files", "get", "last", "--into", "results"]);
        assert_eq!(run.code, 125, "{entries:?}: {}", run.stderr);
        let left = fs::read_dir(home.work().join("results"));
        let left: Vec<_> = left.into_iter().flatten().flatten().map(|it| it.path()).collect();
        // A link to where it is itself leads nowhere.
        let is_whole = |path: &std::path::PathBuf| path.is_file();
        assert!(!left.iter().any(is_whole), "{entries:?}: {left:?}");
        assert!(!home.work().join("out").exists() && !home.path().join("out").exists());
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
    let entry = json!({"path": "it", "bytes": 3, "sha256": hash, "blob": BLOB, "modified": null});
    home.write("index", &json!({"format": 1, "attempt": 1, "entries": [entry]}).to_string());
    home.write("blob", "no\n");
    for (name, key) in [("index", "index/job.json".to_owned()), ("blob", format!("blobs/{BLOB}"))] {
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
    assert_eq!(got.code, 2, "{}", got.stderr);
    assert!(got.stderr.contains("there is nothing of"), "{}", got.stderr);
}

/// What a job of these outputs leaves, as `files get` brings it.
fn kept(account: &Account, fetch: &str, script: &str) -> (Run, Run, std::path::PathBuf, Home) {
    let home = carrying(account).with("COMPUTES_FETCH", fetch);
    let options = ["run", "--timeout", "5m", "--output", ".", "--", "sh", "-c", script];
    let run = home.run(options);
    let got = home.run(["files", "get", "last", "--into", "results"]);
    let results = home.work().join("results");
    (run, got, results, home)
}

#[test]
fn what_can_not_be_kept_takes_nothing_else_along() {
    let account = Account::with_program(Jobs::Run, 0);
    for (name, told) in
        [("\"$(printf 'b\\351')\"", "not UTF-8"), ("A::B.3pm", "which lead elsewhere on Windows")]
    {
        for fetch in ["program", "urls"] {
            let script = format!("cd /files; echo good >good; echo bad >{name}");
            let (run, got, results, home) = kept(&account, fetch, &script);
            assert_eq!(run.code, 0, "{fetch}, {name}: {}", run.stderr);
            let good = fs::read_to_string(results.join("good")).expect("a file");
            assert_eq!(good, "good\n", "{fetch}, {name}");
            // Somebody is told of it: whoever reads the log, or whoever gets the rest.
            let log = home.run(["logs", "last"]).stdout;
            assert!(log.contains(told) || got.stderr.contains(told), "{log}{}", got.stderr);
        }
    }
}

#[test]
fn files_of_the_same_content_and_links_are_got_and_got_again() {
    let account = Account::with_program(Jobs::Run, 0);
    let script = "cd /files; seq 100000 >a; cp a b; ln -s a l; mkdir d; cp a d/a";
    let (run, got, results, home) = kept(&account, "program", script);
    assert_eq!((run.code, got.code), (0, 0), "{}{}", run.stderr, got.stderr);
    for name in ["b", "d/a", "l"] {
        let same = fs::read(results.join(name)).expect("a file");
        assert!(same == fs::read(results.join("a")).expect("a file"), "{name}");
    }
    let again = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
}

/// Neither the time nor the size tells that it changed.
#[test]
fn the_last_version_of_a_file_is_kept_whatever_its_time_says() {
    let account = Account::with_program(Jobs::Run, 0);
    let script = "echo 1 >/files/f; touch -d 2001-01-01 /files/f; sleep 0.5; echo 2 >/files/f; touch -d 2001-01-01 /files/f";
    let (run, got, results, _home) = kept(&account, "program", script);
    assert_eq!((run.code, got.code), (0, 0), "{}{}", run.stderr, got.stderr);
    assert_eq!(fs::read_to_string(results.join("f")).expect("a file"), "2\n");
}

#[test]
fn outputs_that_somebody_still_writes_are_kept_as_they_are() {
    let account = Account::with_program(Jobs::Run, 0);
    for fetch in ["program", "urls"] {
        let script = "cd /files; echo good >good; (while :; do echo x >>log; done) & until grep -c x log 2>/dev/null | grep -q ..; do :; done";
        let (run, got, results, _home) = kept(&account, fetch, script);
        assert_eq!((run.code, got.code), (0, 0), "{fetch}: {}{}", run.stdout, got.stderr);
        assert!(fs::read(results.join("log")).expect("a file").starts_with(b"x\nx\n"), "{fetch}");
        assert_eq!(fs::read_to_string(results.join("good")).expect("a file"), "good\n");
    }
}

#[test]
fn nothing_leads_out_of_the_folder_that_files_are_brought_to() {
    let account = Account::with_program(Jobs::Run, 0);
    let script = "cd /files; mkdir -p a/b .git/hooks; echo x >a/b/x; echo x >.git/hooks/pre-commit";
    let home = carrying(&account);
    let run = home.run(["run", "--output", ".", "--", "sh", "-c", script]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let beside = home.work().join("beside");
    fs::create_dir(&beside).expect("a folder");
    fs::create_dir(home.work().join("results")).expect("a folder");
    // As an earlier job may have left it.
    std::os::unix::fs::symlink(&beside, home.work().join("results/a")).expect("a link");
    let got = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(got.code, 125);
    assert!(got.stderr.contains("results/a` is a link"), "{}", got.stderr);
    assert!(got.stderr.contains("git would run what is in it"), "{}", got.stderr);
    assert_eq!(fs::read_dir(&beside).expect("a folder").count(), 0);
    assert!(!home.work().join("results/.git").exists());
}

#[test]
fn a_job_fetches_with_its_role_whatever_its_command_is_given() {
    let account = Account::with_program(Jobs::Run, 0);
    let home = carrying(&account);
    home.write("it", "it\n");
    // What the submitter may is not what the job may: these keys are the submitter's.
    account.allow_jobs(&policy(&home, &account, &["submit"]));
    let given: Vec<_> = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
        .iter()
        .flat_map(|name| ["--env", name])
        .collect();
    let run = home
        .run([&["run", "--input", "it"], given.as_slice(), &["--", "cat", "/files/it"]].concat());
    assert_eq!(run.code, 125, "{}", run.stdout);
    assert!(run.stdout.contains("s3:PutObject"), "{}", run.stdout);
}

#[test]
fn what_does_not_fit_is_told_and_holds_nothing_up() {
    let account = Account::with_program(Jobs::Run, 0);
    let home = carrying(&account);
    home.write("it", "it\n");
    let script =
        "mkdir /files/out; until [ -e /files/go ]; do sleep 0.01; done; echo 1 >/files/out/1";
    let id = home.submit(["--output", "out", "--", "sh", "-c", script]);
    home.until(&id, "running");
    crate::support::eventually("the folder is there", || {
        let files = home.status(&id)["files"].as_str().expect("a path").to_owned();
        Aws::server().host_path(&files).join("out").exists().then_some(())
    });
    assert_eq!(home.run(["files", "put", &id, "it=out"]).code, 0);
    assert_eq!(home.run(["files", "put", &id, "it=go"]).code, 0);
    assert_eq!(home.run(["wait", &id]).code, 0);
    let log = home.run(["logs", &id]).stdout;
    assert!(log.contains("what was put to `out` does not fit"), "{log}");
    assert_eq!(home.run(["files", "get", &id, "out/1"]).code, 0);
}

#[test]
fn what_nobody_would_look_for_can_not_be_put() {
    let account = Account::with_program(Jobs::Run, 0);
    let home = carrying(&account);
    home.write("it", "it\n");
    home.run(["run", "--quiet", "--output", ".", "--", "true"]);
    let mut told = home.run(["files", "put", "last", "it"]).snapshot();
    for options in [&[][..], &["--no-files"]] {
        let id = home.submit([options, &["--", "sleep", "1000"]].concat());
        told.push_str(&home.run(["files", "put", &id, "it"]).snapshot());
        home.run(["cancel", &id]);
    }
    let by_urls = home.with("COMPUTES_FETCH", "urls");
    let id = by_urls.submit(["--input", "it", "--", "sleep", "1000"]);
    told.push_str(&by_urls.run(["files", "put", &id, "it"]).snapshot());
    by_urls.run(["cancel", &id]);
    insta::assert_snapshot!(told, @r#"
    exit code 2
    --- stderr
    error: cannot put files to [short]: the job is over: succeeded
    hint: bring it along with --input when you submit the job again; what it left is brought here by `computes files get [short]`
    exit code 2
    --- stderr
    error: cannot put files to [short]: nothing can be put to job [short]: it brings nothing along and keeps nothing, so nobody in it looks for files
    hint: submit it with --output or --input
    exit code 2
    --- stderr
    error: cannot put files to [short]: job [short] has no /files
    exit code 2
    --- stderr
    error: cannot put files to [short]: nothing can be put to job [short]: it fetches by URLs, once, before its command starts
    hint: bring it along with --input, or let the job fetch for itself: fetch = "program"
    "#);
}
