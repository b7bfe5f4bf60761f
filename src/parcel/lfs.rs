//! What stands in the place of a large file where Git LFS keeps it elsewhere.

/// A pointer has at most so many bytes (Git LFS, specification of pointers: less than 1,024).
pub const LONGEST: u64 = 1024;

/// Which file is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// SHA-256, in hexadecimal digits.
    pub hash: String,
    pub bytes: u64,
}

impl Pointer {
    /// `None` for any other file.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let mut lines = text.lines();
        if lines.next()? != "version https://git-lfs.github.com/spec/v1" {
            return None;
        }
        let (mut hash, mut bytes) = (None, None);
        for line in lines {
            match line.split_once(' ') {
                Some(("oid", id)) => hash = id.strip_prefix("sha256:").map(str::to_owned),
                Some(("size", size)) => bytes = size.parse().ok(),
                _ => {}
            }
        }
        Some(Self { hash: hash?, bytes: bytes? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_known_by_all_of_its_lines() {
        let text = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        let pointer = Pointer { hash: "4d7a".to_owned(), bytes: 12345 };
        assert_eq!(Pointer::parse(text.as_bytes()), Some(pointer));
        assert_eq!(Pointer::parse(b"version https://git-lfs.github.com/spec/v1\n"), None);
        assert_eq!(Pointer::parse(b"oid sha256:4d7a\nsize 1\n"), None);
        assert_eq!(Pointer::parse(b"\xff"), None);
    }
}
