//! What comes back from a job is as old as `make` here has to believe.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::stage::git;
use crate::support::Home;

/// Whether each rule made its file of what there was at that moment.
const MAKEFILE: &str = "\
app: main.o util.o
\tcat main.o util.o >app
main.o: main.c gen.h
\t(cat main.c gen.h; printf '\\0') >main.o
util.o: util.c
\t(cat util.c; printf '\\0') >util.o
gen.h: gen.y
\tcat gen.y >gen.h
";

/// A project in which all has been built.
fn project(ignored: &str) -> Home {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    home.write("computes.toml", "source = \"tree\"\noutputs = [\"/source\"]\n");
    home.write(".gitignore", ignored);
    home.write("Makefile", MAKEFILE);
    for (name, text) in [("main.c", "main\n"), ("util.c", "util\n"), ("gen.y", "gen\n")] {
        home.write(name, text);
        write_at(&home, name, Duration::from_mins(1));
    }
    if !ignored.is_empty() {
        git(&home, &["add", "--all"]);
        git(&home, &["commit", "--quiet", "--message", "all"]);
    }
    home
}

/// So long ago.
fn write_at(home: &Home, name: &str, ago: Duration) {
    let file = fs::File::options().append(true).open(home.work().join(name)).expect("a file");
    file.set_modified(SystemTime::now() - ago).expect("a time");
}

fn make(home: &Home, words: &[&str]) -> i32 {
    let run = home.run_command(home.command_of(Path::new("make"), words).current_dir(home.work()));
    assert!(run.code < 2, "{}", run.stderr);
    run.code
}

/// Builds here, and says whether that is what a build from the beginning makes.
fn is_right(home: &Home) -> bool {
    make(home, &["--silent"]);
    let text = |name: &str| fs::read_to_string(home.work().join(name)).expect("a file");
    text("app") == format!("{}{}\0{}\0", text("main.c"), text("gen.y"), text("util.c"))
}

const IGNORED: &str = "*.o\n/app\n/gen.h\n";

/// A job that is over, and has done that.
fn job(home: &Home, script: &str) -> String {
    let id = home.submit(["--", "sh", "-c", script]);
    assert_eq!(home.run(["wait", &id]).code, 0);
    id
}

fn bring(home: &Home, id: &str) {
    let waited = home.run(["wait", "--get", id]);
    assert_eq!(waited.code, 0, "{}", waited.stderr);
}

#[test]
fn what_was_built_here_of_a_source_that_a_job_changed_is_built_again() {
    // Git knows of nothing in the second.
    for ignored in [IGNORED, ""] {
        let home = project(ignored);
        let id = job(&home, "echo other >main.c");
        assert!(is_right(&home));
        bring(&home, &id);
        assert!(is_right(&home), "{ignored}");
        // The next job sees it so, too.
        let next = home.run_script(&["--quiet", "--get"], "echo third >>util.c; make -s");
        assert_eq!(next.code, 0, "{}", next.stderr);
        assert!(is_right(&home), "{ignored}");
    }
}

#[test]
fn what_a_job_changed_after_it_built_is_newer() {
    let built = "make -s; touch -d @1400000000 *.o app gen.h";
    let changed = "echo other >>main.c; touch -d @1500000000 main.c";
    for (script, is_up_to_date) in [
        (format!("{built}; {changed}"), false),
        (format!("{built}; {changed}; make -s main.o"), false),
        (format!("{changed}; make -s"), true),
    ] {
        let home = project(IGNORED);
        let run = home.run_script(&["--quiet", "--get"], &script);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(make(&home, &["--question"]) == 0, is_up_to_date, "{script}");
        assert!(is_right(&home), "{script}");
    }
}

#[test]
fn what_was_edited_here_meanwhile_is_newer_than_what_a_job_built() {
    let home = project(IGNORED);
    let id = job(&home, "make -s");
    home.write("util.c", "mine\n");
    bring(&home, &id);
    assert!(is_right(&home));
    // Also what nobody has told git of yet.
    let id = job(&home, "echo two >>main.c; touch -d @1500000000 main.c; make -s");
    home.write("Makefile", &MAKEFILE.replace("gen.h: gen.y", "gen.h: gen.y new.y"));
    home.write("new.y", "new\n");
    bring(&home, &id);
    assert_eq!(make(&home, &["--question", "gen.h"]), 1);
    assert!(is_right(&home));
}

#[test]
fn what_was_built_here_of_a_product_that_a_job_made_anew_is_built_again() {
    let home = project(IGNORED);
    assert!(is_right(&home));
    let id = job(&home, "make -s gen.h; echo more >>gen.h");
    fs::remove_file(home.work().join("main.o")).expect("removed");
    make(&home, &["--silent"]);
    bring(&home, &id);
    assert_eq!(make(&home, &["--question", "gen.h"]), 0);
    assert_eq!(make(&home, &["--question"]), 1);
}

#[test]
fn what_was_generated_and_told_git_of_is_older_there_than_its_edited_source() {
    let home = project("*.o\n/app\n");
    make(&home, &["--silent", "gen.h"]);
    git(&home, &["add", "gen.h"]);
    git(&home, &["commit", "--quiet", "--message", "generated"]);
    let in_a_job = |script: &str| home.run_script(&["--quiet"], script).stdout;
    assert_eq!(in_a_job("make -s gen.h; cat gen.h"), "gen\n");
    home.write("gen.y", "edited\n");
    assert_eq!(in_a_job("make -s gen.h; cat gen.h"), "edited\n");
    // Made again here, it is up to date there.
    let ago = |seconds| Duration::from_secs(seconds);
    write_at(&home, "gen.y", ago(20));
    home.write("gen.h", "made here\n");
    write_at(&home, "gen.h", ago(10));
    assert_eq!(in_a_job("make -s gen.h; cat gen.h"), "made here\n");
}

#[test]
fn in_a_repository_without_a_commit_all_is_as_old_as_here() {
    let home = project("");
    make(&home, &["--silent", "gen.h"]);
    git(&home, &["add", "--all"]);
    home.write("gen.y", "edited\n");
    write_at(&home, "gen.h", Duration::from_secs(5));
    let there = home.run_script(&["--quiet"], "make -s gen.h; cat gen.h");
    assert_eq!(there.stdout, "edited\n", "{}", there.stderr);
}

#[test]
fn the_right_to_run_that_was_given_here_meanwhile_stays() {
    let home = project(IGNORED);
    let may_run = |name: &str| {
        let seen = fs::metadata(home.work().join(name)).expect("a file");
        seen.permissions().mode() & 0o111 == 0o111
    };
    let say = |name: &str, mode| {
        let path = home.work().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("rights");
    };
    say("util.c", 0o755);
    git(&home, &["commit", "--quiet", "--all", "--message", "rights"]);
    let id = job(&home, "for it in *.[cy]; do echo >>$it; done; chmod +x gen.y");
    say("main.c", 0o755);
    say("util.c", 0o644);
    bring(&home, &id);
    assert_eq!(["main.c", "util.c", "gen.y"].map(may_run), [true, false, true]);
    let text = fs::read_to_string(home.work().join("main.c")).expect("a file");
    assert_eq!(text, "main\n\n");
}

/// Its repositories have one order between them.
#[test]
fn what_git_does_not_track_has_its_order_across_submodules() {
    let home = project("");
    let inner = home.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    let inner_git =
        |words: &[&str]| git(&home, &[&["-C", inner.to_str().expect("text")], words].concat());
    inner_git(&["init", "--quiet"]);
    inner_git(&["commit", "--quiet", "--allow-empty", "--message", "empty"]);
    let from = format!("file://{}", inner.display());
    let allow = "protocol.file.allow=always";
    git(&home, &["-c", allow, "submodule", "--quiet", "add", &from, "lib"]);
    let ago = |seconds| Duration::from_secs(seconds);
    for (name, seconds) in [("lib/x.c", 10), ("x.o", 20), ("lib/y.o", 30)] {
        home.write(name, "");
        write_at(&home, name, ago(seconds));
    }
    let script = "[ lib/x.c -nt x.o ] && [ x.o -nt lib/y.o ]";
    let run = home.run_script(&["--quiet"], script);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// A checkout in which `out` is a copy of `in`, and the shell there.
fn copying() -> Home {
    let home = Home::new();
    home.write("computes.toml", "source = \"tree\"\noutputs = [\"/source\"]\n");
    home.write("Makefile", "out: in\n\tcp in out\n");
    sh(&home, "git init --quiet; echo 1 >in; git add -A; git commit --quiet -m 1");
    home
}

fn sh(home: &Home, script: &str) {
    let who = "git() { command git -c user.name=t -c user.email=t@example.com \"$@\"; }";
    let script = format!("{who}\n{script}");
    let mut shell = home.command_of(Path::new("/bin/sh"), ["-e", "-c", &script]);
    let run = home.run_command(&mut shell);
    assert_eq!(run.code, 0, "{script}: {}", run.stderr);
}

#[test]
fn however_it_was_edited_meanwhile_it_is_built_again() {
    for (before, meanwhile) in [
        // A product that is text, and that git neither tracks nor ignores.
        ("make -s; echo 2 >in", "echo 3 >in"),
        // A source that git ignores by now.
        ("echo out >.gitignore", "echo 2 >in; git rm --quiet --cached in; echo in >>.gitignore"),
        // One that comes from elsewhere with its time.
        ("echo out >.gitignore; echo 2 >../in; touch -d @1000000000 ../in", "mv ../in in"),
        // A folder that comes with all that is in it.
        (
            "echo out >.gitignore; mkdir d ../d; mv in d; printf 'out: d/in\n\tcp d/in out\n' >Makefile
             echo 2 >../d/in; ln -s d/in in; git add -A; git commit --quiet -m d",
            "rm -r d; mv ../d d",
        ),
        // A link that leads elsewhere.
        (
            "echo out >.gitignore; mv in one; echo 2 >two; ln -s one in; git add -A; git commit --quiet -m l",
            "ln -sfn two in",
        ),
        // What is the same as what is here already.
        ("echo out >.gitignore; make -s; echo 2 >../in; touch -d @1000000000 ../in", "mv ../in in"),
        // By a clock that is ahead.
        ("echo out >.gitignore", "echo 2 >in; touch -d '+1 hour' in"),
        // One that git was not told of, and that is no text.
        (
            "echo out >.gitignore; git rm --quiet in; git commit --quiet -m no; printf '\\0001' >in",
            "printf '\\0002' >in",
        ),
    ] {
        let home = copying();
        sh(&home, before);
        let id = job(&home, "make -s");
        sh(&home, meanwhile);
        bring(&home, &id);
        let now = fs::metadata(home.work().join("out")).and_then(|it| it.modified());
        assert!(now.expect("a time") <= SystemTime::now());
        sh(&home, "make -s; cmp in out");
    }
}

#[test]
fn what_was_generated_before_its_source_was_committed_is_generated_again_there() {
    for before in [
        "make -s; git add out; touch -d @1500000000 out; echo 2 >in; git commit --quiet -m 2 in",
        "make -s; git add out; git commit --quiet -m out; echo 3 >out; touch -d @1500000000 out
         echo 2 >in; git commit --quiet -m 2 in",
    ] {
        let home = copying();
        sh(&home, before);
        let built = home.run_script(&["--quiet"], "make -s; cat out");
        assert_eq!(built.stdout, "2\n", "{}", built.stderr);
    }
}

/// Of two jobs, of which the one changed a source and the other left what is generated of it.
#[test]
fn a_source_that_is_as_it_should_be_is_no_news() {
    let home = project("*.o\n/app\n");
    make(&home, &["--silent", "gen.h"]);
    sh(&home, "git add gen.h; git commit --quiet -m generated; echo edited >gen.y");
    let changes = job(&home, "make -s; echo more >>gen.y; touch -d @1900000000 gen.y");
    let builds = job(&home, "make -s");
    bring(&home, &changes);
    bring(&home, &builds);
    assert!(is_right(&home));
}
