//! What follows an attempt that went wrong, as AWS Batch decides it.

use super::command::{end_of, script};
use super::subject::Subject;
use crate::support::Home;

pub fn a_failure_is_tried_again_until_attempts_are_used_up<S: Subject>(home: &Home) {
    let run = script(
        home,
        &["--attempts", "3", "--retry-on", "any"],
        "echo $AWS_BATCH_JOB_ATTEMPT; exit 9",
    );
    assert_eq!((run.code, run.stdout.as_str()), (9, "1\n2\n3\n"), "{}", run.stderr);
    assert_eq!(end_of(home, "last"), "attempt 3: failed exit_code 9");
    let history = home.status("last")["attempt_history"].clone();
    let codes: Vec<_> = (0..3).map(|index| history[index]["exit_code"].as_i64()).collect();
    assert_eq!(codes, [Some(9); 3]);
}

pub fn success_ends_it<S: Subject>(home: &Home) {
    let run =
        script(home, &["--attempts", "5", "--retry-on", "any"], "test $AWS_BATCH_JOB_ATTEMPT = 2");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(end_of(home, "last"), "attempt 2: succeeded - 0");
}

/// Runs a job whose n-th attempt exits with the n-th code, under these rules.
fn ends(home: &Home, rules: &str, codes: &str) -> String {
    let strategy = format!(r#"{{"attempts": 4, "evaluateOnExit": {rules}}}"#);
    let pick = format!("set -- {codes}; shift $((AWS_BATCH_JOB_ATTEMPT - 1)); exit $1");
    script(home, &["--retry-strategy", &strategy], &pick);
    end_of(home, "last")
}

pub fn the_first_rule_that_matches_decides<S: Subject>(home: &Home) {
    let rules =
        r#"[{"onExitCode": "7*", "action": "RETRY"}, {"onExitCode": "*", "action": "EXIT"}]"#;
    assert_eq!(ends(home, rules, "7 71 8 0"), "attempt 3: failed exit_code 8");
    let never =
        r#"[{"onExitCode": "7", "action": "EXIT"}, {"onExitCode": "7", "action": "RETRY"}]"#;
    assert_eq!(ends(home, never, "7 0"), "attempt 1: failed exit_code 7");
    // Where no rule matches Batch tries again.
    assert_eq!(ends(home, never, "8 8 0"), "attempt 3: succeeded - 0");
}

pub fn reasons_decide_as_well<S: Subject>(home: &Home) {
    let of_batch = r#"[{"onStatusReason": "Essential container*", "action": "EXIT"}]"#;
    assert_eq!(ends(home, of_batch, "1 0"), "attempt 1: failed exit_code 1");
    // All that a rule names has to match.
    let both = r#"[{"onStatusReason": "Essential*", "onExitCode": "3", "action": "EXIT"}]"#;
    assert_eq!(ends(home, both, "1 3 0"), "attempt 2: failed exit_code 3");
    let spot = r#"[{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]"#;
    assert_eq!(ends(home, spot, "1 0"), "attempt 1: failed exit_code 1");
}

/// While it is followed, and by whoever comes when all is over.
pub fn each_end_is_told_and_why_another_follows<S: Subject>(home: &Home) {
    let strategy = r#"{"attempts": 4, "evaluateOnExit": [{"onExitCode": "7", "action": "RETRY"}]}"#;
    let pick = "set -- 7 8 0; shift $((AWS_BATCH_JOB_ATTEMPT - 1)); exit $1";
    let run = script(home, &["--retry-strategy", strategy], pick);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let late = home.run(["wait", "last"]);
    for stderr in [&run.stderr, &late.stderr] {
        let told: Vec<_> = stderr.lines().filter_map(|line| line.split_once("attempt ")).collect();
        let ends: Vec<_> =
            told.iter().filter(|(_, line)| line.contains("failed")).map(|it| it.1).collect();
        assert_eq!(ends.len(), 2, "{stderr}");
        for (end, (begins, code, why)) in ends.into_iter().zip([
            ("1 of 4 failed: ", "exit code 7; ", "retry rule 1 matches, onExitCode `7`"),
            ("2 of 4 failed: ", "exit code 8; ", "what no retry rule matches is tried again"),
        ]) {
            let is_it = end.starts_with(begins) && end.contains(code) && end.ends_with(why);
            assert!(is_it && end.contains("another follows: "), "{end}");
        }
    }
    let lines = home.run(["wait", "--json", "last"]).stdout;
    let ends: Vec<serde_json::Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &serde_json::Value| line["type"] == "attempt_ended")
        .collect();
    assert_eq!(ends.len(), 2, "{lines}");
    assert_eq!((&ends[1]["attempt"], &ends[1]["attempts"]), (&2.into(), &4.into()));
    assert_eq!((&ends[0]["exit_code"], &ends[0]["class"]), (&7.into(), &"exit_code".into()));
    let history = &home.status("last")["attempt_history"];
    assert_eq!(history[0]["retry_reason"], ends[0]["retry_reason"]);
    assert!(history[2]["retry_reason"].is_null(), "{history}");
    let why = history[0]["retry_reason"].as_str().expect("a reason");
    let told = format!("; another followed: {why}");
    for verb in ["status", "explain"] {
        let shown = home.run([verb, "last"]).stdout;
        let count = shown.matches("; another followed: ").count();
        assert!(count == 2 && shown.contains(&told), "{shown}");
    }
}
