//! Leaving a job that is being followed: Ctrl-C and SIGTERM.

use rustix::process::Signal;

use super::stage::Following;
use crate::support::{Home, Run};

/// Follows a job that would go on for long, and sends a signal once it runs.
fn interrupted(home: &Home, options: &[&str], signal: Signal) -> Run {
    let command = ["--name", "long", "--", "sh", "-c", "echo up; exec sleep 600"];
    let mut run = Following::start(home, &[&["run"], options, &command].concat());
    run.until_it_prints("up");
    run.signal(signal);
    run.end(home)
}

#[test]
fn without_a_terminal_ctrl_c_detaches() {
    let home = Home::new();
    insta::assert_snapshot!(interrupted(&home, &[], Signal::INT).snapshot(), @r"
    exit code 130
    --- stderr
    [short] long submitted to default
    warning: detached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    home.until("last", "running");
}

#[test]
fn a_request_to_end_detaches() {
    let home = Home::new();
    insta::assert_snapshot!(interrupted(&home, &[], Signal::TERM).snapshot(), @r"
    exit code 143
    --- stderr
    [short] long submitted to default
    warning: detached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    home.until("last", "running");
}

#[test]
fn detaching_is_told_even_when_quiet() {
    let home = Home::new();
    insta::assert_snapshot!(interrupted(&home, &["--quiet"], Signal::INT).snapshot(), @r"
    exit code 130
    --- stderr
    warning: detached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
}

#[test]
fn detaching_in_json() {
    let home = Home::new();
    let mut run = interrupted(&home, &["--json"], Signal::INT);
    run.stdout = run.stdout.lines().last().expect("a line").to_owned() + "\n";
    insta::assert_snapshot!(run.snapshot(), @r#"
    exit code 130
    --- stdout
    {"type":"detached","ids":["[id]"],"resume":"computes logs --follow [short], or computes wait [short]"}
    "#);
}

#[test]
fn a_signal_cancels_if_asked_to() {
    for signal in [Signal::INT, Signal::TERM] {
        let home = Home::new();
        let run = interrupted(&home, &["--cancel-on-interrupt"], signal);
        insta::allow_duplicates! {
            insta::assert_snapshot!(run.snapshot(), @r"
            exit code 120
            --- stderr
            [short] long submitted to default
            cancelling the job
            [short] long cancelled after [took] : interrupted while following
            ");
        }
        assert_eq!(home.status("last")["state"], "cancelled");
    }
}

#[test]
fn wait_detaches_or_cancels_as_well() {
    let home = Home::new();
    let id = home.running();
    for (option, code) in [("--quiet", 130), ("--cancel-on-interrupt", 120)] {
        let wait = Following::start(&home, &["wait", &id, option]);
        wait.until_it_listens();
        wait.signal(Signal::INT);
        assert_eq!(wait.end(&home).code, code);
    }
    assert_eq!(home.status(&id)["state"], "cancelled");
}

#[test]
fn following_a_log_detaches_as_well() {
    let home = Home::new();
    let id = home.submit(["--", "sh", "-c", "echo up; exec sleep 600"]);
    let mut logs = Following::start(&home, &["logs", "--follow", &id]);
    logs.until_it_prints("up");
    logs.signal(Signal::INT);
    insta::assert_snapshot!(logs.end(&home).snapshot(), @r"
    exit code 130
    --- stderr
    warning: detached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    home.until(&id, "running");
}

/// What there is to be shown keeps nobody from leaving.
#[test]
fn a_flood_of_output_can_be_left() {
    let home = Home::new();
    let flood = ["sh", "-c", "seq 2000000; exec sleep 600"];
    for verb in [&["run", "--"][..], &["logs", "--follow", "last"]] {
        let words = if verb[0] == "run" { [verb, &flood].concat() } else { verb.to_vec() };
        let mut following = Following::start(&home, &words);
        following.until_it_prints("1\n");
        // It can't write on until somebody reads.
        following.signal(Signal::TERM);
        let end = following.end(&home);
        assert_eq!((end.code, end.stdout.len() < 5_000_000), (143, true), "{}", end.stderr);
    }
}

const CTRL_C: &str = "\x03";

/// Follows a job at a terminal, up to the question that the first Ctrl-C leads to.
fn asked(home: &Home) -> Following {
    let command = ["run", "--name", "long", "--", "sh", "-c", "echo up; exec sleep 600"];
    let mut run = Following::at_terminal(home, &command);
    run.until_it_prints("up");
    // It is no answer to what was not asked yet.
    run.type_in("\n");
    run.until_it_prints("");
    run.type_in(CTRL_C);
    run.until_it_prints(
        "warning: press Ctrl-C again to cancel the job, or any other key to detach: the job goes on then, as \
         it does if nothing is pressed for 10 s",
    );
    run
}

#[test]
fn at_a_terminal_a_second_ctrl_c_cancels() {
    let home = Home::new();
    let mut run = asked(&home);
    run.type_in(CTRL_C);
    insta::assert_snapshot!(run.end(&home).snapshot(), @"
    exit code 120
    --- stdout
    cancelling the job
    [short] long cancelled after [took] : interrupted while following
    ");
    assert_eq!(home.status("last")["state"], "cancelled");
}

/// Who cancelled already can only leave.
#[test]
fn at_a_terminal_a_third_ctrl_c_detaches() {
    let home = Home::new();
    let _gate = home.gate();
    let script = "trap 'read x < gate' TERM; echo up; sleep 600 & wait";
    let command = ["run", "--name", "slow", "--", "sh", "-c", script];
    let mut run = Following::at_terminal(&home, &command);
    run.until_it_prints("up");
    for told in ["press Ctrl-C again", "cancelling the job"] {
        run.type_in(CTRL_C);
        run.until_it_prints(told);
    }
    run.type_in(CTRL_C);
    insta::assert_snapshot!(run.end(&home).snapshot(), @"
    exit code 130
    --- stdout
    ^Cwarning: detached; the job is being ended all the same. To come back: computes logs --follow [short], or computes wait [short]
    ");
}

#[test]
fn at_a_terminal_any_key_detaches_at_once() {
    let home = Home::new();
    let mut run = asked(&home);
    let asked = std::time::Instant::now();
    run.type_in("x");
    insta::assert_snapshot!(run.end(&home).snapshot(), @"
    exit code 130
    --- stdout
    warning: detached; the job goes on. To come back: computes logs --follow [short], or computes wait [short]
    ");
    assert!(asked.elapsed().as_secs() < 10, "it waited for a second Ctrl-C");
    home.until("last", "running");
}

/// A stop is no answer: the question stands when it goes on.
#[test]
fn at_a_terminal_it_can_be_stopped_while_it_asks() {
    let home = Home::new();
    let mut run = asked(&home);
    run.type_in("\x1a");
    run.go_on_when_stopped();
    run.type_in(CTRL_C);
    let run = run.end(&home);
    assert_eq!(run.code, 120, "{}", run.stdout);
}
