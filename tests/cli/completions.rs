//! `computes completions`: a script for each shell, and what the program answers to it.

use std::path::Path;

use super::stage::each;
use crate::support::{Home, Run};

impl Home {
    /// Asks for what completes the last word, as the script of a shell does.
    fn asked_by(&self, shell: &str, line: &str) -> Run {
        let words: Vec<_> = line.split(' ').collect();
        let index = (words.len() - 1).to_string();
        let arguments = ["--"].iter().chain(&words);
        let mut command = self.command(arguments);
        let variables =
            [("COMPUTES_COMPLETE", shell), ("_CLAP_COMPLETE_INDEX", &index), ("_CLAP_IFS", "\n")];
        self.run_command(command.envs(variables))
    }

    /// What is offered, without the options that are offered too where a word is yet to come.
    fn offered(&self, line: &str) -> Vec<String> {
        let run = self.asked_by("bash", line);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{line}");
        let is_yet_to_come = line.ends_with(' ');
        let is_option = |word: &&str| is_yet_to_come && word.starts_with('-');
        run.stdout.lines().filter(|word| !is_option(word)).map(str::to_owned).collect()
    }
}

#[test]
fn every_shell_gets_a_script() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = home.run(["completions", shell]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(run.stdout.contains("COMPUTES_COMPLETE"), "{shell}: {}", run.stdout);
    }
    home.assert_nothing_written();
}

#[test]
fn verbs_and_what_belongs_to_them() {
    let home = Home::new();
    let lines = [
        "computes re",
        "computes ins",
        "computes files p",
        "computes files l",
        "computes files list --js",
        "computes ls --dat",
        "computes man ru",
        "computes man files g",
        "computes help e",
        "computes completions f",
        "computes run --queue asap",
        "computes run --engine ",
        "computes run --source ",
        "computes run --retry-on ",
        "computes list --state failed,suc",
        "computes list --queue default,d",
        "computes --eng",
        "computes run -- ./zz",
        "computes run -- make zz",
    ];
    home.write("zz.sh", "");
    let offered = |line: &&str| home.offered(line).join("\n") + "\n";
    insta::assert_snapshot!(each(&lines, offered), @"
    > computes re
    retry

    > computes ins


    > computes files p
    put

    > computes files l
    ls

    > computes files list --js
    --json

    > computes ls --dat
    --dates

    > computes man ru
    run

    > computes man files g
    get

    > computes help e
    explain

    > computes completions f
    fish

    > computes run --queue asap
    asap
    asap-uninterruptible

    > computes run --engine 
    local
    aws

    > computes run --source 
    tree
    commit
    image

    > computes run --retry-on 
    interruption
    any

    > computes list --state failed,suc
    failed,succeeded

    > computes list --queue default,d
    default,default
    default,default-uninterruptible

    > computes --eng
    --engine

    > computes run -- ./zz
    ./zz.sh

    > computes run -- make zz
    zz.sh
    ");
    assert!(!home.offered("computes ").contains(&"inside".to_owned()));
    // What the scripts set to ask is not the caller's.
    assert_eq!(home.offered("computes run --env "), ["HOME", "PATH"]);
    assert!(home.offered("computes run -- ech").contains(&"echo".to_owned()));
    home.assert_nothing_written();
}

#[test]
fn jobs_by_their_ids_the_newest_first() {
    let home = Home::new();
    home.run(["run", "--quiet", "--name", "older", "--", "true"]);
    home.run(["run", "--quiet", "--name", "newer", "--", "false"]);
    let (_worker, running) = home.busy();
    let short = |id: &str| home.status(id)["short"].as_str().expect("text").to_owned();
    let jobs = home.jobs();
    let ids: Vec<_> = jobs.iter().map(|job| short(job["id"].as_str().expect("text"))).collect();
    let running = short(&running);
    assert_eq!(ids[0], running);

    let all: Vec<_> = ["last".to_owned()].into_iter().chain(ids.iter().cloned()).collect();
    assert_eq!(home.offered("computes status "), all);
    let only = std::slice::from_ref(&running);
    assert_eq!(home.offered("computes cancel "), only);
    assert_eq!(home.offered("computes retry "), ids[1..]);
    assert_eq!(home.offered(&format!("computes files get {}", &running[..5])), only);
    // Those that show it tell which is which.
    let run = home.asked_by("fish", "computes retry ");
    let first = run.stdout.lines().next().expect("a line");
    assert!(first.starts_with(&format!("{}\tnewer failed, ", ids[1])), "{first}");
}

#[test]
fn nothing_is_told_and_nothing_written_whatever_is_wrong() {
    let home = Home::new();
    home.write("computes.toml", "broken");
    assert_eq!(home.offered("computes status "), [""; 0]);
    assert_eq!(home.offered("computes cance"), ["cancel"]);
    let run = home.asked_by("tcsh", "computes status ");
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_ne!(run.code, 0);
    home.assert_nothing_written();

    // A ledger that is none.
    std::fs::create_dir_all(home.state()).expect("a folder");
    std::fs::write(home.state().join("ledger.db"), "no ledger").expect("written");
    assert_eq!(home.offered("computes status "), [""; 0]);
    let files: Vec<_> = home.state().read_dir().expect("a folder").collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

/// Runs a script in a shell, if there is one.
fn really(shell: &str, home: &Home, script: &str) -> Option<String> {
    if !["/bin", "/usr/bin", "/usr/local/bin"].iter().any(|it| Path::new(it).join(shell).exists()) {
        eprintln!("skipped: there is no {shell} here");
        return None;
    }
    home.write("script", script);
    let run = home.sh(&format!("{shell} script"), &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{shell}");
    Some(run.stdout)
}

#[test]
fn in_bash() {
    let home = Home::new();
    let script = r#"
source <(computes completions bash)
complete -p computes
COMP_WORDS=(computes man expl) COMP_CWORD=2 COMP_TYPE=9
_clap_complete_computes computes expl man
printf '%s\n' "${COMPREPLY[@]}"
# It lists; it lists the only one, which it inserts; it goes through a menu.
COMP_TYPE=63
COMP_WORDS=(computes files "")
_clap_complete_computes computes "" files
printf '%s\n' "${COMPREPLY[@]}" | grep -v -e --
COMP_TYPE=33
COMP_WORDS=(computes files g)
_clap_complete_computes computes g files
printf '%s\n' "${COMPREPLY[@]}"
COMP_TYPE=37
COMP_WORDS=(computes files "")
_clap_complete_computes computes "" files
printf '%s\n' "${COMPREPLY[@]}" | grep -v -e --
# It takes this apart.
COMP_TYPE=9
COMP_WORDS=(computes run --queue = as) COMP_CWORD=4
_clap_complete_computes computes as =
printf '%s\n' "${COMPREPLY[@]}"
"#;
    if let Some(stdout) = really("bash", &home, script) {
        insta::assert_snapshot!(stdout, @"
        complete -o bashdefault -o nosort -o nospace -F _clap_complete_computes computes
        explain
        ls  (List the files of a job)
        get  (Bring files of a job here; without a path its outputs, or all if it has none)
        put  (Bring files to a job)
        get
        ls
        get
        put
        asap
        asap-uninterruptible
        ");
    }
}

#[test]
fn in_zsh() {
    let home = Home::new();
    // Within the line editor `_describe` has what it is given shown.
    let script = r#"
compdef() { print "compdef $*" }
_describe() { print -rl -- "${(@P)3}" }
source <(computes completions zsh)
words=(computes man expl) CURRENT=3
_clap_dynamic_completer_computes
"#;
    if let Some(stdout) = really("zsh", &home, script) {
        insta::assert_snapshot!(stdout, @"
        compdef _clap_dynamic_completer_computes computes
        explain:Say why a job waits or why it ended, and what to do
        ");
    }
}

#[test]
fn in_fish() {
    let home = Home::new();
    let script = "computes completions fish | source\ncomplete -C 'computes man expl'\n";
    if let Some(stdout) = really("fish", &home, script) {
        insta::assert_snapshot!(stdout, @"explain	Say why a job waits or why it ended, and what to do");
    }
}

#[test]
fn a_shell_that_is_none() {
    let home = Home::new();
    insta::assert_snapshot!(home.refuses(&["completions", "tcsh"]), @r"
    exit code 2
    --- stderr
    error: invalid value 'tcsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(home.refuses(&["completions"]), @r"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <SHELL>

    Usage: computes completions <SHELL>

    For more information, try '--help'.
    ");
}

#[test]
fn a_broken_settings_file_is_no_obstacle() {
    let home = Home::new();
    home.write("computes.toml", "broken");
    assert_eq!(home.run(["completions", "bash"]).code, 0);
    assert_eq!(home.run(["man"]).code, 0);
}
