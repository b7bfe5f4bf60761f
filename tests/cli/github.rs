//! In a step of GitHub Actions a failure is an annotation and a part of the step's summary.

use std::fs;

use crate::support::Home;

/// A home in a step, whose summary is in its working directory.
fn step() -> Home {
    let home = Home::new();
    let summary = home.work().join("summary.md").display().to_string();
    home.with("GITHUB_ACTIONS", "true").with("GITHUB_STEP_SUMMARY", &summary)
}

fn summary(home: &Home) -> String {
    let text = fs::read_to_string(home.work().join("summary.md")).unwrap_or_default();
    let replace = |text: &str, pattern: &str, with: &str| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(text, with).into_owned()
    };
    replace(&replace(&text, "[0-9a-f-]{36}", "[id]"), r"took \| [0-9.]+ s", "took | [took]")
}

#[test]
fn a_job_that_failed() {
    let home = step();
    let run = home.run(["run", "--name", "nightly", "--", "sh", "-c", "echo 50 %; exit 3"]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 3
    --- stdout
    50 %
    --- stderr
    [short] nightly submitted to default
    [short] nightly failed after [took] : exit code 3
    ::error title=nightly failed::[short] nightly failed after [took] : exit code 3%0Acomputes explain [id]
    ");
    insta::assert_snapshot!(summary(&home), @"
    ### `nightly` failed

    | | |
    | --- | --- |
    | why | exit code 3 |
    | queue | default |
    | job | [id] |
    | attempt | 1 of 1 |
    | took | [took] |

    `computes logs [id]` and `computes explain [id]` tell more.
    ");
}

#[test]
fn each_of_several() {
    let home = step();
    let good = home.submit(["--name", "good", "--", "true"]);
    let bad = home.submit(["--name", "bad", "--", "sh", "-c", "exit 7"]);
    let gone = home.submit(["--name", "gone", "--", "no-such-program"]);
    // Of those that are over the order is that of the call.
    for (job, state) in [(&good, "succeeded"), (&bad, "failed"), (&gone, "failed")] {
        home.until(job, state);
    }
    let run = home.run(["--quiet", "wait", &good, &bad, &gone]);
    assert_eq!(run.code, 7);
    let titles = |text: &str| text.matches("::error title=").count();
    assert_eq!((titles(&run.stdout), titles(&run.stderr)), (0, 2), "{}", run.stderr);
    let summary = summary(&home);
    let headings: Vec<_> = summary.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings, ["### `bad` failed", "### `gone` failed"]);
}

#[test]
fn a_job_that_succeeded_says_nothing_of_itself() {
    let home = step();
    let run = home.run(["run", "--name", "good", "--", "true"]);
    assert!(!run.stderr.contains("::"), "{}", run.stderr);
    assert_eq!(summary(&home), "");
}

#[test]
fn what_could_not_be_done_is_an_annotation_too() {
    let run = step().run(["run", "--queue", "nowhere", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: there is no queue `nowhere`
    hint: the queues are default, asap, default-uninterruptible, asap-uninterruptible
    ::error title=computes::cannot submit `true`: there is no queue `nowhere`%0Ahint: the queues are default, asap, default-uninterruptible, asap-uninterruptible
    ");
}

#[test]
fn what_reads_json_or_only_looks_gets_none() {
    let home = step();
    let id = home.submit(["--", "sh", "-c", "exit 7"]);
    for words in [["--json", "wait", &id], ["logs", "--attempt=9", &id], ["status", "nobody", &id]]
    {
        let run = home.run(words);
        assert!(run.code != 0 && !run.stderr.contains("::error"), "{words:?}: {}", run.stderr);
    }
    assert_eq!(summary(&home), "");
}

#[test]
fn a_reason_stays_within_its_line() {
    let home = step();
    let id = home.submit(["--name", "long", "--", "sleep", "1000"]);
    let reason = "\u{1b}[31menough\n::stop-commands::x";
    home.run(["cancel", "--reason", reason, &id]);
    let jobs = home.work().join("jobs.jsonl");
    fs::write(&jobs, r#"{"command":["true"],"env":["X\n::stop-commands::x"]}"#).expect("written");
    let refused = home.run(["submit", "--from", "jobs.jsonl"]);
    assert_eq!(refused.code, 2);
    assert!(!refused.stderr.contains("\n::stop"), "{}", refused.stderr);
    let run = home.run(["wait", &id]);
    assert_eq!(run.code, 120);
    assert!(!run.stderr.contains("\n::stop") && !run.stderr.contains('\u{1b}'), "{}", run.stderr);
    assert!(run.stderr.contains("::error title=long cancelled::"), "{}", run.stderr);
}

#[test]
fn a_summary_that_can_not_be_written_is_told_and_changes_no_code() {
    let home = Home::new()
        .with("GITHUB_ACTIONS", "true")
        .with("GITHUB_STEP_SUMMARY", "/nowhere/summary.md");
    let run = home.run(["run", "--name", "nightly", "--", "sh", "-c", "exit 3"]);
    assert_eq!(run.code, 3);
    let told = "warning: cannot write to the file in GITHUB_STEP_SUMMARY: No such file";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn elsewhere_nothing_of_it() {
    for home in [Home::new(), Home::new().with("GITHUB_ACTIONS", "false")] {
        let home = home.with("GITHUB_STEP_SUMMARY", "summary.md");
        let run = home.run(["run", "--", "sh", "-c", "exit 3"]);
        assert!(!run.stderr.contains("::error"), "{}", run.stderr);
        assert_eq!(summary(&home), "");
    }
}
