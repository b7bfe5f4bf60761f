//! The line that makes `/files`, run by the shells that images have.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::engine::command::HOSTILE;
use crate::support::{Home, send};

/// A root of its own with everything of the machine below it, in which `/files` can be made.
const ENTER: &str = r#"
    set -e
    root=$1; shift
    mount -t tmpfs none "$root"
    for entry in /*; do
        name=${entry#/}
        if [ "$name" = files ] || [ "$name" = mnt ]; then continue; fi
        if [ -L "$entry" ]; then cp -P "$entry" "$root/$name"
        elif [ -d "$entry" ]; then mkdir "$root/$name"; mount --rbind "$entry" "$root/$name"
        fi
    done
    mkdir "$root/mnt"; mount --bind "$MNT" "$root/mnt"
    if [ -n "$FILES" ]; then
        mkdir "$root/files"
        [ "$FILES" = empty ] || touch "$root/files/full"
    fi
    exec chroot "$root" env -i PATH="$PATH" $VARIABLES "$@""#;

/// The shells, as the prefix would meet each as `sh`.
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "sh"]];

struct Root {
    home: Home,
    /// What is mounted at `/mnt`.
    mnt: PathBuf,
}

impl Root {
    /// `None` where the machine can't, once that was said.
    fn new() -> Option<Self> {
        let can = Command::new("unshare")
            .args(["--mount", "--", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !can {
            writeln!(std::io::stderr(), "skipped the prefix in a root: no mount namespaces")
                .expect("stderr");
            return None;
        }
        let home = Home::new();
        let mnt = home.path().join("mnt");
        fs::create_dir(&mnt).expect("a directory");
        fs::create_dir(home.path().join("root")).expect("a directory");
        Some(Self { home, mnt })
    }

    /// The command of a job as AWS would be given it.
    fn words(&self, options: &[&str], command: &[&str]) -> Vec<String> {
        let run =
            self.home.run([&["submit", "--dry-run", "--json"], options, &["--"], command].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let request = run.json().remove(0);
        serde_json::from_value(request["containerOverrides"]["command"].clone()).expect("words")
    }

    fn command(&self, shell: &[&str], words: &[String], job: &Job<'_>) -> Command {
        let mut command = Command::new("unshare");
        let variables = [
            Some(format!("AWS_BATCH_JOB_ID={}", job.id)),
            Some(format!("AWS_BATCH_JOB_ATTEMPT={}", job.attempt)),
            job.index.map(|index| format!("AWS_BATCH_JOB_ARRAY_INDEX={index}")),
        ];
        command
            .args(["--mount", "--propagation", "slave", "--", "sh", "-c", ENTER, "enter"])
            .arg(self.home.path().join("root"))
            // Another shell in the place of `sh`.
            .args(shell.iter().map(ToString::to_string).chain(words.iter().skip(1).cloned()))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("MNT", &self.mnt)
            .env("FILES", job.files)
            .env("VARIABLES", variables.into_iter().flatten().collect::<Vec<_>>().join(" "))
            .stdin(Stdio::null());
        command
    }

    /// Exit code and stdout.
    fn run(&self, shell: &[&str], words: &[String], job: &Job<'_>) -> (i32, String) {
        let output = self.command(shell, words, job).output().expect("it starts");
        let code = output.status.code().unwrap_or(-1);
        (code, String::from_utf8(output.stdout).expect("text"))
    }
}

/// What Batch sets, and what the image has at `/files`: nothing, `empty` or `full`.
struct Job<'a> {
    id: &'a str,
    attempt: u32,
    index: Option<&'a str>,
    files: &'a str,
}

const PLAIN: Job<'_> = Job { id: "job-1", attempt: 1, index: None, files: "" };

/// The shells that are on the machine.
fn shells() -> impl Iterator<Item = &'static [&'static str]> {
    SHELLS.into_iter().filter(|shell| {
        let there = ["/bin", "/usr/bin"].iter().any(|it| Path::new(it).join(shell[0]).exists());
        if !there {
            writeln!(std::io::stderr(), "skipped the prefix under {}: it is not there", shell[0])
                .expect("stderr");
        }
        there
    })
}

#[test]
fn arguments_arrive_untouched() {
    let Some(root) = Root::new() else { return };
    let words = root.words(&[], &[&["printf", "%s\\0"], HOSTILE].concat());
    for shell in shells() {
        let (code, stdout) = root.run(shell, &words, &PLAIN);
        let arrived: Vec<_> = stdout.split_terminator('\0').collect();
        assert_eq!((code, arrived.as_slice()), (0, HOSTILE), "{shell:?}");
    }
}

#[test]
fn files_is_the_jobs_own_directory_wherever_the_mount_is() {
    let show = ["sh", "-c", "readlink /files; touch /files/mine; ls /files"];
    for mount in ["/mnt/efs", "/mnt/a b", "/mnt/it's \"$x\" `y` \\z", "/mnt/-n"] {
        let Some(root) = Root::new() else { return };
        fs::write(root.home.work().join("computes.toml"), format!("efs_mount = '''{mount}'''\n"))
            .expect("written");
        let words = root.words(&[], &show);
        for shell in shells() {
            for (id, index, directory) in [
                ("j1", None, "j1"),
                ("j2:7", Some("7"), "j2/7"),
                // Batch's own for an array, and an index that is empty.
                ("j3:0", Some("0"), "j3/0"),
                ("j4", Some(""), "j4"),
            ] {
                let job = Job { id, index, ..PLAIN };
                let (code, stdout) = root.run(shell, &words, &job);
                let expected = format!("{mount}/{directory}\nmine\n");
                assert_eq!((code, stdout), (0, expected), "{shell:?} {id}");
            }
        }
    }
}

#[test]
fn a_files_of_the_image_is_replaced_only_if_it_is_empty() {
    let Some(root) = Root::new() else { return };
    let words = root.words(&[], &["readlink", "/files"]);
    for shell in shells() {
        let (code, stdout) = root.run(shell, &words, &Job { files: "empty", ..PLAIN });
        assert_eq!((code, stdout.as_str()), (0, "/mnt/efs/job-1\n"), "{shell:?}");
        let (code, stdout) = root.run(shell, &words, &Job { files: "full", ..PLAIN });
        assert_eq!((code, stdout.as_str()), (125, ""), "{shell:?}");
    }
}

#[test]
fn what_an_attempt_left_is_there_for_the_next_unless_it_asked_for_none() {
    for (options, third) in [(&[][..], "1\n2\n3\n"), (&["--fresh-files"], "3\n")] {
        let Some(root) = Root::new() else { return };
        let script = "cd /files; echo $AWS_BATCH_JOB_ATTEMPT >> all; cat all";
        let words = root.words(options, &["sh", "-c", script]);
        for (number, shell) in shells().enumerate() {
            let id = format!("job-{number}");
            let attempts: Vec<_> = (1..=3)
                .map(|attempt| root.run(shell, &words, &Job { id: &id, attempt, ..PLAIN }))
                .collect();
            let last = attempts.last().expect("three");
            assert_eq!(*last, (0, third.to_owned()), "{shell:?} {options:?}");
        }
    }
}

#[test]
fn without_files_the_command_stays_as_it_is() {
    let Some(root) = Root::new() else { return };
    assert_eq!(root.words(&["--no-files"], &["./build.sh", "a b"]), ["./build.sh", "a b"]);
}

#[test]
fn exit_codes_are_the_commands_own() {
    let Some(root) = Root::new() else { return };
    for shell in shells() {
        for code in [0, 1, 2, 42, 125, 126, 127, 255] {
            let words = root.words(&[], &["sh", "-c", &format!("exit {code}")]);
            assert_eq!(root.run(shell, &words, &PLAIN).0, code, "{shell:?}");
        }
        let words = root.words(&[], &["no-such-program"]);
        assert_eq!(root.run(shell, &words, &PLAIN).0, 127, "{shell:?}");
        let words = root.words(&[], &["/etc/passwd"]);
        assert_eq!(root.run(shell, &words, &PLAIN).0, 126, "{shell:?}");
    }
}

/// The shell becomes the command, so that its process id is the command's.
#[test]
fn signals_reach_the_command() {
    let Some(root) = Root::new() else { return };
    let words = root.words(
        &[],
        &["sh", "-c", "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.01; done"],
    );
    for shell in shells() {
        let mut command = root.command(shell, &words, &PLAIN);
        let mut child: Child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
        assert_eq!(line, "ready\n", "{shell:?}");
        // `unshare`, `sh`, `chroot` and `env` became one another as well.
        send(child.id(), Signal::TERM);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut rest).expect("text");
        let status = child.wait().expect("a child");
        assert_eq!((rest.as_str(), status.code()), ("caught\n", Some(9)), "{shell:?}");
    }
}
