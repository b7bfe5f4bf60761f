//! Small outputs, many in an object.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use super::files::{carrying, carrying_through};
use crate::support::{Account, Aws, Fault, Home, Jobs, Proxy, Request};

/// Files in 30 folders: most of them unlike, some the same, some empty, one large.
const MAKE: &str = "cd /files; for d in $(seq 30); do mkdir -p out/$d; for f in $(seq 100); do \
    echo $d $f >out/$d/$f; done; done; \
    for d in $(seq 30); do echo same >out/$d/same; : >out/$d/empty; done; \
    chmod +x out/7/7; head -c 3000000 /dev/urandom >out/large";
const FILES: usize = 30 * 102 + 1;

fn of_blobs(proxy: &Proxy, method: &str) -> Vec<Request> {
    let is_blob = |it: &Request| it.method == method && it.path.contains("/blobs/");
    proxy.requests().into_iter().filter(is_blob).collect()
}

/// Of a home whose calls and whose jobs' calls go through a proxy.
fn scene(proxy: &Proxy) -> (Account, Home) {
    let account = Account::with_program(Jobs::Run, proxy.port());
    let home = carrying_through(&account, proxy.port());
    (account, home.with("COMPUTES_AWS_LOOK", "10m"))
}

fn run(home: &Home, output: &str, script: &str) {
    let run = home.run(["run", "--output", output, "--", "sh", "-c", script]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

fn get(home: &Home, paths: &[&str], into: &str) {
    let run = home.run([&["files", "get", "last", "--into", into], paths].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

#[test]
fn thousands_of_small_files_are_kept_and_got_with_a_few_requests() {
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let (_account, home) = scene(&proxy);
    run(&home, "out", MAKE);
    // All the small ones, and the large one.
    assert_eq!(of_blobs(&proxy, "PUT").len(), 2);
    let listed = home.run(["files", "ls", "--json", "last"]).json();
    assert_eq!(listed.len(), FILES);

    get(&home, &["out/12/34"], "one");
    let one = of_blobs(&proxy, "GET");
    assert_eq!(one.len(), 1);
    let range = one[0].header("range").expect("a range");
    let (from, to) = range["bytes=".len()..].split_once('-').expect("a range");
    let bytes = |text: &str| text.parse::<usize>().expect("a number");
    assert_eq!(bytes(to) + 1 - bytes(from), "12 34\n".len(), "{range}");
    assert_eq!(text(&home.work().join("one/out/12/34")), "12 34\n");

    get(&home, &[], "all");
    assert_eq!(of_blobs(&proxy, "GET").len() - one.len(), 2);
    let out = home.work().join("all/out");
    for folder in 1..=30 {
        let folder = out.join(folder.to_string());
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 102);
        assert_eq!(text(&folder.join("same")), "same\n");
        assert_eq!(text(&folder.join("empty")), "");
        for file in 1..=100 {
            let name = folder.file_name().expect("a name").to_string_lossy();
            assert_eq!(text(&folder.join(file.to_string())), format!("{name} {file}\n"));
        }
    }
    let mode = |name: &str| fs::metadata(out.join(name)).expect("a file").permissions().mode();
    assert_eq!((mode("7/7") & 0o777, mode("7/8") & 0o777), (0o755, 0o644));
    assert_eq!(fs::metadata(out.join("large")).expect("a file").len(), 3_000_000);
}

#[test]
fn bundles_are_whole_whatever_is_cut() {
    let mut turn = BTreeMap::new();
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if !request.path.contains("/blobs/") && !request.path.contains("/index/") {
            return Fault::None;
        }
        let what = (request.method.clone(), request.path.contains("/blobs/"));
        let turn = turn.entry(what).or_insert(0);
        *turn += 1;
        match request.method.as_str() {
            "PUT" if *turn % 2 == 1 => Fault::RequestCut,
            "GET" if *turn % 4 != 0 => Fault::AnswerCut { after: 30_000 },
            _ => Fault::None,
        }
    });
    let (_account, home) = scene(&proxy);
    let script = "cd /files; for f in $(seq 100); do seq $f 1000 >$f; done";
    run(&home, ".", script);
    get(&home, &[], "results");
    let range = |it: &Request| it.header("range").expect("a range");
    let asked: Vec<_> = of_blobs(&proxy, "GET").iter().map(range).collect();
    let again: Vec<_> = asked.iter().filter(|it| it.starts_with("bytes=0-")).collect();
    assert!(asked.len() > 3 && again.len() == 1, "{asked:?}");
    for file in 1..=100 {
        let lines: Vec<_> = (file..=1000).map(|line| line.to_string()).collect();
        let there = text(&home.work().join(format!("results/{file}")));
        assert_eq!(there, lines.join("\n") + "\n");
    }
}

/// Neither is a bundle written again, nor is the rest of it sent with what changed.
#[test]
fn a_file_that_changes_is_sent_alone() {
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let (_account, home) = scene(&proxy);
    let home = home.with("COMPUTES_AWS_LOOK", "100ms");
    home.write("it", "");
    // Each is there as a whole.
    let script = "cd /files; for f in $(seq 100); do seq $f 1000 >.new; mv .new $f; done; \
        until [ -e go ]; do sleep 0.01; done; echo new >7";
    let id = home.submit(["--output", ".", "--output", "!.new", "--", "sh", "-c", script]);
    crate::support::eventually("all are kept", || {
        let listed = home.run(["files", "ls", &id]);
        (listed.stdout.lines().count() == 100).then_some(())
    });
    let before: Vec<_> = of_blobs(&proxy, "PUT").iter().map(Request::body_length).collect();
    assert!(before.iter().sum::<usize>() > 100_000, "{before:?}");
    assert_eq!(home.run(["files", "put", &id, "it=go"]).code, 0);
    assert_eq!(home.run(["wait", &id]).code, 0);
    let after = of_blobs(&proxy, "PUT").split_off(before.len());
    let after: Vec<_> = after.iter().map(Request::body_length).collect();
    // The new version, and the empty file that was put.
    assert_eq!(after.iter().sum::<usize>(), "new\n".len(), "{after:?}");
    get(&home, &["7", "8"], "results");
    assert_eq!(text(&home.work().join("results/7")), "new\n");
    assert!(text(&home.work().join("results/8")).starts_with("8\n9\n"));
}

#[test]
fn what_an_attempt_kept_stays_until_the_next_keeps_something_in_its_place() {
    let proxy = Proxy::start(Aws::server().port(), |_| Fault::None);
    let (_account, home) = scene(&proxy);
    let home = home.with("COMPUTES_AWS_LOOK", "50ms");
    home.write("it", "");
    // The second begins with nothing, and looks around before it keeps anything.
    let script = "cd /files; if [ $AWS_BATCH_JOB_ATTEMPT = 1 ]; then echo first >a; echo same >b; exit 1; fi; \
        until [ -e new ]; do sleep 0.01; done; echo second >a; until [ -e go ]; do sleep 0.01; done; echo same >b";
    let options = ["--attempts", "2", "--retry-on", "any", "--fresh-files", "--output", "."];
    let id = home.submit([&options[..], &["--", "sh", "-c", script]].concat());
    let has = |name: &str, content: &str| {
        crate::support::eventually("it is kept", || {
            let into = tempfile::tempdir().expect("a folder");
            let into = into.path().display().to_string();
            let got = home.run(["files", "get", &id, "--into", &into, name]);
            let there = fs::read_to_string(Path::new(&into).join(name)).ok();
            (got.code == 0 && there.as_deref() == Some(content)).then_some(())
        });
    };
    let index_written = || {
        let is_index = |it: &&Request| it.method == "PUT" && it.path.contains("/index/");
        proxy.requests().iter().filter(is_index).count()
    };
    crate::support::eventually("the second attempt runs", || {
        (home.status(&id)["attempt"] == 2 && home.status(&id)["state"] == "running").then_some(())
    });
    // What was put is an output of its own, so the index was written by this attempt.
    let before = index_written();
    assert_eq!(home.run(["files", "put", &id, "it=new"]).code, 0);
    has("new", "");
    assert!(index_written() > before);
    has("b", "same\n");
    has("a", "second\n");
    assert_eq!(home.run(["files", "put", &id, "it=go"]).code, 0);
    assert_eq!(home.run(["wait", &id]).code, 0);
    has("a", "second\n");
    has("b", "same\n");
    // The content of `b` was there already.
    let sent = of_blobs(&proxy, "PUT").iter().map(Request::body_length).sum::<usize>();
    assert_eq!(sent, "first\nsame\nsecond\n".len());
}

#[test]
fn an_index_of_another_format_is_refused() {
    let account = Account::new(Jobs::Succeed);
    let home = carrying(&account);
    home.submit(["--output", ".", "--", "true"]);
    let id = home.status("last")["id"].as_str().expect("an id").to_owned();
    home.write("index", &json!({"format": 2, "attempt": 1, "files": []}).to_string());
    let body = home.work().join("index").display().to_string();
    let (bucket, key) = (account.field("bucket"), format!("jobs/{id}/index/job.json"));
    account.aws(&["s3api", "put-object", "--bucket", &bucket, "--key", &key, "--body", &body]);
    let told = home.run(["files", "get", "last"]).snapshot().replace(&id, "[id]");
    insta::assert_snapshot!(told, @"
    exit code 125
    --- stderr
    error: cannot get the files of [short]: `jobs/[id]/index/job.json` is in format 2, and this version of computes knows only 1
    hint: take the version that the image of the job holds
    ");
}
