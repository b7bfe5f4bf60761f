//! `computes logs` of jobs on AWS.

use serde_json::json;

use crate::support::{Account, Jobs};

#[test]
fn the_last_lines_when_they_were_written_and_of_several_jobs() {
    let account = Account::new(Jobs::Run);
    let home = account.home();
    let job = |name: &str, script: &str| home.submit(["--name", name, "--", "sh", "-c", script]);
    let [one, two] = [job("one", "seq 1 9"), job("two", "echo up; echo down")];
    assert_eq!(home.run(["wait", &one, &two]).code, 0);
    assert_eq!(home.run(["logs", &one, "--tail", "2"]).stdout, "8\n9\n");
    let named = "one | 9\ntwo | down\n";
    assert_eq!(home.run(["logs", &one, &two, "--tail", "1"]).stdout, named);
    let run = home.run(["logs", &one, &two, "--tail", "1", "--follow"]);
    let mut lines: Vec<_> = run.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one | 9", "two | down"], "{}", run.stderr);
    let lines = home.run(["logs", &two, "--timestamps", "--json"]).json();
    let job = home.status(&two);
    for line in &lines {
        assert_eq!(line["id"], json!(two));
        // To the second: the clocks of the server and of the job are two.
        let at = &line["at"].as_str().expect("a time")[..16];
        assert!(at >= &job["accepted_at"].as_str().expect("a time")[..16], "{line}");
    }
    assert_eq!(lines.len(), 2);
}
