//! Flags over the job file, over COMPUTES_*, over the nearest computes.toml, over the user's.

use rustix::process::Signal;

use crate::support::Home;

/// A home whose every source says something else.
fn home() -> Home {
    let home = Home::new();
    let users = home.path().join(".config/computes");
    std::fs::create_dir_all(&users).expect("a directory");
    let users_toml = "queue = \"asap\"\nmemory = 101\nvcpus = 11\nattempts = 6\ntimeout = 601\n\
        [env]\nWHO = \"user\"\nUSERS = \"own\"\n[tags]\nwho = \"user\"\nusers = \"own\"\n";
    std::fs::write(users.join("computes.toml"), users_toml).expect("written");
    home.write(
        "computes.toml",
        "memory = 102\nvcpus = 12\nattempts = 7\ntimeout = 602\n\
         [env]\nWHO = \"project\"\n[tags]\nwho = \"project\"\n",
    );
    home.write(
        "job.toml",
        "command = [\"from-file\"]\nattempts = 9\ntimeout = 604\n\
         env = { WHO = \"file\" }\ntags = { who = \"file\" }\n",
    );
    home.with("COMPUTES_VCPUS", "13").with("COMPUTES_ATTEMPTS", "8").with("COMPUTES_TIMEOUT", "603")
}

const FLAGS: [&str; 6] = ["--timeout", "605", "--env", "WHO=flag", "--tag", "who=flag"];

#[test]
fn each_source_over_the_next() {
    let dry_run = ["submit", "--dry-run", "--json", "--from", "job.toml"];
    let run = home().run(dry_run.iter().chain(&FLAGS));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let request = &run.json()[0];
    assert_eq!(request["jobQueue"], "asap", "the user's own file");
    let requirement = |index: usize| {
        request["containerOverrides"]["resourceRequirements"][index]["value"].clone()
    };
    assert_eq!(requirement(1), "102", "the nearest computes.toml");
    assert_eq!(requirement(0), "13", "COMPUTES_VCPUS");
    assert_eq!(request["retryStrategy"]["attempts"], 9, "the job file");
    assert_eq!(request["timeout"]["attemptDurationSeconds"], 605, "the flag");
    insta::assert_snapshot!(request["containerOverrides"]["environment"], @r#"[{"name":"USERS","value":"own"},{"name":"WHO","value":"flag"}]"#);
    insta::assert_snapshot!(request["tags"], @r#"{"users":"own","who":"flag"}"#);
}

#[test]
fn without_any_source_there_are_defaults() {
    let run = Home::new().run(["submit", "--dry-run", "--", "true"]);
    insta::assert_snapshot!(run.snapshot_without_prefix(), @r#"
    exit code 0
    --- stdout
    {
      "jobName": "true",
      "jobQueue": "default",
      "jobDefinition": "default",
      "containerOverrides": {
        "command": [
          "sh",
          "-c",
          "[prefix]",
          "computes",
          "true"
        ]
      }
    }
    "#);
}

#[test]
fn the_flags_command_over_the_files() {
    let arguments = ["submit", "--dry-run", "--json", "--from", "job.toml", "--", "from-flags"];
    let run = home().run(arguments);
    let command = run.json()[0]["containerOverrides"]["command"].clone();
    assert_eq!(command.as_array().and_then(|words| words.last()).expect("a word"), "from-flags");
}

#[test]
fn the_nearest_computes_toml_is_found_from_below() {
    let home = Home::new();
    home.write("computes.toml", "memory = 77\n");
    let deep = home.work().join("a/b");
    std::fs::create_dir_all(&deep).expect("directories");
    let mut command = home.command(["submit", "--dry-run", "--json", "--", "true"]);
    let run = home.run_command(command.current_dir(deep));
    let requirements = &run.json()[0]["containerOverrides"]["resourceRequirements"];
    assert_eq!(requirements[0]["value"], "77");
}

#[test]
fn the_state_directory_is_moved() {
    let home = Home::new().with("COMPUTES_STATE_DIR", "elsewhere");
    let run = home.run(["run", "--quiet", "--", "true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    home.assert_nothing_written();
    let run = home.run(["status", "last", "--json"]);
    let log = run.json()[0]["log"].as_str().expect("a path").to_owned();
    assert!(log.starts_with(&home.work().join("elsewhere/logs").display().to_string()), "{log}");
    // A home looks for its workers in the usual place only.
    home.end_workers(Signal::KILL);
}
