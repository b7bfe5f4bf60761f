//! Credentials that are not there, for a while or for good.

use serde_json::json;

use crate::support::{Account, Answer, Aws, Fault, Home, Jobs, Proxy};

/// The endpoint at which a container finds the credentials of its role. They hold for no longer
/// than a call, so each call asks for them.
fn endpoint(
    account: &Account,
    mut fails: impl FnMut(usize) -> Option<Fault> + Send + 'static,
) -> Proxy {
    let credentials = json!({
        "AccessKeyId": account.field("accessKeyId"),
        "SecretAccessKey": account.field("secretAccessKey"),
        "Token": account.field("sessionToken"),
        "Expiration": "2020-01-01T00:00:00Z",
    });
    Proxy::start(Aws::server().port(), move |request| {
        fails(request.number).unwrap_or_else(|| {
            let body = credentials.to_string();
            Fault::Answer(Answer { status: 200, headers: Vec::new(), body })
        })
    })
}

fn home(account: &Account, endpoint: &Proxy) -> Home {
    let uri = format!("http://127.0.0.1:{}/role", endpoint.port());
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
        .into_iter()
        .fold(account.home(), |home, name| home.with(name, ""))
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)
}

fn refuses(status: u16) -> Fault {
    Fault::Answer(Answer { status, headers: Vec::new(), body: String::new() })
}

/// The SDK asks three times for each call.
const ONE_CALL: usize = 3;

#[test]
fn an_endpoint_that_fails_for_a_while_is_asked_again() {
    let account = Account::new(Jobs::Run);
    // Twice before the job is sent, and twice while it is waited for.
    let bad = [0..2 * ONE_CALL, 2 * ONE_CALL + 1..4 * ONE_CALL + 1];
    let asked = bad.clone();
    let endpoint = endpoint(&account, move |number| {
        bad.iter().any(|it| it.contains(&number)).then(|| match number % 2 {
            0 => refuses(503),
            _ => Fault::RequestCut,
        })
    });
    let run = home(&account, &endpoint).run(["run", "--quiet", "--", "echo", "done"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "done\n"), "{}", run.stderr);
    assert_eq!(account.requests().len(), 1);
    assert!(endpoint.requests().len() > asked[1].end, "{}", endpoint.requests().len());
}

#[test]
fn credentials_that_are_wrong_are_the_end() {
    let account = Account::new(Jobs::Run);
    let endpoint = endpoint(&account, |_| Some(refuses(403)));
    let home = home(&account, &endpoint);
    let run = home.run(["run", "--", "true"]);
    assert_eq!(run.code, 125);
    assert_eq!(endpoint.requests().len(), 1);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 125
    --- stderr
    error: cannot hand [short] over: AWS batch:SubmitJob: an error occurred while loading credentials: Non-success status from HTTP credential provider: StatusCode(403)
    hint: log in (`aws sso login`, `aws configure`), or set AWS_PROFILE; the job is kept: computes wait [short] tries again, computes cancel [short] drops it
    ");
}

#[test]
fn credentials_that_were_there_are_waited_for_whatever_is_said() {
    let account = Account::new(Jobs::Run);
    // The job is sent by the first.
    let endpoint = endpoint(&account, |number| (1..4).contains(&number).then(|| refuses(404)));
    let run = home(&account, &endpoint).run(["run", "--quiet", "--", "echo", "done"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "done\n"), "{}", run.stderr);
}
