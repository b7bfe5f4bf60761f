//! The table of settings: the one place that knows them all.

use crate::job::{Draft, Memory, Queue, SizeError, Source, SpecError};
use crate::plan::{Bucket, Fetch, FilesMount, UnknownFetch};

use crate::engine::{EngineName, UnknownEngine};

use super::{Kind, Preset, Problem, Setting, local};

/// Every setting there is, in the order in which they are shown.
#[must_use]
pub fn settings() -> &'static [Setting] {
    &SETTINGS
}

const QUEUES: [&str; Queue::ALL.len()] = [
    Queue::ALL[0].as_str(),
    Queue::ALL[1].as_str(),
    Queue::ALL[2].as_str(),
    Queue::ALL[3].as_str(),
];

const ENGINES: [&str; EngineName::ALL.len()] =
    [EngineName::ALL[0].as_str(), EngineName::ALL[1].as_str()];

const SOURCES: [&str; Source::ALL.len()] =
    [Source::ALL[0].as_str(), Source::ALL[1].as_str(), Source::ALL[2].as_str()];

const FETCHES: [&str; Fetch::ALL.len()] = [Fetch::ALL[0].as_str(), Fetch::ALL[1].as_str()];

const WHERE: &str = "Where jobs go";
const WHAT: &str = "What every job gets, unless it says otherwise";
const KEPT: &str = "What is kept";
const FILES: &str = "Files on AWS";
const LOCAL: &str = "The engine on this machine";
const AWS: &str = "How AWS is asked";

static SETTINGS: [Setting; 35] = [
    Setting {
        key: "engine",
        group: WHERE,
        kind: Kind::Choice(&ENGINES),
        default: Preset::Is("local"),
        doc: "What runs the jobs.",
        store: |config, said| {
            config.engine =
                said.text()?.parse().map_err(|error: UnknownEngine| said.wrong(error))?;
            Ok(())
        },
    },
    Setting {
        key: "queue",
        group: WHERE,
        kind: Kind::Choice(&QUEUES),
        default: Preset::Is("default"),
        doc: "How urgent a job is, and whether its host may be taken away.",
        store: |config, said| config.say_text(said, |job, text| job.queue = Some(text)),
    },
    Setting {
        key: "job_definition",
        group: WHERE,
        kind: Kind::Text,
        default: Preset::Is("default"),
        doc: "The job definition on AWS: a name, `name:revision` or an ARN.",
        store: |config, said| config.say_text(said, |job, text| job.job_definition = Some(text)),
    },
    Setting {
        key: "vcpus",
        group: WHAT,
        kind: Kind::Number,
        default: Preset::OnThisMachine("1"),
        doc: "Virtual processors: 0.25, 0.5 or a whole number.",
        store: |config, said| config.say_text(said, |job, text| job.vcpus = Some(text)),
    },
    Setting {
        key: "memory",
        group: WHAT,
        kind: Kind::Size,
        default: Preset::OnThisMachine("1GiB"),
        doc: "Memory; a job that takes more is killed.",
        store: |config, said| config.say_text(said, |job, text| job.memory = Some(text)),
    },
    Setting {
        key: "gpus",
        group: WHAT,
        kind: Kind::WholeNumber,
        default: Preset::OnThisMachine("0"),
        doc: "GPUs, all of them the job's own; 0 takes none away that the job definition has.",
        store: |config, said| {
            let text = said.text()?;
            let wrong = |_| said.wrong(SpecError::from(SizeError::Gpus(text.clone())));
            let gpus = text.parse().map_err(wrong)?;
            config.say(&said.place(), Draft { gpus: Some(gpus), ..Draft::default() })
        },
    },
    Setting {
        key: "attempts",
        group: WHAT,
        kind: Kind::WholeNumber,
        default: Preset::OnThisMachine("1"),
        doc: "How often a job is started at the most, from 1 to 10.",
        store: |config, said| {
            let attempts = Some(said.whole()?);
            config.say(&said.place(), Draft { attempts, ..Draft::default() })
        },
    },
    Setting {
        key: "retry_on",
        group: WHAT,
        kind: Kind::Choice(&["interruption", "any"]),
        default: Preset::Is("interruption"),
        doc: "What is tried again; it is said with `attempts`, and without them says nothing.",
        store: |config, said| config.say_text(said, |job, text| job.retry_on = Some(text)),
    },
    Setting {
        key: "retry_rules",
        group: WHAT,
        kind: Kind::Rules,
        default: Preset::Nothing {
            example: r#"[{ onExitCode = "75", action = "RETRY" }, { onReason = "*", action = "EXIT" }]"#,
        },
        doc: "Rules of your own in the place of `retry_on`: `evaluateOnExit` of AWS Batch.",
        store: |config, said| config.say_rules(said),
    },
    Setting {
        key: "timeout",
        group: WHAT,
        kind: Kind::Duration,
        default: Preset::Nothing { example: "1h" },
        doc: "How long an attempt may run, at least 60 seconds; without it, on AWS, as its definition says.",
        store: |config, said| config.say_text(said, |job, text| job.timeout = Some(text)),
    },
    Setting {
        key: "secrets",
        group: WHAT,
        kind: Kind::Names,
        default: Preset::Nothing { example: r#"["NPM_TOKEN"]"# },
        doc: "Names of secret variables; their values come from the environment you submit from.",
        store: |config, said| config.say_secrets(said),
    },
    Setting {
        key: "env",
        group: WHAT,
        kind: Kind::Environment,
        default: Preset::Nothing { example: r#"["PATH", "CI=true"]"# },
        doc: "Environment variables; one without a value is yours, as PATH for tools of your own.",
        store: |config, said| config.say_environment(said),
    },
    Setting {
        key: "tags",
        group: WHAT,
        kind: Kind::Table,
        default: Preset::Nothing { example: r#"{ team = "build" }"# },
        doc: "Tags that the job has on AWS.",
        store: |config, said| config.say_tags(said),
    },
    Setting {
        key: "share",
        group: WHAT,
        kind: Kind::Text,
        default: Preset::Nothing { example: "build" },
        doc: "Whose share of a fair-share queue the job uses.",
        store: |config, said| config.say_text(said, |job, text| job.share = Some(text)),
    },
    Setting {
        key: "files",
        group: WHAT,
        kind: Kind::Choice(&["kept", "fresh", "none"]),
        default: Preset::Is("kept"),
        doc: "What `/files` is: kept from attempt to attempt, fresh for each, or none at all.",
        store: |config, said| config.say_text(said, |job, text| job.files = Some(text)),
    },
    Setting {
        key: "source",
        group: WHAT,
        kind: Kind::Choice(&SOURCES),
        default: Preset::Is("image"),
        doc: "What of your repository goes along: the tree as it stands, the commit, or nothing.",
        store: |config, said| config.say_text(said, |job, text| job.source = Some(text)),
    },
    Setting {
        key: "source_limit",
        group: WHAT,
        kind: Kind::Size,
        default: Preset::Is("256MiB"),
        doc: "How large the files of a source may be together, and what a job reads on its stdin.",
        store: |config, said| {
            let size = said.text()?;
            let memory: Memory = match size.parse() {
                // No memory is meant.
                Err(SizeError::TooLittleMemory(_)) => {
                    let (key, least) = ("source_limit", "4MiB");
                    return Err(said.wrong(Problem::TooSmall { key, text: size, least }));
                }
                size => size.map_err(|error: SizeError| said.wrong(SpecError::from(error)))?,
            };
            config.source_limit = memory.bytes();
            Ok(())
        },
    },
    Setting {
        key: "outputs",
        group: WHAT,
        kind: Kind::Names,
        default: Preset::Nothing { example: r#"["dist", "*.log"]"# },
        doc: "What is kept as the result: paths and patterns in `/files`, and in the source from `/source` on.",
        store: |config, said| config.say_outputs(said),
    },
    Setting {
        key: "get",
        group: WHAT,
        kind: Kind::Choice(&["on", "off"]),
        default: Preset::Is("off"),
        doc: "Whether `run` and `wait` bring outputs of the source back into the checkout.",
        store: |config, said| {
            config.get = said.on_or_off()?;
            Ok(())
        },
    },
    Setting {
        key: "history",
        group: KEPT,
        kind: Kind::Duration,
        default: Preset::Nothing { example: "90d" },
        doc: "How long jobs are kept that are over; without it until `computes prune` removes them.",
        store: |config, said| {
            config.local.history = Some(local::history(said)?);
            Ok(())
        },
    },
    Setting {
        key: "bucket",
        group: FILES,
        kind: Kind::Text,
        default: Preset::Nothing { example: "s3://builds" },
        doc: "The bucket for sources, inputs and results: a name, or `s3://NAME/PREFIX`.",
        store: |config, said| {
            let text = said.text()?;
            config.bucket = Some(text.parse::<Bucket>().map_err(|error| said.wrong(error))?);
            Ok(())
        },
    },
    Setting {
        key: "fetch",
        group: FILES,
        kind: Kind::Choice(&FETCHES),
        default: Preset::Is("program"),
        doc: "What fetches them in a job: `computes`, which the image then holds, or URLs by `curl` or `wget`.",
        store: |config, said| {
            config.fetch = said.text()?.parse().map_err(|error: UnknownFetch| said.wrong(error))?;
            Ok(())
        },
    },
    Setting {
        key: "efs_mount",
        group: FILES,
        kind: Kind::Text,
        default: Preset::Is("/mnt/efs"),
        doc: "Where the job definition mounts the file system that all jobs share.",
        store: |config, said| {
            let text = said.text()?;
            if !text.starts_with('/') || text.contains('\0') {
                return Err(said.wrong(Problem::NotAbsolute { key: said.key(), text }));
            }
            config.files_mount = FilesMount(text);
            Ok(())
        },
    },
    Setting {
        key: "local.lease",
        group: LOCAL,
        kind: Kind::Duration,
        default: Preset::Is("10s"),
        doc: "A worker that is silent for so long loses its jobs; at least 1s.",
        store: |config, said| {
            config.local.lease = local::lease(said)?;
            Ok(())
        },
    },
    Setting {
        key: "local.lost_retries",
        group: LOCAL,
        kind: Kind::WholeNumber,
        default: Preset::Is("2"),
        doc: "How often a job that lost its worker is started again.",
        store: |config, said| {
            config.local.lost_retries = said.whole()?;
            Ok(())
        },
    },
    Setting {
        key: "local.idle_exit",
        group: LOCAL,
        kind: Kind::Duration,
        default: Preset::Is("60s"),
        doc: "A background worker with nothing to do leaves after so long.",
        store: |config, said| {
            config.local.idle_exit = local::duration(said)?;
            Ok(())
        },
    },
    Setting {
        key: "local.grace",
        group: LOCAL,
        kind: Kind::Duration,
        default: Preset::Is("30s"),
        doc: "How long a job has from SIGTERM to SIGKILL, as AWS Batch gives it.",
        store: |config, said| {
            config.local.grace = local::duration(said)?;
            Ok(())
        },
    },
    Setting {
        key: "local.mount",
        group: LOCAL,
        kind: Kind::Choice(&["on", "off"]),
        default: Preset::Is("on"),
        doc: "Whether a job finds its directory at `/files` where the machine can do that.",
        store: |config, said| {
            config.local.mount = said.on_or_off()?;
            Ok(())
        },
    },
    Setting {
        key: "aws.poll",
        group: AWS,
        kind: Kind::Duration,
        default: Preset::Is("2s"),
        doc: "The shortest time between two looks at a job; it grows with the time the job takes.",
        store: |config, said| {
            config.aws.poll = local::duration(said)?;
            Ok(())
        },
    },
    Setting {
        key: "aws.timeout",
        group: AWS,
        kind: Kind::Duration,
        default: Preset::Is("20s"),
        doc: "How long an answer of AWS is waited for.",
        store: |config, said| {
            config.aws.timeout = local::duration(said)?;
            Ok(())
        },
    },
    Setting {
        key: "aws.settle",
        group: AWS,
        kind: Kind::Duration,
        default: Preset::Is("10s"),
        doc: "How long a job is looked for whose acceptance is unclear, before it is sent again.",
        store: |config, said| {
            config.aws.settle = local::duration(said)?;
            Ok(())
        },
    },
    Setting {
        key: "aws.log_settle",
        group: AWS,
        kind: Kind::Duration,
        default: Preset::Is("15s"),
        doc: "How long after a job's end its log is waited for; four times as long while it is empty.",
        store: |config, said| {
            config.aws.log_settle = local::duration(said)?;
            Ok(())
        },
    },
    Setting {
        key: "aws.rate",
        group: AWS,
        kind: Kind::WholeNumber,
        default: Preset::Is("40"),
        doc: "Calls a second; AWS takes 50 of an account and region.",
        store: |config, said| {
            let rate: u32 = said.whole()?;
            if rate == 0 {
                let (key, text, least) = (said.key(), rate.to_string(), "1");
                return Err(said.wrong(Problem::TooSmall { key, text, least }));
            }
            config.aws.rate = rate;
            Ok(())
        },
    },
    Setting {
        key: "aws.look",
        group: AWS,
        kind: Kind::Duration,
        default: Preset::Is("15s"),
        doc: "How often a running job looks for files that were put to it, and keeps its outputs.",
        store: |config, said| {
            config.aws.look = local::duration(said)?;
            Ok(())
        },
    },
    Setting {
        key: "aws.start_within",
        group: AWS,
        kind: Kind::Duration,
        default: Preset::Is("30m"),
        doc: "How long a job that fetches by URLs may wait until it starts; URLs that hold for less are refused.",
        store: |config, said| {
            config.aws.start_within = local::duration(said)?;
            Ok(())
        },
    },
];
