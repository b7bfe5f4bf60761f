//! A ledger of an earlier version opens, with all that is in it.

use computes::job::{Event, JobRef, Queue, State};
use computes::ledger::{Applied, Detail, Durability, Filter, Ledger, LedgerError, StateDir};
use rusqlite::Connection;

/// As the first version wrote it. It stays as it is when the program changes.
const FIRST: &str = include_str!("../../migrations/0001_jobs.sql");
const ROWS: &str = r#"
    INSERT INTO jobs (seq, id, engine, name, queue, state, attempt, changes, rank, vcpus, memory,
        gpus, accepted_at, started_at, finished_at, exit_code, class, reason)
    VALUES (1, '019a9f3e-5b7c-7d11-8f0a-3f9c2a71b0de', 'local', 'build', 'asap', 'failed', 1, 4,
        0, 500, 512, 0, 1000, 1001, 1002, 3, 'exit_code', 'exit code 3');
    INSERT INTO jobs (seq, id, engine, name, queue, state, changes, rank, vcpus, memory, gpus,
        accepted_at)
    VALUES (2, '019a9f3e-5b7d-7d11-8f0a-000000000000', 'local', 'test', 'default', 'queued', 1,
        1, 1000, 1024, 0, 2000);
    INSERT INTO plans VALUES (1, '{"name":"build","queue":"asap","command":["./build.sh","a b"],
        "environment":{"A":"1"},"secrets":["TOKEN"],
        "resources":{"vcpus":500,"memory":512,"gpus":0},
        "retry":{"attempts":3,"evaluateOnExit":[{"onExitCode":"7*","action":"RETRY"}]},
        "timeout":3600,"tags":{"team":"x"},"job_definition":"default:3","files":"/mnt/efs"}', '/w');
    INSERT INTO plans VALUES (2, '{"name":"test","queue":"default","command":["true"],
        "environment":{},"secrets":[],"resources":{"vcpus":1000,"memory":1024,"gpus":0},
        "retry":{"attempts":1},"timeout":null,"tags":{},"job_definition":"default",
        "files":"/mnt/efs"}', '/w');
    INSERT INTO attempts VALUES (1, 1, 1, 4711, 1, 1000, 1001, 1002, 3, NULL, 'exit_code', 'exit code 3');
    INSERT INTO events VALUES (1, 1, 0, 1000, 'handed_over', 'queued', NULL),
        (1, 2, 1, 1000, 'claimed', 'starting', NULL), (1, 3, 1, 1001, 'started', 'running', NULL),
        (1, 4, 1, 1002, 'failed', 'failed', 'exit code 3'),
        (2, 1, 0, 2000, 'handed_over', 'queued', NULL);
"#;

fn ledger_of(version: u32, sql: &str) -> (tempfile::TempDir, StateDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let state_dir = StateDir::new(dir.path());
    let db = Connection::open(state_dir.ledger()).expect("a database");
    db.execute_batch(sql).expect("rows");
    db.pragma_update(None, "user_version", version).expect("a version");
    (dir, state_dir)
}

#[test]
fn a_ledger_of_the_first_version_opens_with_all_that_is_in_it() {
    let (_dir, state_dir) = ledger_of(1, &format!("{FIRST}{ROWS}"));
    let mut ledger = Ledger::open(&state_dir, Durability::KilledProcess).expect("it opens");
    let jobs = ledger.list(&Filter::default()).expect("jobs");
    assert_eq!(jobs.len(), 2);
    let old = ledger.find(&JobRef::Text("3f9c2a71".to_owned())).expect("by its short id");
    let old = ledger.job(old).expect("there");
    assert_eq!((old.state, old.exit_code), (State::Failed, Some(3)));
    assert_eq!(old.missing_outputs, None);
    let spec = &old.plan.spec;
    assert_eq!(spec.command.as_ref().expect("a command").words(), ["./build.sh", "a b"]);
    assert_eq!((spec.queue, old.most_attempts()), (Queue::Asap, Some(3)));
    assert_eq!(spec.resources.on_this_machine().to_string(), "0.5 vCPU, 512 MiB");
    assert_eq!(spec.timeout.map(computes::job::Timeout::seconds), Some(3600));
    let attempts = ledger.attempts(&old).expect("attempts");
    assert_eq!((attempts.len(), attempts[0].retry_reason.as_ref()), (1, None));
    assert_eq!(ledger.events(&old).expect("events").len(), 4);

    let waiting = ledger.find(&JobRef::Last).expect("the newest");
    let goes_on = ledger.write(|change| {
        change.apply(change.holder(waiting)?, Event::Claimed, Detail::default(), 3000)
    });
    assert!(matches!(goes_on, Ok(Applied::Done(holder)) if holder.attempt == 1), "{goes_on:?}");
}

#[test]
fn an_old_ledger_gives_room_back_by_pieces_once_it_was_written_anew() {
    let (_dir, state_dir) = ledger_of(1, &format!("{FIRST}{ROWS}"));
    let mut ledger = Ledger::open(&state_dir, Durability::KilledProcess).expect("it opens");
    let old = ledger.removable("local", 2000).expect("jobs").jobs;
    let old: Vec<_> = old.iter().map(|id| ledger.job(*id).expect("there")).collect();
    assert_eq!(ledger.write(|change| change.remove(&old)).expect("removed"), 1);
    ledger.shrink().expect("smaller");
    assert_eq!(ledger.list(&Filter::default()).expect("jobs").len(), 1);
    let db = Connection::open(state_dir.ledger()).expect("a database");
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
    assert_eq!((number("auto_vacuum"), number("freelist_count")), (Ok(2), Ok(0)));
}

#[test]
fn a_ledger_of_a_later_version_is_refused_and_left_alone() {
    let (_dir, state_dir) = ledger_of(999, "CREATE TABLE of_the_future (a);");
    let error = Ledger::open(&state_dir, Durability::KilledProcess).expect_err("too new");
    assert!(matches!(error, LedgerError::Newer { .. }), "{error:?}");
    let db = Connection::open(state_dir.ledger()).expect("a database");
    let tables: u32 = db
        .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(tables, 1);
}
