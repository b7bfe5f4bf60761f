//! Credentials that are not there, for a while or for good.

use serde_json::json;
use sha2::{Digest, Sha256};

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
    without_keys(account).with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)
}

fn without_keys(account: &Account) -> Home {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
        .into_iter()
        .fold(account.home(), |home, name| home.with(name, ""))
        .with("AWS_EC2_METADATA_DISABLED", "true")
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
    hint: log in (`aws login`, `aws sso login`, `aws configure`), or set AWS_PROFILE; the job is kept: computes wait [short] tries again, computes cancel [short] drops it
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

const SESSION: &str = "arn:aws:iam::123456789012:user/me";
/// That of the SDK's own documentation.
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    MHcCAQEEIFDZHUzOG1Pzq+6F0mjMlOSp1syN9LRPBuHMoCFXTcXhoAoGCCqGSM49\n\
    AwEHoUQDQgAE9qhj+KtcdHj1kVgwxWWWw++tqoh7H7UHs7oXh8jBbgF47rrYGC+t\n\
    djiIaHK3dBvvdE7MGj5HsepzLm3Kj91bqA==\n\
    -----END EC PRIVATE KEY-----\n";

/// A home with a profile of `aws login`, as the AWS CLI leaves it.
fn logged_in(account: &Account, until: &str) -> Home {
    let home = without_keys(account).with("AWS_PROFILE", "me");
    let folder = home.path().join(".aws/login/cache");
    std::fs::create_dir_all(&folder).expect("a folder");
    let profile = format!("[profile me]\nlogin_session = {SESSION}\n");
    std::fs::write(home.path().join(".aws/config"), profile).expect("written");
    let token = json!({
        "accessToken": {
            "accessKeyId": account.field("accessKeyId"),
            "secretAccessKey": account.field("secretAccessKey"),
            "sessionToken": account.field("sessionToken"),
            "accountId": account.id(),
            "expiresAt": until,
        },
        "tokenType": "aws_sigv4",
        "refreshToken": "of-before",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": KEY,
    });
    let name = Sha256::digest(SESSION).into_iter().map(|byte| format!("{byte:02x}"));
    let file = folder.join(name.collect::<String>()).with_extension("json");
    std::fs::write(file, token.to_string()).expect("written");
    home
}

#[test]
fn a_profile_of_aws_login() {
    let account = Account::new(Jobs::Run);
    let home = logged_in(&account, "2099-01-01T00:00:00Z");
    let run = home.run(["run", "--quiet", "--", "echo", "done"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "done\n"), "{}", run.stderr);
}

#[test]
fn a_session_of_aws_login_is_renewed_or_is_the_end() {
    let account = Account::new(Jobs::Run);
    let renewed = json!({
        "accessToken": {
            "accessKeyId": account.field("accessKeyId"),
            "secretAccessKey": account.field("secretAccessKey"),
            "sessionToken": account.field("sessionToken"),
        },
        "tokenType": "aws_sigv4",
        "expiresIn": 900,
        "refreshToken": "of-after",
    });
    let signin = Proxy::start(Aws::server().port(), move |_| {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Fault::Answer(Answer { status: 200, headers, body: renewed.to_string() })
    });
    let url = format!("http://127.0.0.1:{}", signin.port());
    let old = "2020-01-01T00:00:00Z";
    let home = logged_in(&account, old).with("AWS_ENDPOINT_URL_SIGNIN", &url);
    let run = home.run(["run", "--quiet", "--", "echo", "done"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "done\n"), "{}", run.stderr);
    assert_eq!(signin.requests().len(), 1);

    let signin = Proxy::start(Aws::server().port(), |_| {
        let body = r#"{"error":"TOKEN_EXPIRED","message":"over"}"#;
        let mut answer = Answer::error(400, "AccessDeniedException", "over");
        answer.body = body.to_owned();
        Fault::Answer(answer)
    });
    let url = format!("http://127.0.0.1:{}", signin.port());
    let home = logged_in(&account, old).with("AWS_ENDPOINT_URL_SIGNIN", &url);
    insta::assert_snapshot!(home.run(["list"]).snapshot(), @"
    exit code 125
    --- stderr
    error: AWS batch:ListJobs: an error occurred while loading credentials: failed to refresh cached Login token: Your session has expired. Please reauthenticate.: AccessDeniedException: over
    hint: log in (`aws login`, `aws sso login`, `aws configure`), or set AWS_PROFILE
    ");
    assert_eq!(signin.requests().len(), 1);
}
