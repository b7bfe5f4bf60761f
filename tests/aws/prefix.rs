//! The line that makes `/files`, run by the shells that images have.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use computes::plan::{FilesMount, Plan, SubmitJob};
use rustix::process::Signal;
use serde_json::Value;

use crate::engine::command::HOSTILE;
use crate::support::{Account, Aws, Home, Jobs, root, send};

/// A root of its own with everything of the machine below it, in which `/files` can be made.
const ENTER: &str = r#"
    set -e
    root=$1; shift
    mount -t tmpfs -o size="$SIZE" none "$root"
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
        with_id(serde_json::from_value(request).expect("a request"))
    }

    /// A job that was sent to AWS, run as it would be there, and what it wrote.
    fn run_sent(
        &self,
        shell: &[&str],
        request: &Value,
        account: &Account,
        job: &Job<'_>,
    ) -> (i32, String) {
        let overrides = &request["containerOverrides"];
        let words: Vec<String> =
            serde_json::from_value(overrides["command"].clone()).expect("words");
        let program = Path::new(env!("CARGO_BIN_EXE_computes")).parent().expect("a folder");
        let path = match job.tools {
            Some(tools) => format!("PATH={tools}"),
            None => format!("PATH={}:/usr/local/bin:/usr/bin:/bin", program.display()),
        };
        let given = overrides["environment"].as_array().expect("a list").iter();
        let given = given.map(|it| {
            let text = |name: &str| it[name].as_str().expect("text").to_owned();
            format!("{}={}", text("name"), text("value"))
        });
        let keys = account.variables(Aws::server().port()).into_iter();
        let keys = keys.map(|(name, value)| format!("{name}={value}"));
        // As the first process of its own, as it is in a container.
        let enter = ["unshare", "--pid", "--fork", "--mount-proc", "env"].map(str::to_owned);
        let all: Vec<_> = enter
            .into_iter()
            .chain([path])
            .chain(given)
            .chain(keys)
            .chain(shell.iter().map(ToString::to_string))
            .chain(words.into_iter().skip(1))
            .collect();
        let mut command = self.command(&[], &all, job);
        let output = command.output().expect("it starts");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.code().unwrap_or(-1), said)
    }

    fn command(&self, shell: &[&str], words: &[String], job: &Job<'_>) -> Command {
        let mut command = Command::new("unshare");
        let variables = [
            Some(format!("AWS_BATCH_JOB_ID={}", job.id)),
            Some(format!("AWS_BATCH_JOB_ATTEMPT={}", job.attempt)),
            job.index.map(|index| format!("AWS_BATCH_JOB_ARRAY_INDEX={index}")),
            // A container has its own; here jobs of the same id and process id share that of the machine.
            Some(format!("TMPDIR={}", self.home.path().display())),
        ];
        command
            .args(["--mount", "--propagation", "slave", "--", "sh", "-c", ENTER, "enter"])
            .arg(self.home.path().join("root"))
            // Another shell in the place of `sh`.
            .args(shell.iter().map(ToString::to_string))
            .args(
                words.iter().skip(usize::from(!shell.is_empty())).map(|word| sent_as(word, job.id)),
            )
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("MNT", &self.mnt)
            .env("FILES", job.files)
            .env("SIZE", job.size)
            .env("VARIABLES", variables.into_iter().flatten().collect::<Vec<_>>().join(" "))
            .stdin(Stdio::null());
        command
    }

    /// Exit code and stdout, without the line that tells of the job.
    fn run(&self, shell: &[&str], words: &[String], job: &Job<'_>) -> (i32, String) {
        let output = self.command(shell, words, job).output().expect("it starts");
        let code = output.status.code().unwrap_or(-1);
        let stdout = String::from_utf8(output.stdout).expect("text");
        let (first, rest) = stdout.split_once('\n').unwrap_or_default();
        let expected = sent_as(&format!("computes: job {OURS} attempt {}", job.attempt), job.id);
        assert_eq!(first, expected, "{shell:?}");
        (code, rest.to_owned())
    }
}

/// In the place of our id of a job.
const OURS: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/// The words of a request that a dry run printed, as they are sent: with an id, and so with a fence.
fn with_id(request: SubmitJob) -> Vec<String> {
    let shown = request.container_overrides.command.clone().expect("a command");
    let Some(mount) = FilesMount::of_command(&shown) else { return shown };
    let draft = request.into_draft().expect("a draft");
    let (spec, secrets) = draft.resolve(&|_| Err(std::env::VarError::NotPresent)).expect("a job");
    let plan = Plan::new(spec, mount, &secrets).expect("within limits");
    let sent = plan.masked_request(Some(OURS.parse().expect("an id")));
    sent.container_overrides.command.expect("a command")
}

/// A word with the id of a job; that of Batch will do.
fn sent_as(word: &str, id: &str) -> String {
    word.replace(OURS, id.split(':').next().unwrap_or(id))
}

/// What Batch sets, and what the image has at `/files`: nothing, `empty` or `full`.
struct Job<'a> {
    id: &'a str,
    attempt: u32,
    index: Option<&'a str>,
    files: &'a str,
    /// Of the disk that the image is on.
    size: &'a str,
    /// The only folder with programs, if not those of the machine.
    tools: Option<&'a str>,
}

const PLAIN: Job<'_> =
    Job { id: "job-1", attempt: 1, index: None, files: "", size: "50%", tools: None };

/// As Batch calls a job.
const SENT: &str = "69456a54-8bfa-48a1-9417-ff070c155e02";
const AS_SENT: Job<'_> = Job { id: SENT, ..PLAIN };

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

/// Whichever shell, and with a mount of any name: one job runs, in all its attempts and children.
#[test]
fn of_two_jobs_of_one_submission_the_second_runs_nothing() {
    for (options, mount) in [(&[][..], "/mnt/efs"), (&["--fresh-files"], "/mnt/it's a")] {
        let Some(root) = Root::new() else { return };
        let setting = format!("efs_mount = \"{mount}\"\n");
        fs::write(root.home.work().join("computes.toml"), setting).expect("written");
        for (number, shell) in shells().enumerate() {
            let words = root.words(options, &["sh", "-c", "echo ran; exit 3"]);
            let ours = format!("ours-{number}");
            let words: Vec<_> = words.iter().map(|word| sent_as(word, &ours)).collect();
            let run = |job: &Job<'_>| {
                let output = root.command(shell, &words, job).output().expect("it starts");
                let said = String::from_utf8(output.stdout).expect("text");
                let said: Vec<_> = said.lines().skip(1).map(str::to_owned).collect();
                (output.status.code().unwrap_or(-1), said)
            };
            let ran = (3, vec!["ran".to_owned()]);
            let (a, b, second) =
                (format!("a{number}:1"), format!("a{number}:2"), Job { id: "b", ..PLAIN });
            let first = Job { id: &a, index: Some("1"), ..PLAIN };
            assert_eq!(run(&first), ran, "{shell:?}");
            assert_eq!(run(&Job { attempt: 2, ..first }), ran, "{shell:?}");
            assert_eq!(run(&Job { id: &b, index: Some("2"), ..PLAIN }), ran, "{shell:?}");
            let said =
                format!("computes: job {ours} is a{number}, which came first: nothing is run here");
            assert_eq!(run(&second), (119, vec![said.clone()]), "{shell:?}");
            assert_eq!(run(&Job { attempt: 2, ..second }), (119, vec![said]), "{shell:?}");
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
        for _ in 0..2 {
            std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
        }
        assert_eq!(line, "computes: job job-1 attempt 1\nready\n", "{shell:?}");
        // `unshare`, `sh`, `chroot` and `env` became one another as well.
        send(child.id(), Signal::TERM);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut rest).expect("text");
        let status = child.wait().expect("a child");
        assert_eq!((rest.as_str(), status.code()), ("caught\n", Some(9)), "{shell:?}");
    }
}

/// This repository, sent as it stands, builds its test job wherever there is a shell, and what that
/// leaves comes back byte for byte.
#[test]
fn this_very_tree_is_fetched_built_and_brought_back() {
    for fetch in ["program", "urls"] {
        let Some(place) = Root::new() else { return };
        let account = Account::new(Jobs::Stay);
        let home = super::files::carrying(&account).with("COMPUTES_FETCH", fetch);
        let words = ["submit", "--source", "tree", "--output", ".", "--timeout", "5m", "--"];
        let words = [&words[..], &["./build.sh", "test_job", "hello", "world"]].concat();
        let mut submit = home.command(words);
        let submitted = home.run_command(submit.current_dir(root()));
        assert_eq!(submitted.code, 0, "{}", submitted.stderr);
        let request = account.requests().remove(0);
        for (turn, shell) in shells().enumerate() {
            let (code, said) = place.run_sent(shell, &request, &account, &AS_SENT);
            assert_eq!(code, 0, "{fetch}, {shell:?}: {said}");
            assert!(said.contains("\nhello world\n"), "{fetch}, {shell:?}: {said}");
            let into = format!("results-{turn}");
            let got = home.run(["files", "get", "last", "--into", &into]);
            assert_eq!(got.code, 0, "{fetch}, {shell:?}: {}", got.stderr);
            for name in ["greet", "report.txt"] {
                let there = fs::read(place.mnt.join("efs").join(SENT).join(name)).expect("a file");
                let here = fs::read(home.work().join(&into).join(name)).expect("a file");
                assert!(there == here && !here.is_empty(), "{fetch}, {shell:?}: {name}");
            }
            let greet = Command::new(home.work().join(&into).join("greet")).arg("x").output();
            assert_eq!(greet.expect("it runs").stdout, b"x\n");
        }
    }
}

#[test]
fn stdin_is_opened_by_every_shell() {
    for (fetch, outputs) in [("program", &[][..]), ("urls", &[]), ("urls", &["--output", "."])] {
        let Some(place) = Root::new() else { return };
        let account = Account::new(Jobs::Stay);
        let home = super::files::carrying(&account).with("COMPUTES_FETCH", fetch);
        home.write("data", "to be read\n");
        let options = ["--timeout", "5m", "--stdin", "data"];
        home.submit([&options[..], outputs, &["--", "cat"]].concat());
        let request = account.requests().remove(0);
        for shell in shells() {
            let (code, said) = place.run_sent(shell, &request, &account, &AS_SENT);
            assert_eq!(code, 0, "{fetch}, {shell:?}: {said}");
            assert!(said.contains("to be read\n"), "{fetch}, {shell:?}: {said}");
        }
    }
}

/// Where the image has nothing but busybox.
#[test]
fn a_source_is_fetched_with_the_programs_of_busybox_alone() {
    let Some(place) = Root::new() else { return };
    let Some(busybox) =
        ["/bin/busybox", "/usr/bin/busybox"].iter().find(|it| Path::new(it).exists())
    else {
        return writeln!(std::io::stderr(), "skipped busybox: it is not there").expect("stderr");
    };
    let tools = place.home.path().join("tools");
    fs::create_dir(&tools).expect("a folder");
    for name in [
        "cat",
        "env",
        "find",
        "grep",
        "gzip",
        "ln",
        "mkdir",
        "printf",
        "readlink",
        "rm",
        "rmdir",
        "sed",
        "sh",
        "sha256sum",
        "sort",
        "tar",
        "touch",
        "uniq",
        "unshare",
        "wget",
    ] {
        std::os::unix::fs::symlink(busybox, tools.join(name)).expect("a link");
    }
    let account = Account::new(Jobs::Stay);
    let home = super::files::carrying(&account).with("COMPUTES_FETCH", "urls");
    home.write("a b", "a b\n");
    home.submit(["--input", "a b", "--input", ".=all", "--", "sh", "-c", "cat '/files/all/a b'"]);
    home.submit(["--input", "a b", "--output", ".", "--timeout", "5m", "--", "true"]);
    home.submit(["--stdin", "a b", "--no-files", "--", "cat"]);
    let tools = tools.display().to_string();
    let job = Job { tools: Some(&tools), ..AS_SENT };
    let requests = account.requests();
    let (code, said) = place.run_sent(&[busybox, "sh"], &requests[0], &account, &job);
    assert_eq!((code, said.lines().skip(1).collect::<Vec<_>>()), (0, vec!["a b"]));
    let (code, said) = place.run_sent(&[busybox, "sh"], &requests[2], &account, &job);
    assert_eq!((code, said.lines().skip(1).collect::<Vec<_>>()), (0, vec!["a b"]));
    // Its wget can't send anything, which is said before the command runs for hours.
    let (code, said) = place.run_sent(&[busybox, "sh"], &requests[1], &account, &job);
    assert_eq!(code, 125, "{said}");
    assert!(said.contains("outputs are sent by curl or by GNU wget"), "{said}");
}

#[test]
fn a_full_disk_ends_the_job_before_its_command() {
    for fetch in ["program", "urls"] {
        let Some(place) = Root::new() else { return };
        let account = Account::new(Jobs::Stay);
        let home = super::files::carrying(&account).with("COMPUTES_FETCH", fetch);
        let init = Command::new("git").args(["init", "--quiet"]).current_dir(home.work()).status();
        assert!(init.is_ok_and(|status| status.success()));
        fs::write(home.work().join("large"), vec![0; 4 << 20]).expect("written");
        home.submit(["--source", "tree", "--", "echo", "ran"]);
        let request = account.requests().remove(0);
        for shell in shells() {
            let small = Job { size: "1m", ..AS_SENT };
            let (code, said) = place.run_sent(shell, &request, &account, &small);
            assert_eq!(code, 125, "{fetch}, {shell:?}: {said}");
            let told = ["No space left on device", "cannot unpack what the job brings along"];
            assert!(told.iter().any(|it| said.contains(it)), "{fetch}, {shell:?}: {said}");
            assert!(!said.contains("ran"), "{fetch}, {shell:?}: {said}");
        }
    }
}
