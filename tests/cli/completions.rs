//! `computes completions`: for each shell.

use crate::support::Home;

#[test]
fn every_shell_gets_all_verbs() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = home.run(["completions", shell]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        for word in ["run", "submit", "queues", "rehearse-interruption", "container-overrides"] {
            assert!(run.stdout.contains(word), "{shell}: {word}");
        }
    }
    home.assert_nothing_written();
}

#[test]
fn what_bash_gets_is_bash() {
    let home = Home::new();
    let script = "computes completions bash > c && bash -n c && . ./c && complete -p computes";
    let run = home.sh(&format!("bash -c '{script}'"), &[]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 0
    --- stdout
    complete -o bashdefault -o default -o nosort -F _computes computes
    ");
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
