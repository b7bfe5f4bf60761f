//! The directory that each job has for itself.

use super::command::{end_of, script};
use super::subject::Subject;
use crate::support::Home;

pub fn it_is_empty_and_writable<S: Subject>(home: &Home) {
    let files = S::FILES;
    let run = script(home, &[], &format!("ls -A \"{files}\"; echo kept > \"{files}/a b\""));
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let status = home.status("last");
    let host = S::host_path(status["files"].as_str().expect("a path"));
    assert_eq!(std::fs::read_to_string(host.join("a b")).expect("the file"), "kept\n");
}

pub fn it_survives_from_attempt_to_attempt<S: Subject>(home: &Home) {
    let files = S::FILES;
    let add = format!("cd \"{files}\"; echo $AWS_BATCH_JOB_ATTEMPT >> all; cat all; exit 1");
    let run = script(home, &["--attempts", "3", "--retry-on", "any"], &add);
    assert_eq!(end_of(home, "last"), "attempt 3: failed exit_code 1", "{}", run.stderr);
    assert_eq!(home.run(["logs", "--attempt", "3", "last"]).stdout, "1\n2\n3\n");
}

pub fn each_job_has_its_own<S: Subject>(home: &Home) {
    let files = S::FILES;
    for _ in 0..2 {
        let run = script(home, &[], &format!("cd \"{files}\"; ls -A; touch mine; ls -A"));
        assert_eq!(run.stdout, "mine\n", "{}", run.stderr);
    }
}

pub fn each_attempt_may_have_its_own<S: Subject>(home: &Home) {
    let files = S::FILES;
    let script_of = format!("cd \"{files}\"; ls -A; touch mine; ls -A; exit 1");
    let options = ["--fresh-files", "--attempts", "2", "--retry-on", "any"];
    let run = script(home, &options, &script_of);
    assert_eq!(run.stdout, "mine\nmine\n", "{}", run.stderr);
}
