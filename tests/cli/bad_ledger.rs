//! A ledger that can't be read. It stays as it is.

use std::fs;

use rustix::process::Signal;

use super::stage::each;
use crate::support::Home;

const VERBS: [&str; 9] = [
    "list",
    "queues",
    "status last",
    "wait last",
    "wait --all",
    "logs last",
    "cancel last",
    "retry last",
    "submit -- true",
];

/// What every verb says of a ledger, which no verb changes.
fn all_refuse(home: &Home) -> String {
    let ledger = home.state().join("ledger.db");
    let before = fs::read(&ledger).expect("a ledger");
    let snapshot = each(&VERBS, |verb| {
        let run = home.run(verb.split(' '));
        assert_eq!(run.code, 125, "{verb}");
        run.snapshot()
    });
    assert!(fs::read(&ledger).expect("a ledger") == before, "the ledger was changed");
    snapshot
}

#[test]
fn garbage() {
    let home = Home::new();
    fs::create_dir_all(home.state()).expect("a directory");
    fs::write(home.state().join("ledger.db"), "no database\n".repeat(1000)).expect("written");
    insta::assert_snapshot!(all_refuse(&home), @r"
    > list
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup

    > queues
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup

    > status last
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup

    > wait last
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup

    > wait --all
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup

    > logs last
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup

    > cancel last
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup

    > retry last
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup

    > submit -- true
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: file is not a database
    hint: move the file away to start a new ledger, or restore it from a backup
    ");
}

#[test]
fn written_by_a_newer_program() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    home.end_workers(Signal::KILL);
    let db = rusqlite::Connection::open(home.state().join("ledger.db")).expect("a ledger");
    db.pragma_update(None, "user_version", 99).expect("written");
    // All of it into the one file.
    db.pragma_update(None, "journal_mode", "delete").expect("written");
    db.pragma_update(None, "journal_mode", "wal").expect("written");
    drop(db);
    insta::assert_snapshot!(all_refuse(&home), @r"
    > list
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory

    > queues
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory

    > status last
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory

    > wait last
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory

    > wait --all
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory

    > logs last
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory

    > cancel last
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory

    > retry last
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory

    > submit -- true
    exit code 125
    --- stderr
    error: the ledger `[home]/.local/state/computes/ledger.db` was written by a newer computes
    hint: update computes, or set COMPUTES_STATE_DIR to another directory
    ");
}

#[test]
fn a_directory_in_its_place() {
    let home = Home::new();
    fs::create_dir_all(home.state().join("ledger.db")).expect("a directory");
    insta::assert_snapshot!(home.run(["list"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: unable to open database file: [home]/.local/state/computes/ledger.db: Error code 14: unable to open database file
    hint: make the state directory writable, or set COMPUTES_STATE_DIR to another
    ");
    insta::assert_snapshot!(home.run(["submit", "--", "true"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: unable to open database file: [home]/.local/state/computes/ledger.db: Error code 14: unable to open database file
    hint: make the state directory writable, or set COMPUTES_STATE_DIR to another
    ");
}

#[test]
fn cut_off_in_the_middle() {
    let home = Home::new();
    home.run(["run", "--quiet", "--", "true"]);
    home.end_workers(Signal::KILL);
    let path = home.state().join("ledger.db");
    let db = rusqlite::Connection::open(&path).expect("a ledger");
    db.pragma_update(None, "journal_mode", "delete").expect("written");
    drop(db);
    let half = fs::metadata(&path).expect("a file").len() / 2;
    fs::File::options().write(true).open(&path).expect("a file").set_len(half).expect("cut");
    insta::assert_snapshot!(home.run(["list"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot open the ledger `[home]/.local/state/computes/ledger.db`: database disk image is malformed
    hint: move the file away to start a new ledger, or restore it from a backup
    ");
}
