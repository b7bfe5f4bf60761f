//! A reader that goes away is no error.

use std::process::Stdio;

use crate::support::Home;

#[test]
fn a_list_into_head() {
    let home = Home::new();
    let (_worker, _) = home.busy();
    let job = "{\"command\": [\"true\"]}\n";
    // More than a pipe holds.
    assert_eq!(home.run_with_stdin(&["submit", "--from", "-"], &job.repeat(2000)).code, 0);
    for verb in [
        "list --all",
        "list --all --json",
        "status --json $(computes list --json --quiet | sed -n 's/.*\"short\":\"\\([0-9a-f]*\\)\".*/\\1/p')",
    ] {
        let pipe = format!("{{ computes {verb}; echo $? >&3; }} 3>code | head -n 1 | wc -l");
        let run = home.sh(&pipe, &[]);
        assert_eq!((run.stdout.trim(), run.stderr.as_str()), ("1", ""), "{verb}");
        let code = std::fs::read_to_string(home.work().join("code")).expect("a code");
        assert_eq!(code, "0\n", "{verb}");
    }
}

#[test]
fn nobody_reads_at_all() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    let verbs: [&[&str]; 10] = [
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["init", "--print"],
        &["list"],
        &["list", "--json"],
        &["status", "last"],
        &["queues"],
        &["submit", "--dry-run", "--", "true"],
        &["wait", "--json", "last"],
    ];
    for verb in verbs {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let run = home.run_command(home.command(verb).stdout(Stdio::from(writer)));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{verb:?}");
    }
}

#[test]
fn a_job_goes_on_when_nobody_reads_its_output() {
    let home = Home::new();
    let script = "computes run --name long -- sh -c 'seq 1 100000; exit 3'";
    let run = home.sh(&format!("{{ {script}; echo $? >&2; }} | head -n 1"), &[]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 0
    --- stdout
    1
    --- stderr
    [short] long submitted to default
    [short] long failed after [took] : exit code 3
    3
    ");
    assert_eq!(home.run(["logs", "last"]).stdout.lines().count(), 100_000);
}
