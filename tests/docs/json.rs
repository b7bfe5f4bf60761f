//! Every field that the program prints is explained, and no other.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::{pattern, read};
use crate::support::{Home, send};

/// The first column of the tables under a heading of a document.
fn fields(document: &str, heading: &str) -> BTreeSet<String> {
    let field = pattern(r"^\| `([a-z0-9_]+)` \|");
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in document.lines() {
        if line.starts_with('#') {
            inside = line.trim_start_matches('#').trim() == heading;
        } else if inside && let Some(name) = field.captures(line) {
            found.insert(name[1].to_owned());
        }
    }
    assert!(!found.is_empty(), "docs/json.md has no fields under `{heading}`");
    found
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("json")).collect()
}

#[test]
fn every_field_of_the_json_is_explained_and_no_other() {
    let document = read("docs/json.md");
    let check = |heading: &str, value: &Value| {
        assert_eq!(fields(&document, heading), keys(value), "docs/json.md, `{heading}`");
    };
    let home = Home::new();
    let run = home.run(["run", "--json", "--", "sh", "-c", "echo hello; exit 3"]);
    let rehearsal = home.run(["run", "--json", "--rehearse-interruption=0s", "--", "true"]);
    let stream = json_lines(&(run.stdout + &rehearsal.stdout));
    for kind in ["submitted", "state", "log", "rehearsed", "ended"] {
        match stream.iter().find(|line| line["type"] == kind) {
            Some(line) => check(kind, line),
            // A job may be over before anybody sees a state on the way.
            None => assert_eq!(kind, "state"),
        }
    }

    let job = home.status("last");
    check("A job", &job);
    check("An attempt", &job["attempt_history"][0]);
    check("An event", &job["events"][0]);

    home.run([
        "run",
        "--output",
        ".",
        "--",
        "sh",
        "-c",
        "cd ${COMPUTES_FILES:-/files}; echo it >it",
    ]);
    check("A file", &json_lines(&home.run(["files", "ls", "--json", "last"]).stdout)[0]);
    let pruned = home.run(["prune", "--json", "--dry-run"]);
    check("prune", &json_lines(&pruned.stdout)[0]);

    let again = ["--attempts", "2", "--retry-on", "any", "--", "false"];
    let again = home.run([&["run", "--json"], &again[..]].concat());
    let ended = json_lines(&again.stdout).into_iter().find(|it| it["type"] == "attempt_ended");
    check("attempt_ended", &ended.expect("a line"));
    let limited = home.run(["run", "--json", "--limit", "0", "--", "sleep", "1000"]);
    assert_eq!(limited.code, 124, "{}", limited.stderr);
    let last = json_lines(&limited.stdout).pop().expect("a line");
    assert_eq!(last["type"], "limit_reached");
    check("limit_reached", &last);

    let mut command = home.command(["run", "--json", "--", "sleep", "1000"]);
    let mut left = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(left.stdout.take().expect("a pipe")).lines();
    lines.next().expect("a line").expect("text");
    send(left.id(), Signal::TERM);
    let last = lines.last().expect("a line").expect("text");
    check("detached", &json_lines(&last)[0]);
    assert_eq!(left.wait().expect("an end").code(), Some(143));

    let full = Home::new();
    let (_worker, _) = full.busy();
    let next = full.submit(["--", "true"]);
    let waited = full.run(["wait", "--json", "--limit", "2s", &next]);
    let waits = json_lines(&waited.stdout).into_iter().find(|line| line["type"] == "waiting");
    let waits = waits.expect("a line");
    check("waiting", &waits);
    check("A job that has something", &waits["holders"][0]);
    check("A size", &waits["free"]);
    let mut explained = json_lines(&full.run(["explain", "--json", &next]).stdout).remove(0);
    check("An explanation", &explained);
    explained["type"] = "waiting".into();
    assert_eq!(keys(&explained), keys(&waits));

    check("A queue", &json_lines(&home.run(["queues", "--json"]).stdout)[0]);
    check("A worker", &json_lines(&home.run(["queues", "--workers", "--json"]).stdout)[0]);
    check("An error", &json_lines(&home.run(["status", "--json", "nobody"]).stderr)[0]);
    check("ready", &json_lines(&home.run(["worker", "--json", "--idle-exit", "0"]).stdout)[0]);
    check("Text", &json_lines(&home.run(["completions", "bash", "--json"]).stdout)[0]);
    check("init", &json_lines(&home.run(["init", "--json"]).stdout)[0]);
}
