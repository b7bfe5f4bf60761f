//! Nobody there, no region, no credentials.

use crate::support::{Account, Answer, Aws, Fault, Home, Jobs, Proxy};

/// A port at which nobody listens.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn a_job_that_could_not_be_sent_is_kept_and_sent_later() {
    let account = Account::new(Jobs::Succeed);
    let home = account.home_through(closed_port());
    let run = home.run(["submit", "--name", "kept", "--", "true"]);
    let port = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("a pattern");
    insta::assert_snapshot!(port.replace_all(&run.snapshot(), "[server]"), @r"
    exit code 125
    --- stderr
    error: cannot hand [short] over: AWS batch:SubmitJob: io error: client error (Connect): tcp connect error: Connection refused (os error 111)
    hint: look at the network, AWS_REGION and AWS_ENDPOINT_URL; `computes doctor` tells more; the job is kept: computes wait [short] tries again, computes cancel [short] drops it
    ");
    assert_eq!(home.status("last")["state"], "accepted");
    let variables = account.variables(Aws::server().port());
    let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let run = home.run_with_env(&variables, &["wait", "--limit", "30s", "last"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(account.jobs().len(), 1);
}

#[test]
fn a_job_that_could_not_be_sent_can_be_dropped() {
    let account = Account::new(Jobs::Succeed);
    let home = account.home_through(closed_port());
    assert_eq!(home.run(["submit", "--", "true"]).code, 125);
    let run = home.run(["cancel", "last"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stderr
    [short] cancelled
    ");
    assert_eq!(home.run(["wait", "last"]).code, 120);
    assert_eq!(account.jobs().len(), 0);
}

#[test]
fn a_region_is_asked_for_before_anything_is_written() {
    let home = Home::new().with("COMPUTES_ENGINE", "aws").with("AWS_EC2_METADATA_DISABLED", "true");
    let run = home.run(["submit", "--name", "nowhere", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot submit `nowhere`: no region is set
    hint: set AWS_REGION, or `region` in the profile
    ");
    assert_eq!(home.jobs_of_the_ledger(), 0);
}

#[test]
fn credentials_are_asked_for() {
    let home = Home::new()
        .with("COMPUTES_ENGINE", "aws")
        .with("AWS_REGION", "us-east-1")
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let run = home.run(["submit", "--name", "nobody", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 125
    --- stderr
    error: cannot hand [short] over: AWS batch:SubmitJob: the credential provider was not enabled: no credentials found in chain. Attempted: Environment: the credential provider was not enabled: environment variable not set; Profile: the credential provider was not enabled; WebIdentityToken: the credential provider was not enabled: $AWS_WEB_IDENTITY_TOKEN_FILE was not set; EcsContainer: the credential provider was not enabled: ECS provider not configured; Ec2InstanceMetadata: the credential provider was not enabled: IMDS disabled by AWS_EC2_METADATA_DISABLED env var set to `true`
    hint: log in (`aws login`, `aws sso login`, `aws configure`), or set AWS_PROFILE; the job is kept: computes wait [short] tries again, computes cancel [short] drops it
    ");
}

/// They expire while the job is waited for: the job goes on, and the line that comes back to it
/// is told.
#[test]
fn credentials_that_expire_lose_nothing() {
    let account = Account::new(Jobs::Stay);
    let mut looks = 0;
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if request.path == "/v1/describejobs" {
            looks += 1;
            if looks > 3 {
                let message = "The security token included in the request is expired";
                return Fault::Answer(Answer::error(403, "ExpiredTokenException", message));
            }
        }
        Fault::None
    });
    let home = account.home_through(proxy.port());
    let run = home.run(["run", "--name", "nightly", "--limit", "30s", "--", "true"]);
    insta::assert_snapshot!(run.snapshot_of_the_end(), @"
    exit code 125
    --- stderr
    [short] nightly submitted to default
    error: cannot go on following [short]: AWS batch:DescribeJobs: The security token included in the request is expired (403)
    hint: log in (`aws login`, `aws sso login`, `aws configure`), or set AWS_PROFILE; nothing is lost, to come back: computes logs --follow [short], or computes wait [short]
    ");
    assert_eq!(account.jobs().len(), 1);
}

/// A network that is away for a while is told once, and ends nothing.
#[test]
fn a_network_that_comes_back_ends_no_wait() {
    let account = Account::new(Jobs::Stay);
    let mut looks = 0;
    let (seen, look) = std::sync::mpsc::channel();
    let proxy = Proxy::start(Aws::server().port(), move |request| {
        if request.path == "/v1/describejobs" {
            looks += 1;
            let _ = seen.send(looks);
            if (2..9).contains(&looks) {
                return Fault::RequestCut;
            }
        }
        Fault::None
    });
    let home = account.home_through(proxy.port()).with("AWS_MAX_ATTEMPTS", "1");
    let id = home.submit(["--name", "patient", "--", "true"]);
    let job = home.engine_id_of(&id);
    let run = std::thread::scope(|scope| {
        let wait = scope.spawn(|| home.run(["wait", "--limit", "60s", &id]));
        while look.recv().expect("a look") < 10 {}
        account.stage(&job, serde_json::json!({"status": "SUCCEEDED"}));
        wait.join().expect("it ends")
    });
    assert_eq!(run.code, 0, "{}", run.stderr);
    let told = run.stderr.matches("cannot look at the job just now").count();
    assert_eq!(told, 1, "{}", run.stderr);
}

#[test]
fn names_of_hosts_are_found_and_proxies_are_used() {
    let account = Account::new(Jobs::Succeed);
    let port = Aws::server().port();
    let by_name = account.home().with("AWS_ENDPOINT_URL", &format!("http://localhost:{port}"));
    by_name.submit(["--", "true"]);
    let proxy = Proxy::start(port, |_| Fault::None);
    let by_proxy = account
        .home()
        // No name server knows it: only the proxy is asked.
        .with("AWS_ENDPOINT_URL", "http://batch.invalid")
        .with("HTTP_PROXY", &format!("http://127.0.0.1:{}", proxy.port()));
    by_proxy.submit(["--", "true"]);
    assert_eq!((account.jobs().len(), proxy.requests().len()), (2, 1));
}

/// A company's file of authorities that holds one nobody can read.
#[test]
fn a_broken_file_of_authorities_is_no_end() {
    let account = Account::new(Jobs::Succeed);
    let home = account.home();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(home.work().join("ca.pem"), broken).expect("written");
    let home = home.with("AWS_CA_BUNDLE", "ca.pem");
    let run = home.run(["submit", "--quiet", "--", "true"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}
