//! Credentials that are not there, for a while or for good.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Account, Answer, Aws, Fault, Home, Jobs, Proxy, root};

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
fn a_profile_that_is_not_there() {
    let account = Account::new(Jobs::Stay);
    let home = without_keys(&account).with("AWS_PROFILE", "prdo").with("AWS_REGION", "");
    insta::assert_snapshot!(home.run(["submit", "--", "true"]).snapshot(), @"
    exit code 125
    --- stderr
    error: cannot submit `true`: there is no profile `prdo`, which AWS_PROFILE names
    hint: `aws configure` or `aws login` make one
    ");
    std::fs::create_dir(home.path().join(".aws")).expect("a folder");
    let config = "[profile prod]\nregion = eu-west-1\n[profile me]\n";
    std::fs::write(home.path().join(".aws/config"), config).expect("written");
    let run = home.run(["submit", "--", "true"]);
    assert!(run.stderr.contains("hint: the profiles are me, prod"), "{}", run.stderr);
}

/// Also before the first call, and whatever there is in the place of an answer.
#[test]
fn the_first_credentials_are_waited_for() {
    let account = Account::new(Jobs::Succeed);
    let id = account.home().submit(["--", "true"]);
    let endpoint = endpoint(&account, |number| {
        (number < 2 * ONE_CALL).then(|| match number % 2 {
            0 => Fault::RequestCut,
            _ => Fault::Answer(Answer { status: 200, headers: Vec::new(), body: "?".to_owned() }),
        })
    });
    let wait = home(&account, &endpoint).run(["wait", "--quiet", &id]);
    assert_eq!((wait.code, wait.stderr.as_str()), (0, ""));
    assert!(endpoint.requests().len() > 2 * ONE_CALL);
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

/// A home with a profile whose role wants the code of a device.
fn with_device(account: &Account) -> Home {
    let home =
        without_keys(account).with("AWS_PROFILE", "me").with("AWS_DEFAULT_REGION", "eu-west-1");
    let (id, key, token) = (
        account.field("accessKeyId"),
        account.field("secretAccessKey"),
        account.field("sessionToken"),
    );
    let account = account.id();
    let profiles = format!(
        "[profile me]\nrole_arn = arn:aws:iam::{account}:role/builder\nsource_profile = base\n\
         mfa_serial = arn:aws:iam::{account}:mfa/me\nduration_seconds = 3600\nexternal_id = \"a\" b\n\n\
         [profile base]\naws_access_key_id = {id}\naws_secret_access_key = {key}\naws_session_token = {token}\n"
    );
    std::fs::create_dir(home.path().join(".aws")).expect("a folder");
    std::fs::write(home.path().join(".aws/config"), profiles).expect("written");
    home
}

/// Runs a program at a terminal, and types a line as soon as something is asked there.
const AT_A_TERMINAL: &str = r#"
import os, pty, sys
process, terminal = pty.fork()
if process == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said, typed = b"", False
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    said += more
    if said.endswith(b": ") and not typed:
        os.write(terminal, b"123456\n")
        typed = True
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;

#[test]
fn the_code_of_a_device_is_asked_for_once() {
    let account = Account::new(Jobs::Succeed);
    let home = with_device(&account);
    let program = env!("CARGO_BIN_EXE_computes");
    let python = root().join("target/python/bin/python");
    let words = ["-c", AT_A_TERMINAL, program, "submit", "--", "true"];
    let run = home.run_command(&mut home.command_of(&python, words));
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.starts_with("code of arn:aws:iam::"), "{}", run.stdout);

    // The session is there for the next call, which has no terminal; and for the AWS CLI.
    let next = home.run(["submit", "--", "true"]);
    assert_eq!((next.code, account.requests().len()), (0, 2), "{}", next.stderr);
    let folder = home.path().join(".aws/cli/cache");
    let files: Vec<_> = folder.read_dir().expect("a folder").flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let mode = files[0].metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let aws = root().join("target/python/bin/aws");
    let words = ["sts", "get-caller-identity", "--output", "text", "--query", "Arn"];
    let cli = home.run_command(&mut home.command_of(&aws, words));
    assert_eq!(cli.code, 0, "{}", cli.stderr);
    assert!(cli.stdout.contains("assumed-role/builder"), "{}", cli.stdout);
    let files: Vec<_> = folder.read_dir().expect("a folder").collect();
    assert_eq!(files.len(), 1, "the AWS CLI took another: {files:?}");
}

#[test]
fn without_a_terminal_it_is_said_what_to_do() {
    let account = Account::new(Jobs::Succeed);
    let home = with_device(&account);
    let run = home.run(["submit", "--", "true"]);
    assert_eq!((run.code, account.requests().len()), (125, 0));
    let account = account.id();
    insta::assert_snapshot!(run.snapshot().replace(&account, "[account]"), @"
    exit code 125
    --- stderr
    error: cannot submit `true`: profile `me` wants a code of arn:aws:iam::[account]:mfa/me: there is no terminal to ask at
    hint: `aws sts get-caller-identity --profile me` asks for it and keeps the session, which is taken here too; where nobody can be asked, set keys of `aws sts get-session-token`, or credential_process in the profile
    ");
}
