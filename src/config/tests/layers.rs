//! Which source wins.

use std::time::Duration;

use super::*;
use crate::job::{EnvName, Memory, Queue, Requested, Timeout};

#[test]
fn the_defaults_are_those_that_the_table_shows() {
    let nothing = World::new().loaded();
    let mut shown = World::new();
    for setting in settings() {
        let default = match setting.default {
            Preset::Is(text) | Preset::OnThisMachine(text) => text,
            Preset::Nothing { .. } => continue,
        };
        if let Some(variable) = setting.variable() {
            shown.variables.push((variable.leak(), default.into()));
        }
    }
    let shown = shown.loaded();
    assert_eq!(nothing.local, shown.local);
    assert_eq!(nothing.engine, shown.engine);
    assert_eq!(nothing.files_mount, shown.files_mount);
    // What is said goes out; what only would be so on this machine does not.
    let (nothing, mut shown) = (job(nothing), job(shown));
    let machine =
        |job: &JobSpec| (job.resources.on_this_machine(), job.retry.clone().unwrap_or_default());
    assert_eq!(machine(&nothing), machine(&shown));
    assert_eq!((nothing.resources, &nothing.retry), (Requested::default(), &None));
    (shown.resources, shown.retry) = (nothing.resources, None);
    assert_eq!(nothing, shown);
}

#[test]
fn the_environment_wins_over_the_project_and_the_project_over_the_user() {
    let world = World::new()
        .user("queue = 'asap'\nvcpus = 2\nmemory = '2GiB'\nlocal.grace = '1m'\n")
        .project("vcpus = 4\nmemory = '4GiB'\n[local]\nlease = 5\n")
        .set("COMPUTES_MEMORY", "8GiB")
        .set("COMPUTES_LOCAL_IDLE_EXIT", "90")
        .set("COMPUTES_ATTEMPTS", "");
    let config = world.loaded();
    assert_eq!(config.file, Some(world.root.path().join("project/computes.toml")));
    assert_eq!(config.state_dir.root(), world.root.path().join("home/.local/state/computes"));
    let local = LocalSettings {
        lease: Duration::from_secs(5),
        grace: Duration::from_mins(1),
        idle_exit: Duration::from_secs(90),
        ..LocalSettings::default()
    };
    assert_eq!(config.local, local);
    let job = job(config);
    assert_eq!(job.queue, Queue::Asap);
    assert_eq!(job.resources, requested("4", 8192));
    assert_eq!(job.retry, None);
}

#[test]
fn the_user_s_file_is_in_the_xdg_directory_where_that_is_set() {
    let world = World::new().user("queue = 'asap'").write("xdg/computes", "gpus = 2");
    let xdg = world.root.path().join("xdg");
    let config = world.set("XDG_CONFIG_HOME", xdg).loaded();
    assert_eq!((config.job.queue, config.job.gpus, config.file), (None, Some(2), None));
}

#[test]
fn tables_merge_and_lists_replace() {
    let world = World::new()
        .user("secrets = ['A', 'B']\nenv = { X = '1', Y = '1' }\ntags = { team = 'a', who = 'me' }")
        .project("secrets = ['C']\nenv = ['Y=2', 'Z']\n[tags]\nteam = 'b'");
    let spec = job(world.loaded());
    let secrets: Vec<_> = spec.secrets.iter().map(EnvName::as_str).collect();
    assert_eq!(secrets, ["C"]);
    let environment: Vec<_> =
        spec.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(environment, [("X", "1"), ("Y", "2"), ("Z", "<Z> of the caller")]);
    assert_eq!(spec.tags, [("team".into(), "b".into()), ("who".into(), "me".into())].into());

    let secrets = |world: World| world.loaded().job.secrets.into_iter().collect::<Vec<_>>();
    assert_eq!(secrets(world.set("COMPUTES_SECRETS", "D, E,")), ["D", "E"]);
}

#[test]
fn every_form_of_a_number() {
    let world = World::new().project("vcpus = 0.25\nmemory = 0x400\ntimeout = 3_600\n");
    let spec = job(world.loaded());
    assert_eq!(spec.resources, requested("0.25", 1024));
    assert_eq!(spec.timeout, Some(Timeout::from_ledger(3600)));
    let spec = job(World::new().project("vcpus = '2'\nmemory = '1 GiB'\ntimeout = '1h'").loaded());
    assert_eq!(spec.resources, requested("2", 1024));
    assert_eq!(spec.timeout, Some(Timeout::from_ledger(3600)));
}

fn requested(vcpus: &str, mib: u32) -> Requested {
    let vcpus = Some(vcpus.parse().expect("a size"));
    Requested { vcpus, memory: Some(Memory::mib(mib).expect("a size")), gpus: None }
}
