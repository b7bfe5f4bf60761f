//! What a repository holds, as far as the first settings depend on it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::error::Failure;
use crate::parcel::Checkout;

/// What a tool leaves that nobody wants back, below each folder that holds the file the tool is known by.
struct Tool {
    file: &'static str,
    leavings: &'static [&'static str],
}

const TOOLS: [Tool; 2] = [
    Tool {
        file: "Cargo.toml",
        // Products are in `target/PROFILE` or, of a build for another machine, in `target/TRIPLE/PROFILE`. A
        // triple has a dash, and what lies in folders below its profiles is none of them. Examples are built by
        // every `cargo test`.
        leavings: &[
            "target/.*",
            "target/*/.*",
            "target/*/build",
            "target/*/deps",
            "target/*/examples",
            "target/*/incremental",
            "target/*/*.d",
            "target/*-*/*/*.d",
            "target/*-*/*/*/*",
        ],
    },
    Tool { file: "package.json", leavings: &["node_modules"] },
];

/// So many folders down a tool is looked for: each level takes lines of its own, and each job carries them.
const DEEPEST: usize = 3;

/// What jobs of a repository leave that is worth keeping: all that they make or change in the source, but
/// for leavings, and all of `/files`.
pub fn outputs(checkout: &Checkout) -> Result<Vec<String>, Failure> {
    let mut outputs = vec!["/source".to_owned()];
    for tool in &TOOLS {
        outputs.extend(left_out(tool, &checkout.folders_with(tool.file)?));
    }
    outputs.push(".".to_owned());
    Ok(outputs)
}

/// The leavings, a pattern for all folders that are as deep: a package within another may be built with it or
/// by itself, which only its tool can tell.
fn left_out<'a>(tool: &'a Tool, folders: &[PathBuf]) -> impl Iterator<Item = String> + use<'a> {
    let depths: BTreeSet<_> = folders.iter().map(|folder| folder.components().count()).collect();
    let depths = depths.into_iter().filter(|depth| *depth <= DEEPEST);
    depths.flat_map(|depth| {
        let above = "*/".repeat(depth);
        tool.leavings.iter().map(move |leavings| format!("!/source/{above}{leavings}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Outputs, Root};

    fn outputs(tool: &Tool, folders: &[&str]) -> Outputs {
        let folders: Vec<_> = folders.iter().map(PathBuf::from).collect();
        let texts: Vec<_> =
            std::iter::once("/source".to_owned()).chain(left_out(tool, &folders)).collect();
        Outputs::parse(&texts).expect("outputs")
    }

    #[test]
    fn of_target_the_products_are_kept() {
        let outputs = outputs(&TOOLS[0], &["", "fuzz", "crates/a", "crates/b"]);
        for above in ["", "fuzz/", "crates/a/"] {
            for (below, expected) in [
                ("Cargo.lock", true),
                ("target/debug/app", true),
                ("target/debug/libapp.so", true),
                ("target/release-with-debug/app", true),
                ("target/x86_64-unknown-linux-gnu/debug/app", true),
                ("target/wasm32-wasip1/release/app.wasm", true),
                ("target/doc/app/index.html", true),
                ("target/package/app-0.1.0.crate", true),
                ("target/.rustc_info.json", false),
                ("target/debug/.cargo-lock", false),
                ("target/debug/.fingerprint/app-1/dep", false),
                ("target/debug/deps/app-1", false),
                ("target/debug/build/app-1/out/x", false),
                ("target/debug/incremental/app-1/s/x", false),
                ("target/debug/examples/demo", false),
                ("target/x86_64-unknown-linux-gnu/debug/deps/app-1", false),
                ("target/wasm32-wasip1/release/.fingerprint/app-1/dep", false),
            ] {
                let path = format!("{above}{below}");
                assert_eq!(outputs.keeps(Root::Source, &path), expected, "{path}");
            }
        }
    }

    #[test]
    fn a_pattern_is_for_all_folders_that_are_as_deep() {
        let node = |folders: &[&str]| {
            let folders: Vec<_> = folders.iter().map(PathBuf::from).collect();
            left_out(&TOOLS[1], &folders).collect::<Vec<_>>()
        };
        assert_eq!(
            node(&["", "packages/a", "packages/b", "w/x/y/too/deep"]),
            ["!/source/node_modules", "!/source/*/*/node_modules"]
        );
        assert!(node(&[]).is_empty());
    }
}
