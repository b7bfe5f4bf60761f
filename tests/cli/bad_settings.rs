//! A computes.toml or a COMPUTES_* variable that is wrong: the place, and what was meant.

use super::stage::each;
use crate::support::Home;

/// What is said of a computes.toml, for each of several.
fn refused(files: &[&str]) -> String {
    let home = Home::new();
    each(files, |text| {
        home.write("computes.toml", text);
        let snapshot = home.refuses(&["submit", "--", "true"]);
        assert!(!snapshot.contains("hunter2"), "{snapshot}");
        snapshot
    })
}

#[test]
fn keys_that_are_wrong() {
    let files = [
        "queue = \"asap",
        "\n\n  quue = \"asap\"",
        "[local]\nleese = \"10s\"",
        "zzz = 1",
        "local = 1",
        "queue = \"asap\"\nqueue = \"asap\"",
    ];
    insta::assert_snapshot!(refused(&files), @r#"
    > queue = "asap
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:14: invalid basic string, expected `"`

    > 

      quue = "asap"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:3:3: unknown setting `quue`
    hint: did you mean `queue`?

    > [local]
    leese = "10s"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:2:1: unknown setting `local.leese`
    hint: did you mean `local.lease`?

    > zzz = 1
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:1: unknown setting `zzz`
    hint: the settings are engine, queue, job_definition, vcpus, memory, gpus, attempts, retry_on, retry_rules, timeout, secrets, env, tags, share, files, source, source_limit, outputs, get, history, bucket, fetch, efs_mount, local.lease, local.lost_retries, local.idle_exit, local.grace, local.mount, aws.poll, aws.timeout, aws.settle, aws.log_settle, aws.rate, aws.look, aws.start_within

    > local = 1
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:9: `local` takes a table, not a whole number

    > queue = "asap"
    queue = "asap"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:2:1: duplicate key
    "#);
}

#[test]
fn values_that_are_wrong() {
    let files = [
        "memory = \"1GX\"",
        "attempts = \"3\"",
        "attempts = 11",
        "timeout = 59",
        "queue = \"fast\"",
        "engine = \"cloud\"",
        "local.mount = \"yes\"",
        "local.lease = \"1ms\"",
        "efs_mount = \"relative\"",
    ];
    insta::assert_snapshot!(refused(&files), @r#"
    > memory = "1GX"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:10: `1GX` is no amount of memory: it is a number of MiB, or has a unit such as `1GiB` or `4GB`
    hint: as in --memory 512 or --memory 2GiB

    > attempts = "3"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:12: `attempts` takes a whole number, not text
    hint: leave the quotes out

    > attempts = 11
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:12: 11 attempts: AWS Batch takes 1 to 10
    hint: as in --attempts 3

    > timeout = 59
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:11: a timeout of 59 s is below the 60 s that AWS Batch asks for at least
    hint: as in --timeout 3600 or --timeout 1h

    > queue = "fast"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:9: there is no queue `fast`
    hint: the queues are default, asap, default-uninterruptible, asap-uninterruptible

    > engine = "cloud"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:10: there is no engine `cloud`
    hint: the engines are local, aws

    > local.mount = "yes"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:15: `yes` is neither `on` nor `off`, which `local.mount` has to be

    > local.lease = "1ms"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:15: `1ms` is too short: `local.lease` is at least 1s

    > efs_mount = "relative"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:13: `relative` is no absolute path, and `efs_mount` has to be one
    "#);
}

#[test]
fn variables_and_secrets_that_are_wrong() {
    let files = [
        "secrets = \"TOKEN\"",
        "secrets = [\"TOKEN=hunter2\"]",
        "env = { AWS_BATCH_X = \"1\" }",
        "secrets = [\"TOKEN\"]\nenv = { TOKEN = \"hunter2\" }",
        "env = { TOKEN = 7 }",
    ];
    insta::assert_snapshot!(refused(&files), @r#"
    > secrets = "TOKEN"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:11: `secrets` takes a list of names, not text
    hint: put it in brackets

    > secrets = ["TOKEN=hunter2"]
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:12: secret `TOKEN` is given with its value, and settings hold only the names of secrets
    hint: take the value out and export TOKEN: it is read from your environment when a job is submitted

    > env = { AWS_BATCH_X = "1" }
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:9: environment variable `AWS_BATCH_X`: names starting with `AWS_BATCH` belong to AWS Batch
    hint: choose another name; the job is given Batch's own variables anyway

    > secrets = ["TOKEN"]
    env = { TOKEN = "hunter2" }
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:2:9: secret `TOKEN` is given with its value, and settings hold only the names of secrets
    hint: take the value out and export TOKEN: it is read from your environment when a job is submitted

    > env = { TOKEN = 7 }
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:17: `env.TOKEN` takes text in quotes, not a whole number
    hint: put it in quotes
    "#);
}

#[test]
fn a_file_that_is_no_text() {
    let home = Home::new();
    std::fs::write(home.work().join("computes.toml"), b"# \xff\n").expect("written");
    insta::assert_snapshot!(home.refuses(&["list"]), @r"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:3: not valid UTF-8
    hint: save it as UTF-8
    ");
}

#[test]
fn a_file_that_cannot_be_read() {
    let home = Home::new();
    std::fs::create_dir(home.work().join("computes.toml")).expect("a directory");
    insta::assert_snapshot!(home.refuses(&["list"]), @r"
    exit code 2
    --- stderr
    error: cannot read `[home]/here/computes.toml`: Is a directory (os error 21)
    hint: make the file readable, or move it away
    ");
}

#[test]
fn the_users_own_file() {
    let home = Home::new();
    let users = home.path().join(".config/computes");
    std::fs::create_dir_all(&users).expect("a directory");
    std::fs::write(users.join("computes.toml"), "cpus = 2\n").expect("written");
    insta::assert_snapshot!(home.refuses(&["list"]), @r"
    exit code 2
    --- stderr
    error: [home]/.config/computes/computes.toml:1:1: unknown setting `cpus`
    hint: did you mean `vcpus`?
    ");
}

#[test]
fn variables_that_are_wrong() {
    let variables = [
        "COMPUTES_QUEUE=fast",
        "COMPUTES_ATTEMPTS=0",
        "COMPUTES_MEMORY=1GX",
        "COMPUTES_VCPUS=0",
        "COMPUTES_TIMEOUT=soon",
        "COMPUTES_LOCAL_GRACE=soon",
        "COMPUTES_LOCAL_MOUNT=yes",
        "COMPUTES_GPUS=many",
    ];
    let refused = |variable: &&str| {
        let (name, value) = variable.split_once('=').expect("a variable");
        Home::new().with(name, value).refuses(&["submit", "--", "true"])
    };
    insta::assert_snapshot!(each(&variables, refused), @"
    > COMPUTES_QUEUE=fast
    exit code 2
    --- stderr
    error: COMPUTES_QUEUE: there is no queue `fast`
    hint: the queues are default, asap, default-uninterruptible, asap-uninterruptible

    > COMPUTES_ATTEMPTS=0
    exit code 2
    --- stderr
    error: COMPUTES_ATTEMPTS: 0 attempts: AWS Batch takes 1 to 10
    hint: as in --attempts 3

    > COMPUTES_MEMORY=1GX
    exit code 2
    --- stderr
    error: COMPUTES_MEMORY: `1GX` is no amount of memory: it is a number of MiB, or has a unit such as `1GiB` or `4GB`
    hint: as in --memory 512 or --memory 2GiB

    > COMPUTES_VCPUS=0
    exit code 2
    --- stderr
    error: COMPUTES_VCPUS: `0` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024
    hint: as in --vcpus 2

    > COMPUTES_TIMEOUT=soon
    exit code 2
    --- stderr
    error: COMPUTES_TIMEOUT: `soon` is no duration: it is a number of seconds, or has units such as `90m` or `1h`
    hint: as in --timeout 3600 or --timeout 1h

    > COMPUTES_LOCAL_GRACE=soon
    exit code 2
    --- stderr
    error: COMPUTES_LOCAL_GRACE: `soon` is no duration: `local.grace` takes a number of seconds, or units such as `500ms` or `1h`

    > COMPUTES_LOCAL_MOUNT=yes
    exit code 2
    --- stderr
    error: COMPUTES_LOCAL_MOUNT: `yes` is neither `on` nor `off`, which `local.mount` has to be

    > COMPUTES_GPUS=many
    exit code 2
    --- stderr
    error: COMPUTES_GPUS: `many` is no number of GPUs: it is a whole number from 0 to 1024
    hint: as in --gpus 1
    ");
}

#[test]
fn no_place_for_the_state() {
    let home = Home::new();
    let mut command = home.command(["list"]);
    insta::assert_snapshot!(home.run_command(command.env_remove("HOME")).snapshot(), @r"
    exit code 2
    --- stderr
    error: there is no place for the state directory: none of COMPUTES_STATE_DIR, XDG_STATE_HOME and HOME is set to an absolute path
    hint: set COMPUTES_STATE_DIR to a directory on a disk of this machine
    ");
}

#[test]
fn in_json() {
    let home = Home::new();
    home.write("computes.toml", "quue = \"asap\"");
    insta::assert_snapshot!(home.refuses(&["--json", "list"]), @r#"
    exit code 2
    --- stderr
    {"error":"[home]/here/computes.toml:1:1: unknown setting `quue`","hint":"did you mean `queue`?","exit_code":2}
    "#);
}
