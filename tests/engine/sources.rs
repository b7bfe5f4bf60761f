//! What goes along with a job, and what it leaves.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::SystemTime;

use super::command::{end_of, wait};
use super::subject::Subject;
use crate::support::{Home, Run};

/// Runs git where the calls stand, as the user of the home.
fn git(home: &Home, words: &[&str]) {
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    let mut git = home.command_of(Path::new("git"), who);
    let run = home.run_command(git.args(words));
    assert_eq!(run.code, 0, "{words:?}: {}", run.stderr);
}

/// A repository with a commit and with changes on top: a file that changed, one that is new, one
/// that is gone, one that is ignored.
fn repository(home: &Home) {
    git(home, &["init", "--quiet"]);
    home.write(".gitignore", "/ignored\n");
    home.write("changed", "before\n");
    home.write("gone", "gone\n");
    fs::create_dir(home.work().join("sub")).expect("a folder");
    home.write("sub/script", "#!/bin/sh\necho ran from $(basename \"$PWD\")\n");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(home.work().join("sub/script"), executable).expect("rights");
    symlink("changed", home.work().join("link")).expect("a link");
    git(home, &["add", "."]);
    git(home, &["commit", "--quiet", "--message", "first"]);
    home.write("changed", "after\n");
    home.write("new", "new\n");
    home.write("ignored", "mine alone\n");
    fs::remove_file(home.work().join("gone")).expect("removed");
}

/// Runs a script with what these options bring along. By URLs, outputs take a timeout.
fn carrying(home: &Home, options: &[&str], script: &str) -> Run {
    home.run([&["run", "--timeout", "10m"], options, &["--", "sh", "-c", script]].concat())
}

pub fn the_tree_goes_along_as_it_stands<S: Subject>(home: &Home) {
    repository(home);
    let run = carrying(home, &["--source", "tree"], "ls -A; cat link new; pwd");
    let shown = ".gitignore\nchanged\nlink\nnew\nsub\nafter\nnew\n";
    let place = S::SOURCE.map_or_else(
        || {
            let id = home.batch_id("last");
            home.state().join("sources").join(format!("{id}.1")).display().to_string()
        },
        str::to_owned,
    );
    assert_eq!((run.code, run.stdout), (0, format!("{shown}{place}\n")), "{}", run.stderr);
    // What a job does to its copy is nobody else's business.
    let spoils = carrying(home, &["--source", "tree"], "echo spoilt >changed; rm new");
    assert_eq!(spoils.code, 0, "{}", spoils.stderr);
    assert_eq!(fs::read_to_string(home.work().join("changed")).expect("a file"), "after\n");
    let again = carrying(home, &["--source", "tree"], "cat changed new");
    assert_eq!(again.stdout, "after\nnew\n", "{}", again.stderr);
    // From where one stands.
    let mut from_below = home.command(["run", "--source", "tree", "--", "./script"]);
    let run = home.run_command(from_below.current_dir(home.work().join("sub")));
    assert_eq!((run.code, run.stdout.as_str()), (0, "ran from sub\n"), "{}", run.stderr);
}

pub fn the_commit_is_what_head_holds<S: Subject>(home: &Home) {
    repository(home);
    let dirty = carrying(home, &["--source", "commit"], "true");
    assert_eq!(dirty.code, 2);
    assert!(dirty.stderr.contains("differs from HEAD: changed, gone, new"), "{}", dirty.stderr);
    git(home, &["stash", "--quiet", "--include-untracked"]);
    let run = carrying(home, &["--source", "commit"], "ls -A; cat link gone; ./sub/script");
    let shown = ".gitignore\nchanged\ngone\nlink\nsub\nbefore\ngone\nran from ";
    let place =
        S::SOURCE.map_or_else(|| format!("{}.1", home.batch_id("last")), |it| it[1..].to_owned());
    assert_eq!((run.code, run.stdout), (0, format!("{shown}{place}\n")), "{}", run.stderr);
}

/// A folder with all that one may hold.
fn folder(home: &Home) {
    let data = home.work().join("data");
    fs::create_dir_all(data.join("in/empty")).expect("a folder");
    fs::write(data.join("in/a b"), "a b\n").expect("written");
    fs::write(data.join("run"), "#!/bin/sh\necho ran\n").expect("written");
    fs::set_permissions(data.join("run"), fs::Permissions::from_mode(0o755)).expect("rights");
    symlink("in/a b", data.join("link")).expect("a link");
}

pub fn inputs_are_there_when_the_command_starts<S: Subject>(home: &Home) {
    folder(home);
    home.write("set.csv", "1,2\n");
    let files = S::FILES;
    let options = [
        "--input",
        "data",
        "--input",
        "set.csv=in/",
        "--input",
        "set.csv=other",
        "--attempts",
        "2",
    ];
    // An attempt finds them as they were, whatever the one before did.
    let script = format!(
        "cd \"{files}\" && find . | LC_ALL=C sort && cat data/link in/set.csv other && data/run && \
         rm other && mkdir other && [ $AWS_BATCH_JOB_ATTEMPT = 2 ]"
    );
    let run = carrying(home, &[options.as_slice(), &["--retry-on", "any"]].concat(), &script);
    let listed = "./data\n./data/in\n./data/in/a b\n./data/in/empty\n./data/link\n./data/run\n\
                  ./in\n./in/set.csv\n./other\n";
    let shown = format!(".\n{listed}a b\n1,2\n1,2\nran\n");
    assert_eq!((run.code, run.stdout), (0, shown.repeat(2)), "{}", run.stderr);
}

pub fn stdin_is_what_was_given<S: Subject>(home: &Home) {
    let bytes = b"first\0second\xff\nno newline".as_slice();
    fs::write(home.work().join("data"), bytes).expect("written");
    let expected = "24 first";
    let script = "cat >copy; echo $(wc -c <copy) $(head -c 5 copy); rm copy";
    let script = format!("cd {}; {script}", S::FILES);
    let run = carrying(home, &["--stdin", "data"], &script);
    assert_eq!((run.code, run.stdout.trim()), (0, expected), "{}", run.stderr);
    // Beside a shell that stays, for each attempt anew, and with what else goes along.
    let options = ["--stdin", "data", "--input", "data=in", "--output", "."];
    let options = [&options[..], &["--attempts", "2", "--retry-on", "any"]].concat();
    let run = carrying(home, &options, &format!("{script}; exit 3"));
    let lines: Vec<_> = run.stdout.lines().map(str::trim).collect();
    assert_eq!((run.code, lines), (3, vec![expected; 2]), "{}", run.stderr);
    // It is none of the files of the job.
    let listed = home.run(["files", "ls", "--json", "last"]);
    assert!(!listed.stdout.contains("stdin"), "{}", listed.stdout);
    fs::remove_file(home.work().join("data")).expect("a file");
    let again = home.run(["retry", "last"]).stdout;
    assert_eq!(wait(home, again.trim_end()), 3);
    assert!(home.run(["logs", again.trim_end()]).stdout.contains(expected));
}

pub fn outputs_come_back_from_a_job_that_fails<S: Subject>(home: &Home) {
    let files = S::FILES;
    let script =
        format!("cd \"{files}\"; mkdir -p dist/in; echo it >dist/in/it; echo no >other; exit 3");
    let run = carrying(home, &["--output", "dist", "--output", "none"], &script);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(end_of(home, "last"), "attempt 1: failed exit_code 3");
    let got = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    let results = home.work().join("results");
    assert_eq!(fs::read_to_string(results.join("dist/in/it")).expect("a file"), "it\n");
    assert!(!results.join("other").exists());
    let listed = home.run(["files", "ls", "--json", "last", "dist"]).json();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["path"], "dist/in/it");
}

/// What `files ls` shows, path by path.
fn listed(home: &Home) -> Vec<String> {
    let listed = home.run(["files", "ls", "--json", "last"]).json();
    listed.iter().map(|file| file["path"].as_str().expect("text").to_owned()).collect()
}

pub fn what_a_job_makes_in_its_source_comes_back<S: Subject>(home: &Home) {
    repository(home);
    let script = format!(
        "mkdir -p out/deep .git 'a b'; echo new >out/app; chmod 755 out/app; echo x >out/deep/x; \
         cp -p sub/script out/copy; ln -s app out/link; echo over >changed; echo git >.git/config; \
         echo s >'a b/c d'; echo f >\"{}\"/f; exit 3",
        S::FILES
    );
    let options = ["--source", "tree", "--output", "/source", "--output", "!/source/out/*/x"];
    let run = carrying(home, &[options.as_slice(), &["--output", "f"]].concat(), &script);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    // Never what was sent and is as it was, nor what git would find programs in.
    let expected = [
        "/source/a b/c d",
        "/source/changed",
        "/source/out/app",
        "/source/out/copy",
        "/source/out/link",
        "f",
    ];
    assert_eq!(listed(home), expected);
    let got = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    let results = home.work().join("results");
    let text = |name: &str| fs::read_to_string(results.join(name)).expect("a file");
    assert_eq!(
        (text("changed"), text("out/app"), text("f")),
        ("over\n".into(), "new\n".into(), "f\n".into())
    );
    assert_eq!(text("out/copy"), text("../sub/script"));
    let mode = fs::metadata(results.join("out/app")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o100, 0o100);
    assert_eq!(fs::read_link(results.join("out/link")).expect("a link"), Path::new("app"));
    let one = home.run(["files", "get", "last", "/source/out/app", "--into", "one"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(home.work().join("one/out/app").exists() && !home.work().join("one/changed").exists());
}

/// The files of a folder, sorted.
fn files_below(folder: &Path, below: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.append(&mut files_below(&entry.path(), &format!("{path}/")));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn patterns_name_what_is_kept<S: Subject>(home: &Home) {
    repository(home);
    let script = format!(
        "mkdir -p t/debug/deps t/release; echo >t/debug/app; echo >t/debug/deps/app; \
         echo >t/release/app; echo >t/release/app.d; cd \"{}\"; echo >a.log; echo >b.txt; mkdir c.log; echo >c.log/x",
        S::FILES
    );
    let options = ["--source", "tree", "--output", "/source/t/*/app", "--output", "*.lo?"];
    let run = carrying(home, &options, &script);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let get = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(get.code, 0, "{}", get.stderr);
    assert_eq!(
        files_below(&home.work().join("results"), ""),
        ["a.log", "c.log/x", "t/debug/app", "t/release/app"]
    );
}

pub fn a_job_that_leaves_nothing_is_no_product<S: Subject>(home: &Home) {
    repository(home);
    let run = carrying(home, &["--source", "tree", "--output", "/source"], "cat changed");
    assert_eq!((run.code, run.stdout.as_str()), (0, "after\n"), "{}", run.stderr);
    assert_eq!(listed(home), [""; 0]);
    let got = home.run(["files", "get", "last"]);
    assert_eq!(got.code, 2, "{}", got.stderr);
    assert!(got.stderr.contains("there is nothing of"), "{}", got.stderr);
}

fn written(path: &Path) -> SystemTime {
    fs::metadata(path).expect("a file").modified().expect("a time")
}

pub fn outputs_come_back_into_the_checkout<S: Subject>(home: &Home) {
    repository(home);
    let work = home.work();
    let script = "mkdir out; echo new >out/app; chmod 755 out/app; echo over >changed; exit 3";
    let options = ["--source", "tree", "--output", "/source", "--get"];
    let run = carrying(home, &options, script);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("brought back 2 files"), "{}", run.stderr);
    let text = |name: &str| fs::read_to_string(work.join(name)).expect("a file");
    assert_eq!((text("changed"), text("out/app")), ("over\n".to_owned(), "new\n".to_owned()));
    let mode = fs::metadata(work.join("out/app")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o100, 0o100);
    // For make it is newer than what it was made of, and older than what was changed after that.
    assert!(written(&work.join("out/app")) > written(&work.join("new")));
    assert!(written(&work.join("out/app")) < written(&work.join("changed")));
    assert!(written(&work.join("changed")) < SystemTime::now());
    // A product does not go along: the next job would take it for up to date.
    let next = carrying(home, &["--source", "tree"], "ls; cat changed");
    assert_eq!(next.stdout, "changed\nlink\nnew\nsub\nover\n", "{}", next.stderr);
    // What somebody made of it is theirs.
    home.write("out/app", "mine\n");
    let theirs = carrying(home, &["--source", "tree"], "cat out/app");
    assert_eq!(theirs.stdout, "mine\n", "{}", theirs.stderr);
}

pub fn what_was_changed_here_meanwhile_is_left<S: Subject>(home: &Home) {
    repository(home);
    let go = home.path().join("go");
    let script = format!(
        "until [ -e {} ]; do sleep 0.01; done; echo theirs >changed; echo theirs >app; echo both >same",
        go.display()
    );
    let options = ["--timeout", "10m", "--source", "tree", "--output", "/source"];
    let id = home.submit([options.as_slice(), &["--", "sh", "-c", &script]].concat());
    home.until(&id, "running");
    home.write("changed", "mine\n");
    home.write("same", "both\n");
    fs::write(go, "").expect("written");
    let waited = home.run(["wait", "--get", &id]);
    assert_eq!(waited.code, 125, "{}", waited.stderr);
    let left = format!("left as it is: `{}` was changed", home.work().join("changed").display());
    assert!(waited.stderr.contains(&left), "{}", waited.stderr);
    assert!(waited.stderr.contains("brought back 1 file"), "{}", waited.stderr);
    let text = |name: &str| fs::read_to_string(home.work().join(name)).expect("a file");
    assert_eq!((text("changed"), text("app")), ("mine\n".to_owned(), "theirs\n".to_owned()));
    // Elsewhere there is room for all of it.
    let got = home.run(["files", "get", &id, "--into", "results"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert_eq!(text("results/changed"), "theirs\n");
}

pub fn an_output_that_is_not_there_is_told<S: Subject>(home: &Home) {
    repository(home);
    let options =
        ["--source", "tree", "--output", "none", "--output", "/source/*.o", "--output", "/source"];
    let run = carrying(home, &[options.as_slice(), &["--output", "changed"]].concat(), "echo >app");
    assert_eq!(run.code, 0, "{}", run.stderr);
    for output in ["none", "/source/*.o", "changed"] {
        let told = format!("warning: output `{output}` is not there");
        assert!(run.stderr.contains(&told), "{}", run.stderr);
    }
    let missing = &home.status("last")["missing_outputs"];
    assert_eq!(*missing, serde_json::json!(["changed", "none", "/source/*.o"]));
    let waited = home.run(["wait", "last"]);
    assert!(waited.stderr.contains("warning: output `none` is not there"), "{}", waited.stderr);
    // What is there and was not changed is not missing.
    let options = ["--source", "tree", "--output", "/source/changed"];
    let run = carrying(home, &options, "true");
    assert!(!run.stderr.contains("is not there"), "{}", run.stderr);
}

pub fn links_and_rights_stay<S: Subject>(home: &Home) {
    let files = S::FILES;
    let script = format!(
        "cd \"{files}\"; echo '#!/bin/sh' >run; chmod 755 run; echo x >plain; chmod 600 plain; \
         ln -s plain link; mkdir in; ln -s ../run in/up"
    );
    let run = carrying(home, &["--output", "."], &script);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let got = home.run(["files", "get", "last", "--into", "results"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    let results = home.work().join("results");
    let mode = |name: &str| {
        let seen = fs::metadata(results.join(name)).expect("a file");
        seen.permissions().mode() & 0o100
    };
    assert_eq!((mode("run"), mode("plain")), (0o100, 0));
    assert_eq!(fs::read_link(results.join("link")).expect("a link"), Path::new("plain"));
    assert_eq!(fs::read_link(results.join("in/up")).expect("a link"), Path::new("../run"));
}

pub fn what_is_put_to_a_job_that_runs_arrives<S: Subject>(home: &Home) {
    let files = S::FILES;
    let script =
        format!("cd \"{files}\"; until [ -e in/it ]; do sleep 0.01; done; cat in/it; mv in/it out");
    let options = ["--timeout", "10m", "--output", "out"];
    let id = home.submit([options.as_slice(), &["--", "sh", "-c", &script]].concat());
    home.until(&id, "running");
    home.write("late", "late\n");
    let put = home.run(["files", "put", &id, "late=in/it"]);
    assert_eq!(put.code, 0, "{}", put.stderr);
    assert_eq!(wait(home, &id), 0);
    assert_eq!(home.run(["logs", &id]).stdout, "late\n");
    let got = home.run(["files", "get", &id, "out"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    assert_eq!(fs::read_to_string(home.work().join("out")).expect("a file"), "late\n");
}

pub fn what_is_put_to_a_job_that_waits_is_there<S: Subject>(home: &Home) {
    let (_worker, busy) = home.busy();
    let script = format!("cat \"{}/in/it\"", S::FILES);
    home.write("early", "early\n");
    home.write("earlier", "earlier\n");
    // It comes after what goes along.
    let id = home.submit(["--input", "earlier=in/it", "--", "sh", "-c", &script]);
    let put = home.run(["files", "put", &id, "early=in/it"]);
    assert_eq!(put.code, 0, "{}", put.stderr);
    let listed = home.run(["files", "ls", &id]);
    assert!(listed.stdout.contains("in/it"), "{}{}", listed.stdout, listed.stderr);
    assert_eq!(home.run(["cancel", &busy]).code, 0);
    assert_eq!(wait(home, &id), 0, "{}", home.run(["logs", &id]).stdout);
    assert_eq!(home.run(["logs", &id]).stdout, "early\n");
}

pub fn a_file_that_is_there_is_not_overwritten<S: Subject>(home: &Home) {
    let files = S::FILES;
    let run = carrying(home, &["--output", "."], &format!("cd \"{files}\"; echo a >a; echo b >b"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    home.write("b", "mine\n");
    let refused = home.run(["files", "get", "last"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("here/b` would be overwritten"), "{}", refused.stderr);
    assert!(!home.work().join("a").exists(), "nothing is written before all may be");
    let forced = home.run(["files", "get", "--force", "last"]);
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    for name in ["a", "b"] {
        let text = fs::read_to_string(home.work().join(name)).expect("a file");
        assert_eq!(text, format!("{name}\n"));
    }
}

pub fn what_is_not_there_is_said_before_there_is_a_job<S: Subject>(home: &Home) {
    let run = carrying(home, &["--input", "nope"], "true");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("cannot send `nope`"), "{}", run.stderr);
    assert!(run.stderr.contains("No such file"), "{}", run.stderr);
    assert_eq!(home.jobs_of_the_ledger(), 0);
}
