//! The flake, with a nixpkgs that builds nothing in the place of the real one.

#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::root;

/// What the flake reads, without what was built.
fn flake() -> TempDir {
    let copy = tempfile::tempdir().expect("a directory");
    let parts = [
        "flake.nix",
        "nix",
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        ".cargo",
        "migrations",
        "src",
    ];
    let copied = Command::new("cp")
        .arg("-r")
        .args(parts.map(|part| root().join(part)))
        .arg(copy.path())
        .status();
    assert!(copied.expect("cp starts").success());
    copy
}

/// Calls Nix on the flake. `None` without Nix on the machine.
fn nix(flake: &TempDir, words: &[&str], of: &str) -> Option<Output> {
    let home = tempfile::tempdir().expect("a directory");
    let stub = format!("path:{}", root().join("tests/nix/nixpkgs").display());
    let output = Command::new("nix")
        .args(["--extra-experimental-features", "nix-command flakes", "--offline", "--store"])
        // A store of its own: nothing stays on the machine, and nobody has to be root.
        .arg(home.path())
        .args(words)
        .args(["--no-write-lock-file", "--override-input", "nixpkgs", &stub])
        .arg(format!("path:{}{of}", flake.path().display()))
        .env("HOME", home.path())
        .output();
    if output.is_err() {
        eprintln!("skipped: nix is not on this machine");
    }
    output.ok()
}

fn check(flake: &TempDir) -> Option<Output> {
    nix(flake, &["flake", "check", "--no-build"], "")
}

fn eval(flake: &TempDir, of: &str) -> Option<Value> {
    let output = nix(flake, &["eval", "--json"], of)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn everything_evaluates() {
    let Some(output) = check(&flake()) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn mistakes_are_found() {
    for (file, is, becomes, told) in [
        ("nix/image.nix", ", gawk\n", ", gawkk\n", "undefined variable 'gawk'"),
        ("nix/shell.nix", ", jq\n", ", jqq\n, jq\n", "jqq"),
        ("nix/package.nix", "inherit (cargo) version", "inherit (cargo) versions", "'version'"),
        ("nix/package.nix", "../migrations", "../migration", "pathExists"),
        ("flake.nix", "pkgs.computes-image", "pkgs.computes-images", "computes-images"),
    ] {
        let flake = flake();
        let path = flake.path().join(file);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(text.matches(is).count(), 1, "{file}: {is}");
        std::fs::write(path, text.replace(is, becomes)).expect("written");
        let Some(output) = check(&flake) else { return };
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && says.contains(told), "{file}, {becomes}: {says}");
    }
}

/// The command of a job is a shell line that makes `/files`, which an entry point would get as
/// an argument.
#[test]
fn the_image_starts_what_a_job_says() {
    let flake = flake();
    for system in ["x86_64-linux", "aarch64-linux"] {
        let of = format!("#packages.{system}.image.arguments");
        let Some(image) = eval(&flake, &of) else { return };
        let config = &image["config"];
        assert_eq!(config["Cmd"], serde_json::json!(["/bin/sh"]));
        assert_eq!(config["Entrypoint"], Value::Null);
        let holds = image["contents"].to_string();
        assert!(holds.contains("bin-sh") && holds.contains("cacert"), "{holds}");
    }
}

#[test]
fn every_system_has_the_program() {
    let flake = flake();
    for (system, has) in [
        ("x86_64-linux", ["computes", "default", "image"].as_slice()),
        ("aarch64-linux", &["computes", "default", "image"]),
        ("aarch64-darwin", &["computes", "default"]),
    ] {
        let names = ["eval", "--json", "--apply", "builtins.attrNames"];
        let Some(output) = nix(&flake, &names, &format!("#packages.{system}")) else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Vec<String> = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(found, has, "{system}");
    }
}
