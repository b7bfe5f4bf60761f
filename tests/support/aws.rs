//! A server that speaks the protocols of AWS: moto, with jobs that really run. See
//! tests/aws/server.py.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;

use computes::job::Address;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Home, python_tool, root};

/// The one server of all tests, started by the first that needs it. It ends with this process,
/// which holds its stdin.
pub struct Aws {
    port: u16,
    /// What jobs see as `/mnt/efs`.
    efs: PathBuf,
    /// Do jobs have namespaces of their own?
    isolates: bool,
    _process: Child,
}

static SERVER: OnceLock<Aws> = OnceLock::new();

/// What becomes of jobs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    /// They run.
    Run,
    /// They succeed at once.
    Succeed,
    /// They stay as they are until the test says how they stand.
    Stay,
}

impl Aws {
    pub fn server() -> &'static Self {
        SERVER.get_or_init(Self::start)
    }

    fn start() -> Self {
        let mut process = python_tool("python")
            .arg(root().join("tests/aws/server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).expect("json");
        Self {
            port: u16::try_from(said["port"].as_u64().expect("a port")).expect("a port"),
            efs: said["efs"].as_str().expect("a path").into(),
            isolates: said["isolated"].as_bool().expect("a truth"),
            _process: process,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where a path below `/mnt/efs` lies on this machine.
    pub fn host_path(&self, path: &str) -> PathBuf {
        let below = path.strip_prefix("/mnt/efs/").expect("a path of the file system");
        self.efs.join(below)
    }

    pub fn isolates(&self) -> bool {
        self.isolates
    }

    /// Asks the server for what no call of AWS does.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        write!(
            stream,
            "{method} /computes-test/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        serde_json::from_str(body).expect("json")
    }
}

/// An account of its own for each test: queues, compute environments, a job definition, a file
/// system and a log group, and nobody else's jobs.
pub struct Account {
    made: Value,
}

/// What AWS takes seconds for, the server of the tests does at once.
pub fn at_short_intervals(home: Home) -> Home {
    home.with("COMPUTES_AWS_POLL", "20ms")
        .with("COMPUTES_AWS_SETTLE", "100ms")
        .with("COMPUTES_AWS_LOG_SETTLE", "200ms")
}

impl Account {
    pub fn new(jobs: Jobs) -> Self {
        Self::with(jobs, false)
    }

    /// One that has nothing of what jobs need.
    pub fn bare(jobs: Jobs) -> Self {
        Self::with(jobs, true)
    }

    fn with(jobs: Jobs, bare: bool) -> Self {
        Self::asked(&json!({"run": jobs == Jobs::Run, "hold": jobs == Jobs::Stay, "bare": bare}))
    }

    /// One whose jobs have this program in their image, and find AWS at a port.
    pub fn with_program(jobs: Jobs, port: u16) -> Self {
        Self::with_program_in_scene(jobs, port, &json!({}))
    }

    /// Both.
    pub fn with_program_in_scene(jobs: Jobs, port: u16, scene: &Value) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_computes"));
        let folder = program.parent().expect("a folder");
        let (run, hold) = (jobs == Jobs::Run, jobs == Jobs::Stay);
        let asked = json!({
            "run": run, "hold": hold, "program": folder, "port": port, "scene": scene,
        });
        Self::asked(&asked)
    }

    /// One whose image or whose calls are as the scene says, see server.py.
    pub fn in_scene(jobs: Jobs, scene: &Value) -> Self {
        let (run, hold) = (jobs == Jobs::Run, jobs == Jobs::Stay);
        Self::asked(&json!({"run": run, "hold": hold, "scene": scene}))
    }

    fn asked(asked: &Value) -> Self {
        Self { made: Aws::server().ask("POST", "account", asked) }
    }

    pub fn field(&self, name: &str) -> String {
        self.made[name].as_str().expect("a text").to_owned()
    }

    pub fn fields(&self, name: &str) -> Vec<String> {
        let list = self.made[name].as_array().expect("a list").iter();
        list.map(|it| it.as_str().expect("a text").to_owned()).collect()
    }

    /// The ARN of the job definition `default`.
    pub fn definition_arn(&self) -> String {
        let words = ["batch", "describe-job-definitions", "--job-definition-name", "default"];
        let found = self.aws(&words);
        let arn = found["jobDefinitions"][0]["jobDefinitionArn"].as_str();
        arn.expect("an ARN").to_owned()
    }

    pub fn id(&self) -> String {
        self.field("accountId")
    }

    /// What the usual variables of AWS say.
    pub fn variables(&self, port: u16) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{port}");
        [
            ("AWS_ACCESS_KEY_ID", self.field("accessKeyId")),
            ("AWS_SECRET_ACCESS_KEY", self.field("secretAccessKey")),
            ("AWS_SESSION_TOKEN", self.field("sessionToken")),
            ("AWS_REGION", self.field("region")),
            ("AWS_ENDPOINT_URL", endpoint),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// A home whose jobs go to this account.
    pub fn home(&self) -> Home {
        self.home_through(Aws::server().port())
    }

    /// A home whose calls go by way of another port.
    pub fn home_through(&self, port: u16) -> Home {
        let home = at_short_intervals(Home::new()).with("COMPUTES_ENGINE", "aws");
        self.variables(port).iter().fold(home, |home, (name, value)| home.with(name, value))
    }

    /// The bodies of all `SubmitJob` requests, as they came.
    pub fn requests(&self) -> Vec<Value> {
        self.list("requests")
    }

    /// Every job of the account.
    pub fn jobs(&self) -> Vec<Value> {
        self.list("jobs")
    }

    fn list(&self, what: &str) -> Vec<Value> {
        let path = format!("{what}?accountId={}", self.id());
        Aws::server().ask("GET", &path, &Value::Null).as_array().expect("a list").clone()
    }

    /// From here on these calls are answered as those that IAM forbids.
    pub fn deny(&self, actions: &[&str]) {
        self.tell("deny", json!({"actions": actions}));
    }

    /// From here on what this policy does not allow is forbidden.
    pub fn allow(&self, policy: &Value) {
        self.tell("allow", json!({"policy": policy}));
    }

    /// Makes all objects of the bucket older, by so many days.
    pub fn age_objects(&self, days: u32) {
        self.tell("age", json!({"days": days}));
    }

    /// The same for the role of jobs.
    pub fn allow_jobs(&self, policy: &Value) {
        self.tell("allow", json!({"policy": policy, "jobs": true}));
    }

    /// What Batch says of a job from here on.
    pub fn stage(&self, job: &str, mut says: Value) {
        says["jobId"] = job.into();
        self.tell("job", says);
    }

    /// Puts lines into a log.
    pub fn log(&self, stream: &str, lines: &[&str]) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = u64::try_from(now.expect("a time").as_millis()).expect("a number");
        let events: Vec<_> = lines.iter().map(|line| json!([now, line])).collect();
        self.tell("log", json!({"stream": stream, "events": events}));
    }

    /// Calls the AWS CLI, for what the program itself never does.
    pub fn aws(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.aws_text(words)).unwrap_or_default()
    }

    /// The same as it is printed.
    pub fn aws_text(&self, words: &[&str]) -> String {
        let output = python_tool("aws")
            .args(words)
            .env_clear()
            .envs(self.variables(Aws::server().port()))
            .env("AWS_DEFAULT_REGION", self.field("region"))
            .stdin(Stdio::null())
            .output()
            .expect("the AWS CLI starts");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Registers a job definition of one container, with what every one needs and this says nothing
    /// of.
    pub fn register(&self, name: &str, container: &Value) {
        self.register_with(name, container, &[]);
    }

    /// The same, with more options of the AWS CLI.
    pub fn register_with(&self, name: &str, container: &Value, options: &[&str]) {
        let mut whole = json!({
            "image": "busybox",
            "command": ["true"],
            "resourceRequirements":
                [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
        });
        for (name, value) in container.as_object().expect("an object") {
            whole[name] = value.clone();
        }
        let container = whole.to_string();
        let words = [
            "batch",
            "register-job-definition",
            "--job-definition-name",
            name,
            "--type",
            "container",
            "--container-properties",
            &container,
        ];
        self.aws(&[&words, options].concat());
    }

    /// Pushes an image that has no ENTRYPOINT to a repository that is made for it, and gives its name.
    pub fn push(&self, region: &str, repository: &str, tag: &str) -> String {
        // Of what server.py gives out.
        let config = Address::of_hash(Sha256::digest(r#"{"config": {}}"#).into());
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "layers": [],
            "config": {"digest": format!("sha256:{config}"), "size": 14},
        });
        let ecr = |words: &[&str]| self.aws(&[&["ecr", "--region", region], words].concat());
        ecr(&["create-repository", "--repository-name", repository]);
        let (to, manifest) = (["--repository-name", repository], manifest.to_string());
        let what = ["--image-tag", tag, "--image-manifest", &manifest];
        ecr(&[&["put-image"], to.as_slice(), &what].concat());
        format!("{}.dkr.ecr.{region}.amazonaws.com/{repository}:{tag}", self.id())
    }

    /// Waits until Batch says that of a job.
    pub fn until(&self, job: &str, status: &str) {
        super::eventually(&format!("{job} is {status}"), || {
            self.jobs().iter().any(|it| it["jobId"] == job && it["status"] == status).then_some(())
        });
    }

    fn tell(&self, what: &str, mut body: Value) {
        body["accountId"] = self.id().into();
        Aws::server().ask("POST", what, &body);
    }
}
