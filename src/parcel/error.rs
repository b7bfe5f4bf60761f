//! Why there is no parcel, or none that can be opened.

use std::io;
use std::path::PathBuf;

use crate::job::plain_name;

#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    #[error("`{}` is in no git repository", .directory.display())]
    NoRepository { directory: PathBuf },
    #[error("`{}` is in a git repository, and in no working tree of it", .directory.display())]
    NoWorkingTree { directory: PathBuf },
    #[error("cannot run git")]
    NoGit(#[source] io::Error),
    #[error("git {what} failed: {says}")]
    Git { what: String, says: String },
    #[error("the repository has no commit yet")]
    NoCommit,
    #[error("the tree differs from HEAD: {}", .paths.join(", "))]
    Dirty { paths: Vec<String> },
    #[error("submodule `{}` is not checked out", .path.display())]
    Submodule { path: PathBuf },
    #[error("`{}` is a repository of its own that is no submodule", .path.display())]
    NestedRepository { path: PathBuf },
    #[error("link `{}` leads out, to `{}`", .path.display(), .target.display())]
    LinkLeadsOut { path: PathBuf, target: PathBuf },
    #[error("`{}` is a pointer of Git LFS, and the file that it stands for is not here", .path.display())]
    Pointer { path: PathBuf },
    #[error("`{}` is no file, folder or link", .path.display())]
    Special { path: PathBuf },
    #[error("the source has {}, and {} is the limit; the largest: {}",
        size(*.bytes), size(*.limit), list(.largest))]
    TooLarge { bytes: u64, limit: u64, largest: Vec<(PathBuf, u64)> },
    #[error("`{}` changed while it was read", .path.display())]
    Changed { path: PathBuf },
    #[error("cannot read `{}`", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", .path.display())]
    Write { path: PathBuf, source: io::Error },
    // It goes into logs, too, and may be refused for what it would do there.
    #[error("`{}` can't be taken: {why}", plain_name(&.path.to_string_lossy()))]
    Hostile { path: PathBuf, why: String },
    #[error("`{}` is not what it should be: its SHA-256 is {found} and not {expected}", .path.display())]
    Corrupt { path: PathBuf, found: String, expected: String },
}

const UNREADABLE: &str =
    "make it readable, or leave it out: of a source, by its name in .gitignore";

fn list(largest: &[(PathBuf, u64)]) -> String {
    let named: Vec<_> = largest
        .iter()
        .map(|(path, bytes)| format!("{} ({})", path.display(), size(*bytes)))
        .collect();
    named.join(", ")
}

/// `1.5 MiB`, as people read sizes.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    match bytes {
        1 => return "1 byte".to_owned(),
        0..1024 => return format!("{bytes} bytes"),
        _ => {}
    }
    // Tenths of a unit, rounded down.
    let mut tenths = bytes * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

impl ParcelError {
    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }

    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }

    /// Is what was asked for wrong, rather than the machine?
    #[must_use]
    pub fn is_about_the_request(&self) -> bool {
        match self {
            Self::Read { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::NoRepository { .. }
            | Self::NoWorkingTree { .. }
            | Self::NoCommit
            | Self::Dirty { .. }
            | Self::Submodule { .. }
            | Self::NestedRepository { .. }
            | Self::LinkLeadsOut { .. }
            | Self::Pointer { .. }
            | Self::Special { .. }
            | Self::TooLarge { .. } => true,
            Self::NoGit(_)
            | Self::Git { .. }
            | Self::Changed { .. }
            | Self::Write { .. }
            | Self::Hostile { .. }
            | Self::Corrupt { .. } => false,
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRepository { .. } => {
                "submit from a checkout, or with --source image, which sends nothing".to_owned()
            }
            Self::NoWorkingTree { .. } => {
                "submit from where its files are checked out (git worktree list), or with --source image, \
                 which sends nothing"
                    .to_owned()
            }
            Self::NoGit(_) => {
                "install git, or submit with --source image, which sends nothing".to_owned()
            }
            Self::NoCommit => "commit first, or submit with --source tree".to_owned(),
            Self::Dirty { .. } => {
                "commit or stash it, or send it as it is with --source tree".to_owned()
            }
            Self::Submodule { .. } => "git submodule update --init --recursive".to_owned(),
            Self::NestedRepository { path } => format!(
                "make it a submodule, or name {} in .gitignore if no job needs it",
                path.display()
            ),
            Self::LinkLeadsOut { .. } => {
                "what it leads to is not sent: name it in .gitignore, or put a file in its place"
                    .to_owned()
            }
            Self::Pointer { .. } => "git lfs pull".to_owned(),
            Self::Special { .. } => "leave it out".to_owned(),
            Self::TooLarge { .. } => {
                "name what no job needs in .gitignore, or raise source_limit in computes.toml"
                    .to_owned()
            }
            Self::Changed { .. } => "submit again when nothing writes there".to_owned(),
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room on its disk".to_owned()
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "paths are relative to where you stand".to_owned()
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                UNREADABLE.to_owned()
            }
            Self::Git { says, .. } if says.ends_with("Permission denied") => UNREADABLE.to_owned(),
            Self::Corrupt { .. } => "try again; if it stays so, submit the job anew".to_owned(),
            Self::Hostile { .. } => "name the files that you want, one by one".to_owned(),
            Self::Git { .. } | Self::Read { .. } | Self::Write { .. } => {
                return None;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_people_read_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (256 << 20, "256.0 MiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
            (5 << 40, "5.0 TiB"),
            (5 << 50, "5120.0 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
