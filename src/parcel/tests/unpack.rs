//! Archives of friends and of others.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};
use tempfile::{NamedTempFile, TempDir};

use crate::job::Address;
use crate::parcel::{
    Contents, How, InTheWay, Names, ParcelError, Times, hash_of, pack, unpack, unpack_what_fits,
    walk,
};

/// An entry as somebody may write it who means harm: its kind, its path, its target.
type Raw<'a> = (EntryType, &'a str, &'a str);

/// An archive that no well-behaved program would write.
fn archive(entries: &[Raw<'_>]) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    let gzip = GzEncoder::new(file.reopen().expect("a file"), flate2::Compression::fast());
    let mut builder = Builder::new(gzip);
    for (kind, path, target) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let content: &[u8] = if *kind == EntryType::Regular { b"it" } else { b"" };
        header.set_size(content.len() as u64);
        let old = header.as_old_mut();
        old.name[..path.len()].copy_from_slice(path.as_bytes());
        old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        builder.append(&header, content).expect("appended");
    }
    builder.into_inner().expect("an archive").finish().expect("gzip");
    file
}

/// A folder to unpack into, beside one that must stay as it is.
fn places() -> (TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().expect("a folder");
    let (into, beside) = (root.path().join("into"), root.path().join("beside"));
    fs::create_dir(&into).expect("a folder");
    fs::create_dir(&beside).expect("a folder");
    fs::write(beside.join("kept"), "kept").expect("written");
    (root, into, beside)
}

const ANY: How = How { names: Names::Any, in_the_way: InTheWay::Stays, times: Times::OfAParcel };
const PORTABLE: How =
    How { names: Names::Portable, in_the_way: InTheWay::Stays, times: Times::OfAParcel };

const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;

#[test]
fn nothing_is_written_outside() {
    for entries in [
        &[(FILE, "../beside/kept", "")][..],
        &[(FILE, "a/../../beside/kept", "")],
        &[(FILE, "/tmp/computes-hostile", "")],
        &[(LINK, "a", "../beside"), (FILE, "a/kept", "")],
        &[(LINK, "a", "/etc")],
        &[(LINK, "a", "b/../../beside")],
        &[(LINK, "a", "b"), (LINK, "b", "../beside"), (FILE, "a/kept", "")],
        &[(LINK, "a", "."), (LINK, "a/b", "..")],
        &[(LINK, "d", "."), (FILE, "d/x", "")],
        &[(EntryType::Link, "a", "../beside/kept")],
        &[(EntryType::Link, "a", "b")],
        &[(EntryType::Char, "a", "")],
        &[(EntryType::Fifo, "a", "")],
        &[(FILE, "a", ""), (FILE, "a/b", "")],
        &[(EntryType::Directory, "a", ""), (FILE, "a", "")],
    ] {
        let (_root, into, beside) = places();
        let result = unpack(archive(entries).path(), None, &into, ANY);
        assert!(result.is_err(), "{entries:?}");
        assert_eq!(fs::read(beside.join("kept")).expect("a file"), b"kept", "{entries:?}");
        assert_eq!(fs::read_dir(&beside).expect("a folder").count(), 1, "{entries:?}");
    }
    assert!(!Path::new("/tmp/computes-hostile").exists());
}

#[test]
fn a_link_that_was_there_is_not_followed() {
    let (_root, into, beside) = places();
    symlink(&beside, into.join("a")).expect("a link");
    symlink(beside.join("kept"), into.join("b")).expect("a link");
    assert!(unpack(archive(&[(FILE, "a/kept", "")]).path(), None, &into, ANY).is_err());
    // A file takes the place of a link, and not of what it leads to.
    unpack(archive(&[(FILE, "b", "")]).path(), None, &into, ANY).expect("unpacked");
    assert_eq!(fs::read(into.join("b")).expect("a file"), b"it");
    assert_eq!(fs::read(beside.join("kept")).expect("a file"), b"kept");
}

#[test]
fn what_is_in_the_way_goes_if_it_may_and_never_what_it_leads_to() {
    let (_root, into, beside) = places();
    symlink(&beside, into.join("a")).expect("a link");
    fs::create_dir_all(into.join("b/in")).expect("a folder");
    fs::write(into.join("c"), "c").expect("written");
    let clears = How { in_the_way: InTheWay::Goes, ..ANY };
    let file = archive(&[(FILE, "a/kept", ""), (FILE, "b", ""), (FILE, "c/in", "")]);
    unpack(file.path(), None, &into, clears).expect("unpacked");
    for name in ["a/kept", "b", "c/in"] {
        assert_eq!(fs::read(into.join(name)).expect("a file"), b"it");
    }
    assert_eq!(fs::read(beside.join("kept")).expect("a file"), b"kept");
}

#[test]
fn of_an_archive_of_others_the_rest_is_unpacked() {
    let (_root, into, _beside) = places();
    let file = archive(&[
        (FILE, "a", ""),
        (FILE, "../b", ""),
        (LINK, "out", "/etc"),
        (EntryType::Fifo, "p", ""),
        (FILE, "c:d", ""),
        (FILE, "e", ""),
    ]);
    let unfit = unpack_what_fits(file.path(), &into, PORTABLE).expect("unpacked");
    let unfit: Vec<_> = unfit.iter().map(|(path, _)| path.to_str()).collect();
    assert_eq!(unfit, ["../b", "out", "p", "c:d"].map(Some));
    assert!(into.join("a").exists() && into.join("e").exists());
}

#[test]
fn names_that_are_others_elsewhere_are_taken_from_friends_only() {
    for entries in [
        &[(FILE, "NUL", "")][..],
        &[(FILE, "aux.c", "")],
        &[(FILE, "a\\b", "")],
        &[(FILE, "a:b", "")],
        &[(FILE, "a.", "")],
        &[(FILE, "a", ""), (FILE, "A", "")],
        &[(FILE, "d/a", ""), (FILE, "D/b", ""), (FILE, "D/A", "")],
    ] {
        let (_root, into, _beside) = places();
        let file = archive(entries);
        assert!(unpack(file.path(), None, &into, PORTABLE).is_err(), "{entries:?}");
        let (_root, into, _beside) = places();
        assert!(unpack(file.path(), None, &into, ANY).is_ok(), "{entries:?}");
    }
}

#[test]
fn another_archive_than_was_meant_is_not_opened() {
    let (_root, into, _beside) = places();
    let file = archive(&[(FILE, "a", "")]);
    let other = Address::of_hash([0; 32]);
    let error = unpack(file.path(), Some(&other), &into, ANY).expect_err("another");
    assert!(matches!(error, ParcelError::Corrupt { .. }), "{error}");
    assert_eq!(fs::read_dir(&into).expect("a folder").count(), 0);
    let bytes = fs::read(file.path()).expect("a file");
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        let cut = NamedTempFile::new().expect("a file");
        fs::write(cut.path(), &bytes[..length]).expect("written");
        let known = hash_of(file.path()).expect("a hash");
        assert!(unpack(cut.path(), Some(&known), &into, ANY).is_err(), "{length}");
    }
}

fn packed(contents: &Contents) -> (NamedTempFile, Address) {
    let mut file = NamedTempFile::new().expect("a file");
    let parcel = pack(contents, &mut file, &mut |_| ()).expect("packed");
    (file, parcel.address)
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(
        files in prop::collection::btree_map(
            "[a-z \u{e4}'\"$*]{1,8}(/[a-z ]{1,120}){0,2}",
            (prop::collection::vec(any::<u8>(), 0..2000), any::<bool>()),
            0..12,
        )
    ) {
        let (root, into, _beside) = places();
        let from = root.path().join("from");
        fs::create_dir(&from).expect("a folder");
        for (path, (content, executable)) in &files {
            let path = from.join(path);
            // A name may be that of another's folder.
            let Ok(()) = fs::create_dir_all(path.parent().expect("a folder")) else { continue };
            if fs::write(&path, content).is_ok() {
                let mode = if *executable { 0o755 } else { 0o644 };
                let rights = std::os::unix::fs::PermissionsExt::from_mode(mode);
                fs::set_permissions(&path, rights).expect("rights");
            }
        }
        let contents = walk(&from).expect("a folder").below(Path::new(""));
        let (file, address) = packed(&contents);
        unpack(file.path(), Some(&address), &into, ANY).expect("unpacked");
        let there = walk(&into).expect("a folder").below(Path::new(""));
        let (again, same) = packed(&there);
        prop_assert_eq!(address, same);
        drop(again);
    }
}
