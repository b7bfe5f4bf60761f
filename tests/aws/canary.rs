//! A secret that sings, on its way to AWS and back.

use std::path::Path;

use crate::faults::canary::{VALUE, found_below, holds};
use crate::support::{Account, Answer, Aws, Fault, Home, Jobs, Proxy, Run};

const SING: &str = r#"echo "at once $CANARY"; printf '%s' "in two ${CANARY%chirp*}"; sleep 0.1; printf '%s\n' "chirp${CANARY#*chirp}"; echo "on stderr $CANARY" >&2; exit 3"#;

fn assert_silent(home: &Home, runs: &[Run]) {
    for run in runs {
        assert!(!holds(run.stdout.as_bytes()), "{}", run.stdout);
        assert!(!holds(run.stderr.as_bytes()), "{}", run.stderr);
    }
    assert_eq!(found_below(&home.state()), [] as [&Path; 0]);
    assert_eq!(found_below(&home.work()), [] as [&Path; 0]);
}

#[test]
fn no_verb_and_no_log_shows_it_with_whatever_the_program_tells_of_itself() {
    let account = Account::new(Jobs::Run);
    for level in ["", "trace"] {
        let home = account
            .home()
            .with("CANARY", VALUE)
            .with("COMPUTES_LOG", level)
            .with("RUST_LOG", "trace");
        let mut runs = vec![home.run(["run", "--secret", "CANARY", "--", "sh", "-c", SING])];
        assert_eq!(runs[0].code, 3, "{}", runs[0].stderr);
        assert!(runs[0].stdout.contains("at once ***"), "{}", runs[0].stdout);
        assert!(runs[0].stdout.contains("on stderr ***"), "{}", runs[0].stdout);
        assert_eq!(level.is_empty(), !runs[0].stderr.contains("DEBUG"), "{}", runs[0].stderr);
        let verbs: [&[&str]; 12] = [
            &["submit", "--json", "--secret", "CANARY", "--", "sh", "-c", SING],
            &["run", "--json", "--secret", "CANARY", "--", "sh", "-c", SING],
            &["status", "last"],
            &["status", "--json", "last"],
            &["logs", "last"],
            &["logs", "--json", "last"],
            &["list"],
            &["list", "--json"],
            &["explain", "last"],
            &["explain", "--json", "last"],
            &["retry", "last"],
            &["submit", "--dry-run", "--secret", "CANARY", "--", "sh", "-c", SING],
        ];
        runs.extend(verbs.iter().map(|verb| home.run(*verb)));
        runs.push(home.run(["wait", "--all"]));
        assert_silent(&home, &runs);
        // Another machine, which never had it.
        let id = home.status("last")["id"].as_str().expect("an id").to_owned();
        let there = account.home().with("COMPUTES_LOG", level);
        let verbs: [&[&str]; 5] = [
            &["status", "--json", &id],
            &["logs", &id],
            &["logs", "--follow", &id],
            &["list", "--json"],
            &["explain", &id],
        ];
        let runs: Vec<_> = verbs.iter().map(|verb| there.run(*verb)).collect();
        assert_silent(&there, &runs);
        // What is masked may come back, and has to be given again there.
        assert_eq!(there.run(["retry", &id]).code, 2);
    }
}

#[test]
fn no_fault_shows_it() {
    let account = Account::new(Jobs::Stay);
    let echo = |status, kind: &str| {
        // A server that quotes what it was sent.
        Fault::Answer(Answer::error(status, kind, &format!("no good: {VALUE}")))
    };
    for fault in [
        Fault::RequestCut,
        Fault::AnswerCut { after: 20 },
        Fault::AnswerLost,
        echo(400, "ClientException"),
        echo(403, "AccessDeniedException"),
        echo(500, "ServerException"),
    ] {
        let mut fault = Some(fault);
        let proxy = Proxy::start(Aws::server().port(), move |request| {
            if request.path == super::exactly_once::SUBMIT {
                fault.take().unwrap_or(Fault::None)
            } else {
                Fault::None
            }
        });
        let home = account
            .home_through(proxy.port())
            .with("CANARY", VALUE)
            .with("COMPUTES_AWS_TIMEOUT", "500ms")
            .with("COMPUTES_LOG", "trace");
        let runs = [
            home.run(["submit", "--secret", "CANARY", "--", "true"]),
            home.run(["status", "--json", "last"]),
            home.run(["list"]),
        ];
        assert_silent(&home, &runs);
    }
}
