//! Queues with more jobs than anybody reads through.

use serde_json::{Value, json};

use crate::support::{Account, Answer, Aws, Fault, Jobs, Proxy};

/// What Batch says of the n-th job of a queue without end, the newest of which is number 0.
fn job(number: u64, name: &str) -> Value {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    let created_at = jiff::Timestamp::now().as_millisecond().unsigned_abs() - number * 1000;
    json!({
        "jobId": id, "jobName": name, "status": "RUNNABLE", "createdAt": created_at,
        "jobArn": format!("arn:aws:batch:us-east-1:123456789012:job/{id}"),
    })
}

/// One in which no page is the last, and in which Batch finds one job by its name.
fn without_end() -> Proxy {
    Proxy::start(Aws::server().port(), |request| {
        let asked = request.json();
        if !request.path.ends_with("/listjobs") || asked["jobQueue"] != "default" {
            return Fault::None;
        }
        let filter = &asked["filters"][0];
        let answer = if filter["name"] == "JOB_NAME" {
            assert_eq!(filter["values"], json!(["Rare*"]));
            json!({"jobSummaryList": [job(5000, "rare-one"), job(7, "rare-and-new")]})
        } else {
            let first = asked["nextToken"].as_str().map_or(0, |token| token.parse().expect("ours"));
            let jobs = first..first + 100;
            let name = |number| if number == 7 { "rare-and-new" } else { "usual" };
            let jobs: Vec<_> = jobs.map(|number| job(number, name(number))).collect();
            json!({"jobSummaryList": jobs, "nextToken": (first + 100).to_string()})
        };
        Fault::Answer(Answer::json(&answer))
    })
}

#[test]
fn what_a_list_leaves_out_is_said() {
    let account = Account::new(Jobs::Stay);
    let proxy = without_end();
    let home = account.home_through(proxy.port());
    let all = home.run(["list", "--all", "--json"]);
    assert_eq!((all.code, all.json().len()), (0, 2000), "{}", all.stderr);
    let note = "note: of queue `default` only the newest 2000 jobs were looked at; --before 20";
    assert!(all.stderr.contains(note), "{}", all.stderr);
    // With a name Batch finds the older ones, and none is shown twice.
    let rare = home.run(["list", "--all", "--json", "--name", "Rare"]);
    let names: Vec<_> = rare.json().iter().map(|job| job["name"].clone()).collect();
    assert_eq!(names, ["rare-and-new", "rare-one"], "{}", rare.stderr);
    // Twenty are all that was asked for.
    let some = home.run(["list", "--json"]);
    assert_eq!(some.json().len(), 20);
    assert!(!some.stderr.contains("looked at"), "{}", some.stderr);
}

#[test]
fn a_job_that_is_not_among_those_may_be_there() {
    let account = Account::new(Jobs::Stay);
    let proxy = without_end();
    let home = account.home_through(proxy.port());
    insta::assert_snapshot!(home.run(["status", "ffffffff"]).snapshot(), @"
    exit code 2
    --- stderr
    error: AWS Batch knows no job with the id `[short]`, nor among the newest 2,000 of each queue; the whole id finds older ones
    hint: `computes list --all` shows every job
    ");
}
