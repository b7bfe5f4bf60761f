//! The table of settings: the one place that knows them all.

use crate::job::{Draft, Queue, SizeError, SpecError};
use crate::plan::FilesMount;

use super::{EngineName, Kind, Preset, Problem, Setting, local};

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

const ENGINES: [&str; EngineName::ALL.len()] = [EngineName::ALL[0].as_str()];

const WHERE: &str = "Where jobs go";
const WHAT: &str = "What every job gets, unless it says otherwise";
const FILES: &str = "Files on AWS";
const LOCAL: &str = "The engine on this machine";

static SETTINGS: [Setting; 17] = [
    Setting {
        key: "engine",
        group: WHERE,
        kind: Kind::Choice(&ENGINES),
        default: Preset::Is("local"),
        doc: "What runs the jobs.",
        store: |config, said| {
            config.engine =
                said.text()?.parse().map_err(|problem| said.wrong::<Problem>(problem))?;
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
        default: Preset::Is("1"),
        doc: "Virtual processors: 0.25, 0.5 or a whole number.",
        store: |config, said| config.say_text(said, |job, text| job.vcpus = Some(text)),
    },
    Setting {
        key: "memory",
        group: WHAT,
        kind: Kind::Size,
        default: Preset::Is("1GiB"),
        doc: "Memory; a job that takes more is killed.",
        store: |config, said| config.say_text(said, |job, text| job.memory = Some(text)),
    },
    Setting {
        key: "gpus",
        group: WHAT,
        kind: Kind::WholeNumber,
        default: Preset::Is("0"),
        doc: "GPUs, all of them the job's own.",
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
        default: Preset::Is("1"),
        doc: "How often a job is started at the most, from 1 to 10.",
        store: |config, said| {
            let attempts = Some(said.whole()?);
            config.say(&said.place(), Draft { attempts, ..Draft::default() })
        },
    },
    Setting {
        key: "timeout",
        group: WHAT,
        kind: Kind::Duration,
        default: Preset::Nothing { example: "1h" },
        doc: "How long an attempt may run, at least 60 seconds.",
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
        default: Preset::Nothing { example: r#"{ CI = "true" }"# },
        doc: "Environment variables; a list entry without a value takes it from your environment.",
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
            let text = said.text()?;
            config.local.mount = match text.as_str() {
                "on" => true,
                "off" => false,
                _ => return Err(said.wrong(Problem::NotOnOrOff { key: said.key(), text })),
            };
            Ok(())
        },
    },
];
