//! `--from`: jobs from files and from stdin.

use super::stage::words;
use crate::support::{Home, Run};

/// What the requests say that the dry run of a file prints.
fn dry_run(home: &Home, arguments: &[&str]) -> Run {
    home.run(["submit", "--dry-run", "--json"].iter().chain(arguments))
}

/// Names, queues and the last words of the commands.
fn jobs(run: &Run) -> Vec<String> {
    assert_eq!(run.code, 0, "{}", run.stderr);
    let job = |job: &serde_json::Value| {
        let words = job["containerOverrides"]["command"].as_array().expect("a command");
        format!("{} {} {}", job["jobName"], job["jobQueue"], words.last().expect("a word"))
    };
    run.json().iter().map(job).collect()
}

#[test]
fn a_job_in_toml() {
    let home = Home::new();
    home.write(
        "job.toml",
        r#"
            name = "nightly"
            queue = "asap"
            command = ["./build.sh", "test"]
            env = { CI = "true", DEPTH = "1" }
            vcpus = 0.5
            memory = "2GiB"
            attempts = 3
            timeout = "90m"
            tags = { team = "build" }
            job_definition = "default:3"

            [[retry_rules]]
            onStatusReason = "Host EC2*"
            action = "RETRY"

            [[retry_rules]]
            onExitCode = "2*"
            action = "EXIT"
        "#,
    );
    insta::assert_snapshot!(dry_run(&home, &["--from", "job.toml"]).snapshot_without_prefix(), @r#"
    exit code 0
    --- stdout
    {"jobName":"nightly","jobQueue":"asap","jobDefinition":"default:3","containerOverrides":{"command":["sh","-c","[prefix]","computes","./build.sh","test"],"environment":[{"name":"CI","value":"true"},{"name":"DEPTH","value":"1"}],"resourceRequirements":[{"type":"VCPU","value":"0.5"},{"type":"MEMORY","value":"2048"}]},"retryStrategy":{"attempts":3,"evaluateOnExit":[{"onStatusReason":"Host EC2*","action":"RETRY"},{"onExitCode":"2*","action":"EXIT"}]},"timeout":{"attemptDurationSeconds":5400},"tags":{"team":"build"},"propagateTags":true}
    "#);
}

#[test]
fn several_jobs_in_toml() {
    let home = Home::new();
    home.write(
        "jobs.toml",
        "[[job]]\ncommand = [\"one\"]\n[[job]]\ncommand = [\"two\"]\nqueue = \"asap\"\n",
    );
    insta::assert_debug_snapshot!(jobs(&dry_run(&home, &["--from", "jobs.toml"])), @r#"
    [
        "\"one\" \"default\" \"one\"",
        "\"two\" \"asap\" \"two\"",
    ]
    "#);
}

#[test]
fn json_in_all_its_forms() {
    let one = r#"{"command": ["one"], "env": ["A=1", "B"], "vcpus": 2, "timeout": 3600}"#;
    let two = r#"{"command": ["two"], "env": {"C": "2"}, "memory": 2048, "queue": "asap"}"#;
    let home = Home::new();
    home.write("one.json", one);
    home.write("list.json", &format!("[{one},\n {two}]"));
    home.write("lines.jsonl", &format!("{one}\n\n{two}\n"));
    home.write("lines.json", &format!("{one}\n{two}\n"));
    home.write("no-extension", one);
    let from = |file: &str| {
        let mut command = home.command(["submit", "--dry-run", "--json", "--from", file]);
        jobs(&home.run_command(command.env("B", "b")))
    };
    let both = [r#""one" "default" "one""#, r#""two" "asap" "two""#];
    assert_eq!(from("one.json"), both[..1]);
    assert_eq!(from("no-extension"), both[..1]);
    assert_eq!(from("list.json"), both);
    assert_eq!(from("lines.jsonl"), both);
    assert_eq!(from("lines.json"), both);
}

#[test]
fn from_stdin() {
    let home = Home::new();
    let lines = "{\"command\": [\"one\"]}\n{\"command\": [\"two\"]}\n";
    let run = home.run_with_stdin(&["submit", "--dry-run", "--json", "--from", "-"], lines);
    assert_eq!(jobs(&run), [r#""one" "default" "one""#, r#""two" "default" "two""#]);
}

#[test]
fn a_batch_is_handed_over_in_order() {
    let home = Home::new();
    let line = |n| format!("{{\"command\": [\"true\"], \"name\": \"n{n}\"}}\n");
    let lines: Vec<_> = (1..=20).map(line).collect();
    let run = home.run_with_stdin(&["submit", "--from", "-"], &lines.concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let ids: Vec<_> = run.stdout.lines().collect();
    assert_eq!(home.run([&["wait", "--quiet"], &ids[..]].concat()).code, 0);
    let jobs = home.jobs();
    assert_eq!(jobs.len(), 20);
    for (index, job) in jobs.iter().rev().enumerate() {
        assert_eq!(job["id"], ids[index]);
        assert_eq!(job["name"], format!("n{}", index + 1));
    }
}

#[test]
fn one_bad_job_and_none_is_handed_over() {
    let home = Home::new();
    home.write("jobs.jsonl", "{\"command\": [\"true\"]}\n{\"name\": \"b\", \"command\": []}\n");
    insta::assert_snapshot!(home.refuses(&["submit", "--from", "jobs.jsonl"]), @r"
    exit code 2
    --- stderr
    error: cannot submit job 2 of 2, `b`: the command is empty
    hint: name the command after `--`, as in `computes run -- ./build.sh test`
    ");
}

#[test]
fn files_that_hold_no_job() {
    let home = Home::new();
    home.write("empty.json", "");
    home.write("empty-list.json", "[]");
    home.write("empty.jsonl", "\n");
    home.write("empty.toml", "\n");
    home.write("unknown.toml", "quue = \"asap\"\ncommand = [\"true\"]\n");
    home.write("far.toml", "zzz = 1\n");
    home.write("unknown.json", r#"[{"command": ["true"]}, {"comand": ["true"]}]"#);
    home.write("unknown.jsonl", "{\"command\": [\"true\"]}\n{\"comand\": [\"true\"]}\n");
    home.write("broken.toml", "command = [\"true\"\nname = \"hunter2\"\n");
    home.write("broken.json", r#"{"env": {"TOKEN": "hunter2"}, "command": ["true""#);
    let files = words(
        "empty.json empty-list.json empty.jsonl empty.toml unknown.json unknown.jsonl unknown.toml far.toml \
         broken.toml broken.json",
    );
    let snapshot = super::stage::each(&files, |file| home.refuses(&["submit", "--from", file]));
    assert!(!snapshot.contains("hunter2"), "{snapshot}");
    let stdin = |text: &&str| home.run_with_stdin(&["submit", "--from", "-"], text).snapshot();
    insta::assert_snapshot!(super::stage::each(&["", "{\"name\": \"a"], stdin), @r#"
    > 
    exit code 2
    --- stderr
    error: stdin is empty
    hint: a job has at least a command: {"command": ["./build.sh", "test"]}; see docs/job-file.md

    > {"name": "a
    exit code 2
    --- stderr
    error: stdin:1:11: it ends too early, within a string
    hint: a job has at least a command: {"command": ["./build.sh", "test"]}; see docs/job-file.md
    "#);
    insta::assert_snapshot!(snapshot, @r#"
    > empty.json
    exit code 2
    --- stderr
    error: empty.json is empty
    hint: a job has at least a command: {"command": ["./build.sh", "test"]}; see docs/job-file.md

    > empty-list.json
    exit code 2
    --- stderr
    error: empty-list.json: there is no job in it
    hint: a job has at least a command: {"command": ["./build.sh", "test"]}; see docs/job-file.md

    > empty.jsonl
    exit code 2
    --- stderr
    error: empty.jsonl is empty
    hint: a job has at least a command: {"command": ["./build.sh", "test"]}; see docs/job-file.md

    > empty.toml
    exit code 2
    --- stderr
    error: empty.toml is empty
    hint: a job has at least a command: command = ["./build.sh", "test"]; see docs/job-file.md

    > unknown.json
    exit code 2
    --- stderr
    error: unknown.json, job 2: unknown field `comand`
    hint: did you mean `command`?

    > unknown.jsonl
    exit code 2
    --- stderr
    error: unknown.jsonl:2:9: unknown field `comand`
    hint: did you mean `command`?

    > unknown.toml
    exit code 2
    --- stderr
    error: unknown.toml:1: unknown field `quue`
    hint: did you mean `queue`?

    > far.toml
    exit code 2
    --- stderr
    error: far.toml:1: unknown field `zzz`, expected one of `name`, `queue`, `command`, `env`, `secrets`, `vcpus`, `memory`, `gpus`, `attempts`, `retry_rules`, `retry_on`, `timeout`, `tags`, `job_definition`, `files`, `source`, `inputs`, `outputs`, `stdin`, `share`, `priority`
    hint: a job has at least a command: command = ["./build.sh", "test"]; see docs/job-file.md

    > broken.toml
    exit code 2
    --- stderr
    error: broken.toml:2: missing comma between array elements, expected `,`
    hint: a job has at least a command: command = ["./build.sh", "test"]; see docs/job-file.md

    > broken.json
    exit code 2
    --- stderr
    error: broken.json:1:48: it ends too early, within a list
    hint: a job has at least a command: {"command": ["./build.sh", "test"]}; see docs/job-file.md
    "#);
}

#[test]
fn the_line_in_toml() {
    let home = Home::new();
    home.write("unknown.toml", "command = [\"true\"]\ncpus = 2\n");
    home.write("list.toml", "[[job]]\ncommand = [\"true\"]\n\n[[job]]\ncpus = 2\n");
    for (file, place) in [("unknown.toml", "unknown.toml:2:"), ("list.toml", "list.toml:5:")] {
        let snapshot = home.refuses(&["submit", "--from", file]);
        assert!(snapshot.contains(place), "{snapshot}");
    }
}

#[test]
fn a_file_that_cannot_be_read() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["submit", "--from", "no-such.json"]), @r"
    exit code 2
    --- stderr
    error: cannot read `no-such.json`: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(home.refuses(&["submit", "--from", "no/such/job.toml"]), @r"
    exit code 2
    --- stderr
    error: cannot read `no/such/job.toml`: No such file or directory (os error 2)
    ");
    // A directory.
    insta::assert_snapshot!(home.refuses(&["submit", "--from", "."]), @r"
    exit code 2
    --- stderr
    error: cannot read `.`: Is a directory (os error 21)
    ");
    insta::assert_snapshot!(
        home.refuses(&["submit", "--env-file", "no-such.env", "--", "true"]),
        @r"
    exit code 2
    --- stderr
    error: cannot read `no-such.env`: No such file or directory (os error 2)
    "
    );
}
