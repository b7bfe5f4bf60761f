//! Symbolic links that stay within a folder.

use std::path::{Component, Path};

/// Does the link at `path` point out of the folder that both are in? Where `..` comes after a
/// name, that name may be a link itself, so nobody can tell from the words: it counts as out.
#[must_use]
pub fn leads_out(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    let mut named = false;
    for part in target.components() {
        match part {
            Component::Normal(_) => named = true,
            Component::CurDir => {}
            Component::ParentDir if !named && depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    target.as_os_str().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_told_apart_by_their_words() {
        for (path, target) in [("a", "b"), ("a/b", "../c"), ("a/b", "./c/d"), ("a/b/c", "../../d")]
        {
            assert!(!leads_out(Path::new(path), Path::new(target)), "{path} -> {target}");
        }
        for (path, target) in [
            ("a", "/etc/passwd"),
            ("a", ".."),
            ("a", "../a"),
            ("a/b", "../../c"),
            ("a/b", "c/../../d"),
            ("a", "b/.."),
            ("a", ""),
        ] {
            assert!(leads_out(Path::new(path), Path::new(target)), "{path} -> {target}");
        }
    }
}
