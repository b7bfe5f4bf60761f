//! What is to be sent along with a job, before it was looked for.

use super::{Draft, FilesPath, JobFiles, Source, SpecError};

/// A source, inputs, and what is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    pub source: Source,
    pub inputs: Vec<Input>,
    pub stdin: Option<Stdin>,
}

/// What the command reads on its stdin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// What the caller has on its own, up to its end.
    Callers,
    /// A file, as the caller named it.
    File(String),
}

impl Stdin {
    /// # Errors
    /// When no file is named.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        match text {
            "" => Err(SpecError::Stdin),
            "-" => Ok(Self::Callers),
            file => Ok(Self::File(file.to_owned())),
        }
    }
}

/// `LOCAL[=PATH]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// A file or folder, as the caller named it.
    pub local: String,
    pub path: FilesPath,
}

impl Input {
    /// Each has a place of its own.
    ///
    /// # Errors
    /// The first two that have not.
    pub fn check(inputs: &[Self]) -> Result<(), SpecError> {
        let mut paths: Vec<_> = inputs.iter().map(|input| (input.path.folded(), input)).collect();
        paths.sort_by(|one, other| one.0.cmp(&other.0));
        match paths.array_windows().find(|[one, other]| one.0 == other.0) {
            Some([(_, one), (_, other)]) => Err(SpecError::InputTwice {
                one: one.local.clone(),
                other: other.local.clone(),
                path: other.path.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Without a path it is what `local` is called; a path that ends with `/` is a folder for it.
    ///
    /// # Errors
    /// When the path leads out of `/files`, or `local` has no name of its own.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let (local, path) = match text.split_once('=') {
            Some((local, path)) => (local, Some(path)),
            None => (text, None),
        };
        let name = local.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let named = || match name {
            "" | "." | ".." => Err(SpecError::InputName(local.to_owned())),
            name => Ok(name),
        };
        if local.is_empty() {
            return Err(SpecError::InputName(local.to_owned()));
        }
        let path = match path {
            None => FilesPath::new(&format!("./{}", named()?))?,
            Some(path) if path.ends_with('/') => FilesPath::new(path)?.join(named()?)?,
            Some(path) => FilesPath::new(path)?,
        };
        Ok(Self { local: local.to_owned(), path })
    }
}

impl Draft {
    /// What goes along with the job.
    ///
    /// # Errors
    /// When that is malformed, or there is no `/files` for it.
    pub fn sending(&self) -> Result<Sending, SpecError> {
        let source = self.source.as_deref().map_or(Ok(Source::default()), str::parse)?;
        let inputs =
            self.inputs.iter().map(|text| Input::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let files = self.files.as_deref().map_or(Ok(JobFiles::default()), str::parse)?;
        if let Some(input) = inputs.first().filter(|_| files == JobFiles::None) {
            return Err(SpecError::NoFiles(input.local.clone()));
        }
        Input::check(&inputs)?;
        let stdin = self.stdin.as_deref().map(Stdin::parse).transpose()?;
        Ok(Sending { source, inputs, stdin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_called_as_it_was_or_as_is_said() {
        let read = |text| Input::parse(text).map(|it| (it.local, it.path.to_string()));
        let expected = |local: &str, path: &str| Ok((local.to_owned(), path.to_owned()));
        assert_eq!(read("data/set.csv"), expected("data/set.csv", "set.csv"));
        assert_eq!(read("../data/"), expected("../data/", "data"));
        assert_eq!(read("data=/files/in"), expected("data", "in"));
        assert_eq!(read("set.csv=in/"), expected("set.csv", "in/set.csv"));
        assert_eq!(read("data=."), expected("data", "."));
        assert_eq!(read(".=in"), expected(".", "in"));
        for text in ["", ".", "..", "../..", "/", "=x", "a=", "a=../b", "a=/etc", "..=x/"] {
            assert!(Input::parse(text).is_err(), "{text}");
        }
    }
}
