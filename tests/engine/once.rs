//! `--once`: a job that does the same and is not over will do.

use super::command::{submit, wait};
use super::subject::Subject;
use crate::support::{Gate, Home};

pub fn the_same_work_is_not_submitted_twice<S: Subject>(home: &Home) {
    let mut gate = Gate::new(home);
    let first = submit(home, &["--once"], Gate::STOP);
    // Before it runs, and while it does.
    assert_eq!(submit(home, &["--once"], Gate::STOP), first);
    gate.wait_for(1);
    assert_eq!(submit(home, &["--once"], Gate::STOP), first);
    let other = submit(home, &["--once", "--env", "A=1"], Gate::STOP);
    assert_ne!(other, first);
    gate.wait_for(1);
    gate.open();
    gate.open();
    assert_eq!((wait(home, &first), wait(home, &other)), (0, 0));
    assert_eq!(home.jobs().len(), 2);
}

pub fn work_that_is_over_is_submitted_again<S: Subject>(home: &Home) {
    let first = submit(home, &["--once"], "exit 3");
    assert_eq!(wait(home, &first), 3);
    let second = submit(home, &["--once"], "exit 3");
    assert_ne!(second, first);
    assert_eq!(wait(home, &second), 3);
}
