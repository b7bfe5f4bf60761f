//! Small outputs, read one behind the other, to be sent as one object.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::known::Known;
use super::sending::{Kept, Sent};
use crate::engine::changes::Look;
use crate::engine::{Roots, Stored};
use crate::job::Address;
use crate::parcel::ParcelError;

pub struct Bundle {
    pub object: Uuid,
    pub content: Vec<u8>,
    /// Nothing in it is new: other objects hold it all.
    pub is_known: bool,
    /// What came of each file, with the hash of the very bytes that are in the bundle.
    pub files: Vec<(String, Sent)>,
}

impl Bundle {
    /// Room for files, made by the thread that will free it: others keep some for themselves.
    pub fn room(files: &[(String, Look)]) -> Vec<u8> {
        let bytes: u64 = files.iter().map(|(_, look)| look.bytes).sum();
        Vec::with_capacity(usize::try_from(bytes).unwrap_or_default())
    }

    /// Reads files of a job into the room for them, but those whose content is `known`.
    pub fn of(
        files: Vec<(String, Look)>,
        mut content: Vec<u8>,
        roots: &Roots,
        known: &Known,
    ) -> Self {
        let (object, mut is_known) = (Uuid::now_v7(), true);
        let mut new = Known::default();
        let read = |(path, look): (String, Look)| {
            let at = content.len();
            let sent = match append(&mut content, &roots.place(&path), look) {
                Ok(true) => {
                    let hash = Address::of_hash(Sha256::digest(&content[at..]).into());
                    let stored =
                        known.find(look.bytes, &hash).or_else(|| new.find(look.bytes, &hash));
                    let stored = stored.unwrap_or(Stored { object, at: at as u64 });
                    Sent::Kept(Kept { look, hash, stored })
                }
                Ok(false) => Sent::Changed,
                Err(source) => {
                    Sent::not(&ParcelError::Read { path: roots.place(&path), source }.into())
                }
            };
            match &sent {
                Sent::Kept(kept) if kept.stored == (Stored { object, at: at as u64 }) => {
                    new.insert(look.bytes, kept.hash.clone(), kept.stored);
                    is_known = false;
                }
                _ => content.truncate(at),
            }
            (path, sent)
        };
        let files = files.into_iter().map(read).collect();
        Self { object, content, is_known, files }
    }
}

/// Appends a file, and says whether it is the one that was looked at.
fn append(content: &mut Vec<u8>, file: &Path, look: Look) -> io::Result<bool> {
    // One that grows may have no end.
    let read = File::open(file)?.take(look.bytes + 1).read_to_end(content)?;
    Ok(read as u64 == look.bytes && Look::at(file) == Some(look))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn roots(files: &Path) -> Roots {
        Roots { files: files.to_owned(), ..Roots::of_a_container() }
    }

    #[test]
    fn what_is_known_or_changed_takes_no_room() {
        let root = tempfile::tempdir().expect("a folder");
        let mut files = Vec::new();
        for (name, content) in [("a", "one"), ("b", "two"), ("c", "one"), ("d", ""), ("e", "old")] {
            fs::write(root.path().join(name), content).expect("written");
            files.push((name.to_owned(), Look::at(&root.path().join(name)).expect("a file")));
        }
        fs::write(root.path().join("e"), "new and longer").expect("written");
        files.push(("gone".to_owned(), files[0].1));
        let elsewhere = Stored { object: Uuid::now_v7(), at: 5 };
        let two = Address::of_hash(Sha256::digest("two").into());
        let mut known = Known::default();
        known.insert(3, two, elsewhere);
        let bundle = Bundle::of(files, Vec::new(), &roots(root.path()), &known);
        assert_eq!((bundle.content.as_slice(), bundle.is_known), (&b"one"[..], false));
        let stored = bundle.files.iter().map(|(_, sent)| match sent {
            Sent::Kept(kept) => Some(kept.stored),
            Sent::Changed | Sent::Not(_) => None,
        });
        let stored: Vec<_> = stored.collect();
        let own = |at| Some(Stored { object: bundle.object, at });
        assert_eq!(stored, [own(0), Some(elsewhere), own(0), own(3), None, None]);
        assert!(matches!(bundle.files[4].1, Sent::Changed));
        assert!(matches!(bundle.files[5].1, Sent::Not(_)));
    }

    #[test]
    fn of_what_is_known_nothing_is_sent() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("a");
        fs::write(&file, "one").expect("written");
        let look = Look::at(&file).expect("a file");
        let stored = Stored { object: Uuid::now_v7(), at: 0 };
        let mut known = Known::default();
        known.insert(3, Address::of_hash(Sha256::digest("one").into()), stored);
        assert!(
            Bundle::of(vec![("a".to_owned(), look)], Vec::new(), &roots(root.path()), &known)
                .is_known
        );
    }
}
