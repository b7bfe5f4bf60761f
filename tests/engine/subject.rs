//! What the suite is run against.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Account, Aws, Home, Jobs};

/// An engine, and how it is met.
pub trait Subject {
    /// A home whose jobs go to this engine. `None` where the machine can't, once that was said.
    fn home() -> Option<Home>;

    /// The same where jobs may bring files along and leave some.
    fn carrying() -> Option<Home> {
        Self::home()
    }

    /// The same where a job that is to end has all the time that it takes.
    fn patient() -> Option<Home> {
        Self::home().map(|home| home.with("COMPUTES_LOCAL_GRACE", "1h"))
    }

    /// Where a job finds its source.
    const SOURCE: Option<&'static str> = Some("/source");

    /// Where a job finds its directory, as a shell understands it.
    const FILES: &'static str;

    /// What the first attempt of a job in the queue `default` finds in its environment.
    fn environment(home: &Home, job: &str) -> BTreeMap<String, String>;

    /// Where a job of this home stands.
    fn directory(home: &Home) -> PathBuf {
        home.work()
    }

    /// Where what a job sees as its directory lies on this machine.
    fn host_path(path: &str) -> PathBuf {
        path.into()
    }
}

/// The local engine, as it should be.
pub struct Mounted;
/// The local engine on a machine that has no namespaces for it.
pub struct NotMounted;
/// The local engine of a user who may do nothing.
pub struct Nobody;

const NOBODY: u32 = 65534;

impl Subject for Mounted {
    fn home() -> Option<Home> {
        can_mount(None).then(short_grace)
    }

    const FILES: &'static str = "/files";

    fn environment(home: &Home, job: &str) -> BTreeMap<String, String> {
        local(home, job)
    }
}

impl Subject for NotMounted {
    fn home() -> Option<Home> {
        Some(short_grace().with("COMPUTES_LOCAL_MOUNT", "off"))
    }

    const FILES: &'static str = "$COMPUTES_FILES";
    const SOURCE: Option<&'static str> = None;

    fn environment(home: &Home, job: &str) -> BTreeMap<String, String> {
        let mut environment = local(home, job);
        let files = home.state().join("files").join(job).display().to_string();
        environment.insert("COMPUTES_FILES".to_owned(), files);
        environment
    }
}

impl Subject for Nobody {
    fn home() -> Option<Home> {
        if !rustix::process::geteuid().is_root() {
            say("the tests as another user: they need the superuser to become one");
            return None;
        }
        can_mount(Some(NOBODY)).then(|| short_grace().of_user(NOBODY))
    }

    const FILES: &'static str = "/files";

    fn environment(home: &Home, job: &str) -> BTreeMap<String, String> {
        local(home, job)
    }
}

/// AWS Batch, as moto speaks for it: see tests/aws/server.py for what is its own.
pub struct OnAws;

impl Subject for OnAws {
    fn home() -> Option<Home> {
        let isolates = Aws::server().isolates();
        if !isolates {
            say("the tests on AWS Batch: without namespaces its jobs can't have /files");
        }
        isolates.then(|| Account::new(Jobs::Run).home())
    }

    fn patient() -> Option<Home> {
        Self::home().map(|_| Account::in_scene(Jobs::Run, &json!({"grace": 3600})).home())
    }

    fn carrying() -> Option<Home> {
        let account = Self::home().map(|_| Account::with_program(Jobs::Run, 0))?;
        let home = account.home().with("COMPUTES_AWS_LOOK", "100ms");
        Some(home.with("COMPUTES_BUCKET", &account.field("bucket")))
    }

    const FILES: &'static str = "/files";

    fn environment(home: &Home, job: &str) -> BTreeMap<String, String> {
        let mut environment = local(home, &home.batch_id(job));
        for (name, value) in [
            ("HOME", "/root"),
            ("AWS_BATCH_CE_NAME", "spot"),
            // The shell of the prefix sets it.
            ("PWD", "/"),
            // What the mask of its log goes by.
            ("COMPUTES_MASKED", "TOKEN"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        environment
    }

    fn directory(_: &Home) -> PathBuf {
        "/".into()
    }

    fn host_path(path: &str) -> PathBuf {
        Aws::server().host_path(path)
    }
}

/// The same with images that have `curl` and no program of ours.
pub struct ByUrls;

impl Subject for ByUrls {
    fn home() -> Option<Home> {
        OnAws::home()
    }

    fn carrying() -> Option<Home> {
        Self::home()?;
        let account = Account::new(Jobs::Run);
        let home = account.home().with("COMPUTES_FETCH", "urls");
        Some(home.with("COMPUTES_BUCKET", &account.field("bucket")))
    }

    const FILES: &'static str = "/files";

    fn environment(home: &Home, job: &str) -> BTreeMap<String, String> {
        OnAws::environment(home, job)
    }

    fn host_path(path: &str) -> PathBuf {
        OnAws::host_path(path)
    }
}

/// So that a job that has to be killed is killed soon.
fn short_grace() -> Home {
    Home::new().with("COMPUTES_LOCAL_GRACE", "1500ms")
}

fn local(home: &Home, job: &str) -> BTreeMap<String, String> {
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", &home.path().display().to_string()),
        ("AWS_BATCH_CE_NAME", "local"),
        ("AWS_BATCH_JOB_ATTEMPT", "1"),
        ("AWS_BATCH_JOB_ID", job),
        ("AWS_BATCH_JQ_NAME", "default"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Asks the machine and not the program, which might wrongly believe that it can't.
fn can_mount(user: Option<u32>) -> bool {
    let mut unshare = Command::new("unshare");
    if let Some(user) = user {
        unshare.uid(user).gid(user);
    }
    if !rustix::process::geteuid().is_root() || user.is_some() {
        unshare.arg("--user");
    }
    unshare.args(["--mount", "--pid", "--fork", "true"]);
    unshare.stdin(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    let can = unshare.status().is_ok_and(|status| status.success());
    if !can {
        say("the tests with /files: this machine gives no namespaces");
    }
    can
}

/// Aloud: not through the macros, whose output is kept back where a test passes.
fn say(skipped: &str) {
    writeln!(std::io::stderr(), "skipped {skipped}").expect("stderr");
}
