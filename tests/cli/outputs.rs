//! What a build leaves, kept and brought back.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::stage::git;
use crate::support::{Home, Run};

fn text(home: &Home, name: &str) -> String {
    fs::read_to_string(home.work().join(name)).expect("a file")
}

/// Whether make here finds something to do.
fn is_up_to_date(home: &Home) -> bool {
    home.run_command(home.command_of(Path::new("make"), ["--question"]).current_dir(home.work()))
        .code
        == 0
}

/// Saves a file some seconds later, as a person would.
fn edit(home: &Home, name: &str, content: &str) {
    home.write(name, content);
    let later = SystemTime::now() + Duration::from_secs(5);
    let file = fs::File::options().append(true).open(home.work().join(name)).expect("a file");
    file.set_modified(later).expect("a time");
}

/// As a C project has it, with a compiler that is everywhere.
const MAKEFILE: &str = "\
all: app
app: main.o
\tcat main.o >app; chmod +x app
main.o: main.c
\tcat main.c >main.o
";

#[test]
fn after_init_a_build_leaves_its_product_where_make_would() {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    home.write("main.c", "echo one\n");
    home.write("Makefile", MAKEFILE);
    insta::assert_snapshot!(home.run(["init"]).snapshot(), @r#"
    exit code 0
    --- stderr
    wrote computes.toml
    source = "tree": a job works on a copy of your tree, without what git ignores
    outputs = ["/source", "."]: of what it makes or changes there, and in /files, that is kept
    get = "on": `run` and `wait` bring that of the source back here when the job is over
    "#);
    let run = home.run(["run", "--", "make"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("brought back 2 files"), "{}", run.stderr);
    assert_eq!(
        (text(&home, "app"), text(&home, "main.o")),
        ("echo one\n".into(), "echo one\n".into())
    );
    // Neither here nor there is anything taken for newer or older than it is.
    assert!(is_up_to_date(&home));
    edit(&home, "main.c", "echo two\n");
    assert!(!is_up_to_date(&home));
    let run = home.run(["run", "--", "make"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(text(&home, "app"), "echo two\n");
    // A build that fails leaves what it made all the same.
    edit(&home, "main.c", "echo three\n");
    let failed = home.run(["run", "--", "sh", "-c", "make main.o; exit 2"]);
    assert_eq!(failed.code, 2, "{}", failed.stderr);
    assert_eq!(
        (text(&home, "app"), text(&home, "main.o")),
        ("echo two\n".into(), "echo three\n".into())
    );
    let not = home.run(["run", "--no-get", "--", "sh", "-c", "echo >other"]);
    assert_eq!((not.code, home.work().join("other").exists()), (0, false), "{}", not.stderr);
}

#[test]
fn of_a_rust_project_the_products_come_back_and_not_all_of_target() {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    for folder in ["tool/src", "tool/member", "web"] {
        fs::create_dir_all(home.work().join(folder)).expect("a folder");
    }
    home.write("tool/Cargo.toml", "[workspace]\nmembers = [\"member\"]\n");
    home.write("tool/member/Cargo.toml", "[package]\nname = \"member\"\n");
    home.write("tool/.gitignore", "/target\n");
    home.write("web/package.json", "{}\n");
    let printed = home.run(["init", "--print"]).stdout;
    let written = printed.split("\noutputs = ").nth(1).and_then(|it| it.split("\n\n").next());
    insta::assert_snapshot!(written.expect("outputs"), @r#"
    [
        "/source",
        "!/source/*/target/.*",
        "!/source/*/target/*/.*",
        "!/source/*/target/*/build",
        "!/source/*/target/*/deps",
        "!/source/*/target/*/examples",
        "!/source/*/target/*/incremental",
        "!/source/*/target/*/*.d",
        "!/source/*/target/*-*/*/*.d",
        "!/source/*/target/*-*/*/*/*",
        "!/source/*/*/target/.*",
        "!/source/*/*/target/*/.*",
        "!/source/*/*/target/*/build",
        "!/source/*/*/target/*/deps",
        "!/source/*/*/target/*/examples",
        "!/source/*/*/target/*/incremental",
        "!/source/*/*/target/*/*.d",
        "!/source/*/*/target/*-*/*/*.d",
        "!/source/*/*/target/*-*/*/*/*",
        "!/source/*/node_modules",
        ".",
    ]
    "#);
    insta::assert_snapshot!(home.run(["init", "--json"]).snapshot(), @r#"
    exit code 0
    --- stdout
    {"file":"computes.toml","settings":{"get":"\"on\"","outputs":"[\"/source\", \"!/source/*/target/.*\", \"!/source/*/target/*/.*\", \"!/source/*/target/*/build\", \"!/source/*/target/*/deps\", \"!/source/*/target/*/examples\", \"!/source/*/target/*/incremental\", \"!/source/*/target/*/*.d\", \"!/source/*/target/*-*/*/*.d\", \"!/source/*/target/*-*/*/*/*\", \"!/source/*/*/target/.*\", \"!/source/*/*/target/*/.*\", \"!/source/*/*/target/*/build\", \"!/source/*/*/target/*/deps\", \"!/source/*/*/target/*/examples\", \"!/source/*/*/target/*/incremental\", \"!/source/*/*/target/*/*.d\", \"!/source/*/*/target/*-*/*/*.d\", \"!/source/*/*/target/*-*/*/*/*\", \"!/source/*/node_modules\", \".\"]","source":"\"tree\""}}
    "#);
    // As cargo does it.
    let script = "cd tool; mkdir -p target/debug/deps target/debug/.fingerprint/app-1; \
        echo app >target/debug/deps/app-1; ln target/debug/deps/app-1 target/debug/app; \
        echo >target/debug/.fingerprint/app-1/dep; echo >target/debug/app.d; echo lock >Cargo.lock; \
        mkdir -p target/wasm32-wasip1/debug/deps; echo >target/wasm32-wasip1/debug/deps/app-1; \
        echo >target/wasm32-wasip1/debug/app.wasm; mkdir -p member/target/debug/deps; \
        echo >member/target/debug/deps/x; \
        mkdir -p ../web/node_modules/x; echo >../web/node_modules/x/y; echo >../web/bundle.js";
    let run = home.run(["run", "--", "sh", "-c", script]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let listed = home.run(["files", "ls", "--json", "last"]).json();
    let paths: Vec<_> = listed.iter().map(|file| file["path"].as_str().expect("text")).collect();
    let expected = [
        "/source/tool/Cargo.lock",
        "/source/tool/target/debug/app",
        "/source/tool/target/wasm32-wasip1/debug/app.wasm",
        "/source/web/bundle.js",
    ];
    assert_eq!(paths, expected);
    assert_eq!(text(&home, "tool/target/debug/app"), "app\n");
}

#[test]
fn what_can_not_be_kept_is_refused() {
    let home = Home::new();
    let mut told = String::new();
    for options in [
        ["--output", "/source/app"].as_slice(),
        &["--no-files", "--output", "dist"],
        &["--output", "!tmp"],
        &["--output", "/source/../x"],
        &["--get", "--no-get"],
    ] {
        told.push_str(&home.refuses(&[&["run"], options, &["--", "true"]].concat()));
        told.push('\n');
    }
    home.write("computes.toml", "get = \"maybe\"\n");
    told.push_str(&home.refuses(&["run", "--", "true"]));
    insta::assert_snapshot!(told, @"
    exit code 2
    --- stderr
    error: cannot submit `true`: output `/source/app` is in the source, and the job brings none along
    hint: add --source tree, or name what the job leaves in /files, as in --output dist

    exit code 2
    --- stderr
    error: output `dist` is below /files, and the job has none
    hint: leave out --no-files, or keep something of the source, as in --output /source

    exit code 2
    --- stderr
    error: cannot submit `true`: output `!tmp` is left out, and nothing is named that it could be left out of
    hint: name that too, as in --output /source --output '!/source/tmp'

    exit code 2
    --- stderr
    error: cannot submit `true`: `/source/../x` is no path below /files: it climbs with `..`
    hint: give a path relative to /files, as in --output dist or --input data=in/data; an output may also be in /source

    exit code 2
    --- stderr
    error: the argument '--get[=<FOLDER>]' cannot be used with '--no-get'

    Usage: computes run --get[=<FOLDER>] -- <COMMAND>...

    For more information, try '--help'.

    exit code 2
    --- stderr
    error: [home]/here/computes.toml:1:7: `maybe` is neither `on` nor `off`, which `get` has to be
    ");
}

#[test]
fn who_sends_no_source_wants_nothing_of_it() {
    let home = Home::new();
    home.write("computes.toml", "source = \"tree\"\noutputs = [\"/source\", \".\"]\n");
    let run: Run = home.run(["run", "--source", "image", "--", "true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(home.status("last")["outputs"], serde_json::json!(["."]));
}

#[test]
fn the_setting_holds_for_the_checkout_that_one_stands_in() {
    let home = Home::new();
    for checkout in ["one", "two"] {
        fs::create_dir(home.work().join(checkout)).expect("a folder");
        git(&home, &["init", "--quiet", checkout]);
    }
    home.write(
        "computes.toml",
        "source = \"tree\"\noutputs = [\"/source\", \".\"]\nget = \"on\"\n",
    );
    let at = |checkout: &str, words: &[&str]| {
        home.run_command(home.command(words).current_dir(home.work().join(checkout)))
    };
    let submitted =
        at("one", &["submit", "--", "sh", "-c", "echo >app; echo >${COMPUTES_FILES:-/files}/f"]);
    assert_eq!(submitted.code, 0, "{}", submitted.stderr);
    assert_eq!(at("two", &["wait", "last"]).code, 0);
    assert!(!home.work().join("one/app").exists());
    let here = at("one", &["wait", "last"]);
    assert_eq!(here.code, 0, "{}", here.stderr);
    assert!(
        here.stderr.contains("1 file is kept of /files: computes files get"),
        "{}",
        here.stderr
    );
    assert!(home.work().join("one/app").exists());
    let all = at("two", &["wait", "--get=results", "last", "--json"]).json();
    let got = all.last().expect("a line");
    assert_eq!(got["type"], "got");
    assert_eq!(fs::read_to_string(home.work().join("two/results/f")).expect("a file"), "\n");
}

#[test]
fn what_finds_something_in_its_place_can_be_had_by_itself() {
    let home = Home::new();
    git(&home, &["init", "--quiet"]);
    let files = ["--quiet", "--source", "tree", "--output", "/source", "--output", "."];
    let script = "echo source >both; echo files >${COMPUTES_FILES:-/files}/both; echo >dir";
    let ran = home.run_script(&files, script);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let get = |more: &[&str]| home.run([&["files", "get", "last"], more].concat());
    insta::assert_snapshot!(get(&["--into", "one"]).snapshot(), @"
    exit code 125
    --- stderr
    warning: not brought here: `both`: it would take the place of `/source/both`
    hint: computes files get [short] both --into FOLDER brings it elsewhere
    got 2 files, 8 bytes, into one
    ");
    let by_itself = get(&["both", "--into", "two"]);
    assert_eq!((by_itself.code, &*text(&home, "two/both")), (0, "files\n"), "{}", by_itself.stderr);
    fs::create_dir_all(home.work().join("three/dir")).expect("a folder");
    insta::assert_snapshot!(get(&["--into", "three"]).snapshot(), @"
    exit code 125
    --- stderr
    warning: not brought here: `/source/dir`: `[home]/here/three/dir` is a folder
    warning: not brought here: `both`: it would take the place of `/source/both`
    hint: computes files get [short] PATH --into FOLDER brings each of them elsewhere
    got 1 file, 7 bytes, into three
    ");
}

#[test]
fn what_was_brought_to_a_job_has_no_date() {
    let home = Home::new();
    home.write("input", "1\n");
    let script = "cd ${COMPUTES_FILES:-/files}; echo 22 >made; touch -d 2001-02-03T04:05:06Z made";
    let ran = home.run_script(&["--quiet", "--input", "input"], script);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let dates = home.run(["files", "ls", "--json", "last"]).json();
    let dates = dates.iter().map(|file| (file["path"].as_str(), file["modified_at"].as_str()));
    let made = Some("2001-02-03T04:05:06.000Z");
    assert_eq!(dates.collect::<Vec<_>>(), [(Some("input"), None), (Some("made"), made)]);
}
