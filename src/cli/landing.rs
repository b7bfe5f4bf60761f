//! How what comes back from a job takes its place: not before what is there was looked at once more.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, RenameFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use super::aside::Aside;
use super::brought::{Came, Coming};
use super::error::{Doing, Failure};
use super::fate::{Fate, Why};
use super::known::{Known, Verdict};
use super::places::Places;
use super::times::Time;
use crate::engine::{EngineError, FileEntry, FileKind, Look, replace};
use crate::job::{JobPath, Root};
use crate::parcel::{Content, Role, may_run};

/// What was found at a place, and what is to become of it.
#[derive(Debug, Clone)]
pub struct Planned {
    pub path: JobPath,
    pub look: Option<Look>,
    /// The job that it came from.
    pub came: Option<Came>,
    pub verdict: Verdict,
}

pub struct Landing<'a> {
    known: &'a Known<'a>,
    planned: &'a BTreeMap<PathBuf, Planned>,
    times: &'a BTreeMap<PathBuf, Time>,
    aside: &'a Aside,
    landed: RefCell<BTreeMap<PathBuf, (Look, Came)>>,
    turns: [OnceCell<File>; Root::ALL.len()],
    left: RefCell<Vec<(PathBuf, Why)>>,
}

impl<'a> Landing<'a> {
    #[must_use]
    pub fn new(
        known: &'a Known<'a>,
        planned: &'a BTreeMap<PathBuf, Planned>,
        times: &'a BTreeMap<PathBuf, Time>,
        aside: &'a Aside,
    ) -> Self {
        Self {
            known,
            planned,
            times,
            aside,
            landed: RefCell::default(),
            turns: Default::default(),
            left: RefCell::default(),
        }
    }

    /// Gives what was made beside its place its name there, if what is there may go.
    ///
    /// # Errors
    /// When it can't be, or nobody can tell whether it may.
    pub fn land(&self, made: &Path, to: &Path) -> io::Result<()> {
        let (planned, time) = self
            .planned
            .get(to)
            .zip(self.times.get(to))
            .ok_or_else(|| io::Error::other("nothing was to come there"))?;
        set_time(made, *time)?;
        // What another call puts there between the look and the name would be gone.
        let turn = self.turn(planned.path.root)?;
        turn.lock()?;
        let landed = self.land_in_turn(planned, *time, made, to);
        turn.unlock()?;
        landed
    }

    fn turn(&self, root: Root) -> io::Result<&File> {
        let turn = &self.turns[root as usize];
        if let Some(turn) = turn.get() {
            return Ok(turn);
        }
        let opened = self.known.place(root).turn()?;
        Ok(turn.get_or_init(|| opened))
    }

    fn land_in_turn(
        &self,
        planned: &Planned,
        time: Time,
        made: &Path,
        to: &Path,
    ) -> io::Result<()> {
        let unknown = |failure: Failure| io::Error::other(failure.message());
        // The same file may be another job's by now.
        let came = self.known.came(&planned.path).map_err(unknown)?;
        let verdict = if (Look::at(to), came) == (planned.look, planned.came) {
            planned.verdict.clone()
        } else {
            self.known.verdict(&planned.path, to).map_err(unknown)?
        };
        let left = match verdict.fate {
            Fate::Aside | Fate::Left(_) if is_the_same(made, to) => {
                return be_as_new(to, time);
            }
            Fate::Free => take_free(made, to)?,
            Fate::Replaced => take_the_place(made, to, verdict.may_run).map(|()| None)?,
            Fate::Aside => self.move_aside(&planned.path, made, to)?,
            Fate::Left(why) => Some(why),
        };
        if let Some(why) = left {
            self.left.borrow_mut().push((to.to_owned(), why));
        } else {
            let look = Look::at(to).ok_or(io::ErrorKind::NotFound)?;
            self.landed.borrow_mut().insert(to.to_owned(), (look, verdict.came));
        }
        Ok(())
    }

    fn move_aside(&self, path: &JobPath, made: &Path, to: &Path) -> io::Result<Option<Why>> {
        let folder = self.known.into.of(path.root);
        match self.aside.keep(folder, Path::new(path.below.as_str())) {
            Ok(()) => take_the_place(made, to, None).map(|()| None),
            Err(error) => Ok(Some(Why::CannotMove(error.to_string()))),
        }
    }

    /// What was left although it was to be taken when it was looked at first.
    #[must_use]
    pub fn left(&self) -> Vec<(PathBuf, Why)> {
        self.left.take()
    }

    /// Of what was to come, what has.
    #[must_use]
    pub fn has(&self, to: &Path) -> bool {
        self.landed.borrow().contains_key(to)
    }

    /// Writes down what is about to come, and what is here already, if it came from a job before: that is as
    /// new as what comes, and this job's from now on. Gives what of it is another by now.
    ///
    /// # Errors
    /// When that can't be.
    pub fn claim(&self, places: &Places) -> Result<Vec<PathBuf>, Failure> {
        let mut changed = Vec::new();
        for root in Root::ALL {
            let of_root = places.to.iter().filter_map(|(entry, to)| {
                let planned = self.planned.get(to).filter(|it| it.path.root == root)?;
                let (came, modified) = (planned.verdict.came, self.times.get(to)?.millis);
                let coming = Coming { came, bytes: bytes_here(entry), modified };
                Some((planned.path.below.as_str().into(), coming))
            });
            let coming: BTreeMap<_, _> = of_root.collect();
            let here = places.here.iter().map(|present| Ok((present.entry.checked()?, present)));
            let here = here.collect::<Result<Vec<_>, EngineError>>()?;
            let here: Vec<_> = here.into_iter().filter(|(path, _)| path.root == root).collect();
            if coming.is_empty() && here.is_empty() {
                continue;
            }
            let (place, ours) = (self.known.place(root), self.known.ours.by);
            place.change(|brought| {
                for (path, present) in here {
                    let (below, to) = (Path::new(path.below.as_str()), &present.to);
                    if Look::at(to) != present.look {
                        changed.push(to.clone());
                        continue;
                    }
                    let came = brought.came(place.folder, below);
                    // What came from this very job stays as it is, unless the rest comes now, and so does
                    // what a later one found to be as it should.
                    let is_left = came.is_some_and(|came| {
                        came.by > ours || came.by == ours && places.to.is_empty()
                    });
                    if let Some(time) = self.times.get(to).filter(|_| !is_left) {
                        self.set_time_of_present(&path, to, *time)
                            .doing(|| format!("set the time of `{}`", to.display()))?;
                    }
                    if let Some((came, look)) = came.zip(Look::at(to)) {
                        let by = came.by.max(ours);
                        brought.add_came(below.to_owned(), look, Came { by, ..came });
                    }
                }
                brought.add_coming(ours, coming);
                Ok(())
            })?;
        }
        Ok(changed)
    }

    /// A source that the job leaves as it is here is no news to what was made of it. A product was made of
    /// what went along: of what was edited since it is no product.
    fn set_time_of_present(&self, path: &JobPath, to: &Path, time: Time) -> Result<(), Failure> {
        let set = match self.known.role(path)? {
            Role::Source => Ok(()),
            Role::Unclear => be_as_new(to, time),
            Role::Product => set_time(to, time),
        };
        match set {
            // It belongs to somebody else, and is right all the same.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            set => Ok(set?),
        }
    }

    /// Writes down what has come, as it looked then.
    ///
    /// # Errors
    /// When that can't be.
    pub fn note_came(&self, places: &Places) -> Result<(), Failure> {
        let landed = self.landed.borrow();
        for root in Root::ALL {
            let was_to_come = |(_, to): &(FileEntry, PathBuf)| {
                self.planned.get(to).is_some_and(|it| it.path.root == root)
            };
            if !places.to.iter().any(was_to_come) {
                continue;
            }
            self.known.place(root).change(|brought| {
                brought.has_come(self.known.ours.by);
                for (to, (look, came)) in landed.iter() {
                    // Another job may have come to the same place since.
                    let planned = self.planned.get(to).filter(|it| it.path.root == root);
                    if let Some(planned) = planned.filter(|_| Look::at(to) == Some(*look)) {
                        brought.add_came(planned.path.below.as_str().into(), *look, *came);
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// The size of a link is the length of its target.
fn bytes_here(entry: &FileEntry) -> u64 {
    match &entry.kind {
        FileKind::Link { target } => target.as_os_str().len() as u64,
        _ => entry.bytes(),
    }
}

fn set_time(at: &Path, time: Time) -> io::Result<()> {
    let (seconds, rest) = (time.millis.div_euclid(1000), time.millis.rem_euclid(1000));
    let tv_nsec = rest * 1_000_000 + i64::from(time.nanos);
    let last_modification = Timespec { tv_sec: seconds, tv_nsec };
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let times = Timestamps { last_access, last_modification };
    Ok(rustix::fs::utimensat(CWD, at, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Where nobody knows what is in a file of a job before it is here, it may be here already.
fn is_the_same(made: &Path, to: &Path) -> bool {
    let look =
        |path: &Path| Some((Content::at(path).ok()??, may_run(&fs::symlink_metadata(path).ok()?)));
    look(made).is_some_and(|made| look(to) == Some(made))
}

/// What takes the place of a file may be read by those who may read that one; only the right to run it
/// is the job's, unless somebody said otherwise here.
fn take_the_place(made: &Path, to: &Path, said: Option<bool>) -> io::Result<()> {
    let (made_has, here_has) = (fs::symlink_metadata(made)?, fs::symlink_metadata(to));
    let rights = |seen: &fs::Metadata| seen.permissions().mode() & 0o666;
    // One that its owner can't read was made so by accident.
    let counts = |it: &fs::Metadata| it.is_file() && made_has.is_file() && rights(it) & 0o400 != 0;
    if let Some(here_has) = here_has.ok().filter(counts) {
        let here = rights(&here_has);
        let rights = if said.unwrap_or_else(|| may_run(&made_has)) {
            here | (here & 0o444) >> 2
        } else {
            here
        };
        fs::set_permissions(made, fs::Permissions::from_mode(rights))?;
    }
    replace(made, to)
}

/// What is as it should be is no older than what comes.
fn be_as_new(at: &Path, time: Time) -> io::Result<()> {
    let is_older = Time::written(&fs::symlink_metadata(at)?) < time;
    if is_older { set_time(at, time) } else { Ok(()) }
}

/// Somebody may be making something there at this very moment.
fn take_free(made: &Path, to: &Path) -> io::Result<Option<Why>> {
    match rustix::fs::renameat_with(CWD, made, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(None),
        Err(Errno::EXIST) => Ok(Some(Why::Changed)),
        // Some file systems can't do that.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if fs::symlink_metadata(to).is_ok() {
                return Ok(Some(Why::Changed));
            }
            replace(made, to).map(|()| None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::brought::{By, Place};
    use crate::cli::fate::Ours;
    use crate::engine::Roots;
    use crate::job::{Address, JobId};
    use crate::ledger::StateDir;
    use crate::parcel::{Store, walk};

    const NOW: i64 = 1_800_000_000_000;

    /// A folder, a state directory, and a job that was submitted before or after all that is in the folder.
    struct Case {
        home: tempfile::TempDir,
        into: Roots,
        dir: StateDir,
        ours: Ours,
        source: Option<Address>,
    }

    impl Case {
        fn new() -> Self {
            let home = tempfile::tempdir().expect("a folder");
            let source = home.path().join("source");
            fs::create_dir(&source).expect("a folder");
            let dir = StateDir::new(home.path().join("state"));
            for folder in [dir.brought(), dir.parcels()] {
                fs::create_dir_all(folder).expect("a folder");
            }
            let job: JobId = "0190a000-0000-7000-8000-000000000001".parse().expect("an id");
            let into = Roots { files: source.clone(), source };
            let ours = Ours { by: By { submitted: 5, job }, retry_of: Vec::new() };
            Self { home, into, dir, ours, source: None }
        }

        /// All that is there now goes along with the job.
        fn sent(self) -> Self {
            let contents = walk(&self.into.source).expect("a folder").below(Path::new(""));
            let store = Store::new(self.dir.parcels());
            let made = store.pack_source(&contents, &mut |_| ()).expect("packed");
            Self { source: Some(made.parcel.address), ..self }
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.into.files.join(name);
            fs::write(&path, text).expect("written");
            path
        }

        /// Plans to bring `name`, has something happen, and then brings it. Gives what was left, and how
        /// the file reads.
        fn land(&self, name: &str, meanwhile: impl FnOnce()) -> (Vec<Why>, String) {
            let source = self.source.as_ref();
            let known = Known::new(&self.dir, &self.into, &self.ours, source);
            let path = JobPath::new(name).expect("a path");
            let to = self.into.files.join(path.below.as_str());
            let verdict = known.verdict(&path, &to).expect("a verdict");
            assert!(!matches!(verdict.fate, Fate::Left(_)), "{verdict:?}");
            let came = known.came(&path).expect("a record");
            let planned = Planned { path, look: Look::at(&to), came, verdict };
            let planned = BTreeMap::from([(to.clone(), planned)]);
            let aside = Aside::of(&self.dir, self.ours.by.job);
            let times = BTreeMap::from([(to.clone(), Time { millis: NOW, nanos: 0 })]);
            let landing = Landing::new(&known, &planned, &times, &aside);
            meanwhile();
            let made = self.home.path().join("made");
            fs::write(&made, "theirs").expect("written");
            landing.land(&made, &to).expect("landed");
            let left: Vec<_> = landing.left().into_iter().map(|(_, why)| why).collect();
            assert_eq!(landing.has(&to), left.is_empty());
            (left, fs::read_to_string(to).expect("a file"))
        }

        /// A file that is as it came from a job.
        fn came(&self, name: &str, by: By) {
            let path = self.write(name, "from a job");
            let look = Look::at(&path).expect("a file");
            let came = Came { by, is_source: false };
            let folder = path.parent().expect("a folder");
            let place = Place { dir: &self.dir, root: Root::Files, folder };
            let noted = place.change(|brought| {
                brought.add_came(name.into(), look, came);
                Ok(())
            });
            noted.expect("noted");
        }
    }

    #[test]
    fn what_was_changed_after_the_first_look_is_left() {
        let case = Case::new();
        let theirs = (vec![], "theirs".to_owned());
        let left = |why, text: &str| (vec![why], text.to_owned());
        assert_eq!(case.land("free", || ()), theirs);
        let made = case.land("taken", || drop(case.write("taken", "mine")));
        assert_eq!(made, left(Why::NotFromAJob, "mine"));
        case.came("old", case.ours.by);
        assert_eq!(case.land("old", || ()), theirs);
        case.came("edited", case.ours.by);
        let edited = case.land("edited", || drop(case.write("edited", "mine")));
        assert_eq!(edited, left(Why::NotFromAJob, "mine"));
    }

    #[test]
    fn what_somebody_changes_while_it_is_brought_is_kept() {
        let case = Case::new();
        for name in ["same", "edited"] {
            case.write(name, "sent");
        }
        let case = case.sent();
        let same = case.land("/source/same", || drop(case.write("same", "sent")));
        assert_eq!(same, (vec![], "theirs".to_owned()));
        let edited = case.land("/source/edited", || drop(case.write("edited", "mine")));
        assert_eq!(edited, (vec![Why::Changed], "mine".to_owned()));
        let made = case.land("/source/new", || drop(case.write("new", "mine")));
        assert_eq!(made, (vec![], "theirs".to_owned()));
        let aside = case.dir.aside_of(case.ours.by.job).join("1/new");
        assert_eq!(fs::read_to_string(aside).expect("a file"), "mine");
    }

    #[test]
    fn what_can_not_be_moved_aside_is_left() {
        let case = Case::new();
        case.write("ignored", "mine");
        let aside = case.dir.aside_of(case.ours.by.job);
        assert_eq!(case.land("/source/ignored", || ()), (vec![], "theirs".to_owned()));
        assert_eq!(fs::read_to_string(aside.join("1/ignored")).expect("a file"), "mine");
        case.write("ignored", "mine");
        fs::remove_dir_all(&aside).and_then(|()| fs::write(&aside, "")).expect("a file");
        let (why, text) = case.land("/source/ignored", || ());
        assert!(matches!(why.as_slice(), [Why::CannotMove(_)]), "{why:?}");
        assert_eq!(text, "mine");
    }

    #[test]
    fn what_another_job_brought_meanwhile_is_known() {
        let case = Case::new();
        let by = |submitted| By { submitted, ..case.ours.by };
        assert_eq!(case.land("one", || case.came("one", by(4))), (vec![], "theirs".to_owned()));
        let later = case.land("two", || case.came("two", by(6)));
        assert_eq!(later, (vec![Why::Later], "from a job".to_owned()));
    }

    #[test]
    fn nothing_takes_the_place_of_what_is_made_there_at_that_moment() {
        let case = Case::new();
        let (made, to) = (case.write("made", "theirs"), case.write("to", "mine"));
        assert_eq!(take_free(&made, &to).expect("a look"), Some(Why::Changed));
        assert_eq!(fs::read_to_string(to).expect("a file"), "mine");
    }
}
