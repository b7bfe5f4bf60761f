//! Programs that are on the caller's PATH and not on the job's, or are others there.

use std::os::unix::fs::PermissionsExt;

use super::stage::each;
use crate::support::{Home, Run};

const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

/// A home with tools of the caller's own, and the PATH that finds them first.
fn with_tools() -> (Home, String) {
    let home = Home::new();
    let folder = home.path().join("tools");
    std::fs::create_dir(&folder).expect("a folder");
    for (name, script) in [("forge", "echo forged"), ("env", "echo mine")] {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("executable");
    }
    let path = format!("{}:{USUAL}", folder.display());
    (home, path)
}

fn run(home: &Home, path: &str, arguments: &[&str]) -> Run {
    home.run_with_env(&[("PATH", path)], arguments)
}

#[test]
fn one_that_only_the_caller_finds() {
    let (home, path) = with_tools();
    insta::assert_snapshot!(run(&home, &path, &["run", "--", "forge", "all"]).snapshot(), @"
    exit code 127
    --- stderr
    warning: `forge` is not on the job's PATH; on yours it is [home]/tools/forge: -e PATH passes yours on
    [short] forge-all submitted to default
    [short] forge-all failed: start failed, cannot execute `forge`: it is not on the job's PATH, which is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    ");
    insta::assert_snapshot!(run(&home, &path, &["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] forge-all failed
    reason   cannot execute `forge`: it is not on the job's PATH, which is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    why      it failed: start failed
    hint     `forge` is not on the job's PATH; on yours it is [home]/tools/forge: -e PATH passes yours on
    ");
    insta::assert_snapshot!(run(&home, &path, &["wait", "last"]).snapshot(), @"
    exit code 127
    --- stderr
    [short] forge-all failed: start failed, cannot execute `forge`: it is not on the job's PATH, which is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    note: `forge` is not on the job's PATH; on yours it is [home]/tools/forge: -e PATH passes yours on
    ");
    let passed_on = run(&home, &path, &["run", "-e", "PATH", "--", "forge", "all"]);
    insta::assert_snapshot!(passed_on.snapshot(), @"
    exit code 0
    --- stdout
    forged
    --- stderr
    [short] forge-all submitted to default
    [short] forge-all succeeded after [took]
    ");
}

#[test]
fn one_that_is_another_for_the_caller() {
    let (home, path) = with_tools();
    let quiet = ["run", "--name", "other", "--", "env", "true"];
    insta::assert_snapshot!(run(&home, &path, &quiet).snapshot(), @"
    exit code 0
    --- stderr
    note: `env` is /usr/bin/env for the job, and [home]/tools/env for you: -e PATH passes your PATH on
    [short] other submitted to default
    [short] other succeeded after [took]
    ");
    // Through whichever of the folders that are one it is found.
    let same = run(&home, "/bin:/usr/bin", &quiet);
    assert!(!same.stderr.contains("note"), "{}", same.stderr);
}

#[test]
fn a_batch_tells_it_once() {
    let (home, path) = with_tools();
    home.write("jobs.jsonl", &"{\"command\": [\"forge\"]}\n".repeat(3));
    let submit = run(&home, &path, &["submit", "--from", "jobs.jsonl"]);
    assert_eq!(submit.stderr.matches("warning").count(), 1, "{}", submit.stderr);
}

/// Its own folder is looked at, and nobody's PATH.
#[test]
fn one_that_is_named_by_its_path() {
    let (home, path) = with_tools();
    let run = run(&home, &path, &["run", "--name", "by-path", "--", "./forge"]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 127
    --- stderr
    [short] by-path submitted to default
    [short] by-path failed: start failed, cannot execute `./forge`: there is no such file, or none that its first line (`#!`) names
    note: is `./forge` spelt right? It starts in [home]/here
    ");
}

#[test]
fn a_shell_that_does_not_find_one() {
    let (home, path) = with_tools();
    let run = run(&home, &path, &["run", "--quiet", "--", "sh", "-c", "forge"]);
    assert_eq!(run.code, 127, "{}", run.stderr);
    let told = home.run(["explain", "last"]).stdout;
    assert!(told.contains("-e PATH passes your PATH on"), "{told}");
}

#[test]
fn where_it_was_to_start_is_gone() {
    let home = Home::new();
    let (_worker, running) = home.busy();
    let folder = home.work().join("folder");
    std::fs::create_dir(&folder).expect("a folder");
    let submit = home.command(["submit", "--", "/bin/true"]).current_dir(&folder).output();
    assert!(submit.expect("it starts").status.success());
    std::fs::remove_dir(&folder).expect("it is there");
    home.run(["cancel", &running]);
    insta::assert_snapshot!(home.run(["wait", "last"]).snapshot_of_the_end(), @"
    exit code 126
    --- stderr
    [short] true failed: start failed, cannot enter the working directory: No such file or directory (os error 2)
    note: it starts in [home]/here/folder: is that still there?
    ");
}

#[test]
fn one_that_can_not_be_started() {
    let home = Home::new();
    home.write("no-line", "echo hi\n");
    home.write("no-right", "#!/bin/sh\n");
    home.write("build.sh", "#!/bin/sh\n");
    home.write("of-windows", "#!/bin/sh\r\necho hi\r\n");
    home.write("no-interpreter", "#!/no/such/interpreter -x\n");
    for name in ["no-line", "of-windows", "no-interpreter"] {
        let may_run = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(home.work().join(name), may_run).expect("rights");
    }
    let fifo = home.command_of(std::path::Path::new("mkfifo"), ["fifo"]).status();
    assert!(fifo.expect("it starts").success());
    let programs = [
        "fifo",
        "./no-line",
        "./no-right",
        "./of-windows",
        "./no-interpreter",
        "/tmp",
        "./nope",
        "build.sh",
        "no-such-program",
    ];
    insta::assert_snapshot!(each(&programs, |program| {
        let run = home.run(["run", "--quiet", "--", program]);
        let hints = home.run(["explain", "last"]).snapshot();
        let hints = hints.lines().filter(|line| line.starts_with("hint"));
        format!("{}\n{}", run.snapshot(), hints.collect::<Vec<_>>().join("\n"))
    }), @r"
    > fifo
    exit code 127

    hint     install `fifo`, or name it by its path
    > ./no-line
    exit code 126

    hint     `./no-line` is no program of this machine; a script says in its first line what runs it, as in #!/bin/sh
    > ./no-right
    exit code 126

    hint     may `./no-right` be executed? chmod +x makes it so
    > ./of-windows
    exit code 127

    hint     the lines of `of-windows` end as on Windows, so `/bin/sh` was looked for with a carriage return behind it: dos2unix, or sed -i 's/\r$//', mends it
    > ./no-interpreter
    exit code 127

    hint     `no-interpreter` begins with #!/no/such/interpreter, which is not there
    > /tmp
    exit code 126

    hint     `/tmp` is a folder
    > ./nope
    exit code 127

    hint     is `./nope` spelt right? It starts in [home]/here
    > build.sh
    exit code 127

    hint     did you mean `./build.sh`? Where a job starts is not on its PATH
    > no-such-program
    exit code 127

    hint     install `no-such-program`, or name it by its path
    ");
}
