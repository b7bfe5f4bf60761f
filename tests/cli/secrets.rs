//! A canary that nobody may see, wherever it came from.

use super::stage::Following;
use crate::support::{Home, Run, eventually};

const CANARY: &str = "hunter2-canary-6f1a";
const SECRET: (&str, &str) = ("TOKEN", CANARY);

/// Everything that all verbs say of the last job, and all that lies in the state directory.
fn all_that_can_be_seen(home: &Home) -> Vec<(String, Vec<u8>)> {
    let verbs = [
        "status last",
        "status --json last",
        "list",
        "list --json",
        "logs last",
        "logs --json last",
        "logs --follow last",
        "wait last",
        "wait --json last",
        "queues --json",
    ];
    let mut seen = Vec::new();
    for verb in verbs {
        let run = home.run(verb.split(' '));
        seen.push((verb.to_owned(), run.stdout.into_bytes()));
        seen.push((verb.to_owned(), run.stderr.into_bytes()));
    }
    let mut directories = vec![home.state()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                seen.push((path.display().to_string(), bytes));
            }
        }
    }
    seen
}

/// Secrets go when their job is over, a moment after that can be seen.
fn until_no_secret_is_kept(home: &Home) {
    let left = || std::fs::read_dir(home.state().join("secrets")).map_or(0, Iterator::count);
    eventually("the secrets to go", || (left() == 0).then_some(()));
}

#[track_caller]
fn assert_hidden(home: &Home, run: &Run) {
    until_no_secret_is_kept(home);
    let mut seen = all_that_can_be_seen(home);
    seen.push(("stdout".to_owned(), run.stdout.clone().into_bytes()));
    seen.push(("stderr".to_owned(), run.stderr.clone().into_bytes()));
    for (place, bytes) in seen {
        let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "the canary is in {place}");
    }
}

/// Says its secret in every way it can, and that it has it.
const TELLS: &str = "echo ${#TOKEN}; echo $TOKEN; echo a${TOKEN}b >&2; \
    printf hunter2-can; printf 'ary-6f1a\\n'; printf '%s' $TOKEN";

#[test]
fn by_option() {
    let home = Home::new();
    let arguments = ["run", "--name", "tells", "--secret", "TOKEN", "--", "sh", "-c", TELLS];
    let run = home.run_with_env(&[SECRET], &arguments);
    assert_hidden(&home, &run);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stdout
    19
    ***
    a***b
    ***
    ***⏎ missing
    --- stderr
    [short] tells submitted to default
    [short] tells succeeded after [took]
    ");
}

#[test]
fn by_settings() {
    let home = Home::new();
    home.write("computes.toml", "secrets = [\"TOKEN\"]\n");
    let run = home.run_with_env(&[SECRET], &["run", "--name", "t", "--", "sh", "-c", TELLS]);
    assert_hidden(&home, &run);
    assert_eq!(run.stdout, home.run(["logs", "last"]).stdout);
    assert!(run.stdout.starts_with("19\n***\n"), "{}", run.stdout);
}

#[test]
fn by_variable_in_the_environment() {
    let home = Home::new().with("COMPUTES_SECRETS", "OTHER, TOKEN");
    let variables = [SECRET, ("OTHER", "another value")];
    let run = home.run_with_env(&variables, &["run", "--", "sh", "-c", TELLS]);
    assert_hidden(&home, &run);
    assert!(run.stdout.starts_with("19\n***\n"), "{}", run.stdout);
}

#[test]
fn in_overrides_and_listed_in_the_settings() {
    let home = Home::new();
    home.write("computes.toml", "secrets = [\"TOKEN\"]\n");
    let overrides = serde_json::json!({
        "command": ["sh", "-c", TELLS],
        "environment": [{"name": "TOKEN", "value": CANARY}],
    });
    let run = home.run(["run", "--container-overrides", &overrides.to_string()]);
    assert_hidden(&home, &run);
    assert!(run.stdout.starts_with("19\n***\n"), "{}", run.stdout);
}

#[test]
fn in_a_job_file() {
    let home = Home::new();
    let job = serde_json::json!({"command": ["sh", "-c", TELLS], "secrets": ["TOKEN"]});
    home.write("job.json", &job.to_string());
    let run = home.run_with_env(&[SECRET], &["run", "--json", "--from", "job.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_hidden(&home, &run);
}

#[test]
fn in_a_dry_run() {
    let home = Home::new();
    for json in [&["--json"][..], &[]] {
        let arguments = [&["submit", "--dry-run", "--secret", "TOKEN"], json, &["--", "true"]];
        let run = home.run_with_env(&[SECRET], &arguments.concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains("***"));
        assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
    }
    home.assert_nothing_written();
}

#[test]
fn in_errors() {
    let home = Home::new();
    let attempts = [
        &["submit", "--secret", "TOKEN", "--queue", "fast", "--", "true"][..],
        &["submit", "--secret", "TOKEN", "--env", "AWS_BATCH_X", "--", "true"],
        &["submit", "--secret", "TOKEN", "--from", "no-such.json"],
    ];
    for arguments in attempts {
        let run = home.run_with_env(&[SECRET], arguments);
        assert_eq!(run.code, 2);
        assert!(!run.stderr.contains(CANARY), "{}", run.stderr);
    }
}

#[test]
fn two_writes_with_a_pause_between() {
    let home = Home::new();
    let mut gate = home.gate();
    let script = "echo up; printf 'x hunter2-can'; read x < gate; printf 'ary-6f1a y\\n'";
    let arguments = ["run", "--secret", "TOKEN", "--", "sh", "-c", script];
    let mut command = home.command(arguments);
    command.env(SECRET.0, SECRET.1);
    let mut run = Following::spawn(command);
    run.until_it_prints("up");
    // What may be the beginning of a secret is held back until it is known not to be one.
    assert!(!home.run(["logs", "last"]).stdout.contains("hunter2"));
    gate.open();
    let run = run.end(&home);
    assert_eq!(run.stdout, "x *** y\n");
    assert_hidden(&home, &run);
}

#[test]
fn only_a_file_of_the_owner_holds_it_while_the_job_lives() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let mut gate = home.gate();
    let mut command = home.command(["submit", "--secret", "TOKEN", "--"]);
    command.args(["sh", "-c", "read x < gate"]).env(SECRET.0, SECRET.1);
    let id = home.run_command(&mut command).stdout.trim_end().to_owned();
    home.until(&id, "running");
    let holding: Vec<_> = files_with_the_canary(&home);
    assert_eq!(holding, [home.state().join("secrets").join(&id)]);
    let mode = std::fs::metadata(&holding[0]).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    gate.open();
    assert_eq!(home.run(["wait", &id]).code, 0);
    eventually("the file to go", || files_with_the_canary(&home).is_empty().then_some(()));
}

fn files_with_the_canary(home: &Home) -> Vec<std::path::PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
    let run = std::process::Command::new("find")
        .arg(home.state())
        .args(["-type", "f"])
        .output()
        .expect("find runs");
    let files = String::from_utf8(run.stdout).expect("text");
    let holding = |path: &&str| std::fs::read(path).is_ok_and(|bytes| holds(&bytes));
    files.lines().filter(holding).map(Into::into).collect()
}

#[test]
fn a_batch_with_secrets_needs_no_open_file_for_each_job() {
    let home = Home::new();
    let line = "{\"command\":[\"true\"],\"secrets\":[\"TOKEN\"]}\n";
    home.write("jobs.jsonl", &line.repeat(200));
    let run = home.sh(
        "ulimit -n 64; exec computes submit --from jobs.jsonl",
        &[("TOKEN", "a-value-of-some-length")],
    );
    assert_eq!((run.code, run.stdout.lines().count()), (0, 200), "{}", run.stderr);
    assert_eq!(home.run(["wait", "--all", "--quiet"]).code, 0);
    until_no_secret_is_kept(&home);
}
