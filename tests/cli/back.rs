//! Bringing outputs back into the checkout: what is here and only here is never lost.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, mknodat};

use super::stage::{Following, git};
use crate::support::{Home, Run};

/// A checkout whose jobs keep and bring back what they make.
fn checkout() -> Home {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    home.write("computes.toml", "source = \"tree\"\noutputs = [\"/source\"]\n");
    home
}

fn text(home: &Home, name: &str) -> String {
    fs::read_to_string(home.work().join(name)).expect("a file")
}

fn commit(home: &Home) {
    git(home, &["add", "."]);
    git(home, &["commit", "--quiet", "-m", "all"]);
}

fn run(home: &Home, script: &str) -> Run {
    home.run_script(&["--quiet", "--get"], script)
}

#[test]
fn what_did_not_go_along_is_moved_aside() {
    let home = checkout();
    home.write(".gitignore", "/.env\n/app\n/link\n/pipe\n");
    home.write(".env.example", "example\n");
    home.write(".env", "mine\n");
    symlink(".env", home.work().join("link")).expect("a link");
    mknodat(CWD, home.work().join("pipe"), FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let script = "[ -f .env ] || cp .env.example .env; echo a >app; echo l >link; echo p >pipe";
    insta::assert_snapshot!(run(&home, script).snapshot(), @"
    exit code 125
    --- stderr
    warning: `.env` and 1 more were here and are not what went along: they were moved to `[home]/.local/state/computes/aside/[id]/1`, and what the job made took their place
    warning: left as it is: `[home]/here/pipe` is no file and no link here
    ");
    assert_eq!((text(&home, ".env"), text(&home, "link")), ("example\n".into(), "l\n".into()));
    let id = home.status("last")["id"].as_str().expect("an id").to_owned();
    let aside = home.state().join("aside").join(&id);
    let mine = |number: &str, name: &str| fs::read_to_string(aside.join(number).join(name));
    assert_eq!(mine("1", ".env").expect("a file"), "mine\n");
    assert_eq!(fs::read_link(aside.join("1/link")).expect("a link"), Path::new(".env"));
    assert_eq!(fs::metadata(&aside).expect("a folder").mode() & 0o777, 0o700);
    // What came from a job goes for the next, and what somebody made of it is theirs again.
    let next = run(&home, "echo next >app");
    assert_eq!((next.code, next.stderr.as_str(), &*text(&home, "app")), (0, "", "next\n"));
    home.write(".env", "mine again\n");
    let again = home.run(["wait", "--get", "--json", &id]);
    let got = again.json().pop().expect("a line");
    let second = aside.join("2").display().to_string();
    assert_eq!(got["aside"], serde_json::json!([second]), "{got}");
    assert_eq!(mine("2", ".env").expect("a file"), "mine again\n");
    // They go with the job, and not before.
    let prune = |more: &[&str]| {
        let run = home.run([&["prune", "--older-than", "0s"], more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    prune(&["--only", "files"]);
    assert!(aside.is_dir());
    prune(&[]);
    assert!(!aside.exists());
}

#[test]
fn a_product_that_somebody_made_here_meanwhile_is_moved_aside() {
    let home = checkout();
    home.write(".gitignore", "/app\n");
    let id = home.submit(["--", "sh", "-c", "echo theirs >app; chmod 755 app"]);
    assert_eq!(home.run(["wait", &id]).code, 0);
    // Later than the submission, and not known to git.
    home.write("app", "mine\n");
    let waited = home.run(["wait", "--get", &id]);
    assert_eq!((waited.code, &*text(&home, "app")), (0, "theirs\n"), "{}", waited.stderr);
    let aside = home.state().join("aside").join(&id).join("1/app");
    assert_eq!(fs::read_to_string(aside).expect("a file"), "mine\n");
}

#[test]
fn what_was_removed_here_meanwhile_is_left_removed() {
    let home = checkout();
    for name in ["gone", "lock"] {
        home.write(name, "tracked\n");
    }
    commit(&home);
    fs::remove_file(home.work().join("lock")).expect("removed");
    // What was not there is made anew.
    let made = run(&home, "echo made >lock");
    assert_eq!((made.code, &*text(&home, "lock")), (0, "made\n"), "{}", made.stderr);
    let id = home.submit(["--", "sh", "-c", "echo changed >gone; echo new >app"]);
    home.until(&id, "succeeded");
    fs::remove_file(home.work().join("gone")).expect("removed");
    insta::assert_snapshot!(home.run(["wait", "--quiet", "--get", &id]).snapshot(), @"
    exit code 125
    --- stderr
    warning: left as it is: `[home]/here/gone` was removed here since the job was submitted
    ");
    assert!(!home.work().join("gone").exists());
    assert_eq!(text(&home, "app"), "new\n");
    let hint = format!("hint: computes files get {} --into FOLDER brings", &id[24..32]);
    let again = home.run(["wait", "--get", &id]).stderr;
    assert!(again.contains(&hint), "{again}");
}

#[test]
fn a_source_that_git_does_not_track_yet_stays_a_source() {
    let home = checkout();
    home.write("new.c", "int   x;\n");
    let formatted = run(&home, "echo 'int x;' >new.c; echo >app");
    assert_eq!((formatted.code, &*text(&home, "new.c")), (0, "int x;\n"), "{}", formatted.stderr);
    let next = run(&home, "ls");
    assert_eq!(next.stdout, "computes.toml\nnew.c\n", "{}", next.stderr);
    // As it was, it is one, too.
    let touched = run(&home, "cp new.c copy; mv copy new.c");
    assert_eq!(touched.code, 0, "{}", touched.stderr);
    assert_eq!(run(&home, "ls").stdout, "computes.toml\nnew.c\n");
}

#[test]
fn elsewhere_than_in_a_checkout_only_what_came_from_a_job_goes() {
    let home = Home::new();
    let job = |content: &str| {
        let script =
            format!("cd ${{COMPUTES_FILES:-/files}}; echo {content} >f; echo {content} >g");
        home.run_script(&["--quiet", "--output", ".", "--get=results"], &script)
    };
    fs::create_dir(home.work().join("results")).expect("a folder");
    home.write("results/f", "mine\n");
    let first = job("one");
    insta::assert_snapshot!(first.snapshot(), @"
    exit code 125
    --- stderr
    warning: left as it is: `[home]/here/results/f` is here already, and not from a job
    ");
    let second = job("two");
    assert_eq!(second.code, 125, "{}", second.stderr);
    assert_eq!(
        (text(&home, "results/f"), text(&home, "results/g")),
        ("mine\n".into(), "two\n".into())
    );
    home.write("results/g", "mine\n");
    let third = job("three");
    assert_eq!((third.code, &*text(&home, "results/g")), (125, "mine\n"), "{}", third.stderr);
}

#[test]
fn of_two_jobs_the_one_that_was_submitted_later_is_right() {
    let home = checkout();
    home.write(".gitignore", "/app\n/lib\n");
    let job = |content: &str| {
        let script = format!("echo {content} >app; echo {content} >lib");
        let id = home.submit(["--", "sh", "-c", &script]);
        assert_eq!(home.run(["wait", &id]).code, 0);
        id
    };
    let (first, second) = (job("first"), job("second"));
    let get = |id: &str| home.run(["wait", "--quiet", "--get", id]);
    for (id, expected) in [(&first, "first\n"), (&second, "second\n"), (&second, "second\n")] {
        let waited = get(id);
        assert_eq!((waited.code, waited.stderr.as_str()), (0, ""));
        assert_eq!((text(&home, "app"), text(&home, "lib")), (expected.into(), expected.into()));
    }
    insta::assert_snapshot!(home.run(["wait", "--get", &first]).snapshot(), @"
    exit code 0
    --- stderr
    [short] sh--c-echo-first-app-echo-first-lib succeeded after [took]
    note: `[home]/here/app` and 1 more are left as a job that was submitted later made them
    ");
    assert_eq!(text(&home, "app"), "second\n");
    // One that is submitted again is a later one.
    let again = home.run(["retry", &first]);
    let waited = get(again.stdout.trim());
    assert_eq!((waited.code, waited.stderr.as_str()), (0, ""));
    assert_eq!((text(&home, "app"), text(&home, "lib")), ("first\n".into(), "first\n".into()));
}

#[test]
fn what_two_jobs_made_of_one_source_is_not_lost() {
    let home = checkout();
    home.write("main.c", "one\n");
    commit(&home);
    home.write("new.c", "one\n");
    let job = |content: &str| {
        let script = format!("echo {content} >main.c; echo {content} >new.c");
        let id = home.submit(["--", "sh", "-c", &script]);
        home.until(&id, "succeeded");
        id
    };
    let (first, second) = (job("first"), job("second"));
    let get = |id: &str| home.run(["wait", "--quiet", "--get", id]);
    assert_eq!(get(&first).code, 0);
    // What git tracks is a conflict; of the rest nobody knows whether it is a source.
    insta::assert_snapshot!(get(&second).snapshot().replace(&first[24..32], "[first]"), @"
    exit code 125
    --- stderr
    warning: `new.c` was here and is not what went along: it was moved to `[home]/.local/state/computes/aside/[id]/1`, and what the job made took its place
    warning: left as it is: `[home]/here/main.c` is what [short] made of it, after this job was submitted
    ");
    assert_eq!((&*text(&home, "main.c"), &*text(&home, "new.c")), ("first\n", "second\n"));
    // Whoever goes on from there, and who repeats it, is in nobody's way.
    let third = job("third");
    assert_eq!((get(&third).code, &*text(&home, "main.c")), (0, "third\n"));
    let again = home.run(["retry", &third]).stdout.trim().to_owned();
    home.write("main.c", "mine\n");
    assert_eq!((get(&again).code, &*text(&home, "main.c")), (125, "mine\n"));
}

#[test]
fn what_went_along_is_known_whatever_git_says_by_now() {
    let home = checkout();
    home.write(".gitignore", "/.env\n");
    home.write(".env", "mine\n");
    home.write("main.c", "one\n");
    commit(&home);
    let id = home.submit(["--", "sh", "-c", "echo theirs >.env; echo theirs >main.c"]);
    home.until(&id, "succeeded");
    home.write(".gitignore", "/main.c\n");
    git(&home, &["rm", "--quiet", "--cached", "main.c"]);
    git(&home, &["add", ".env"]);
    let waited = home.run(["wait", "--quiet", "--get", &id]);
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    assert_eq!((&*text(&home, ".env"), &*text(&home, "main.c")), ("theirs\n", "theirs\n"));
    let aside = home.state().join("aside").join(&id).join("1");
    assert_eq!(fs::read_to_string(aside.join(".env")).expect("a file"), "mine\n");
    assert!(!aside.join("main.c").exists());
}

/// The folder is the same, and what is in it another.
#[test]
fn what_is_in_another_checkout_at_the_same_place_is_left() {
    let home = checkout();
    home.write("main.c", "one\n");
    commit(&home);
    let other = home.path().join("other");
    let copied = std::process::Command::new("cp").arg("-a").arg(home.work()).arg(&other).status();
    assert!(copied.expect("it runs").success());
    fs::write(other.join("main.c"), "other\n").expect("written");
    fs::write(other.join("app"), "other\n").expect("written");
    let id = home.submit(["--", "sh", "-c", "echo theirs >main.c; echo theirs >app"]);
    home.until(&id, "succeeded");
    fs::remove_dir_all(home.work()).expect("removed");
    fs::rename(&other, home.work()).expect("moved");
    let waited = home.run(["wait", "--quiet", "--get", &id]);
    assert_eq!((waited.code, &*text(&home, "main.c")), (125, "other\n"), "{}", waited.stderr);
    let aside = home.state().join("aside").join(&id).join("1/app");
    assert_eq!(fs::read_to_string(aside).expect("a file"), "other\n");
}

#[test]
fn what_was_moved_meanwhile_is_not_made_again() {
    let home = checkout();
    for name in ["old.c", "new.c"] {
        home.write(name, "one\n");
    }
    git(&home, &["add", "old.c"]);
    let id = home.submit(["--", "sh", "-c", "echo theirs >old.c; echo theirs >new.c"]);
    home.until(&id, "succeeded");
    git(&home, &["mv", "old.c", "moved.c"]);
    fs::remove_file(home.work().join("new.c")).expect("removed");
    let waited = home.run(["wait", "--quiet", "--get", &id]);
    assert_eq!(waited.code, 125, "{}", waited.stderr);
    assert!(!home.work().join("old.c").exists() && !home.work().join("new.c").exists());
    // That something was made beside it says nothing.
    let id = home.submit(["--", "sh", "-c", "echo theirs >app"]);
    home.until(&id, "succeeded");
    home.write("beside", "");
    let waited = home.run(["wait", "--quiet", "--get", &id]);
    assert_eq!((waited.code, waited.stderr.as_str()), (0, ""));
}

#[test]
fn rights_stay_and_the_right_to_run_comes_back() {
    let home = checkout();
    for (name, mode) in [("secret", 0o600), ("tool", 0o640)] {
        home.write(name, "one\n");
        let path = home.work().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("rights");
    }
    let waited = run(&home, "echo theirs >secret; chmod +x tool");
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    let mode = |name: &str| {
        fs::metadata(home.work().join(name)).expect("a file").permissions().mode() & 0o777
    };
    assert_eq!((mode("secret"), mode("tool")), (0o600, 0o750));
}

/// A source is newer than the product, and the product is right all the same.
#[test]
fn what_is_the_same_already_is_as_new_as_what_comes() {
    let home = checkout();
    home.write(".gitignore", "/app\n");
    home.write("app", "same\n");
    let app = home.work().join("app");
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_hours(24);
    fs::File::options().write(true).open(&app).and_then(|it| it.set_modified(old)).expect("a time");
    home.write("main.c", "edited\n");
    let same = run(&home, "echo same >app");
    assert_eq!((same.code, same.stderr.as_str()), (0, ""));
    let modified = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).expect("a time");
    assert!(modified(&app) > modified(&home.work().join("main.c")));
}

/// It goes along; nothing of its name could come back, and nothing has to.
#[test]
fn a_source_that_nobody_changed_is_not_missed_whatever_it_is_called() {
    let home = checkout();
    home.write("line\nbreak", "one\n");
    let same = run(&home, "ls; echo >app");
    assert_eq!((same.code, same.stderr.as_str()), (0, ""));
    let changed = home.run_script(&["--get"], "for it in line*; do echo >\"$it\"; done");
    assert!(changed.stdout.contains("not kept: "), "{}{}", changed.stdout, changed.stderr);
}

/// Built by hand, and not ignored: it goes along, but is not up to date there.
#[test]
fn what_git_does_not_track_is_older_there_than_what_it_does() {
    let home = checkout();
    home.write("main.c", "one\n");
    commit(&home);
    let written = |name: &str, seconds| {
        home.write(name, "");
        let file = fs::File::options().write(true).open(home.work().join(name)).expect("a file");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        file.set_modified(time).expect("its time");
    };
    written("new.c", 1_500_000_000);
    written("app", 1_600_000_000);
    let script = "[ main.c -nt app ] && [ app -nt new.c ] && echo older";
    let older = run(&home, script);
    assert_eq!((older.code, older.stdout.as_str()), (0, "older\n"), "{}", older.stderr);
    written("new.c", 1_700_000_000);
    assert_eq!(run(&home, "[ new.c -nt app ] && echo newer").stdout, "newer\n");
}

#[test]
fn what_does_not_fit_is_told_among_the_rest() {
    let home = checkout();
    home.write(".gitignore", "/out\n/app\n");
    home.write("out", "a file\n");
    fs::create_dir(home.work().join("app")).expect("a folder");
    let script = "rm -rf out app; mkdir out; echo >out/one; echo >app; echo >last";
    insta::assert_snapshot!(run(&home, script).snapshot(), @"
    exit code 125
    --- stderr
    warning: not brought here: `/source/app`: `[home]/here/app` is a folder
    warning: not brought here: `/source/out/one`: `[home]/here/out` is no folder
    ");
    assert!(home.work().join("last").exists());
    assert_eq!(text(&home, "out"), "a file\n");
}

#[test]
fn without_outputs_all_of_the_source_is_meant() {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    let get = ["--get", "--source", "tree"];
    let run = home.run_script(&get, "echo >app");
    assert!(run.stderr.contains("brought back 1 file"), "{}", run.stderr);
    assert_eq!(home.status("last")["outputs"], serde_json::json!(["/source"]));
    let nothing = home.run_script(&get, "true");
    insta::assert_snapshot!(nothing.snapshot(), @"
    exit code 0
    --- stderr
    [short] sh--c-true submitted to default
    [short] sh--c-true succeeded after [took]
    nothing to bring back: of the outputs of the job nothing is kept
    ");
    let id = home.submit(["--", "true"]);
    insta::assert_snapshot!(home.run(["wait", "--get", &id]).snapshot(), @"
    exit code 0
    --- stderr
    [short] true succeeded after [took]
    warning: nothing is brought back: [short] names no outputs; say with --output what is kept of a job, as in `computes run --source tree --output /source`
    ");
    insta::assert_snapshot!(Home::new().refuses(&["run", "--get", "--", "true"]), @"
    exit code 2
    --- stderr
    error: cannot submit `true`: there is nothing that --get could bring back: the job brings no source along, and names no outputs
    hint: add --source tree, or name what the job leaves in /files, as in --output dist
    ");
}

#[test]
fn the_setting_is_silent_where_there_is_nothing_and_tells_what_it_can_not_do() {
    let home = checkout();
    home.write("computes.toml", "source = \"tree\"\noutputs = [\"/source\"]\nget = \"on\"\n");
    let nothing = home.run_script(&["--name", "nothing"], "true");
    insta::assert_snapshot!(nothing.snapshot(), @"
    exit code 0
    --- stderr
    [short] nothing submitted to default
    [short] nothing succeeded after [took]
    ");
    let id = home.submit(["--", "sh", "-c", "echo >app"]);
    home.until(&id, "succeeded");
    let moved = home.path().join("moved");
    fs::rename(home.work(), &moved).expect("moved");
    let wait = || home.run_command(home.command(["wait", &id]).current_dir(&moved));
    insta::assert_snapshot!(wait().snapshot(), @"
    exit code 0
    --- stderr
    [short] sh--c-echo-app succeeded after [took]
    note: nothing is brought back: the checkout `[home]/here` is not there any more; computes files get [short] --into FOLDER brings the outputs elsewhere, also to where it is by now
    ");
    // Under another name it is the same.
    symlink(&moved, home.work()).expect("a link");
    let waited = wait();
    assert!(waited.stderr.contains("brought back 1 file"), "{}", waited.stderr);
    assert!(moved.join("app").exists());
    let next = home.run_script(&["--quiet"], "ls");
    assert_eq!(next.stdout, "computes.toml\n", "{}", next.stderr);
}

#[test]
fn nobody_becomes_another_by_running_what_came() {
    let home = checkout();
    let made = run(&home, "echo >app; chmod 7755 app");
    assert_eq!(made.code, 0, "{}", made.stderr);
    let seen = fs::metadata(home.work().join("app")).expect("a file");
    assert_eq!(seen.permissions().mode() & 0o7777, 0o755);
}

#[test]
fn a_link_to_a_folder_that_is_ones_own_is_followed() {
    let home = checkout();
    home.write(".gitignore", "/build\n/made\n");
    let fast = home.path().join("fast");
    fs::create_dir(&fast).expect("a folder");
    symlink(&fast, home.work().join("build")).expect("a link");
    let built = run(&home, "mkdir -p build/sub; echo >build/sub/app; mkdir made; ln -s made link");
    assert_eq!((built.code, built.stderr.as_str()), (0, ""));
    assert!(fast.join("sub/app").is_file());
    // One that came from a job leads nobody anywhere.
    let made = run(&home, "mkdir link; echo >link/app");
    insta::assert_snapshot!(made.snapshot(), @"
    exit code 125
    --- stderr
    warning: not brought here: `/source/link/app`: `[home]/here/link` is a link
    ");
    fs::remove_file(home.work().join("build")).expect("removed");
    symlink("nowhere", home.work().join("build")).expect("a link");
    let nowhere = run(&home, "mkdir build; echo >build/app");
    assert!(nowhere.stderr.contains("build` is a link"), "{}", nowhere.stderr);
}

/// The superuser may write everywhere.
#[test]
fn what_can_not_be_written_or_read_is_named_and_the_rest_comes() {
    const NOBODY: u32 = 65534;
    let is_root = rustix::process::geteuid().is_root();
    let home = if is_root { Home::new().of_user(NOBODY) } else { Home::new() };
    let sh = |script: &str| {
        let shell = &mut home.command_of(Path::new("/bin/sh"), ["-e", "-c", script]);
        let run = home.run_command(shell);
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    sh("git init --quiet; mkdir locked; echo >locked/there; echo >hidden
        printf 'source = \"tree\"\\noutputs = [\"/source\"]\\n' >computes.toml");
    let id = home.submit([
        "--",
        "sh",
        "-c",
        "echo >>hidden; echo >>locked/there; mkdir locked/new; echo >locked/new/app; echo >last",
    ]);
    home.until(&id, "succeeded");
    sh("chmod 500 locked; chmod 0 hidden");
    let waited = home.run(["wait", "--quiet", "--get", &id]);
    insta::assert_snapshot!(waited.snapshot(), @"
    exit code 125
    --- stderr
    warning: left as it is: `[home]/here/hidden` can't be read here: Permission denied (os error 13)
    warning: left as it is: `[home]/here/locked/new/app` can't be written here: `[home]/here/locked`: Permission denied (os error 13)
    warning: left as it is: `[home]/here/locked/there` can't be written here: `[home]/here/locked`: Permission denied (os error 13)
    ");
    sh("[ -e last ]; chmod 700 locked; chmod 600 hidden");
    let waited = home.run(["wait", "--quiet", "--get", &id]);
    assert_eq!((waited.code, waited.stderr.as_str()), (0, ""));
    sh("[ -e locked/new/app ]");
}

/// As of a project that is built here and by jobs in turn.
#[test]
fn what_was_compiled_here_in_the_place_of_a_product_goes_without_a_word() {
    let home = checkout();
    home.write(".gitignore", "/app\n/data\n");
    let make = |by: &str| format!("printf '\\177ELF {by}' >app; echo {by} >data");
    let words = |run: Run| (run.code, run.stderr.contains("moved to"));
    assert_eq!(words(run(&home, &make("one"))), (0, false));
    home.write("app", "\x7fELF mine");
    assert_eq!(words(run(&home, &make("two"))), (0, false));
    assert_eq!(text(&home, "app"), "\x7fELF two");
    // What a person may have written is kept.
    home.write("data", "mine");
    assert_eq!(words(run(&home, &make("three"))), (0, true));
    // So is what never came from a job.
    let home = checkout();
    home.write(".gitignore", "/app\n/data\n");
    home.write("app", "\x7fELF mine");
    assert_eq!(words(run(&home, &make("four"))), (0, true));
}

#[test]
fn what_can_not_be_had_of_one_job_keeps_nobody_from_the_others() {
    let home = checkout();
    let build = ["--", "sh", "-c", "echo >app"];
    let pruned = home.submit(build);
    assert_eq!(home.run(["wait", &pruned]).code, 0);
    assert_eq!(home.run(["prune", "--older-than", "0s", "--only", "files"]).code, 0);
    insta::assert_snapshot!(home.run(["wait", "--get", &pruned]).snapshot(), @"
    exit code 125
    --- stderr
    [short] sh--c-echo-app succeeded after [took]
    error: cannot bring back the outputs of [short]: what was kept of it was pruned
    ");
    let other = home.path().join("other");
    fs::create_dir(&other).expect("a folder");
    let there = |words: &[&str]| {
        let run = home.run_command(home.command(words).current_dir(&other));
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.trim().to_owned()
    };
    let init = home.command_of(Path::new("git"), ["init", "--quiet"]).current_dir(&other).status();
    assert!(init.expect("git").success());
    let gone = there(&[
        "submit",
        "--quiet",
        "--source",
        "tree",
        "--output",
        "/source",
        "--",
        "sh",
        "-c",
        "echo >app",
    ]);
    assert_eq!(home.run(["wait", &gone]).code, 0);
    fs::remove_dir_all(&other).expect("removed");
    let good = home.submit(build);
    insta::assert_snapshot!(home.run(["wait", "--get", &gone, &good]).snapshot(), @"
    exit code 125
    --- stderr
    [short] sh--c-echo-app succeeded after [took]
    warning: cannot bring back the outputs of [short]: the checkout `[home]/other` is not there any more; computes files get [short] --into FOLDER brings them elsewhere, also to where it is by now
    [short] sh--c-echo-app succeeded after [took]
    brought back 1 file, 1 byte
    ");
    assert!(home.work().join("app").exists());
}

#[test]
fn who_stood_in_a_checkout_that_is_gone_hears_that_nothing_came() {
    let home = checkout();
    home.write("computes.toml", "source = \"tree\"\noutputs = [\"/source\"]\nget = \"on\"\n");
    let (here, moved) = (home.work(), home.path().join("moved"));
    let script = format!("echo >app; mv {} {}", here.display(), moved.display());
    let run = home.run(["run", "--quiet", "--", "sh", "-c", &script]);
    fs::rename(moved, here).expect("moved back");
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 125
    --- stderr
    warning: nothing is brought back: the checkout `[home]/here` is not there any more; computes files get [short] --into FOLDER brings the outputs elsewhere, also to where it is by now
    ");
}

/// Also of what it finds there from an earlier job, and need not bring.
#[test]
fn of_two_calls_at_once_the_job_that_was_submitted_later_has_the_last_word() {
    let home = checkout();
    home.write(".gitignore", "/made\n");
    for _ in 0..8 {
        let ids = ["one", "two"].map(|by| {
            let script = format!("mkdir made; for it in $(seq 60); do echo {by} >made/$it; done");
            home.submit(["--", "sh", "-c", &script])
        });
        assert_eq!(home.run(["wait", &ids[0], &ids[1]]).code, 0);
        let calls = ids.map(|id| Following::start(&home, &["wait", "--quiet", "--get", &id]));
        for call in calls {
            let run = call.end(&home);
            assert_eq!(run.code, 0, "{}", run.stderr);
        }
        let made = fs::read_dir(home.work().join("made")).expect("a folder");
        for entry in made {
            let path = entry.expect("a file").path();
            assert_eq!(fs::read_to_string(&path).expect("a file"), "two\n", "{}", path.display());
        }
    }
}

/// What both made of the same sources fits together only as the one or the other has it.
#[test]
fn of_two_calls_at_once_changed_sources_are_all_from_one_job() {
    let home = checkout();
    let sources: Vec<_> = (0..40).map(|number| format!("source{number}")).collect();
    let reset = || {
        for source in &sources {
            home.write(source, "before\n");
        }
    };
    reset();
    commit(&home);
    for _ in 0..6 {
        reset();
        let ids = ["one", "two"].map(|by| {
            home.submit(["--", "sh", "-c", &format!("for it in source*; do echo {by} >$it; done")])
        });
        assert_eq!(home.run(["wait", "--no-get", &ids[0], &ids[1]]).code, 0);
        let calls = ids.map(|id| Following::start(&home, &["wait", "--quiet", "--get", &id]));
        let codes = calls.map(|call| call.end(&home).code);
        let texts: std::collections::BTreeSet<_> =
            sources.iter().map(|source| text(&home, source)).collect();
        // Who comes second leaves them all. If that is the later job, it says so by its exit code.
        let one = std::collections::BTreeSet::from(["one\n".to_owned()]);
        let two = std::collections::BTreeSet::from(["two\n".to_owned()]);
        assert!(
            texts == one && codes == [0, 125] || texts == two && codes == [0, 0],
            "{texts:?} {codes:?}"
        );
    }
}

#[test]
fn where_it_is_brought_is_told_if_that_is_elsewhere() {
    let home = checkout();
    let folder = home.path().join("results");
    let into = format!("--get={}", folder.display());
    let files = Home::new();
    let script = "echo >${COMPUTES_FILES:-/files}/it";
    let there = files.run_script(&["--output", ".", &into], script).stderr;
    let told = format!("brought back 1 file, 1 byte to `{}`", folder.display());
    assert!(there.contains(&told), "{there}");
    // Both, where something comes to both.
    let id = home.submit([
        "--output",
        ".",
        "--output",
        "/source",
        "--",
        "sh",
        "-c",
        "echo >app; echo >/files/it",
    ]);
    home.until(&id, "succeeded");
    let again = home.path().join("again");
    let into = format!("--get={}", again.display());
    let there = home.run(["wait", &into, &id]).stderr;
    let told = format!("to `{}` and `{}`\n", again.display(), home.work().display());
    assert!(there.contains(&told), "{there}");
    // Before anything is submitted.
    let other = Home::new();
    other.write("file", "");
    insta::assert_snapshot!(other.refuses(&["run", "--get=file/below", "--", "true"]), @"
    exit code 2
    --- stderr
    error: --get: `[home]/here/file` is no folder
    hint: name a folder, which is made if it is not there
    ");
    fs::remove_file(home.work().join("app")).expect("it came");
    let id = home.submit(["--", "sh", "-c", "echo >app"]);
    home.until(&id, "succeeded");
    let run = home.command(["wait", "--get", &id]);
    let there = home.run_command({ run }.current_dir(home.path())).stderr;
    assert!(there.contains("brought back 1 file, 1 byte\n"), "{there}");
    let there = home.run_command(home.command(["wait", "--get", &id]).current_dir(folder)).stderr;
    assert!(there.contains("1 file is as it should be"), "{there}");
}
