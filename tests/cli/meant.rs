//! What was said, and what may have been meant.

use super::stage::each;
use crate::support::Home;

#[test]
fn a_line_in_the_place_of_a_program() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["run", "--", "echo 'hi'"]), @r"
    exit code 2
    --- stderr
    error: cannot submit `echo 'hi'`: `echo 'hi'` is one word, and no program is called so
    hint: did you mean sh -c 'echo '\''hi'\''', or the same without quotes?
    ");
    insta::assert_snapshot!(home.refuses(&["submit", "--", "cargo build", "--release"]), @"
    exit code 2
    --- stderr
    error: cannot submit `cargo build --release`: `cargo build` is one word, and no program is called so
    hint: did you mean sh -c 'cargo build --release', or the same without quotes?
    ");
    // It may be a path; and without /files an image's own entry point may be a shell.
    home.write("with space", "");
    let request = ["--dry-run", "--no-files", "--", "echo hi"];
    for arguments in [&["--dry-run", "--", "./with space"][..], &request] {
        let run = home.run(["submit"].iter().chain(arguments));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    }
    let run = home.run(["submit", "--dry-run", "--", "./build.sh test"]);
    insta::assert_snapshot!(run.stderr, @"note: `./build.sh test` is taken for the path of a program; did you mean sh -c './build.sh test'?");
}

#[test]
fn an_operator_among_the_words() {
    let home = Home::new();
    let note = |words: &&str| {
        let words = words.split(' ');
        let run = home.run(["submit", "--dry-run", "--"].into_iter().chain(words));
        assert_eq!(run.code, 0);
        run.stderr
    };
    let commands = [
        "make && make install",
        "a | b",
        "a ; b",
        "a > b",
        "a >b.txt",
        "a >=1",
        "grep >b.txt a",
        "find . -exec rm {} ;",
        "sh -c a&&b",
    ];
    insta::assert_snapshot!(each(&commands, note), @"
    > make && make install
    note: `&&` goes to `make` as a word, because no shell reads the command; did you mean sh -c 'make && make install'?

    > a | b
    note: `|` goes to `a` as a word, because no shell reads the command; did you mean sh -c 'a | b'?

    > a ; b
    note: `;` goes to `a` as a word, because no shell reads the command; did you mean sh -c 'a ; b'?

    > a > b
    note: `>` goes to `a` as a word, because no shell reads the command; did you mean sh -c 'a > b'?

    > a >b.txt
    note: `>b.txt` goes to `a` as a word, because no shell reads the command; did you mean sh -c 'a >b.txt'?

    > a >=1

    > grep >b.txt a

    > find . -exec rm {} ;

    > sh -c a&&b
    ");
    // Once, however many jobs.
    let job = "{\"command\": [\"a\", \"|\", \"b\"]}\n";
    let run = home.run_with_stdin(&["submit", "--dry-run", "--from", "-"], &job.repeat(3));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

/// What a program may well be given is told only when it fails, and words of shells when no program is called so.
#[test]
fn what_was_written_for_a_shell_and_failed() {
    let home = Home::new();
    let run = |words: &&str| {
        let words = words.split(' ');
        home.run(["run", "--name", "slip", "--"].into_iter().chain(words)).snapshot_of_the_end()
    };
    let commands = [
        "test 1 > 0",
        "grep x nowhere | wc",
        "ls|wc -l",
        "FOO=1 env",
        "sh -c exit\t127",
        "$HOME/tool x",
        "~/tool",
        "export FOO=1",
    ];
    insta::assert_snapshot!(each(&commands, run), @"
    > test 1 > 0
    exit code 2
    --- stdout
    test: '>': binary operator expected
    --- stderr
    [short] slip submitted to default
    [short] slip failed after [took] : exit code 2
    note: `>` went to the program as a word, because no shell reads the command; did you mean sh -c 'test 1 > 0'?

    > grep x nowhere | wc
    exit code 2
    --- stdout
    grep: nowhere: No such file or directory
    grep: |: No such file or directory
    grep: wc: No such file or directory
    --- stderr
    [short] slip submitted to default
    [short] slip failed after [took] : exit code 2
    note: `|` went to the program as a word, because no shell reads the command; did you mean sh -c 'grep x nowhere | wc'?

    > ls|wc -l
    exit code 127
    --- stderr
    [short] slip submitted to default
    [short] slip failed: start failed, cannot execute `ls|wc`: it is not on the job's PATH, which is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    note: no shell reads the command; did you mean sh -c 'ls|wc -l'?

    > FOO=1 env
    exit code 127
    --- stderr
    [short] slip submitted to default
    [short] slip failed: start failed, cannot execute `FOO=1`: it is not on the job's PATH, which is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    note: `FOO=1` was taken for the program; did you mean --env FOO=1 before the command?

    > sh -c exit	127
    exit code 127
    --- stderr
    [short] slip submitted to default
    [short] slip failed after [took] : exit code 127

    > $HOME/tool x
    exit code 127
    --- stderr
    [short] slip submitted to default
    [short] slip failed: start failed, cannot execute `$HOME/tool`: there is no such file, or none that its first line (`#!`) names
    note: `$HOME/tool` went to the job as it stands, because no shell reads the command; did you mean sh -c '$HOME/tool x'?

    > ~/tool
    exit code 127
    --- stderr
    [short] slip submitted to default
    [short] slip failed: start failed, cannot execute `~/tool`: there is no such file, or none that its first line (`#!`) names
    note: `~/tool` went to the job as it stands, because no shell reads the command; did you mean sh -c '~/tool'?

    > export FOO=1
    exit code 127
    --- stderr
    [short] slip submitted to default
    [short] slip failed: start failed, cannot execute `export`: it is not on the job's PATH, which is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    note: `export` is a word of shells, and no program; did you mean sh -c 'export FOO=1'?
    ");
    insta::assert_snapshot!(home.run(["explain", "last"]).snapshot(), @"
    exit code 0
    --- stdout
    [short] slip failed
    reason   cannot execute `export`: it is not on the job's PATH, which is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    why      it failed: start failed
    hint     `export` is a word of shells, and no program; did you mean sh -c 'export FOO=1'?
    ");
}

#[test]
fn sizes_with_any_unit() {
    let home = Home::new();
    let became = |memory: &&str| {
        let run = home.run(["submit", "--dry-run", "--memory", memory, "--", "true"]);
        let request: serde_json::Value = serde_json::from_str(&run.stdout).expect("json");
        let sizes = request["containerOverrides"]["resourceRequirements"].as_array().cloned();
        let sizes = sizes.expect("sizes");
        let memory = sizes.iter().find(|it| it["type"] == "MEMORY").expect("memory");
        format!("{} MiB\n{}", memory["value"], run.stderr)
    };
    let sizes = ["512", "512M", "4G", "4Gi", "1.5GiB", "4GB", "512mb"];
    insta::assert_snapshot!(each(&sizes, became), @r#"
    > 512
    "512" MiB

    > 512M
    "512" MiB

    > 4G
    "4096" MiB

    > 4Gi
    "4096" MiB

    > 1.5GiB
    "1536" MiB

    > 4GB
    "3815" MiB
    note: memory `4GB` became 3815 MiB

    > 512mb
    "489" MiB
    note: memory `512mb` became 489 MiB
    "#);
}

#[test]
fn a_source_of_secrets_that_there_is_not() {
    let home = Home::new();
    let refused = home.refuses(&["submit", "--secret", "FOO=vault:hunter2", "--", "true"]);
    assert!(!refused.contains("hunter2"));
    insta::assert_snapshot!(refused, @"
    exit code 2
    --- stderr
    error: cannot submit `true`: secret `FOO` is given with neither `ssm:PARAMETER` nor `secretsmanager:SECRET`
    hint: say where AWS has its value, as in --secret FOO=ssm:PARAMETER, or take your own: export FOO, and give the name alone
    ");
}

#[test]
fn a_text_where_a_list_is_to_be_and_one_without_quotes() {
    let home = Home::new();
    for (name, text) in [
        ("a.json", r#"{"command": "true"}"#),
        ("a.toml", "command = \"true\"\n"),
        ("b.toml", "queue = asap\n"),
    ] {
        home.write(name, text);
    }
    let refused = |file: &&str| home.refuses(&["submit", "--from", file]);
    insta::assert_snapshot!(each(&["a.json", "a.toml", "b.toml"], refused), @r#"
    > a.json
    exit code 2
    --- stderr
    error: a.json, job 1: `command` takes a list of words, as in ["./build.sh", "test"] or ["sh", "-c", "LINE"]
    hint: a job has at least a command: {"command": ["./build.sh", "test"]}; see docs/job-file.md

    > a.toml
    exit code 2
    --- stderr
    error: a.toml:1: `command` takes a list of words, as in ["./build.sh", "test"] or ["sh", "-c", "LINE"]
    hint: a job has at least a command: command = ["./build.sh", "test"]; see docs/job-file.md

    > b.toml
    exit code 2
    --- stderr
    error: b.toml:1: string values must be quoted, expected literal string
    hint: put the text in quotes, as in queue = "asap"
    "#);
    let overrides = r#"{"command": "true"}"#;
    insta::assert_snapshot!(home.refuses(&["submit", "--container-overrides", overrides]), @r#"
    exit code 2
    --- stderr
    error: --container-overrides:1:19: `command` takes a list of words, as in ["./build.sh", "test"] or ["sh", "-c", "LINE"]
    hint: give JSON, file://PATH, or - for stdin
    "#);
    home.write("computes.toml", "queue = asap\n");
    insta::assert_snapshot!(home.refuses(&["submit", "--", "true"]), @r#"
    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:9: string values must be quoted, expected literal string
    hint: put the text in quotes, as in queue = "asap"
    "#);
}
