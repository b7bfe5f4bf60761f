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
