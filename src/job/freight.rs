//! What is sent along with a job: its source and its inputs, each as a parcel.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::FilesPath;

/// The name of a parcel by its bytes: their SHA-256, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no address of a parcel, which is a SHA-256 in hexadecimal digits")]
pub struct NoAddress(pub String);

/// Bytes of a SHA-256.
const SHA256: usize = 32;

impl Address {
    #[must_use]
    pub fn of_hash(hash: [u8; SHA256]) -> Self {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(2 * SHA256);
        for byte in hash {
            // Writing to a String can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Address {
    type Error = NoAddress;
    fn try_from(text: String) -> Result<Self, NoAddress> {
        let digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if text.len() == 2 * SHA256 && text.chars().all(digit) {
            Ok(Self(text))
        } else {
            Err(NoAddress(text))
        }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

/// An archive: a tar file in gzip.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Parcel {
    pub address: Address,
    /// Of the archive.
    pub bytes: u64,
}

/// The source, and where in it the command starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceParcel {
    #[serde(flatten)]
    pub parcel: Parcel,
    /// Relative to the root of the source; empty for the root itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub directory: String,
}

impl SourceParcel {
    /// Where the command starts, if the source is there.
    #[must_use]
    pub fn start(&self, root: &Path) -> PathBuf {
        if self.directory.is_empty() { root.to_owned() } else { root.join(&self.directory) }
    }
}

impl SourceParcel {
    /// The root of the source of which a command starts in `directory`: the way back from
    /// [`start`](Self::start).
    #[must_use]
    pub fn root<'a>(&self, start: &'a Path) -> Option<&'a Path> {
        let directory = Path::new(&self.directory);
        let depth = directory.components().count();
        start.is_absolute().then_some(())?;
        start.ends_with(directory).then(|| start.ancestors().nth(depth)).flatten()
    }
}

/// What is at a path below `/files` when the command starts. The names in the archive begin with
/// that path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputParcel {
    #[serde(flatten)]
    pub parcel: Parcel,
    pub path: FilesPath,
}

/// All that goes along with a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freight {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceParcel>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputParcel>,
    /// What the command reads on its stdin: the one file in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<Parcel>,
}

impl Freight {
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.source.is_none() && self.inputs.is_empty() && self.stdin.is_none()
    }

    pub fn parcels(&self) -> impl Iterator<Item = &Parcel> {
        let source = self.source.iter().map(|source| &source.parcel);
        source.chain(self.inputs.iter().map(|input| &input.parcel)).chain(&self.stdin)
    }

    pub fn parcels_mut(&mut self) -> impl Iterator<Item = &mut Parcel> {
        let source = self.source.iter_mut().map(|source| &mut source.parcel);
        source.chain(self.inputs.iter_mut().map(|input| &mut input.parcel)).chain(&mut self.stdin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_found_again_from_where_its_command_starts() {
        let parcel = Parcel { address: Address::of_hash([0; 32]), bytes: 0 };
        let root = |directory: &str, start| {
            let (parcel, directory) = (parcel.clone(), directory.to_owned());
            let source = SourceParcel { parcel, directory };
            source.root(Path::new(start)).map(Path::to_owned)
        };
        assert_eq!(root("", "/w"), Some("/w".into()));
        assert_eq!(root("a/b", "/w/a/b"), Some("/w".into()));
        assert_eq!(root("a/b", "/w/a"), None);
        assert_eq!(root("", ""), None);
    }

    #[test]
    fn an_address_is_written_as_it_is_read() {
        let address = Address::of_hash([0xab; 32]);
        assert_eq!(Address::try_from("ab".repeat(32)), Ok(address));
        for text in ["", "ab", &"AB".repeat(32), &"g".repeat(64)] {
            assert!(Address::try_from(text.to_owned()).is_err());
        }
    }
}
