//! A file with settings: where it is looked for, and how it is read.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{ConfigError, FILE_NAME, Place, Problem};

pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    /// The first from `directory` upward.
    pub(super) fn nearest(directory: &Path) -> Result<Option<Self>, ConfigError> {
        for directory in directory.ancestors() {
            if let Some(source) = Self::read(directory.join(FILE_NAME))? {
                return Ok(Some(source));
            }
        }
        Ok(None)
    }

    /// Nothing where there is no such file.
    pub(super) fn read(path: PathBuf) -> Result<Option<Self>, ConfigError> {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            // A home of `/dev/null`, as services have it, holds no file either.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Self { path, text })),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let before = String::from_utf8_lossy(valid);
                Err(Place::after(&path, &before).wrong(Problem::NotUtf8))
            }
        }
    }

    /// The place of a byte.
    pub(super) fn place(&self, offset: usize) -> Place {
        Place::after(&self.path, &self.text[..self.text.floor_char_boundary(offset)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_upward_is_the_one() {
        let root = tempfile::tempdir().expect("a directory");
        let deep = root.path().join("a/b/c");
        fs::create_dir_all(&deep).expect("directories");
        let found = |text: &str| {
            let source = Source::nearest(&deep).expect("readable").expect("a file");
            assert_eq!(source.text, text);
            source.path
        };
        fs::write(root.path().join(FILE_NAME), "above").expect("written");
        assert_eq!(found("above"), root.path().join(FILE_NAME));
        fs::write(root.path().join("a/b").join(FILE_NAME), "near").expect("written");
        assert_eq!(found("near"), root.path().join("a/b").join(FILE_NAME));
    }

    #[test]
    fn no_file_is_nothing_and_one_that_cannot_be_read_is_an_error() {
        let root = tempfile::tempdir().expect("a directory");
        assert!(
            Source::read("/dev/null/computes/computes.toml".into()).is_ok_and(|it| it.is_none())
        );
        let path = root.path().join(FILE_NAME);
        assert!(Source::read(path.clone()).is_ok_and(|it| it.is_none()));
        fs::create_dir(&path).expect("a directory of that name");
        let error = Source::read(path.clone()).err().expect("unreadable");
        assert_eq!(error.to_string(), format!("cannot read `{}`", path.display()));
        assert!(error.hint().is_some());
    }

    #[test]
    fn bytes_that_are_no_text_are_found() {
        let root = tempfile::tempdir().expect("a directory");
        let path = root.path().join(FILE_NAME);
        fs::write(&path, b"# \xc3\xa4\n# \xff\n").expect("written");
        let error = Source::read(path.clone()).err().expect("no text");
        assert_eq!(error.to_string(), format!("{}:2:3: not valid UTF-8", path.display()));
    }
}
