//! Paths below `/files`.

use serde::{Deserialize, Serialize};

/// A path relative to `/files` that leads nowhere else, on any file system: no `..`, no absolute
/// path, and no name that some system takes for another. Empty for `/files` itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilesPath(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{path}` is no path below /files: {why}")]
pub struct FilesPathError {
    pub path: String,
    pub why: &'static str,
}

/// Names that Windows takes for devices, whatever follows after a dot (Microsoft, "Naming Files,
/// Paths, and Namespaces").
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];
/// EFS and ext4: a name has at most 255 bytes.
const LONGEST_NAME: usize = 255;
/// Linux: `PATH_MAX` is 4,096; `/files` and a directory of the receiver go in front.
const LONGEST: usize = 2048;

impl FilesPath {
    /// `dist`, `dist/app`, `/files/dist`, `./dist/` and, for all of it, `.` or `/files`.
    ///
    /// # Errors
    /// When it could lead out of `/files`, or means another name elsewhere.
    pub fn new(text: &str) -> Result<Self, FilesPathError> {
        let wrong = |why| FilesPathError { path: text.to_owned(), why };
        let below = match text.strip_prefix("/files") {
            Some("") => "",
            Some(rest) => rest.strip_prefix('/').ok_or_else(|| wrong("it is absolute"))?,
            None if text.starts_with('/') => return Err(wrong("it is absolute")),
            None if text.is_empty() => return Err(wrong("it is empty")),
            None => text,
        };
        let mut names = Vec::new();
        for name in below.split('/').filter(|name| !name.is_empty() && *name != ".") {
            check_name(name).map_err(wrong)?;
            names.push(name);
        }
        let path = names.join("/");
        if path.len() > LONGEST {
            return Err(wrong("it is too long"));
        }
        Ok(Self(path))
    }

    /// A path as somebody else wrote it: relative, and in its plain form.
    ///
    /// # Errors
    /// As [`new`](Self::new), and for any other form.
    pub fn plain(text: &str) -> Result<Self, FilesPathError> {
        let wrong = |why| FilesPathError { path: text.to_owned(), why };
        if text.starts_with('/') {
            return Err(wrong("it is absolute"));
        }
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Err(wrong("it is not UTF-8"));
        }
        let path = Self::new(&format!("./{text}")).map_err(|error| wrong(error.why))?;
        let is_plain = path.0 == text && !path.is_all();
        if is_plain { Ok(path) } else { Err(wrong("it is not in its plain form")) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it `/files` itself?
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Is it `other`, or below it?
    #[must_use]
    pub fn is_in(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(&other.0);
        other.is_all() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// A path below this one.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn join(&self, below: &str) -> Result<Self, FilesPathError> {
        Self::new(&format!("./{}/{below}", self.0))
    }

    /// What two paths have in common that are one on a file system that folds case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name == ".." {
        return Err("it climbs with `..`");
    }
    if name.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    if name.contains(['\\', ':']) {
        return Err("it holds `\\` or `:`, which lead elsewhere on Windows");
    }
    if name.ends_with(['.', ' ']) {
        return Err("a name in it ends with a dot or a space, which Windows leaves out");
    }
    if name.len() > LONGEST_NAME {
        return Err("a name in it has more than 255 bytes");
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = |device: &&str| {
        let number = stem.strip_prefix(*device);
        number.is_some_and(|number| number.len() == 1 && number.as_bytes()[0].is_ascii_digit())
    };
    if DEVICES.contains(&stem.as_str()) || NUMBERED_DEVICES.iter().any(numbered) {
        return Err("a name in it is a device on Windows");
    }
    Ok(())
}

impl std::fmt::Display for FilesPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_all() { "." } else { &self.0 })
    }
}

impl TryFrom<String> for FilesPath {
    type Error = FilesPathError;
    fn try_from(text: String) -> Result<Self, FilesPathError> {
        Self::new(&text)
    }
}

impl From<FilesPath> for String {
    fn from(path: FilesPath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_have_one_form() {
        for (text, path) in [
            ("dist", "dist"),
            ("./dist/", "dist"),
            ("/files/dist//app", "dist/app"),
            ("a/./b", "a/b"),
            ("/files", "."),
            (".", "."),
            ("...x", "...x"),
            ("console", "console"),
            ("com10", "com10"),
        ] {
            assert_eq!(FilesPath::new(text).map(|it| it.to_string()), Ok(path.to_owned()));
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for text in [
            "",
            "/etc/passwd",
            "/",
            "/filesystem",
            "..",
            "a/../../b",
            "a\\..\\b",
            "C:x",
            "C:\\x",
            "\\\\host\\share",
            "a\0b",
            "a\nb",
            "x.",
            "x ",
            "a/ /b",
            "NUL",
            "nul.txt",
            "Com1",
            "lpt9.a.b",
            "aux .c",
        ] {
            assert!(FilesPath::new(text).is_err(), "{text:?}");
        }
        assert!(FilesPath::new(&"a".repeat(256)).is_err());
        assert!(FilesPath::new(&"abc/".repeat(600)).is_err());
    }

    #[test]
    fn of_others_only_the_plain_form_is_taken() {
        assert!(FilesPath::plain("files/a").is_ok());
        for text in ["/files/a", "/a", "a//b", "./a", "a/", "a/./b", ".", ""] {
            assert!(FilesPath::plain(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_path_is_in_itself_and_in_its_folders() {
        let path = |text| FilesPath::new(text).expect("a path");
        assert!(path("a/b").is_in(&path("a")));
        assert!(path("a").is_in(&path("a")));
        assert!(path("a").is_in(&path(".")));
        assert!(!path("ab").is_in(&path("a")));
    }

    proptest! {
        #[test]
        fn no_path_leads_out(text in "[./\\\\a:C\u{0} ]{0,12}") {
            if let Ok(path) = FilesPath::new(&text) {
                let plain = |name: &str| !name.is_empty() && name != "." && name != "..";
                prop_assert!(path.is_all() || path.as_str().split('/').all(plain));
                prop_assert_eq!(FilesPath::new(&path.to_string()), Ok(path));
            }
        }
    }
}
