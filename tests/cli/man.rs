//! `computes man`: the manual.

use crate::support::Home;

#[test]
fn of_the_program() {
    let run = Home::new().run(["man"]);
    let sections: Vec<_> = run
        .stdout
        .lines()
        .filter(|line| line.starts_with(".TH") || line.starts_with(".SH"))
        .collect();
    insta::assert_snapshot!(sections.join("\n"), @r#"
    .TH computes 1  "computes 0.1.0" 
    .SH NAME
    .SH SYNOPSIS
    .SH DESCRIPTION
    .SH OPTIONS
    .SH SUBCOMMANDS
    .SH EXAMPLES
    .SH "EXIT STATUS"
    .SH FILES
    .SH ENVIRONMENT
    .SH VERSION
    "#);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn every_verb_has_a_page() {
    let home = Home::new();
    let help = home.run(["--help"]).stdout;
    let (_, verbs) = help.split_once("Commands:\n").expect("a list of verbs");
    let verbs: Vec<_> = verbs.lines().map_while(|line| line.split_whitespace().next()).collect();
    assert_eq!(verbs.len(), 19, "{verbs:?}");
    for verb in verbs {
        let run = home.run(["man", verb]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{verb}");
        assert!(run.stdout.contains(&format!(".TH computes-{verb} 1")), "{}", run.stdout);
    }
    assert!(home.run(["man", "files", "get"]).stdout.contains(".TH computes-files-get 1"));
    home.assert_nothing_written();
}

#[test]
fn of_a_verb_that_is_none() {
    insta::assert_snapshot!(Home::new().refuses(&["man", "sumbit"]), @"
    exit code 2
    --- stderr
    error: there is no verb `sumbit`
    hint: did you mean `computes submit`?
    ");
}

#[test]
fn all_pages_into_a_folder() {
    let home = Home::new();
    let folder = home.work().join("share/man1");
    let run = home.run(["man", "--into", folder.to_str().expect("text")]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    let pages = std::fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(pages, 23);
    let page = std::fs::read_to_string(folder.join("computes-run.1")).expect("a page");
    assert!(page.contains(".TH computes-run 1"), "{page}");
    insta::assert_snapshot!(home.run(["man", "--into", "/dev/null/man1"]).snapshot(), @r"
    exit code 125
    --- stderr
    error: cannot write the manual to /dev/null/man1: Not a directory (os error 20)
    ");
}
