//! What others chose, in what a terminal shows.

use crate::support::Home;

/// What a terminal would take for a command is seen, and JSON has it as it is.
#[test]
fn control_characters_in_names() {
    let home = Home::new();
    let name = "a\x1b]0;x\x07\nb";
    let script = format!("touch '/files/{name}'");
    let run = home.run(["run", "--output", ".", "--", "sh", "-c", &script]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let seen = [
        home.run(["files", "ls", "last"]).stdout,
        home.run(["status", "last"]).stdout,
        home.run(["submit", "--output", name, "--", "true"]).stderr,
        run.stderr,
        home.run(["list"]).stdout,
        home.run(["explain", "last"]).stdout,
        home.run(["files", "get", "last"]).stderr,
    ];
    for text in &seen {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
    assert!(seen[0].contains(r"a\x1b]0;x\x07\nb"), "{}", seen[0]);
    assert!(seen[1].contains(r"a\x1b]0;x\x07 b"), "{}", seen[1]);
    assert!(seen[2].contains(r"`a\x1b]0;x\x07 b` is no path"), "{}", seen[2]);
    let refused = home.run(["submit", "--json", "--output", name, "--", "true"]).stderr;
    let refused: serde_json::Value = serde_json::from_str(&refused).expect("json");
    assert!(refused["error"].as_str().is_some_and(|it| it.contains(name)), "{refused}");
    let files = home.run(["files", "ls", "--json", "last"]).json();
    assert!(files.iter().any(|file| file["path"] == name), "{files:?}");
}
