//! Bringing outputs back is ended in the middle: what came is known, and the rest comes later.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::fs::{CWD, FileType, mknodat};
use rustix::process::Signal;

use super::stage::{Following, git};
use crate::support::Home;

/// A checkout, and a job that is over and has made two files there, of which the second is large.
fn built(home: &Home) -> String {
    git(home, &["init", "--quiet"]);
    home.write("computes.toml", "source = \"tree\"\noutputs = [\"/source\"]\n");
    home.write("main.c", "one\n");
    let script = "echo first >app; truncate -s 8M big; echo last >main.c";
    let id = home.submit(["--", "sh", "-c", script]);
    assert_eq!(home.run(["wait", &id]).code, 0);
    id
}

/// The program, in a shell that first does something.
fn after(home: &Home, first: &str, arguments: &[&str]) -> Command {
    let mut command = home.command_of(Path::new("/bin/sh"), ["-c"]);
    command.arg(format!("{first}; exec \"$0\" \"$@\""));
    command.arg(env!("CARGO_BIN_EXE_computes")).args(arguments);
    command
}

fn files(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.work()).expect("a folder");
    let names = entries.map(|it| it.expect("a file").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name != ".git").collect();
    names.sort();
    names
}

#[test]
fn what_came_before_the_end_came_from_a_job() {
    // So many blocks of 512 bytes a file may have: the kernel kills who writes more, or tells.
    for (limit, is_killed) in [("ulimit -f 8192", true), ("trap '' XFSZ; ulimit -f 8192", false)] {
        let home = Home::new();
        let id = built(&home);
        let cut = home.run_command(&mut after(&home, limit, &["wait", "--get", &id]));
        assert_eq!(cut.code, if is_killed { -25 } else { 125 }, "{}", cut.stderr);
        let here = files(&home);
        assert!(here.contains(&"app".to_owned()), "{here:?}");
        assert!(!here.contains(&"big".to_owned()), "{here:?}");
        // Who is killed leaves half a file under another name; it is nothing to anybody.
        assert_eq!(here.iter().any(|name| name.starts_with(".computes-")), is_killed, "{here:?}");
        let next = home.run_script(&["--quiet"], "ls -A");
        assert_eq!(next.stdout, "computes.toml\nmain.c\n", "{}", next.stderr);
        // It goes on, and nothing that came is in its own way.
        let on = home.run(["wait", "--get", &id]);
        assert_eq!(on.code, 0, "{}", on.stderr);
        assert!(on.stderr.contains("brought back 2 files"), "{}", on.stderr);
        assert_eq!(files(&home), ["app", "big", "computes.toml", "main.c"]);
        assert_eq!(fs::read_to_string(home.work().join("main.c")).expect("a file"), "last\n");
        assert_eq!(home.run_script(&["--quiet"], "ls -A").stdout, "computes.toml\nmain.c\n");
    }
}

#[test]
fn the_limit_holds_for_bringing_back() {
    let home = Home::new();
    let id = built(&home);
    let limited = home.run(["wait", "--limit", "0s", "--get", &id]);
    insta::assert_snapshot!(limited.snapshot(), @"
    exit code 124
    --- stderr
    [short] sh--c-echo-first-app-truncate--s-8M-big-echo-las succeeded after [took]
    warning: the limit was reached; what came back stays, and the rest is kept. To come back: computes wait --get [short]
    ");
    assert_eq!(files(&home), ["computes.toml", "main.c"]);
    let limited = home.run(["wait", "--json", "--limit", "0s", "--get=some where", &id]);
    let line = limited.json().pop().expect("a line");
    assert_eq!(line["type"], "limit_reached");
    assert_eq!(
        line["resume"],
        "computes wait '--get=some where' [short]".replace("[short]", &id[24..32])
    );
}

/// What the source held is to be read, and comes when the test says so.
struct Gate {
    manifest: Vec<u8>,
    reader: File,
}

impl Gate {
    fn open(mut self) {
        self.reader.write_all(&self.manifest).expect("a reader");
    }
}

/// Brings outputs back as far as it is to be known what went along, and stands still there.
fn at_the_gate(home: &Home, arguments: &[&str]) -> (Gate, Following) {
    let parcels = fs::read_dir(home.state().join("parcels")).expect("a folder");
    let mut paths = parcels.map(|entry| entry.expect("a file").path());
    let path = paths.find(|path| path.extension().is_some_and(|it| it == "manifest"));
    let path = path.expect("a manifest");
    let manifest = fs::read(&path).expect("a file");
    fs::remove_file(&path).expect("removed");
    mknodat(CWD, &path, FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let following = Following::spawn(home.command(arguments));
    // It can be written to once somebody reads it.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(OpenOptions::new().write(true).open(path)));
    let reader = told.recv_timeout(Duration::from_mins(1)).expect("a reader").expect("a pipe");
    (Gate { manifest, reader }, following)
}

#[test]
fn ctrl_c_and_sigterm_leave_the_rest_where_it_is_kept() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let home = Home::new();
        let id = built(&home);
        let (gate, wait) = at_the_gate(&home, &["wait", "--get", &id]);
        wait.signal(signal);
        gate.open();
        let left = wait.end(&home);
        assert_eq!(left.code, code, "{}", left.stderr);
        insta::allow_duplicates! {
            insta::assert_snapshot!(left.stderr.replace(&id[24..32], "[short]").lines().last().unwrap_or_default(), @"warning: detached; what came back stays, and the rest is kept. To come back: computes wait --get [short]");
        }
        assert_eq!(fs::read_to_string(home.work().join("main.c")).expect("a file"), "one\n");
    }
}

#[test]
fn what_is_pruned_meanwhile_is_said_to_be() {
    for more in [[].as_slice(), &["--only", "files"]] {
        let home = Home::new();
        let id = built(&home);
        let (gate, wait) = at_the_gate(&home, &["wait", "--quiet", "--get", &id]);
        let prune = home.run([&["prune", "--older-than", "0s"], more].concat());
        assert_eq!(prune.code, 0, "{}", prune.stderr);
        gate.open();
        let told = wait.end(&home);
        assert_eq!(told.code, 125);
        let what = if more.is_empty() { "the job" } else { "what was kept of it" };
        let told = told.snapshot().replace(what, "[what]");
        insta::allow_duplicates! { insta::assert_snapshot!(told, @"
        exit code 125
        --- stderr
        error: cannot bring back the outputs of [short]: [what] was pruned meanwhile
        "); }
    }
}

#[test]
fn what_was_moved_aside_before_a_kill_is_told_by_the_next_call() {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    home.write("computes.toml", "source = \"tree\"\noutputs = [\"/source\"]\n");
    home.write(".gitignore", "/app\n/big\n");
    home.write("app", "mine\n");
    let id = home.submit(["--", "sh", "-c", "echo first >app; truncate -s 8M big"]);
    assert_eq!(home.run(["wait", &id]).code, 0);
    let cut = after(&home, "ulimit -f 8192", &["wait", "--quiet", "--get", &id]);
    let cut = home.run_command(&mut { cut });
    assert_eq!((cut.code, cut.stderr.as_str()), (-25, ""));
    insta::assert_snapshot!(home.run(["wait", "--quiet", "--get", &id]).snapshot(), @"
    exit code 0
    --- stderr
    warning: an earlier call, which was cut, moved what was here and is not what went along to `[home]/.local/state/computes/aside/[id]/1`
    ");
    let again = home.run(["wait", "--quiet", "--get", &id]);
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
}

#[test]
fn a_record_that_can_not_be_read_is_named_with_what_to_do() {
    let home = Home::new();
    let id = built(&home);
    assert_eq!(home.run(["wait", "--get", &id]).code, 0);
    let records = fs::read_dir(home.state().join("brought")).expect("a folder");
    let mut paths = records.map(|entry| entry.expect("a file").path());
    let record = paths.find(|path| path.extension().is_none()).expect("a record");
    fs::write(&record, "{").expect("written");
    let name = record.file_name().expect("a name").to_string_lossy().into_owned();
    let refused = home.run(["run", "--", "true"]);
    insta::assert_snapshot!(refused.snapshot().replace(&name, "[digits]"), @"
    exit code 125
    --- stderr
    error: cannot submit `true`: cannot read `[home]/.local/state/computes/brought/[digits]`: EOF while parsing an object at line 1 column 1
    hint: remove it: what came from jobs into `[home]/here` before then counts as yours
    ");
    fs::remove_file(record).expect("removed");
    assert_eq!(home.run(["run", "--", "true"]).code, 0);
}

#[test]
fn what_a_source_held_is_written_down_anew_if_it_can_not_be_read() {
    let home = Home::new();
    let id = built(&home);
    let parcels = fs::read_dir(home.state().join("parcels")).expect("a folder");
    let mut paths = parcels.map(|entry| entry.expect("a file").path());
    let path = paths.find(|path| path.extension().is_some_and(|it| it == "manifest"));
    let path = path.expect("a manifest");
    fs::write(&path, "").expect("written");
    let refused = home.run(["wait", "--quiet", "--get", &id]);
    assert_eq!(refused.code, 125, "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: computes files get"), "{}", refused.stderr);
    let next = home.run_script(&["--quiet", "--get"], "echo >>main.c");
    assert_eq!((next.code, next.stderr.as_str()), (0, ""));
}
