//! Jobs that are asked to end and take their time, all of which they have.

use super::command::submit;
use super::subject::Subject;
use crate::cli::stage::Following;
use crate::support::{Gate, Home};

/// It is asked, and stands at the gate once more before it ends.
fn slow(home: &Home, gate: &mut Gate) -> String {
    let stop = Gate::STOP;
    let job = submit(home, &[], &format!("trap : TERM; {stop}; {stop}; exit 0"));
    gate.wait_for(1);
    job
}

pub fn an_end_is_waited_for<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let job = slow(home, &mut gate);
    let mut cancel = Following::start(home, &["cancel", "--wait", &job]);
    cancel.until_it_says("is being ended");
    gate.wait_for(1);
    gate.open();
    let run = cancel.end(home);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("cancelled by the user"), "{}", run.stderr);
    // As the ledger has it: nobody asks the engine again.
    let listed = home.run(["list", "--engine", "local", "--all", "--json"]);
    assert!(listed.stdout.contains(r#""state":"cancelled""#), "{}", listed.stdout);
}

pub fn it_is_retried_when_it_is_over<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let job = slow(home, &mut gate);
    assert_eq!(home.run(["cancel", "last"]).code, 0);
    gate.wait_for(1);
    let mut retry = Following::start(home, &["retry", "last"]);
    retry.until_it_says("is being ended, and is retried when it is over");
    gate.open();
    let run = retry.end(home);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let again = home.status(run.stdout.trim_end());
    assert_eq!(again["retry_of"], job);
    let before = home.status(&job);
    assert_eq!(before["state"], "cancelled");
    let at = |job: &serde_json::Value, what: &str| job[what].as_str().map(str::to_owned);
    assert!(at(&before, "finished_at") <= at(&again, "accepted_at"), "both at the same time");
    gate.wait_for(1);
    gate.open();
    gate.wait_for(1);
    gate.open();
    assert_eq!(super::command::wait(home, "last"), 0);
}
