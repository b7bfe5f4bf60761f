//! Jobs by names that fit none, or several.

use super::stage::each;
use crate::support::Home;

const VERBS: [&str; 5] = ["wait", "status", "logs", "cancel", "retry"];

#[test]
fn without_any_ledger() {
    let home = Home::new();
    let refused = |verb: &&str| home.refuses(&[verb, "nonesuch"]);
    insta::assert_snapshot!(each(&VERBS, refused), @"
    > wait
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job

    > status
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job

    > logs
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job

    > cancel
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job

    > retry
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job
    ");
    insta::assert_snapshot!(home.refuses(&["status", "last"]), @"
    exit code 2
    --- stderr
    error: `last` is the job that was submitted last, and there is none
    hint: `computes run -- COMMAND` runs one
    ");
    insta::assert_snapshot!(home.refuses(&["--json", "status", "last"]), @r#"
    exit code 2
    --- stderr
    {"error":"`last` is the job that was submitted last, and there is none","hint":"`computes run -- COMMAND` runs one","exit_code":2}
    "#);
}

#[test]
fn one_that_fits_no_job() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    let before = home.jobs();
    let refused = |verb: &&str| home.run([*verb, "nonesuch"]).snapshot();
    insta::assert_snapshot!(each(&VERBS, refused), @"
    > wait
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job

    > status
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job

    > logs
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job

    > cancel
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job

    > retry
    exit code 2
    --- stderr
    error: no job has the id `nonesuch`
    hint: `computes list --all` shows every job
    ");
    assert_eq!(home.jobs(), before);
}

#[test]
fn one_that_fits_several() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    home.run(["run", "--quiet", "--", "true"]);
    let before = home.jobs();
    // Each id begins with the time, and that with a 0.
    let refused = |verb: &&str| home.run([*verb, "0"]).snapshot();
    insta::assert_snapshot!(each(&VERBS, refused), @"
    > wait
    exit code 2
    --- stderr
    error: `0` fits several jobs: [short] true (succeeded), [short] true (succeeded)
    hint: give more of the id

    > status
    exit code 2
    --- stderr
    error: `0` fits several jobs: [short] true (succeeded), [short] true (succeeded)
    hint: give more of the id

    > logs
    exit code 2
    --- stderr
    error: `0` fits several jobs: [short] true (succeeded), [short] true (succeeded)
    hint: give more of the id

    > cancel
    exit code 2
    --- stderr
    error: `0` fits several jobs: [short] true (succeeded), [short] true (succeeded)
    hint: give more of the id

    > retry
    exit code 2
    --- stderr
    error: `0` fits several jobs: [short] true (succeeded), [short] true (succeeded)
    hint: give more of the id
    ");
    assert_eq!(home.jobs(), before);
}

#[test]
fn more_than_are_named() {
    let home = Home::new();
    let job = "{\"command\": [\"true\"], \"name\": \"nightly\"}\n";
    assert_eq!(home.run_with_stdin(&["submit", "--from", "-"], &job.repeat(7)).code, 0);
    home.run(["wait", "--all"]);
    let run = home.run(["status", "0"]);
    assert_eq!(run.code, 2);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 2
    --- stderr
    error: `0` fits several jobs: [short] nightly (succeeded), [short] nightly (succeeded), [short] nightly (succeeded), [short] nightly (succeeded), [short] nightly (succeeded), and 2 more
    hint: give more of the id
    ");
    // Each of those that are named is the id of one.
    let named: Vec<_> = run.stderr.split("jobs: ").nth(1).expect("jobs").split(", ").collect();
    for job in &named[..5] {
        assert_eq!(home.run(["status", &job[..8]]).code, 0, "{job}");
    }
}

/// As from a shell variable that is not set: `computes cancel "$id"`.
#[test]
fn an_empty_one() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    let before = home.jobs();
    for verb in VERBS {
        let run = home.run([verb, ""]);
        assert_eq!(run.code, 2, "{verb}: {}", run.stderr);
    }
    assert_eq!(home.jobs(), before);
    insta::assert_snapshot!(home.run(["status", ""]).snapshot(), @"
    exit code 2
    --- stderr
    error: the id of a job is empty
    hint: is it a shell variable that is not set? `computes list --all` shows every job
    ");
}

#[test]
fn one_that_is_what_jobs_are_called() {
    let home = Home::new();
    let job = "{\"command\": [\"true\"], \"name\": \"nightly\"}\n";
    assert_eq!(home.run_with_stdin(&["submit", "--from", "-"], job).code, 0);
    home.run(["wait", "--all"]);
    let before = home.jobs();
    let refused = |verb: &&str| home.run([*verb, "nightly"]).snapshot();
    insta::assert_snapshot!(each(&VERBS, refused), @"
    > wait
    exit code 2
    --- stderr
    error: `nightly` is what a job is called, and a job is meant by its id: [short] nightly (succeeded)
    hint: give the id, as in [short]

    > status
    exit code 2
    --- stderr
    error: `nightly` is what a job is called, and a job is meant by its id: [short] nightly (succeeded)
    hint: give the id, as in [short]

    > logs
    exit code 2
    --- stderr
    error: `nightly` is what a job is called, and a job is meant by its id: [short] nightly (succeeded)
    hint: give the id, as in [short]

    > cancel
    exit code 2
    --- stderr
    error: `nightly` is what a job is called, and a job is meant by its id: [short] nightly (succeeded)
    hint: give the id, as in [short]

    > retry
    exit code 2
    --- stderr
    error: `nightly` is what a job is called, and a job is meant by its id: [short] nightly (succeeded)
    hint: give the id, as in [short]
    ");
    assert_eq!(home.run_with_stdin(&["submit", "--from", "-"], &job.repeat(6)).code, 0);
    home.run(["wait", "--all"]);
    insta::assert_snapshot!(home.run(["status", "nightly"]).snapshot(), @"
    exit code 2
    --- stderr
    error: `nightly` is what a job is called, and a job is meant by its id: [short] nightly (succeeded), [short] nightly (succeeded), [short] nightly (succeeded), [short] nightly (succeeded), [short] nightly (succeeded), and 2 more
    hint: give the id, as in [short]
    ");
    assert_eq!(home.jobs().len(), before.len() + 6);
}

#[test]
fn a_wildcard_is_no_wildcard() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    assert_eq!(home.run(["status", "%"]).code, 2);
    assert_eq!(home.run(["status", "_"]).code, 2);
}
