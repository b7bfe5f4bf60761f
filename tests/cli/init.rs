//! `computes init`: a file that explains itself.

use std::path::Path;

use crate::support::Home;

#[test]
#[expect(clippy::too_many_lines, reason = "the file is long")]
fn the_file() {
    let home = Home::new();
    insta::assert_snapshot!(home.looks(&["init", "--print"]), @r#"
    exit code 0
    --- stdout
    # Settings of computes. Those of this file hold for the directory it is in and all below it.
    #
    # Flags win over environment variables, these over this file, and this file over the one in
    # ~/.config/computes. What stands here without a space after the `#` is the default, or an
    # example where there is none.


    # Where jobs go

    # What runs the jobs.
    # Takes `"local"` or `"aws"`; COMPUTES_ENGINE
    #engine = "local"

    # How urgent a job is, and whether its host may be taken away.
    # Takes `"default"`, `"asap"`, `"default-uninterruptible"` or `"asap-uninterruptible"`; COMPUTES_QUEUE
    #queue = "default"

    # The job definition on AWS: a name, `name:revision` or an ARN.
    # Takes text in quotes; COMPUTES_JOB_DEFINITION
    #job_definition = "default"


    # What every job gets, unless it says otherwise

    # Virtual processors: 0.25, 0.5 or a whole number.
    # Takes a number; on AWS by default the job definition's; COMPUTES_VCPUS
    #vcpus = 1

    # Memory; a job that takes more is killed.
    # Takes a number of MiB or a size such as `"1GiB"`; on AWS by default the job definition's; COMPUTES_MEMORY
    #memory = "1GiB"

    # GPUs, all of them the job's own; 0 takes none away that the job definition has.
    # Takes a whole number; on AWS by default the job definition's; COMPUTES_GPUS
    #gpus = 0

    # How often a job is started at the most, from 1 to 10.
    # Takes a whole number; on AWS by default the job definition's; COMPUTES_ATTEMPTS
    #attempts = 1

    # What is tried again; it is said with `attempts`, and without them says nothing.
    # Takes `"interruption"` or `"any"`; COMPUTES_RETRY_ON
    #retry_on = "interruption"

    # Rules of your own in the place of `retry_on`: `evaluateOnExit` of AWS Batch.
    # Takes a list of rules, each a table with `action` and patterns; none by default
    #retry_rules = [{ onExitCode = "75", action = "RETRY" }, { onReason = "*", action = "EXIT" }]

    # How long an attempt may run, at least 60 seconds; without it, on AWS, as its definition says.
    # Takes a number of seconds or a duration such as `"1h"`; none by default; COMPUTES_TIMEOUT
    #timeout = "1h"

    # Names of secret variables; their values come from the environment you submit from.
    # Takes a list of names; none by default; COMPUTES_SECRETS
    #secrets = ["NPM_TOKEN"]

    # Environment variables; one without a value is yours, as PATH for tools of your own.
    # Takes a table of names and texts, or a list of `"NAME"` and `"NAME=value"`; none by default
    #env = ["PATH", "CI=true"]

    # Tags that the job has on AWS.
    # Takes a table of names and texts; none by default
    #tags = { team = "build" }

    # Whose share of a fair-share queue the job uses.
    # Takes text in quotes; none by default; COMPUTES_SHARE
    #share = "build"

    # What `/files` is: kept from attempt to attempt, fresh for each, or none at all.
    # Takes `"kept"`, `"fresh"` or `"none"`; COMPUTES_FILES
    #files = "kept"

    # What of your repository goes along: the tree as it stands, the commit, or nothing.
    # Takes `"tree"`, `"commit"` or `"image"`; COMPUTES_SOURCE
    #source = "image"

    # How large the files of a source may be together, and what a job reads on its stdin.
    # Takes a number of MiB or a size such as `"1GiB"`; COMPUTES_SOURCE_LIMIT
    #source_limit = "256MiB"

    # What is kept as the result: paths and patterns in `/files`, and in the source from `/source` on.
    # Takes a list of names; none by default; COMPUTES_OUTPUTS
    #outputs = ["dist", "*.log"]

    # Whether `run` and `wait` bring outputs of the source back into the checkout.
    # Takes `"on"` or `"off"`; COMPUTES_GET
    #get = "off"


    # What is kept

    # How long jobs are kept that are over; without it until `computes prune` removes them.
    # Takes a number of seconds or a duration such as `"1h"`; none by default; COMPUTES_HISTORY
    #history = "90d"


    # Files on AWS

    # The bucket for sources, inputs and results: a name, or `s3://NAME/PREFIX`.
    # Takes text in quotes; none by default; COMPUTES_BUCKET
    #bucket = "s3://builds"

    # What fetches them in a job: `computes`, which the image then holds, or URLs by `curl` or `wget`.
    # Takes `"program"` or `"urls"`; COMPUTES_FETCH
    #fetch = "program"

    # Where the job definition mounts the file system that all jobs share.
    # Takes text in quotes; COMPUTES_EFS_MOUNT
    #efs_mount = "/mnt/efs"


    # The engine on this machine
    [local]

    # A worker that is silent for so long loses its jobs; at least 1s.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_LOCAL_LEASE
    #lease = "10s"

    # How often a job that lost its worker is started again.
    # Takes a whole number; COMPUTES_LOCAL_LOST_RETRIES
    #lost_retries = 2

    # A background worker with nothing to do leaves after so long.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_LOCAL_IDLE_EXIT
    #idle_exit = "60s"

    # How long a job has from SIGTERM to SIGKILL, as AWS Batch gives it.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_LOCAL_GRACE
    #grace = "30s"

    # Whether a job finds its directory at `/files` where the machine can do that.
    # Takes `"on"` or `"off"`; COMPUTES_LOCAL_MOUNT
    #mount = "on"


    # How AWS is asked
    [aws]

    # The shortest time between two looks at a job; it grows with the time the job takes.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_AWS_POLL
    #poll = "2s"

    # How long an answer of AWS is waited for.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_AWS_TIMEOUT
    #timeout = "20s"

    # How long a job is looked for whose acceptance is unclear, before it is sent again.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_AWS_SETTLE
    #settle = "10s"

    # How long after a job's end its log is waited for; four times as long while it is empty.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_AWS_LOG_SETTLE
    #log_settle = "15s"

    # Calls a second; AWS takes 50 of an account and region.
    # Takes a whole number; COMPUTES_AWS_RATE
    #rate = 40

    # How often a running job looks for files that were put to it, and keeps its outputs.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_AWS_LOOK
    #look = "15s"

    # How long a job that fetches by URLs may wait until it starts; URLs that hold for less are refused.
    # Takes a number of seconds or a duration such as `"1h"`; COMPUTES_AWS_START_WITHIN
    #start_within = "30m"
    "#);
}

#[test]
fn it_is_written_once() {
    let home = Home::new();
    insta::assert_snapshot!(home.looks(&["init"]), @"
    exit code 0
    --- stderr
    wrote computes.toml
    nothing is switched on: there is no git repository here to send along
    ");
    let written = std::fs::read_to_string(home.work().join("computes.toml")).expect("a file");
    assert_eq!(written, home.run(["init", "--print"]).stdout);
    home.write("computes.toml", "queue = \"asap\"\n");
    insta::assert_snapshot!(home.refuses(&["init"]), @r"
    exit code 2
    --- stderr
    error: there is a `computes.toml` already
    hint: `computes init --print` shows what it would hold
    ");
    let kept = std::fs::read_to_string(home.work().join("computes.toml")).expect("a file");
    assert_eq!(kept, "queue = \"asap\"\n");
}

#[test]
fn a_repository_without_a_working_tree() {
    let home = Home::new();
    let mut git = home.command_of(Path::new("git"), ["init", "--quiet", "--bare"]);
    assert_eq!(home.run_command(&mut git).code, 0);
    insta::assert_snapshot!(home.run(["init"]).snapshot(), @"
    exit code 0
    --- stderr
    wrote computes.toml
    nothing is switched on: `.` is in a git repository, and in no working tree of it
    ");
}

#[test]
fn what_it_writes_is_what_holds_anyway() {
    let home = Home::new();
    let before = home.run(["submit", "--dry-run", "--", "true"]);
    home.run(["init"]);
    let after = home.run(["submit", "--dry-run", "--", "true"]);
    assert_eq!((after.code, after.stdout), (0, before.stdout));
}

/// Each line that is commented out is a setting that can be had by taking the `#` away.
#[test]
fn every_commented_setting_is_accepted() {
    let home = Home::new();
    let text = home.run(["init", "--print"]).stdout;
    let plain: Vec<_> = text
        .lines()
        .map(|line| {
            let setting = line.strip_prefix('#').map(str::trim_start);
            let setting = setting.filter(|it| it.contains(" = ") || it.starts_with('['));
            setting.unwrap_or(line)
        })
        .collect();
    let plain = plain.join("\n");
    assert_ne!(plain, text);
    home.write("computes.toml", &plain);
    let run = home.run_with_env(&[("NPM_TOKEN", "x")], &["submit", "--dry-run", "--", "true"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{plain}");
}

#[test]
fn in_json() {
    insta::assert_snapshot!(Home::new().looks(&["init", "--json"]), @r#"
    exit code 0
    --- stdout
    {"file":"computes.toml","settings":{}}
    "#);
}

#[test]
fn a_directory_that_cannot_be_written() {
    let home = Home::new();
    let run = home.run_command(home.command(["init"]).current_dir("/proc/self"));
    insta::assert_snapshot!(run.snapshot(), @"
    exit code 125
    --- stderr
    error: cannot write `computes.toml`: No such file or directory (os error 2)
    hint: stand where you may write, or take it from `computes init --print`
    ");
}
