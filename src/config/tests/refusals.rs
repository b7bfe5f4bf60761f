//! What is no setting or no value, and what is said about it.

use super::*;

fn wrong(text: &str) -> (String, String) {
    World::new().project(text).refused()
}

#[test]
fn unknown_settings_and_what_was_meant() {
    for (text, error, hint) in [
        ("\n\nquue = 'asap'", "3:1: unknown setting `quue`", "did you mean `queue`?"),
        ("lease = '5s'", "1:1: unknown setting `lease`", "did you mean `local.lease`?"),
        ("[local]\n  queue = ''", "2:3: unknown setting `local.queue`", "did you mean `queue`?"),
        ("[locl]\nlease = 5", "1:2: unknown setting `locl`", "did you mean `local`?"),
        ("local.grce = 5", "1:7: unknown setting `local.grce`", "did you mean `local.grace`?"),
    ] {
        assert_eq!(wrong(text), (format!("computes.toml:{error}"), hint.to_owned()));
    }
    for nothing_like_it in ["xyz = 1", "local.foo = 1"] {
        let (_, hint) = wrong(nothing_like_it);
        assert!(hint.starts_with("the settings are engine, queue, job_definition, "), "{hint}");
    }
}

#[test]
fn values_of_the_wrong_kind() {
    for (text, error, hint) in [
        ("gpus = '2'", "1:8: `gpus` takes a whole number, not text", "leave the quotes out"),
        ("vcpus = true", "1:9: `vcpus` takes a number, not a boolean", ""),
        ("local = 5", "1:9: `local` takes a table, not a whole number", ""),
        (
            "efs_mount = 5",
            "1:13: `efs_mount` takes text in quotes, not a whole number",
            "put it in quotes",
        ),
        ("secrets = 'A'", "1:11: `secrets` takes a list of names, not text", "put it in brackets"),
        (
            "secrets = ['A',\n 5]",
            "2:2: an entry of `secrets` takes text in quotes, not a whole number",
            "put it in quotes",
        ),
        (
            "[env]\n'ä' = 'ä'\nPORT = 80",
            "3:8: `env.PORT` takes text in quotes, not a whole number",
            "put it in quotes",
        ),
        ("tags = ['a']", "1:8: `tags` takes a table of names and texts, not a list", ""),
        (
            "timeout = 1.5",
            "1:11: `timeout` takes a number of seconds or a duration such as `\"1h\"`, \
             not a number with a fraction",
            "",
        ),
    ] {
        assert_eq!(wrong(text), (format!("computes.toml:{error}"), hint.to_owned()));
    }
}

#[test]
fn values_that_a_job_does_not_take() {
    for (text, error) in [
        ("attempts = 11", "1:12: 11 attempts: AWS Batch takes 1 to 10"),
        ("attempts = -1", "1:12: `-1` is no whole number that `attempts` can take"),
        ("gpus = -1", "1:8: `-1` is no number of GPUs: it is a whole number from 0 to 1024"),
        ("gpus = 1025", "1:8: `1025` is no number of GPUs: it is a whole number from 0 to 1024"),
        ("memory = 3", "1:10: 3 MiB of memory is less than the 4 MiB that Batch asks for at least"),
        (
            "timeout = '5s'",
            "1:11: a timeout of 5 s is below the 60 s that AWS Batch asks for at least",
        ),
        (
            "\nvcpus = 0.3",
            "2:9: `0.3` is no number of vCPUs: Batch takes 0.25, 0.5 or \
             a whole number from 1 to 1024",
        ),
        (
            "job_definition = ''",
            "1:18: `` is no job definition: it is a name, `name:revision` or an ARN",
        ),
        (
            "env.A = '1'\nenv.AWS_BATCH_X = '1'",
            "2:5: environment variable `AWS_BATCH_X`: names starting with `AWS_BATCH` \
             belong to AWS Batch",
        ),
        ("efs_mount = 'mnt'", "1:13: `mnt` is no absolute path, and `efs_mount` has to be one"),
        ("aws.rate = 0", "1:12: `0` is too small: `aws.rate` is at least 1"),
        ("local.lease = '500ms'", "1:15: `500ms` is too short: `local.lease` is at least 1s"),
        (
            "local.grace = 99999999999",
            "1:15: `99999999999` is too long: `local.grace` is at most 8760h",
        ),
    ] {
        assert_eq!(wrong(text).0, format!("computes.toml:{error}"));
    }
    let (error, hint) = wrong("queue = 'urgent'");
    assert_eq!(error, "computes.toml:1:9: there is no queue `urgent`");
    assert!(hint.starts_with("the queues are default, asap"), "{hint}");
    let many: Vec<_> = (0..51).map(|tag| format!("tags.t{tag} = 'x'")).collect();
    assert_eq!(
        wrong(&many.join("\n")).0,
        "computes.toml:51:6: 51 tags: AWS Batch takes at most 50"
    );
}

#[test]
fn a_variable_is_named_where_its_value_is_wrong() {
    let with = |name, value: &str| World::new().set(name, value).refused().0;
    assert_eq!(
        with("COMPUTES_ATTEMPTS", "11"),
        "COMPUTES_ATTEMPTS: 11 attempts: AWS Batch takes 1 to 10"
    );
    assert_eq!(with("COMPUTES_ENGINE", "gcp"), "COMPUTES_ENGINE: there is no engine `gcp`");
    assert_eq!(
        with("COMPUTES_LOCAL_LEASE", "soon"),
        "COMPUTES_LOCAL_LEASE: `soon` is no duration: `local.lease` takes a number of seconds, \
         or units such as `500ms` or `1h`"
    );
    let latin: OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![0xff]);
    let (error, _) = World::new().set("COMPUTES_QUEUE", latin).refused();
    assert_eq!(error, "COMPUTES_QUEUE: not valid UTF-8");
}

#[test]
fn the_value_of_a_secret_is_refused_and_never_shown() {
    for (text, place) in [
        ("secrets = ['A', 'TOKEN=hunter2']", "1:17"),
        ("env.TOKEN = 'hunter2'\nsecrets = ['TOKEN']", "2:12"),
        ("secrets = ['TOKEN']\nenv = ['TOKEN=hunter2']", "2:8"),
    ] {
        let (error, hint) = wrong(text);
        assert_eq!(
            error,
            format!(
                "computes.toml:{place}: secret `TOKEN` is given with its value, \
                 and settings hold only the names of secrets"
            )
        );
        assert!(hint.contains("export TOKEN"), "{hint}");
    }
    let (error, _) = World::new().set("COMPUTES_SECRETS", "TOKEN=hunter2,B").refused();
    assert!(error.starts_with("COMPUTES_SECRETS: secret `TOKEN` is"), "{error}");
    for text in [
        "secrets = 'TOKEN=hunter2'",
        "secrets = ['TOKEN=hunter2",
        "secrets = [['hunter2']]",
        "env.A = hunter2",
    ] {
        let (error, hint) = wrong(text);
        assert!(!error.contains("hunter2") && !hint.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_mistake_in_the_syntax_has_its_place() {
    for (text, place) in [("queue = \n", "1:9"), ("gpus = 1\ngpus = 2", "2:1"), ("\n[local", "2:7")]
    {
        let (error, _) = wrong(text);
        assert!(error.starts_with(&format!("computes.toml:{place}: ")), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let config = World::new().project("\u{feff}gpus = 1\r\nqueue = 'asap'\r\n").loaded();
    assert_eq!((config.job.gpus, config.job.queue.as_deref()), (Some(1), Some("asap")));
}

#[test]
fn the_first_mistake_is_the_one_that_is_told() {
    assert_eq!(wrong("zzzz = 1\nattempts = 0").0, "computes.toml:1:1: unknown setting `zzzz`");
}
