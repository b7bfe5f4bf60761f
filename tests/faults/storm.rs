//! Many jobs, handed over by many processes, while workers and submitters are killed at
//! random points.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use computes::job::State;
use computes::ledger::{Durability, Filter, JobRecord, Ledger, StateDir};
use rustix::process::Signal;

use super::random::Random;
use crate::support::{Home, Wanted, kill_and_wait};

const JOBS: usize = 220;
const SUBMITTERS: usize = 3;

/// Takes a lock that all processes of the attempt hold, and that no two attempts can have at
/// a time; writes down its start and its end in lines that are appended whole.
const JOB: &str = r#"
    id="$AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ATTEMPT"
    exec 9>> "locks/$AWS_BATCH_JOB_ID"
    flock --nonblock 9 || echo "overlap $id" >> journal
    echo "start $id" >> journal
    case $1 in
        quick) ;;
        slow) sleep 0.05 ;;
        daemon) setsid -f sleep 1000; sleep 0.02 ;;
        fails) exit 3 ;;
    esac
    echo "end $id" >> journal"#;
const KINDS: [&str; 4] = ["quick", "slow", "daemon", "fails"];

#[test]
fn with_mounts() {
    storm("storm with mounts", &home());
}

#[test]
fn without_mounts() {
    storm("storm without mounts", &home().with("COMPUTES_LOCAL_MOUNT", "off"));
}

fn home() -> Home {
    let home =
        Home::new().with("COMPUTES_LOCAL_LEASE", "1s").with("COMPUTES_LOCAL_LOST_RETRIES", "1000");
    fs::create_dir(home.work().join("locks")).expect("a directory");
    home
}

#[derive(Default)]
struct Figures {
    submits_killed: AtomicUsize,
    workers_killed: AtomicUsize,
}

fn storm(name: &str, home: &Home) {
    let start = std::time::Instant::now();
    let mut random = Random::seeded(name);
    // The ledger is there; that several may make it at once is another test's.
    let printed = Mutex::new(vec![home.submit(["--name", "quick", "--", "sh", "-c", JOB])]);
    let figures = Figures::default();
    std::thread::scope(|scope| {
        let submitters: Vec<_> = (0..SUBMITTERS)
            .map(|_| {
                let mut random = random.fork();
                scope.spawn({
                    let (printed, figures) = (&printed, &figures);
                    move || submit_many(home, &mut random, printed, figures)
                })
            })
            .collect();
        while !submitters.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(random.micros(150_000));
            kill_a_worker(home, &mut random, &figures);
        }
    });
    // Those that are there go on, those that are dead are made up for.
    let wait = home.run(["wait", "--all", "--limit", "60s"]);
    assert_ne!(wait.code, 124, "{}", wait.stderr);

    let printed = printed.into_inner().expect("no panic");
    let jobs = check_ledger(home, &printed);
    check_journal(home, &jobs);
    for job in &jobs {
        let id = job.id.to_string();
        assert_eq!(home.processes(Wanted::Job(&id)), [] as [u32; 0], "left of {id}");
    }
    let losses: u32 = jobs.iter().map(|job| job.losses).sum();
    println!(
        "{name}: {} jobs in the ledger, {} ids printed, {} submits and {} workers killed, \
         {losses} attempts lost, {:.1} s",
        jobs.len(),
        printed.len(),
        figures.submits_killed.into_inner(),
        figures.workers_killed.into_inner(),
        start.elapsed().as_secs_f64()
    );
    assert!(losses > 0, "no worker was hit while it held a job: this showed nothing");
}

fn submit_many(home: &Home, random: &mut Random, printed: &Mutex<Vec<String>>, figures: &Figures) {
    while printed.lock().expect("no panic").len() < JOBS {
        let kind = KINDS[usize::try_from(random.below(4)).expect("small")];
        let mut command = home.command(["submit", "--memory", "64", "--name", kind]);
        command.args(["--", "sh", "-c", JOB, "sh", kind]);
        let mut submit: Child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let killed = random.below(5) == 0;
        if killed {
            std::thread::sleep(random.micros(20_000));
            submit.kill().expect("ours to kill");
            figures.submits_killed.fetch_add(1, Ordering::Relaxed);
        }
        let run = home.finish(&submit.wait_with_output().expect("it ends"));
        assert!(killed || run.code == 0, "{}", run.stderr);
        if let Some(id) = run.stdout.strip_suffix('\n') {
            printed.lock().expect("no panic").push(id.to_owned());
        }
    }
}

fn kill_a_worker(home: &Home, random: &mut Random, figures: &Figures) {
    let Some(ledger) = open(home) else { return };
    let workers = ledger.workers().expect("workers");
    if workers.is_empty() {
        return;
    }
    let index = random.below(workers.len() as u64);
    let pid = workers[usize::try_from(index).expect("small")].worker.pid;
    // The record may be of one that is dead, and its number another's: only ours are killed.
    if home.processes(Wanted::Home).contains(&pid) {
        kill_and_wait(pid, Signal::KILL);
        figures.workers_killed.fetch_add(1, Ordering::Relaxed);
    }
}

fn open(home: &Home) -> Option<Ledger> {
    let dir = StateDir::new(home.state());
    // Without its tables it is only about to be made.
    Ledger::open_existing(&dir, Durability::KilledProcess).ok().flatten()
}

/// Every job that was accepted ended, exactly once and as it should, and every id that was
/// printed is of one of them.
fn check_ledger(home: &Home, printed: &[String]) -> Vec<JobRecord> {
    let ledger = open(home).expect("a ledger");
    let jobs = ledger.list(&Filter::default()).expect("jobs");
    let ids: BTreeSet<_> = jobs.iter().map(|job| job.id.to_string()).collect();
    assert!(printed.len() >= JOBS);
    assert_eq!(printed.iter().find(|id| !ids.contains(*id)), None, "a job was lost");
    for job in &jobs {
        let expected = match job.plan.spec.name.as_str() {
            "fails" => (State::Failed, Some(3)),
            _ => (State::Succeeded, Some(0)),
        };
        assert_eq!((job.state, job.exit_code), expected, "{job:?}");
        let events = ledger.events(job).expect("events");
        let ends = events.iter().filter(|event| event.state.is_terminal()).count();
        assert_eq!(ends, 1, "{events:?}");
        let attempts = ledger.attempts(job).expect("attempts");
        let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, (1..=job.attempt).collect::<Vec<_>>());
        assert!(attempts.iter().all(|attempt| attempt.closed_at.is_some()), "{attempts:?}");
        assert_eq!(job.attempt, 1 + job.losses, "each attempt but the last was lost: {events:?}");
    }
    jobs
}

/// No attempt ran twice or beside another, none began after a later one, and the attempt
/// that the ledger counts did run.
fn check_journal(home: &Home, jobs: &[JobRecord]) {
    let journal = fs::read_to_string(home.work().join("journal")).expect("a journal");
    let mut starts: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    let mut ends: BTreeSet<(&str, u32)> = BTreeSet::new();
    for line in journal.lines() {
        let mut words = line.split(' ');
        let (what, id) = (words.next().expect("a word"), words.next().expect("an id"));
        let attempt: u32 = words.next().and_then(|word| word.parse().ok()).expect("an attempt");
        match what {
            "start" => starts.entry(id).or_default().push(attempt),
            "end" => assert!(ends.insert((id, attempt)), "ended twice: {line}"),
            _ => panic!("{line}"),
        }
    }
    for (id, attempts) in &starts {
        assert!(attempts.is_sorted_by(|a, b| a < b), "{id} ran as {attempts:?}");
    }
    for job in jobs {
        let id = job.id.to_string();
        let last = starts.get(id.as_str()).and_then(|attempts| attempts.last());
        assert_eq!(last, Some(&job.attempt), "{id} ended without having run");
        let whole = ends.contains(&(id.as_str(), job.attempt));
        assert_eq!(whole, job.state == State::Succeeded, "{id} ended in the middle");
    }
}
