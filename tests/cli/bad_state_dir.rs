//! State directories that can't be written.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use crate::support::{Home, Run};

const NOBODY: u32 = 65534;
const READ_ONLY: &str = "mount --bind \"$D\" \"$D\" && mount -o remount,bind,ro \"$D\"";

#[test]
fn below_a_file() {
    let home = Home::new().with("COMPUTES_STATE_DIR", "file/state");
    home.write("file", "");
    for verb in ["submit", "run"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(home.run([verb, "--name", "n", "--", "true"]).snapshot(), @r"
            exit code 125
            --- stderr
            error: cannot use the state directory: `[home]/here/file/state`: Not a directory (os error 20)
            hint: make it writable, or set COMPUTES_STATE_DIR to another directory
            ");
        }
    }
    insta::assert_snapshot!(home.run(["worker"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot use the state directory: `[home]/here/file/state`: Not a directory (os error 20)
    hint: make it writable, or set COMPUTES_STATE_DIR to another directory
    ");
    insta::assert_snapshot!(home.run(["list"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot use the state directory: `[home]/here/file/state/ledger.db`: Not a directory (os error 20)
    hint: make it writable, or set COMPUTES_STATE_DIR to another directory
    ");
    insta::assert_snapshot!(home.run(["status", "last"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot use the state directory: `[home]/here/file/state/ledger.db`: Not a directory (os error 20)
    hint: make it writable, or set COMPUTES_STATE_DIR to another directory
    ");
}

#[test]
fn where_nothing_can_be_made() {
    let home = Home::new().with("COMPUTES_STATE_DIR", "/proc/computes");
    insta::assert_snapshot!(home.run(["submit", "--name", "n", "--", "true"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot use the state directory: `/proc/computes`: No such file or directory (os error 2)
    hint: make it writable, or set COMPUTES_STATE_DIR to another directory
    ");
}

/// The superuser may write everywhere, so it becomes somebody else here.
#[test]
fn not_writable() {
    let mut home = Home::new();
    if rustix::process::geteuid().is_root() {
        home = home.of_user(NOBODY);
    }
    fs::create_dir_all(home.state()).expect("a directory");
    let owner = fs::metadata(home.work()).expect("a directory").uid();
    std::os::unix::fs::chown(home.state(), Some(owner), None).expect("its own");
    let mode = |mode| fs::set_permissions(home.state(), fs::Permissions::from_mode(mode));
    mode(0o500).expect("changed");
    insta::assert_snapshot!(home.run(["submit", "--name", "n", "--", "true"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot use the state directory: `[home]/.local/state/computes/files`: Permission denied (os error 13)
    hint: make it writable, or set COMPUTES_STATE_DIR to another directory
    ");
    assert_eq!(fs::read_dir(home.state()).expect("a directory").count(), 0);
    mode(0o700).expect("changed back");
}

#[test]
fn of_another_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs the superuser to become another user");
        return;
    }
    let home = Home::new().of_user(NOBODY);
    fs::create_dir_all(home.state()).expect("a directory");
    insta::assert_snapshot!(home.run(["submit", "--name", "n", "--", "true"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: the state directory `[home]/.local/state/computes` belongs to another user
    hint: set COMPUTES_STATE_DIR to a directory of your own
    ");
    assert_eq!(fs::read_dir(home.state()).expect("a directory").count(), 0);
}

#[test]
fn read_only() {
    let home = Home::new();
    fs::create_dir_all(home.state()).expect("a directory");
    let Some(run) = with_mount(&home, READ_ONLY, "computes submit --name n -- true") else {
        return;
    };
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot use the state directory: `[home]/.local/state/computes/files`: Read-only file system (os error 30)
    hint: make it writable, or set COMPUTES_STATE_DIR to another directory
    ");
    assert_eq!(fs::read_dir(home.state()).expect("a directory").count(), 0);
}

#[test]
fn a_ledger_that_became_read_only() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    let Some(run) = with_mount(&home, READ_ONLY, "computes submit --name n -- true") else {
        return;
    };
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot submit `n`: cannot wake a worker: Read-only file system (os error 30)
    hint: make the state directory writable, or set COMPUTES_STATE_DIR to another
    ");
    assert_eq!(home.jobs().len(), 1);
}

#[test]
fn a_full_disk_from_the_start() {
    let home = Home::new();
    fs::create_dir_all(home.state()).expect("a directory");
    let mount = "mount -t tmpfs -o size=16k tmpfs \"$D\"";
    let Some(run) = with_mount(&home, mount, "computes submit --name n -- true") else { return };
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: disk I/O error
    hint: look at the disk of the state directory: is it full, or gone?
    ");
}

#[test]
fn a_disk_that_is_full_by_now() {
    let home = Home::new();
    fs::create_dir_all(home.state()).expect("a directory");
    let mount = "mount -t tmpfs -o size=2m tmpfs \"$D\"";
    let script = "
        computes run --quiet -- true || exit
        workers() { computes queues --workers --json | sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'; }
        while test \"$(workers)\"; do kill $(workers); done 2>/dev/null
        head -c 4m /dev/zero > \"$D/ballast\" 2>/dev/null
        computes submit --name n -- true
        echo code $?
        TOKEN=hunter2 computes submit --name s --secret TOKEN -- true
        echo code $?
        rm \"$D/ballast\"
        computes list --all --json | wc -l
        ls -A \"$D/secrets\"
    ";
    let Some(run) = with_mount(&home, mount, script) else { return };
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stdout
    code 125
    code 125
    1
    --- stderr
    error: cannot submit `n`: cannot use the ledger: database or disk is full
    hint: make room on the disk of the state directory; nothing was written
    error: cannot submit `s`: cannot write the job's secrets: No space left on device (os error 28)
    hint: make room on the disk of the state directory, or raise the sysctl fs.inotify.max_user_watches
    ");
}

/// Runs a script with something mounted at the state directory, in a mount namespace of its
/// own; nothing where the machine does not let us.
fn with_mount(home: &Home, mount: &str, script: &str) -> Option<Run> {
    let works = Command::new("unshare").args(["-m", "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this machine gives us no mount namespace");
        return None;
    }
    home.write("script", &format!("set -e\n{mount}\nset +e\n{script}"));
    let state = home.state().display().to_string();
    Some(home.sh("exec unshare -m sh script", &[("D", &state)]))
}
