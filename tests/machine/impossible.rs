//! What no code of ours does, the database refuses too.

use computes::job::State;
use rusqlite::Connection;

const SCHEMA: &str = include_str!("../../migrations/0001_jobs.sql");
const JOB: &str = "
    INSERT INTO jobs (seq, id, engine, name, queue, state, rank, vcpus, memory, gpus, accepted_at)
    VALUES (1, 'x', 'local', 'build', 'default', 'queued', 0, 1000, 1024, 0, 1000);";

fn set(values: &str) -> rusqlite::Result<usize> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(SCHEMA)?;
    db.execute_batch(JOB)?;
    db.execute(&format!("UPDATE jobs SET {values} WHERE seq = 1"), [])
}

fn refuses(values: &str) {
    let error = set(values).expect_err(values).to_string();
    assert!(error.starts_with("CHECK constraint failed"), "{values}: {error}");
}

#[test]
fn only_what_is_over_has_an_end_and_all_of_it_has() {
    for state in State::ALL {
        let class = if state == State::Failed { "'x'" } else { "NULL" };
        let rest = format!("state = '{state}', attempt = 1, exit_code = 0, class = {class}");
        let (with, without) =
            (format!("{rest}, finished_at = 1"), format!("{rest}, finished_at = NULL"));
        let (allowed, refused) =
            if state.is_terminal() { (with, without) } else { (without, with) };
        assert_eq!(set(&allowed), Ok(1), "{allowed}");
        refuses(&refused);
    }
}

#[test]
fn ends_that_contradict_themselves_are_refused() {
    refuses("state = 'failed', finished_at = 1");
    refuses("class = 'exit_code'");
    refuses("state = 'succeeded', finished_at = 1, exit_code = 3");
    refuses("state = 'succeeded', finished_at = 1, exit_code = NULL");
}

#[test]
fn a_job_that_runs_has_an_attempt_and_only_such_a_job_has_a_worker() {
    refuses("state = 'starting'");
    refuses("state = 'running'");
    refuses("worker = 1");
    refuses("attempt = -1");
    refuses("interruptions = 1, losses = 1, attempt = 1");
    assert_eq!(set("state = 'running', attempt = 1, worker = 1"), Ok(1));
}
