//! A secret that sings: its value is looked for wherever it must not be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::{Gate, Home, Run, Wanted, eventually};

const NAME: &str = "CANARY";
/// Nobody else has it.
pub const VALUE: &str = "tweet-5f1c9b-chirp-83ad07-peep";

/// Writes it at once, in two writes, and on stderr.
const SING: &str = r#"
    echo "at once $CANARY"
    printf '%s' "in two ${CANARY%chirp*}"; printf '%s\n' "chirp${CANARY#*chirp}"
    echo "on stderr $CANARY" >&2"#;

fn home() -> Home {
    Home::new().with(NAME, VALUE)
}

pub fn holds(bytes: &[u8]) -> bool {
    bytes.windows(VALUE.len()).any(|window| window == VALUE.as_bytes())
}

/// The files below a directory that hold it.
pub fn found_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_dir() => found.append(&mut found_below(&path)),
            Ok(data) if data.is_file() && holds(&fs::read(&path).unwrap_or_default()) => {
                found.push(path);
            }
            // Gone since, or a pipe.
            _ => {}
        }
    }
    found
}

/// All that the program says of a job, by every verb that says something.
fn everything_said(home: &Home, job: &str) -> String {
    let verbs: [&[&str]; 13] = [
        &["status", job],
        &["status", "--json", job],
        &["list", "--all"],
        &["list", "--all", "--json"],
        &["logs", job],
        &["logs", "--json", job],
        &["queues"],
        &["queues", "--json"],
        &["queues", "--workers"],
        &["queues", "--workers", "--json"],
        &["wait", "--limit", "0s", job],
        &["wait", "--limit", "0s", "--json", job],
        &["cancel", "no-such-job"],
    ];
    let said = |run: Run| run.stdout + &run.stderr;
    verbs.iter().map(|verb| said(home.run(*verb))).collect()
}

/// Nowhere but in these files, and in the environment of the job itself.
fn assert_only_in(home: &Home, job: &str, allowed: &[PathBuf]) {
    if allowed.is_empty() {
        // The file goes right after the end is recorded, which is what was waited for.
        eventually("the secret to go", || found_below(&home.state()).is_empty().then_some(()));
    }
    assert_eq!(found_below(&home.state()), allowed);
    assert_eq!(found_below(&home.work()), [] as [PathBuf; 0]);
    for path in allowed {
        let mode = fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(home.processes(Wanted::CommandLine(VALUE)), [] as [u32; 0], "a command line");
    for worker in home.workers() {
        let environment = fs::read(format!("/proc/{worker}/environ")).expect("it lives");
        assert!(!holds(&environment), "the worker was given it");
    }
    let said = everything_said(home, job);
    assert!(!holds(said.as_bytes()), "{said}");
}

fn secrets_of(home: &Home, job: &str) -> PathBuf {
    home.state().join("secrets").join(job)
}

fn sing_and_stop(home: &Home) -> String {
    let script = format!("{SING}; {}", Gate::STOP);
    home.submit([
        "--secret",
        NAME,
        "--attempts",
        "2",
        "--retry-on",
        "any",
        "--",
        "sh",
        "-c",
        &script,
    ])
}

#[test]
fn it_is_in_its_file_while_the_job_lives_and_nowhere_after() {
    let home = home();
    let mut gate = Gate::new(&home);
    let job = sing_and_stop(&home);
    gate.wait_for(1);
    assert_only_in(&home, &job, &[secrets_of(&home, &job)]);

    // The worker dies: the job is to be started again, and needs it.
    home.end_workers(Signal::KILL);
    assert_only_in(&home, &job, &[secrets_of(&home, &job)]);
    let mut follow = home.command(["logs", "--follow", &job]);
    let follow = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    gate.wait_for(1);
    gate.open();
    let follow = follow.wait_with_output().expect("it ends");
    assert!(!holds(&follow.stdout) && !holds(&follow.stderr));
    assert_eq!(home.run(["wait", "--limit", "60s", &job]).code, 0);
    assert_only_in(&home, &job, &[]);
    let log = home.run(["logs", &job]).stdout;
    assert_eq!(log, "at once ***\nin two ***\non stderr ***\n");
}

#[test]
fn it_goes_however_the_job_ends() {
    let home = home();
    let mut gate = Gate::new(&home);
    let cancelled = sing_and_stop(&home);
    gate.wait_for(1);
    assert_eq!(home.run(["cancel", &cancelled]).code, 0);
    assert_eq!(home.run(["wait", "--limit", "60s", &cancelled]).code, 120);
    assert_only_in(&home, &cancelled, &[]);

    for command in [&["sh", "-c", "echo $CANARY; exit 3"][..], &["no-such-program"]] {
        let run = home.run([&["run", "--secret", NAME, "--"], command].concat());
        assert!(run.code != 0 && !holds(run.stdout.as_bytes()) && !holds(run.stderr.as_bytes()));
        assert_only_in(&home, "last", &[]);
    }

    // A worker that dies with the last attempt of its job takes it along as well.
    let home = home.with("COMPUTES_LOCAL_LOST_RETRIES", "0");
    home.end_workers(Signal::KILL);
    let lost = sing_and_stop(&home);
    gate.wait_for(1);
    home.end_workers(Signal::KILL);
    assert_eq!(home.run(["wait", "--limit", "60s", &lost]).code, 125);
    assert_only_in(&home, &lost, &[]);
}

#[test]
fn no_way_of_handing_it_over_shows_it() {
    let home = home();
    fs::write(home.work().join("computes.toml"), "secrets = [\"CANARY\"]\n").expect("a file");
    let said = |command: &mut Command| {
        let output = command.output().expect("it ends");
        assert!(!holds(&output.stdout) && !holds(&output.stderr), "{command:?}: {output:?}");
    };
    for options in [&["run"][..], &["run", "--json"], &["submit", "--json"], &["submit"]] {
        said(&mut home.command([options, &["--", "sh", "-c", SING]].concat()));
        said(&mut home.command([options, &["--dry-run", "--", "sh", "-c", SING]].concat()));
    }
    said(&mut home.command(["retry", "--json", "last"]));
    // Mistakes are told without it.
    let overrides =
        format!(r#"{{"environment": [{{"name": "{NAME}", "value": "{VALUE}"}}], "x": 1}}"#);
    let mut from_stdin = home.command(["submit", "--container-overrides", "-", "--", "true"]);
    fs::write(home.path().join("overrides"), overrides).expect("a file");
    from_stdin.stdin(fs::File::open(home.path().join("overrides")).expect("a file"));
    said(&mut from_stdin);
    said(&mut home.command(["run", "--", "echo", "x", &"y".repeat(9000)]));
    assert_eq!(home.run(["wait", "--all", "--limit", "60s"]).code, 0);
    fs::remove_file(home.path().join("overrides")).expect("there");
    assert_only_in(&home, "last", &[]);
}
