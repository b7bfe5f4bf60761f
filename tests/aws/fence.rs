//! Lists of AWS Batch that show a job late: nothing runs twice, or the doubt is told.

use serde_json::json;

use super::exactly_once::{LIST, SUBMIT};
use super::files::carrying_through;
use crate::support::{Account, Answer, Aws, Fault, Home, Jobs, Proxy, Request, Run};

/// Two jobs for one submission: the answer to the first is lost, and the list does not show it until the
/// second is sent.
pub fn sent_twice(account: &Account) -> (Proxy, Home) {
    let mut sent = 0;
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        let is_submit = request.path == SUBMIT;
        sent += u32::from(is_submit);
        match sent {
            1 if is_submit => unclear(),
            1 if request.path == LIST => {
                Fault::Answer(Answer::json(&json!({"jobSummaryList": []})))
            }
            _ => Fault::None,
        }
    });
    let home = account.home_through(proxy.port());
    (proxy, home)
}

/// In place of the answer of a server that has done what it was asked.
pub fn unclear() -> Fault {
    Fault::AnswerInstead(no_answer())
}

/// Whether it did is not said.
pub fn no_answer() -> Answer {
    Answer::error(500, "ServerException", "try again")
}

/// The first answer of a kind does not arrive.
fn losing_an_answer(kind: fn(&Request) -> bool, fault: Fault) -> Proxy {
    let mut fault = Some(fault);
    Proxy::start(Aws::server().port(), move |request| {
        if kind(request) { fault.take().unwrap_or(Fault::None) } else { Fault::None }
    })
}

fn is_claim(request: &Request) -> bool {
    request.path.contains("/claim")
}

fn blind() -> Account {
    Account::in_scene(Jobs::Run, &json!({"list_lag": 30}))
}

/// Which jobs of Batch ran the command.
pub fn ran(account: &Account) -> Vec<String> {
    let path = Aws::server().host_path(&format!("/mnt/efs/ran-{}", account.id()));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn command(account: &Account) -> String {
    format!("echo hello; echo $AWS_BATCH_JOB_ID >> /mnt/efs/ran-{}; exit 7", account.id())
}

/// Two jobs, of which one ran the command, and the ledger's is that one.
fn ran_once(account: &Account, home: &Home, run: &Run) -> String {
    assert_eq!(account.jobs().len(), 2);
    let ran = ran(account);
    assert_eq!(ran.len(), 1, "{ran:?}");
    assert_eq!((run.code, run.stdout.as_str()), (7, "hello\n"), "{}", run.stderr);
    assert_eq!(home.status("last")["engine_id"], ran[0].as_str());
    ran[0].clone()
}

#[test]
fn what_was_sent_twice_runs_once_and_is_followed_where_it_runs() {
    if !Aws::server().isolates() {
        return;
    }
    let account = blind();
    let (_proxy, home) = sent_twice(&account);
    let run = home.run(["run", "--name", "twice", "--", "sh", "-c", &command(&account)]);
    let ran = ran_once(&account, &home, &run);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 7
    --- stdout
    hello
    --- stderr
    warning: [short] is on AWS Batch, with a doubt: the list of AWS Batch does not show all of it [took] after it was sent more than once, so that it may be there twice; the one that starts second runs nothing, if jobs share the file system of /files
    [short] twice submitted to default
    [short] twice failed after [took] : exit code 7
    ");
    let status = home.status("last");
    let events = status["events"].as_array().expect("a list");
    let events: Vec<_> = events.iter().filter(|it| it["event"] == "superseded").collect();
    let reason = format!("{ran} came first and does the work");
    assert_eq!(events.iter().map(|it| it["reason"].clone()).collect::<Vec<_>>(), [reason]);
    assert_eq!(home.run(["logs", "last"]).stdout, "hello\n");
}

/// Nobody may read the log, but the list shows both.
#[test]
fn without_the_log_the_list_tells_which_came_first() {
    if !Aws::server().isolates() {
        return;
    }
    let account = Account::in_scene(Jobs::Run, &json!({"list_lag": 1}));
    let (_proxy, home) = sent_twice(&account);
    account.deny(&["logs:*"]);
    let home = home.with("COMPUTES_AWS_LOG_SETTLE", "10s");
    home.submit(["--", "sh", "-c", &command(&account)]);
    let run = home.run(["wait", "--limit", "30s", "last"]);
    assert_eq!((run.code, ran(&account).len()), (7, 1), "{}", run.stderr);
}

/// No file system, but a bucket.
#[test]
fn what_was_sent_twice_runs_once_by_way_of_the_bucket() {
    if !Aws::server().isolates() {
        return;
    }
    let account = Account::with_program_in_scene(Jobs::Run, 0, &json!({"list_lag": 30}));
    let proxy = losing_an_answer(|request| request.path == SUBMIT, unclear());
    let home = carrying_through(&account, proxy.port());
    home.write("in", "hello\n");
    let command = format!("cat; echo $AWS_BATCH_JOB_ID >> /mnt/efs/ran-{}; exit 7", account.id());
    let options = ["run", "--name", "twice", "--no-files", "--stdin", "in"];
    let run = home.run([&options[..], &["--", "sh", "-c", &command]].concat());
    let ran = ran_once(&account, &home, &run);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 7
    --- stdout
    hello
    --- stderr
    warning: [short] is on AWS Batch, with a doubt: the list of AWS Batch does not show all of it [took] after it was sent more than once, so that it may be there twice; the one that starts second runs nothing, if `computes` in its image is 0.1.0 or later
    [short] twice submitted to default
    [short] twice failed after [took] : exit code 7
    ");
    let status = home.status("last");
    let key = format!("jobs/{}/claim", status["id"].as_str().expect("an id"));
    let uri = format!("s3://{}/{key}", account.field("bucket"));
    assert_eq!(account.aws_text(&["s3", "cp", &uri, "-"]), ran);
}

#[test]
fn what_a_job_has_claimed_is_its_own_although_the_answer_was_lost_and_in_its_next_attempt() {
    if !Aws::server().isolates() {
        return;
    }
    let proxy = losing_an_answer(is_claim, Fault::AnswerCut { after: 0 });
    let account = Account::with_program(Jobs::Run, proxy.port());
    let home = carrying_through(&account, Aws::server().port());
    home.write("in", "hello\n");
    let options = ["--attempts", "2", "--retry-on", "any", "--no-files", "--stdin", "in"];
    let command = ["--", "sh", "-c", "cat; test $AWS_BATCH_JOB_ATTEMPT = 2"];
    let run = home.run([&["run"], &options[..], &command].concat());
    assert_eq!((run.code, run.stdout.as_str()), (0, "hello\nhello\n"), "{}", run.stderr);
    let requests = proxy.requests();
    let claims: Vec<_> =
        requests.iter().filter(|it| is_claim(it)).map(|it| it.method.as_str()).collect();
    assert_eq!(claims, ["PUT", "PUT", "GET", "PUT", "GET"]);
}

#[test]
fn a_job_that_may_not_claim_runs_nothing() {
    if !Aws::server().isolates() {
        return;
    }
    let account = Account::with_program(Jobs::Run, 0);
    let home = carrying_through(&account, Aws::server().port());
    let policy = home.run(["policy", "inside"]).stdout;
    let mut policy: serde_json::Value = serde_json::from_str(&policy).expect("JSON");
    for statement in policy["Statement"].as_array_mut().expect("a list") {
        let actions = statement["Action"].as_array_mut().expect("a list");
        actions.retain(|action| action != "s3:PutObject");
    }
    account.allow_jobs(&policy);
    home.write("in", "hello\n");
    let run = home.run(["run", "--quiet", "--no-files", "--stdin", "in", "--", "cat"]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 125
    --- stdout
    error: cannot claim the job in the bucket: AWS s3:PutObject: User: arn:aws:sts::[account]:assumed-role/computes-job/job is not authorized to perform: s3:PutObject on resource: * (403)
    hint: the policy of the caller has to allow s3:PutObject: `computes policy` prints it
    ");
}

#[test]
fn where_there_is_no_fence_the_doubt_is_told() {
    let account = blind();
    let (_proxy, home) = sent_twice(&account);
    let run = home.run(["submit", "--no-files", "--", "true"]);
    assert_eq!((run.code, account.jobs().len()), (0, 2));
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 0
    --- stdout
    [id]
    --- stderr
    warning: [short] is on AWS Batch, with a doubt: the list of AWS Batch does not show all of it [took] after it was sent more than once, so that it may be there twice; both would run
    note: to submit takes `batch:SubmitJob` alone; what it takes to wait, list, read logs and cancel is printed by `computes policy`
    ");
}

#[test]
fn once_waits_for_a_list_that_lags_and_tells_when_it_is_blind() {
    let submit = |lag: f32| {
        let account = Account::in_scene(Jobs::Stay, &json!({"list_lag": lag}));
        let both = std::sync::Barrier::new(2);
        let machine = || {
            let home = account.home().with("COMPUTES_AWS_SETTLE", "500ms");
            both.wait();
            home.run(["submit", "--once", "--name", "same", "--", "true"])
        };
        let runs = std::thread::scope(|scope| {
            let machines = [scope.spawn(machine), scope.spawn(machine)];
            machines.map(|machine| machine.join().expect("it ends"))
        });
        let jobs = account.jobs();
        (runs, jobs.iter().filter(|job| job["status"] == "SUBMITTED").count())
    };
    let ([one, other], active) = submit(1.5);
    assert_eq!((active, one.stdout.as_str()), (1, other.stdout.as_str()), "{}", one.stderr);
    let ([one, other], active) = submit(60.0);
    assert_eq!((active, one.code, other.code), (2, 0, 0));
    insta::assert_snapshot!(one.snapshot(), @"
    exit code 0
    --- stdout
    [id]
    --- stderr
    warning: [short] is on AWS Batch, with a doubt: the list of AWS Batch does not show it 3 s after it was sent, so that another machine's may do the same
    note: to submit takes `batch:SubmitJob` alone; what it takes to wait, list, read logs and cancel is printed by `computes policy`
    ");
}

/// A copy that somebody sent under another name: it has our id, and nobody can go over to it.
#[test]
fn where_the_first_is_no_job_of_ours_the_second_fails_and_says_why() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let id = home.submit(["--name", "copied", "--", "true"]);
    let first = "01a2034a-22a1-712d-853d-d6f46223e2dd";
    let says = format!("computes: job {id} is {first}, which came first: nothing is run here");
    account.log("fenced", &[&format!("computes: job {id} attempt 1"), &says]);
    let container = json!({"exitCode": 119, "logStreamName": "fenced"});
    let ended = super::follow::ended("Essential container in task exited", &container);
    account.stage(&home.engine_id_of(&id), ended);
    let wait = home.run(["wait", "--limit", "30s", &id]);
    insta::assert_snapshot!(wait.snapshot_of_the_end(), @"
    exit code 119
    --- stderr
    [short] copied failed after 1 min 0 s: exit code 119, [id] came first, so that nothing ran here; AWS Batch shows no such job of the same name
    ");
    assert_eq!(home.run(["logs", &id]).stdout, "");
}
