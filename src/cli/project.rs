//! What a repository holds, as far as the first settings depend on it.

use std::path::{Path, PathBuf};

use super::error::Failure;
use crate::job::Output;
use crate::parcel::Checkout;

/// What a build tool makes beside its products, which nobody wants back: where the file is that it is
/// known by, and what that is below its folder.
const LEAVINGS: [(&str, &str); 2] =
    [("Cargo.toml", "target/*/*/*"), ("package.json", "node_modules")];

/// What jobs of a repository leave that is worth keeping: all that they make or change in the source, but
/// for leavings, and all of `/files`.
pub fn outputs(checkout: &Checkout) -> Result<Vec<String>, Failure> {
    let mut outputs = vec!["/source".to_owned()];
    for (file, leavings) in LEAVINGS {
        for folder in outermost(&checkout.folders_with(file)?) {
            let left_out = format!("!/source/{}", folder.join(leavings).display());
            // A name that no output can have is left to the user.
            if Output::parse(&left_out).is_ok() {
                outputs.push(left_out);
            }
        }
    }
    outputs.push(".".to_owned());
    Ok(outputs)
}

/// A package within another is built where the other is.
fn outermost(folders: &[PathBuf]) -> Vec<PathBuf> {
    let is_within = |folder: &Path| {
        folder.ancestors().skip(1).any(|around| folders.iter().any(|other| other == around))
    };
    folders.iter().filter(|folder| !is_within(folder)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_within_others_are_theirs() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(outermost(&paths(&["", "a", "a/b"])), paths(&[""]));
        assert_eq!(outermost(&paths(&["a", "a/b", "ab"])), paths(&["a", "ab"]));
    }
}
