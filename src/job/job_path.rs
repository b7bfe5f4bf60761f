//! Paths in a job: below `/files` or below `/source`.

use super::{FilesPath, FilesPathError};

/// What a path in a job begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// `/files`.
    Files,
    /// `/source`: the copy of the source that the job works on.
    Source,
}

impl Root {
    pub const ALL: [Self; 2] = [Self::Files, Self::Source];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "/files",
            Self::Source => "/source",
        }
    }
}

/// A path that stays below its root, on any file system. As a text it is relative to `/files`, or
/// begins with `/source`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobPath {
    pub root: Root,
    pub below: FilesPath,
}

impl JobPath {
    /// What the job itself sees, as in `/source/app`, `/source` and `/files/dist`; or a path relative
    /// to `/files`.
    ///
    /// # Errors
    /// When it could lead out of its root, or means another name elsewhere.
    pub fn new(text: &str) -> Result<Self, FilesPathError> {
        match text.strip_prefix(Root::Source.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                let below = FilesPath::new(&format!("./{rest}")).map_err(as_written(text))?;
                Ok(Self { root: Root::Source, below })
            }
            _ => Ok(Self { root: Root::Files, below: FilesPath::new(text)? }),
        }
    }

    /// A path as somebody else wrote it: in its plain form, as [`Display`](std::fmt::Display) has it.
    ///
    /// # Errors
    /// As [`new`](Self::new), and for any other form.
    pub fn plain(text: &str) -> Result<Self, FilesPathError> {
        let (root, below) = Self::split(text);
        Ok(Self { root, below: FilesPath::plain(below).map_err(as_written(text))? })
    }

    /// The root of a path in its plain form, and what is below, which nobody has checked.
    #[must_use]
    pub fn split(text: &str) -> (Root, &str) {
        let source = text.strip_prefix(Root::Source.as_str()).and_then(|it| it.strip_prefix('/'));
        source.map_or((Root::Files, text), |below| (Root::Source, below))
    }

    /// The other way: what lies at `below`.
    #[must_use]
    pub fn text_of(root: Root, below: &str) -> String {
        match root {
            Root::Files => below.to_owned(),
            Root::Source => format!("{}/{below}", Root::Source.as_str()),
        }
    }

    /// Is it `other`, or below it?
    #[must_use]
    pub fn is_in(&self, other: &Self) -> bool {
        self.root == other.root && self.below.is_in(&other.below)
    }
}

fn as_written(text: &str) -> impl FnOnce(FilesPathError) -> FilesPathError {
    move |error| FilesPathError { path: text.to_owned(), ..error }
}

impl std::fmt::Display for JobPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.root {
            Root::Files => self.below.fmt(f),
            Root::Source if self.below.is_all() => f.write_str(self.root.as_str()),
            Root::Source => f.write_str(&Self::text_of(self.root, self.below.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_root_and_one_form() {
        for (text, root, shown) in [
            ("dist", Root::Files, "dist"),
            ("/files/dist/", Root::Files, "dist"),
            (".", Root::Files, "."),
            ("source/app", Root::Files, "source/app"),
            ("/source", Root::Source, "/source"),
            ("/source/./", Root::Source, "/source"),
            ("/source//bin/app", Root::Source, "/source/bin/app"),
        ] {
            let path = JobPath::new(text).expect("a path");
            assert_eq!((path.root, path.to_string().as_str()), (root, shown));
            assert_eq!(JobPath::new(shown), Ok(path.clone()));
            assert_eq!(JobPath::plain(shown).is_ok(), !path.below.is_all(), "{shown}");
        }
    }

    #[test]
    fn no_path_leads_out_of_its_root() {
        for text in ["/sources", "/source/../etc", "/source/..", "/source/a\\b", "/etc", "../x"] {
            let error = JobPath::new(text).expect_err("refused");
            assert_eq!(error.path, text);
        }
        for text in ["/source", "/source/", "/source//a", "/source/./a", "/source/..", "/files/a"] {
            assert!(JobPath::plain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_of_one_root_is_not_in_the_other() {
        let path = |text| JobPath::new(text).expect("a path");
        assert!(path("/source/a").is_in(&path("/source")));
        assert!(!path("/source/a").is_in(&path(".")));
        assert!(!path("a").is_in(&path("/source")));
    }
}
