//! What git knows of a checkout. Git itself is asked: nobody else reads its index, its settings
//! and its rules for what is ignored the way it does (ADR 0017).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::UNIX_EPOCH;

use super::blobs::Blobs;
use super::folder::{Found, look};
use super::lfs::{self, Pointer};
use super::{Contents, Entry, Origin, ParcelError, Standing};

/// A working tree of git.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkout {
    root: PathBuf,
    /// Where the caller stands, relative to the root.
    pub directory: String,
}

/// Set where a hook runs: they would name another repository than that of the directory.
const OF_A_HOOK: [&str; 6] = [
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
];

/// How git's own lists call what they have (git-ls-tree).
const LINK: &str = "120000";
const EXECUTABLE: &str = "100755";
const SUBMODULE: &str = "160000";

/// As many changed files are named as tell what it is about.
const NAMED: usize = 3;

pub(super) fn command(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
    for name in OF_A_HOOK {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// What git answers.
fn ask(directory: &Path, words: &[&str]) -> Result<Vec<u8>, ParcelError> {
    ask_whole(directory, words).map(|answer| answer.stdout)
}

/// The same, with what it warns of.
fn ask_whole(directory: &Path, words: &[&str]) -> Result<Output, ParcelError> {
    let output = command(directory).args(words).output().map_err(ParcelError::NoGit)?;
    if output.status.success() {
        return Ok(output);
    }
    let says = String::from_utf8_lossy(&output.stderr);
    let says = says.trim().strip_prefix("fatal: ").unwrap_or(says.trim()).replace('\n', "; ");
    if says.starts_with("not a git repository") {
        return Err(ParcelError::NoRepository { directory: directory.to_owned() });
    }
    if says.contains("must be run in a work tree") {
        return Err(ParcelError::NoWorkingTree { directory: directory.to_owned() });
    }
    Err(ParcelError::Git { what: words.first().copied().unwrap_or_default().to_owned(), says })
}

/// The lines of an answer to `-z`.
fn lines(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    answer.split(|byte| *byte == 0).filter(|line| !line.is_empty())
}

fn path(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// Whether a file that git does not track stays here, by its path from the root.
pub type IsLeft<'a> = &'a dyn Fn(&Path) -> bool;

impl Checkout {
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The checkout that a directory is in.
    ///
    /// # Errors
    /// When it is in none, or git can't be asked.
    pub fn around(directory: &Path) -> Result<Self, ParcelError> {
        // Each by itself: a path may hold newlines.
        let asked = |what: &str| {
            let mut answer = ask(directory, &["rev-parse", what])?;
            answer.pop_if(|last| *last == b'\n');
            Ok::<_, ParcelError>(answer)
        };
        let root = path(&asked("--show-toplevel")?);
        if root.as_os_str().is_empty() {
            return Err(ParcelError::NoWorkingTree { directory: directory.to_owned() });
        }
        let below = asked("--show-prefix")?;
        let below = String::from_utf8_lossy(&below).trim_end_matches('/').to_owned();
        Ok(Self { root, directory: below })
    }

    /// The folders of the checkout that hold a file of that name which git does not ignore, from the root
    /// on, sorted.
    ///
    /// # Errors
    /// When git can't be asked.
    pub fn folders_with(&self, file: &str) -> Result<Vec<PathBuf>, ParcelError> {
        let files = format!(":(glob)**/{file}");
        let about = ["--cached", "--others", "--exclude-standard", "-z", "--", &files];
        let found = ask(&self.root, &[&["ls-files"], about.as_slice()].concat())?;
        let folder = |name: &[u8]| path(name).parent().map(Path::to_owned);
        let mut folders: Vec<_> = lines(&found).filter_map(folder).collect();
        folders.sort();
        folders.dedup();
        Ok(folders)
    }

    /// What git tracks and what it doesn't ignore, as it is on the disk, with all submodules.
    ///
    /// # Errors
    /// When something of it can't be sent as it is.
    pub fn tree(&self, is_left: IsLeft<'_>) -> Result<Contents, ParcelError> {
        let mut contents = Contents::default();
        add_tree(&self.root, Path::new(""), is_left, &mut contents)?;
        Ok(contents)
    }

    /// What HEAD holds, with all submodules.
    ///
    /// # Errors
    /// When the tree differs from it, or something of it can't be sent as it is.
    pub fn commit(&self, is_left: IsLeft<'_>) -> Result<Contents, ParcelError> {
        if !has_commit(&self.root)? {
            return Err(ParcelError::NoCommit);
        }
        let status = ask(
            &self.root,
            &["status", "--porcelain", "-z", "--ignore-submodules=none", "--untracked-files=all"],
        )?;
        // `XY path`; the old name of one that was renamed has a line of its own.
        let is_change = |line: &&[u8]| {
            let untracked = line.strip_prefix(b"?? ").map(path);
            line.get(2) == Some(&b' ') && !untracked.is_some_and(|path| is_left(&path))
        };
        let changed: Vec<_> = lines(&status).filter(is_change).collect();
        if !changed.is_empty() {
            let names = changed.iter().take(NAMED);
            let mut paths: Vec<_> =
                names.map(|line| String::from_utf8_lossy(&line[3..]).into_owned()).collect();
            if changed.len() > NAMED {
                paths.push(format!("and {} more", changed.len() - NAMED));
            }
            return Err(ParcelError::Dirty { paths });
        }
        let mut contents = Contents::default();
        add_commit(&self.root, "HEAD", Path::new(""), &mut Blobs::default(), &mut contents)?;
        Ok(contents)
    }
}

/// What git tracks: its mode and its path.
fn tracked(root: &Path) -> Result<Vec<(String, PathBuf)>, ParcelError> {
    // `mode id stage\tpath`
    let answer = ask(root, &["ls-files", "--stage", "-z"])?;
    let named = lines(&answer).map(|line| {
        let (about, name) = split_at(line, b'\t')?;
        let mode = about.split(|byte| *byte == b' ').next().unwrap_or_default();
        Ok((String::from_utf8_lossy(mode).into_owned(), path(name)))
    });
    named.collect()
}

/// Which files differ from HEAD.
enum Edited {
    /// There is no commit yet.
    All,
    These(BTreeSet<PathBuf>),
}

impl Edited {
    fn has(&self, name: &Path) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(name),
        }
    }
}

fn edited(root: &Path) -> Result<Edited, ParcelError> {
    match ask(root, &["diff", "--name-only", "--no-renames", "--ignore-submodules", "-z", "HEAD"]) {
        Ok(names) => Ok(Edited::These(lines(&names).map(path).collect())),
        Err(_) if !has_commit(root)? => Ok(Edited::All),
        Err(error) => Err(error),
    }
}

fn has_commit(root: &Path) -> Result<bool, ParcelError> {
    match ask(root, &["rev-parse", "--verify", "--quiet", "HEAD"]) {
        Ok(_) => Ok(true),
        Err(ParcelError::Git { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What it neither tracks nor ignores. A repository of its own ends with `/`.
fn untracked(root: &Path) -> Result<Vec<PathBuf>, ParcelError> {
    let words = ["ls-files", "--others", "--exclude-standard", "-z"];
    let answer = ask_whole(root, &words)?;
    // It goes on without the folder.
    let says = String::from_utf8_lossy(&answer.stderr);
    if let Some(unread) = says.lines().find(|line| line.contains("could not open directory")) {
        let says = unread.trim_start_matches("warning: ").to_owned();
        return Err(ParcelError::Git { what: words[0].to_owned(), says });
    }
    Ok(lines(&answer.stdout).map(path).collect())
}

fn add_tree(
    root: &Path,
    below: &Path,
    is_left: IsLeft<'_>,
    contents: &mut Contents,
) -> Result<(), ParcelError> {
    let mut place = Place { root, below, contents, folders: BTreeMap::new() };
    // Where the disk has no rights of its own, git keeps them.
    let has_rights = ask(root, &["config", "--type=bool", "--default=true", "core.fileMode"])?;
    let has_rights = !has_rights.starts_with(b"false");
    let edited = edited(root)?;
    let written = |name: &Path| {
        let seen = fs::symlink_metadata(root.join(name)).and_then(|seen| seen.modified());
        seen.unwrap_or(UNIX_EPOCH)
    };
    for (mode, name) in tracked(root)? {
        if !place.is_within(&name) {
            continue;
        }
        if mode == SUBMODULE {
            let there = root.join(&name);
            check_submodule(&there, &below.join(&name))?;
            add_tree(&there, &below.join(&name), is_left, place.contents)?;
        } else {
            let rights = (!has_rights).then(|| mode == EXECUTABLE);
            let standing = if edited.has(&name) {
                Standing::Edited(written(&name))
            } else {
                Standing::Tracked(written(&name))
            };
            place.add(&name, rights, standing)?;
        }
    }
    for name in untracked(root)? {
        if name.as_os_str().as_bytes().ends_with(b"/") {
            return Err(ParcelError::NestedRepository { path: below.join(name) });
        }
        if !is_left(&below.join(&name)) {
            place.add(&name, None, Standing::Untracked(written(&name)))?;
        }
    }
    Ok(())
}

/// A repository on the disk, and where it goes.
struct Place<'a> {
    root: &'a Path,
    below: &'a Path,
    contents: &'a mut Contents,
    /// Whether folders are such themselves, and no links.
    folders: BTreeMap<PathBuf, bool>,
}

impl Place<'_> {
    /// Is what is called so in the repository, and not behind a link that took the place of a folder?
    /// Git counts such a file as gone.
    fn is_within(&mut self, name: &Path) -> bool {
        let Some(around) = name.parent().filter(|around| !around.as_os_str().is_empty()) else {
            return true;
        };
        if let Some(known) = self.folders.get(around) {
            return *known;
        }
        let is_folder = fs::symlink_metadata(self.root.join(around)).is_ok_and(|it| it.is_dir());
        let is_within = is_folder && self.is_within(around);
        self.folders.insert(around.to_owned(), is_within);
        is_within
    }

    /// A file as it is on the disk, with git's rights if it has none there. One that git tracks and
    /// that is gone is gone.
    fn add(
        &mut self,
        name: &Path,
        rights: Option<bool>,
        found: Standing,
    ) -> Result<(), ParcelError> {
        let (on_disk, path) = (self.root.join(name), self.below.join(name));
        let mut entry = match look(&on_disk) {
            Ok(Found::Entry(entry)) => entry,
            // What git tracks as a file became a folder: what is in it has entries of its own.
            Ok(Found::Folder) => return Ok(()),
            Ok(Found::Special) => return Err(ParcelError::Special { path }),
            Err(ParcelError::Read { source, .. }) if is_gone(&source) => return Ok(()),
            Err(error) => return Err(error),
        };
        if let Entry::File { bytes, executable, standing, .. } = &mut entry {
            *standing = found;
            *executable = rights.unwrap_or(*executable);
            if *bytes < lfs::LONGEST {
                let content = fs::read(&on_disk).map_err(ParcelError::read(&path))?;
                if Pointer::parse(&content).is_some() {
                    return Err(ParcelError::Pointer { path });
                }
            }
        }
        self.contents.add(path, entry)
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn add_commit(
    root: &Path,
    commit: &str,
    below: &Path,
    blobs: &mut Blobs,
    contents: &mut Contents,
) -> Result<(), ParcelError> {
    // `mode type id bytes\tpath`
    let held = ask(root, &["ls-tree", "-r", "-z", "--long", "--full-tree", commit])?;
    for line in lines(&held) {
        let (about, name) = split_at(line, b'\t')?;
        let about = String::from_utf8_lossy(about);
        let mut about = about.split_ascii_whitespace();
        let mode = about.next().unwrap_or_default();
        let id = about.nth(1).unwrap_or_default().to_owned();
        let bytes = about.next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        let (there, path) = (root.join(path(name)), below.join(path(name)));
        match mode {
            SUBMODULE => {
                check_submodule(&there, &path)?;
                add_commit(&there, &id, &path, blobs, contents)?;
            }
            LINK => {
                let target = self::path(&blobs.read(root, &id)?);
                contents.add(path, Entry::Link { target })?;
            }
            mode => {
                let executable = mode == EXECUTABLE;
                let mut file =
                    (Origin::Blob { repository: root.to_owned(), id: id.clone() }, bytes);
                if bytes < lfs::LONGEST
                    && let Some(pointer) = Pointer::parse(&blobs.read(root, &id)?)
                {
                    check_pointed(&there, &pointer, &path)?;
                    file = (Origin::Disk(there), pointer.bytes);
                }
                let (origin, bytes) = file;
                contents.add(
                    path,
                    Entry::File { origin, bytes, executable, standing: Standing::Alone },
                )?;
            }
        }
    }
    Ok(())
}

/// The file that stands for a pointer of HEAD is the one on the disk, if it is that one.
fn check_pointed(there: &Path, pointer: &Pointer, path: &Path) -> Result<(), ParcelError> {
    if super::hash_of(there).is_ok_and(|hash| hash.as_str() == pointer.hash) {
        return Ok(());
    }
    Err(ParcelError::Pointer { path: path.to_owned() })
}

/// A folder that is no checkout is taken for one of the repository around it.
fn check_submodule(there: &Path, path: &Path) -> Result<(), ParcelError> {
    let is_folder = fs::symlink_metadata(there).is_ok_and(|it| it.is_dir());
    if is_folder && there.join(".git").exists() {
        return Ok(());
    }
    Err(ParcelError::Submodule { path: path.to_owned() })
}

fn split_at(line: &[u8], at: u8) -> Result<(&[u8], &[u8]), ParcelError> {
    let place = line.iter().position(|byte| *byte == at);
    let place = place.ok_or_else(|| ParcelError::Git {
        what: "ls-files".to_owned(),
        says: String::from_utf8_lossy(line).into_owned(),
    })?;
    Ok((&line[..place], &line[place + 1..]))
}
