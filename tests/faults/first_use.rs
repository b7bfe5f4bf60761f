//! Several who are the first at the same moment: one makes the ledger, all get it.

use std::process::Stdio;

use crate::support::Home;

const TIMES: usize = 10;
const AT_ONCE: usize = 6;

#[test]
fn all_who_are_first_at_once_are_served() {
    for _ in 0..TIMES {
        let home = Home::new();
        let submits: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let mut command = home.command(["submit", "--", "true"]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
            })
            .collect();
        for submit in submits {
            let run = home.finish(&submit.wait_with_output().expect("it ends"));
            assert_eq!(run.code, 0, "{}", run.stderr);
        }
        assert_eq!(home.run(["wait", "--all", "--limit", "60s"]).code, 0);
        assert_eq!(home.jobs().len(), AT_ONCE);
        // All wanted a worker, and one was started: two would give the machine away twice.
        let log = home.state().join("workers/background.log");
        let log = std::fs::read_to_string(log).expect("the worker's log");
        assert_eq!(log.matches("worker ready").count(), 1, "{log}");
    }
}
