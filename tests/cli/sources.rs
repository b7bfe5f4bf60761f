//! What can't go along is refused by name, before anything is written.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::{Home, Run};

fn git(home: &Home, words: &[&str]) {
    let settings = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    let allowed = ["-c", "protocol.file.allow=always"];
    let mut git = home.command_of(Path::new("git"), [settings.as_slice(), &allowed].concat());
    let run = home.run_command(git.args(words));
    assert_eq!(run.code, 0, "{words:?}: {}", run.stderr);
}

/// A home whose directory is a repository with one commit.
fn repository() -> Home {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    home.write("tracked", "tracked\n");
    git(&home, &["add", "."]);
    git(&home, &["commit", "--quiet", "--message", "first"]);
    home
}

fn tree(home: &Home) -> String {
    home.refuses(&["submit", "--source", "tree", "--", "true"])
}

fn listed(run: &Run) -> Vec<&str> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout.lines().collect()
}

/// What a job finds.
fn found(home: &Home, source: &str) -> Run {
    let script = "find . -type f -o -type l | LC_ALL=C sort";
    home.run(["run", "--quiet", "--source", source, "--", "sh", "-c", script])
}

#[test]
fn outside_of_a_repository() {
    insta::assert_snapshot!(tree(&Home::new()), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: `[home]/here` is in no git repository
    hint: submit from a checkout, or with --source image, which sends nothing
    ");
    let bare = Home::new();
    git(&bare, &["init", "--quiet", "--bare"]);
    insta::assert_snapshot!(tree(&bare), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: `[home]/here` is in a git repository, and in no working tree of it
    hint: submit from where its files are checked out (git worktree list), or with --source image, which sends nothing
    ");
    let without = Home::new().with("PATH", "/nonexistent");
    insta::assert_snapshot!(tree(&without), @r"
    exit code 125
    --- stderr
    error: cannot submit `true`: cannot run git: No such file or directory (os error 2)
    hint: install git, or submit with --source image, which sends nothing
    ");
}

#[test]
fn a_word_that_is_none() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["run", "--source", "branch", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: `branch` is none of tree, commit and image, which `source` takes
    hint: as in --source tree
    ");
    home.write("computes.toml", "source = \"head\"\n");
    insta::assert_snapshot!(home.refuses(&["run", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:10: `head` is none of tree, commit and image, which `source` takes
    hint: as in --source tree
    ");
}

#[test]
fn links_that_lead_out() {
    let home = repository();
    symlink("/etc/passwd", home.work().join("passwd")).expect("a link");
    insta::assert_snapshot!(tree(&home), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: link `passwd` leads out, to `/etc/passwd`
    hint: what it leads to is not sent: name it in .gitignore, or put a file in its place
    ");
    home.write(".gitignore", "passwd\n");
    fs::create_dir(home.work().join("in")).expect("a folder");
    symlink("../../..", home.work().join("in/up")).expect("a link");
    insta::assert_snapshot!(tree(&home), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: link `in/up` leads out, to `../../..`
    hint: what it leads to is not sent: name it in .gitignore, or put a file in its place
    ");
}

#[test]
fn what_is_no_file() {
    let home = repository();
    // Git lists no pipe; an input is not asked of git.
    home.gate();
    insta::assert_snapshot!(home.refuses(&["submit", "--input", ".=data", "--", "true"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: cannot send `.`: `[home]/here/./gate` is no file, folder or link
    hint: leave it out
    ");
    assert_eq!(listed(&found(&home, "tree")), ["./tracked"]);
}

#[test]
fn more_than_the_limit() {
    let home = repository().with("COMPUTES_SOURCE_LIMIT", "4");
    for (name, size) in [("large", 3 << 20), ("larger", 5 << 20), ("small", 1)] {
        fs::write(home.work().join(name), vec![0; size]).expect("written");
    }
    insta::assert_snapshot!(tree(&home), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: the source has 8.0 MiB, and 4.0 MiB is the limit; the largest: larger (5.0 MiB), large (3.0 MiB), tracked (8 bytes), small (1 byte)
    hint: name what no job needs in .gitignore, or raise source_limit in computes.toml
    ");
    let more = home.with("COMPUTES_SOURCE_LIMIT", "9MiB");
    assert_eq!(found(&more, "tree").code, 0);
}

#[test]
fn a_commit_that_is_not_what_stands_there() {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    let refused = |home: &Home| home.refuses(&["submit", "--source", "commit", "--", "true"]);
    insta::assert_snapshot!(refused(&home), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: the repository has no commit yet
    hint: commit first, or submit with --source tree
    ");
    let home = repository();
    for name in ["tracked", "b", "c", "d"] {
        home.write(name, "new\n");
    }
    insta::assert_snapshot!(refused(&home), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: the tree differs from HEAD: tracked, b, c, and 1 more
    hint: commit or stash it, or send it as it is with --source tree
    ");
}

#[test]
fn submodules_go_along_if_they_are_there() {
    let inner = repository();
    inner.write("inner", "inner\n");
    git(&inner, &["add", "."]);
    git(&inner, &["commit", "--quiet", "--message", "second"]);
    let home = repository();
    let from = inner.work().display().to_string();
    git(&home, &["submodule", "--quiet", "add", &from, "deps/inner"]);
    git(&home, &["commit", "--quiet", "--message", "with a submodule"]);
    let whole = ["./.gitmodules", "./deps/inner/inner", "./deps/inner/tracked", "./tracked"];
    assert_eq!(listed(&found(&home, "tree")), whole);
    assert_eq!(listed(&found(&home, "commit")), whole);
    fs::write(home.work().join("deps/inner/mine"), "mine").expect("written");
    assert!(listed(&found(&home, "tree")).contains(&"./deps/inner/mine"));
    let dirty = found(&home, "commit");
    assert!(dirty.stderr.contains("differs from HEAD: deps/inner"), "{}", dirty.stderr);
    // From within it that alone does, though the settings are those around it.
    home.write("computes.toml", "source = \"tree\"\n");
    let inner = home.work().join("deps/inner");
    let run = home.run_command(home.command(["run", "--", "ls"]).current_dir(&inner));
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 0
    --- stdout
    inner
    mine
    tracked
    --- stderr
    note: `[home]/here/deps/inner` alone goes along: it is a repository of its own, and computes.toml is that of the one around it; run this from `[home]/here` if that is meant
    [short] ls submitted to default
    [short] ls succeeded after [took]
    ");
    fs::remove_file(home.work().join("computes.toml")).expect("removed");
    // As a clone without --recurse-submodules has it.
    git(&home, &["submodule", "--quiet", "deinit", "--force", "deps/inner"]);
    let missing = found(&home, "tree");
    assert_eq!(missing.code, 2);
    assert!(
        missing.stderr.contains("submodule `deps/inner` is not checked out"),
        "{}",
        missing.stderr
    );
    assert!(missing.stderr.contains("hint: git submodule update --init --recursive"));
}

#[test]
fn a_repository_within_that_is_no_submodule() {
    let home = repository();
    git(&home, &["init", "--quiet", "vendor/other"]);
    home.write("vendor/other/file", "x");
    insta::assert_snapshot!(tree(&home), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: `vendor/other/` is a repository of its own that is no submodule
    hint: make it a submodule, or name vendor/other/ in .gitignore if no job needs it
    ");
    home.write(".gitignore", "/vendor/\n");
    assert_eq!(listed(&found(&home, "tree")), ["./.gitignore", "./tracked"]);
}

/// What Git LFS leaves where its file was not fetched.
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
    oid sha256:486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7\nsize 5\n";

#[test]
fn pointers_of_git_lfs() {
    let home = repository();
    home.write("large", POINTER);
    insta::assert_snapshot!(tree(&home), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: `large` is a pointer of Git LFS, and the file that it stands for is not here
    hint: git lfs pull
    ");
    // HEAD has the pointer, the disk the file: here without Git LFS's filter, which git is told to
    // take for what HEAD has.
    git(&home, &["add", "."]);
    git(&home, &["commit", "--quiet", "--message", "a pointer"]);
    git(&home, &["update-index", "--assume-unchanged", "large"]);
    home.write("large", "world");
    let run = home.run(["run", "--quiet", "--source", "commit", "--", "cat", "large"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "world"), "{}", run.stderr);
    home.write("large", "other");
    let run = home.run(["run", "--source", "commit", "--", "cat", "large"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("hint: git lfs pull"), "{}", run.stderr);
}

#[test]
fn whatever_a_file_is_called() {
    let home = repository();
    for name in [
        "a b",
        "new\nline",
        "-n",
        "qu'o\"te",
        "\u{e4}\u{1f600}",
        ":(top)",
        "back\\slash",
        "aux.c",
        "A",
        "a",
    ] {
        home.write(name, name);
    }
    let script = "for f in *; do [ \"$f\" = tracked ] || [ \"$(cat -- \"$f\")\" = \"$f\" ] || exit 1; done; ls | wc -l";
    let run = home.run(["run", "--quiet", "--source", "tree", "--", "sh", "-c", script]);
    assert_eq!((run.code, run.stdout.trim()), (0, "12"), "{}", run.stderr);
}

#[test]
fn a_link_in_the_place_of_a_folder_leads_nowhere() {
    let home = repository();
    fs::create_dir(home.work().join("d")).expect("a folder");
    home.write("d/a", "a\n");
    git(&home, &["add", "."]);
    git(&home, &["commit", "--quiet", "--message", "second"]);
    let outside = home.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("a"), "secret\n").expect("written");
    fs::remove_dir_all(home.work().join("d")).expect("removed");
    symlink(&outside, home.work().join("d")).expect("a link");
    assert!(tree(&home).contains("link `d` leads out"));
    home.write(".gitignore", "/d\n");
    assert_eq!(listed(&found(&home, "tree")), ["./.gitignore", "./tracked"]);
    fs::remove_file(home.work().join("d")).expect("removed");
    fs::create_dir(home.work().join("e")).expect("a folder");
    home.write("e/a", "a\n");
    symlink("e", home.work().join("d")).expect("a link");
    home.write(".gitignore", "");
    let there = ["./.gitignore", "./d", "./e/a", "./tracked"];
    assert_eq!(listed(&found(&home, "tree")), there);
}

#[test]
fn from_a_hook_of_git() {
    let home = repository();
    let program = env!("CARGO_BIN_EXE_computes");
    let hook = home.work().join(".git/hooks/post-commit");
    let script =
        format!("#!/bin/sh\n{program} run --quiet --source commit -- ls >\"$HOME/said\" 2>&1\n");
    fs::write(&hook, script).expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&hook, executable).expect("rights");
    home.write("more", "more\n");
    git(&home, &["add", "."]);
    git(&home, &["commit", "--quiet", "--message", "second"]);
    let said = fs::read_to_string(home.path().join("said")).expect("a file");
    assert_eq!(said, "more\ntracked\n");
}

#[test]
fn inputs_that_can_not_be() {
    let home = Home::new();
    home.write("a", "a");
    home.write("b", "b");
    let mut told = String::new();
    for words in [
        &["--input", "missing"][..],
        &["--input", "a=../a"],
        &["--input", "a=/etc/a"],
        &["--input", "a=CON"],
        &["--input", "."],
        &["--input", "a=x", "--input", "b=X"],
        &["--input", "a", "--no-files"],
        &["--input", "a=."],
        &["--input", "a=d", "--input", "b=d/b"],
        &["--input", "a", "--env", "COMPUTES_FREIGHT=x"],
        &["--output", "../x"],
        &["--output", "/etc"],
    ] {
        let words = [&["submit"], words, &["--", "true"]].concat();
        told.push_str(&home.refuses(&words));
    }
    insta::assert_snapshot!(told, @"
    exit code 2
    --- stderr
    error: cannot submit `true`: cannot send `missing`: cannot read `[home]/here/missing`: No such file or directory (os error 2)
    hint: paths are relative to where you stand
    exit code 2
    --- stderr
    error: cannot submit `true`: `../a` is no path below /files: it climbs with `..`
    hint: give a path relative to /files, as in --output dist or --input data=in/data; an output may also be in /source
    exit code 2
    --- stderr
    error: cannot submit `true`: `/etc/a` is no path below /files: it is absolute
    hint: give a path relative to /files, as in --output dist or --input data=in/data; an output may also be in /source
    exit code 2
    --- stderr
    error: cannot submit `true`: `CON` is no path below /files: a name in it is a device on Windows
    hint: give a path relative to /files, as in --output dist or --input data=in/data; an output may also be in /source
    exit code 2
    --- stderr
    error: cannot submit `true`: input `.` has no name of its own
    hint: say where it goes, as in --input .=data
    exit code 2
    --- stderr
    error: cannot submit `true`: inputs `a` and `b` are both to be at /files/X
    hint: give one of them another path, as in --input data=other
    exit code 2
    --- stderr
    error: cannot submit `true`: input `a` has no place: the job has no /files
    hint: leave out --no-files, or the input
    exit code 2
    --- stderr
    error: cannot submit `true`: `a` is a file and can't take the place of /files
    hint: give it a name there, as in a=data
    exit code 2
    --- stderr
    error: cannot submit `true`: `b` is to be below `a`, which is a file at /files/d
    hint: give one of them another path, as in data=other
    exit code 2
    --- stderr
    error: cannot submit `true`: variable `COMPUTES_FREIGHT` tells a job what it brings along
    hint: choose another name
    exit code 2
    --- stderr
    error: cannot submit `true`: `../x` is no path below /files: it climbs with `..`
    hint: give a path relative to /files, as in --output dist or --input data=in/data; an output may also be in /source
    exit code 2
    --- stderr
    error: cannot submit `true`: `/etc` is no path below /files: it is absolute
    hint: give a path relative to /files, as in --output dist or --input data=in/data; an output may also be in /source
    ");
}

/// The program in a namespace in which its state directory has so much room; a script calls it.
fn with_room(home: &Home, size: &str, script: &str) -> Option<Run> {
    fs::create_dir_all(home.state()).expect("a folder");
    let state = home.state().display().to_string();
    let mount =
        format!("mount -t tmpfs -o size={size},mode=700 none '{state}' || exit 77; {script}");
    let words = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", &mount];
    let mut command = home.command_of(Path::new("unshare"), words);
    let program = Path::new(env!("CARGO_BIN_EXE_computes")).parent().expect("a folder");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", program.display());
    let run = home.run_command(command.env("PATH", path));
    let can = run.code != 77 && !run.stderr.contains("unshare:");
    if !can {
        use std::io::Write;
        writeln!(std::io::stderr(), "skipped a full disk: no mount namespaces").expect("stderr");
    }
    can.then_some(run)
}

#[test]
fn a_full_disk_here_is_said_before_there_is_a_job() {
    let home = Home::new();
    let noise: Vec<u8> =
        (0..4_u32 << 20).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    fs::write(home.work().join("large"), noise).expect("written");
    let script =
        "computes submit --input large -- true; echo $?; computes list --all --json | wc -l";
    let Some(run) = with_room(&home, "3m", script) else { return };
    assert_eq!(run.stdout, "125\n0\n", "{}", run.stderr);
    assert!(run.stderr.contains("No space left on device"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: make room on its disk"), "{}", run.stderr);
}

#[test]
fn a_full_disk_where_the_job_runs_fails_it_before_its_command() {
    let home = Home::new();
    // It packs to next to nothing.
    fs::write(home.work().join("large"), vec![0; 16 << 20]).expect("written");
    let script = "computes run --input large -- echo ran; echo $?; computes status last";
    let Some(run) = with_room(&home, "8m", script) else { return };
    assert!(run.stdout.starts_with("125\n"), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("failed (start failed, exit code 125)"), "{}", run.stdout);
    assert!(run.stdout.contains("cannot unpack what it brings along"), "{}", run.stdout);
    assert!(run.stdout.contains("No space left on device"), "{}", run.stdout);
}

#[test]
fn init_in_a_repository_sends_the_tree() {
    let home = repository();
    let run = home.run(["init"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let file = fs::read_to_string(home.work().join("computes.toml")).expect("a file");
    for line in ["source = \"tree\"", "outputs = [\"/source\", \".\"]", "get = \"on\""] {
        assert!(file.lines().any(|it| it == line), "{line}: {file}");
    }
    home.write("new", "new\n");
    let run = home.run(["run", "--quiet", "--", "ls"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "computes.toml\nnew\ntracked\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_retry_finds_what_was_sent_until_it_is_pruned() {
    let home = repository();
    let run = home.run(["run", "--source", "tree", "--", "cat", "tracked"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    home.write("tracked", "changed\n");
    let again = home.run(["retry", "last"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let id = again.stdout.trim();
    assert_eq!(home.run(["wait", id]).code, 0);
    assert_eq!(home.run(["logs", id]).stdout, "tracked\n");
    // One that is young may be of a job that is being submitted.
    home.run(["prune", "--only", "files", "--older-than", "0s"]);
    assert_eq!(home.run(["retry", "last"]).code, 0);
    home.run(["wait", "last"]);
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
    for parcel in fs::read_dir(home.state().join("parcels")).expect("a folder") {
        let file = fs::File::options().append(true).open(parcel.expect("an entry").path());
        file.expect("a file").set_modified(long_ago).expect("a time");
    }
    let pruned = home.run(["prune", "--only", "files", "--older-than", "0s"]);
    assert_eq!(pruned.code, 0, "{}", pruned.stderr);
    insta::assert_snapshot!(home.run(["retry", "last"]).snapshot(), @"
    exit code 125
    --- stderr
    error: cannot submit it again: the parcel 05e742e0c46d60e92f46f0578d6e68977672cafe670e4f2b0c9b682ebc4a1da1 is not here any more
    hint: submit the job anew from its checkout: what it brought along was pruned
    ");
}

#[test]
fn files_of_jobs_that_go_on_are_not_pruned() {
    let home = repository();
    let over = home.submit(["--source", "tree", "--", "touch", "/files/x"]);
    home.run(["wait", &over]);
    let script = "touch /files/x; until [ -e /files/go ]; do sleep 0.01; done; cat tracked";
    let on = home.submit(["--source", "tree", "--", "sh", "-c", script]);
    home.until(&on, "running");
    home.write("late", "");
    insta::assert_snapshot!(home.run(["files", "put", &over, "late"]).snapshot(), @"
    exit code 2
    --- stderr
    error: cannot put files to [short]: the job is over: succeeded
    hint: bring it along with --input when you submit the job again; what it left is brought here by `computes files get [short]`
    ");
    let pruned = home.run(["prune", "--json", "--older-than", "0s"]);
    assert_eq!(pruned.json()[0]["jobs"], 1, "{}", pruned.stderr);
    assert!(!home.state().join("files").join(&over).exists());
    home.write("go", "");
    assert_eq!(home.run(["files", "put", &on, "go"]).code, 0);
    assert_eq!(home.run(["wait", &on]).code, 0);
    assert_eq!(home.run(["logs", &on]).stdout, "tracked\n");
    let left = || fs::read_dir(home.state().join("sources")).expect("a folder").count();
    crate::support::eventually("the sources to go", || (left() == 0).then_some(()));
}

#[test]
fn a_checkout_may_be_called_anything() {
    let home = Home::new();
    let (line, outer) = ("line\nbreak", home.work().join("line"));
    // What git says of the one must not be taken for the other.
    for folder in [&outer, &home.work().join(line)] {
        fs::create_dir(folder).expect("a folder");
        let init =
            home.command_of(Path::new("git"), ["init", "--quiet"]).current_dir(folder).status();
        assert!(init.expect("git").success());
    }
    let work = home.work().join(line).join("sub");
    fs::create_dir(&work).expect("a folder");
    fs::write(work.join("mine"), "").expect("written");
    fs::write(outer.join("other"), "").expect("written");
    let run = ["run", "--quiet", "--source", "tree", "--get", "--", "sh", "-c", "ls; echo >app"];
    let run = home.run_command(home.command(run).current_dir(&work));
    assert_eq!((run.code, run.stdout.as_str()), (0, "mine\n"), "{}", run.stderr);
    assert!(work.join("app").exists());
}

/// The superuser may read everything.
#[test]
fn what_can_not_be_read_is_not_left_out() {
    const NOBODY: u32 = 65534;
    let is_root = rustix::process::geteuid().is_root();
    let home = if is_root { Home::new().of_user(NOBODY) } else { Home::new() };
    let script = "git init --quiet; echo >nope; chmod 0 nope";
    let shell = &mut home.command_of(Path::new("/bin/sh"), ["-e", "-c", script]);
    assert_eq!(home.run_command(shell).code, 0);
    insta::assert_snapshot!(home.run(["run", "--source", "tree", "--", "true"]).snapshot(), @"
    exit code 125
    --- stderr
    error: cannot submit `true`: cannot read `nope`: Permission denied (os error 13)
    hint: make it readable, or leave it out: of a source, by its name in .gitignore
    ");
    let script = "rm -f nope; mkdir closed; echo >closed/it; chmod 0 closed";
    let shell = &mut home.command_of(Path::new("/bin/sh"), ["-e", "-c", script]);
    assert_eq!(home.run_command(shell).code, 0);
    insta::assert_snapshot!(home.run(["run", "--source", "tree", "--", "true"]).snapshot(), @"
    exit code 125
    --- stderr
    error: cannot submit `true`: git ls-files failed: could not open directory 'closed/': Permission denied
    hint: make it readable, or leave it out: of a source, by its name in .gitignore
    ");
    let shell = &mut home.command_of(Path::new("/bin/sh"), ["-c", "chmod 700 closed"]);
    assert_eq!(home.run_command(shell).code, 0);
}
