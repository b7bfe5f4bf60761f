//! The worker's own view of the machine, in which `/files` and `/source` exist.
//!
//! A directory can be mounted at `/files` only if there is one, and nobody wants a tool to
//! make one in the root of their machine. So a worker enters a mount namespace whose root is
//! a small file system in memory that holds everything of the real root, `/files` and `/source`.
//! Each job gets a copy of that namespace with its own directories mounted there.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};
use rustix::process::{chdir, getgid, getuid, pivot_root};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Can jobs be given namespaces and `/files`?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Room {
    /// They get both.
    Own,
    /// They run as the worker does, and find their directory in `COMPUTES_FILES`.
    Shared { why: String },
}

/// What is mounted for each job.
const OF_A_JOB: [&str; 2] = ["files", "source"];

/// Enters the worker's room if the machine lets us. Has to run before the process has a
/// second thread: a user namespace is entered by a whole process.
pub fn enter(base: &Path) -> Room {
    // Half a room would be worse than none, so a child tries it first.
    match tried(base) {
        Ok(()) => match build(base) {
            Ok(()) => Room::Own,
            Err(error) => Room::Shared { why: error.to_string() },
        },
        Err(error) => Room::Shared { why: error.to_string() },
    }
}

fn tried(base: &Path) -> io::Result<()> {
    // SAFETY: the process has one thread, so the child is a whole copy of it and may do
    // anything; it does not return from here.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let code = build(base).and_then(|()| process_ids()).err();
            let code = code.map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
            // SAFETY: ends the child alone.
            unsafe { libc::_exit(code) }
        }
        child => {
            let child = rustix::process::Pid::from_raw(child);
            let status = rustix::process::waitpid(child, rustix::process::WaitOptions::empty())?;
            match status.and_then(|(_, status)| status.exit_status()) {
                Some(0) => Ok(()),
                Some(code) => Err(io::Error::from_raw_os_error(code)),
                None => Err(io::Error::other("the attempt was killed")),
            }
        }
    }
}

/// May we make process id namespaces?
fn process_ids() -> io::Result<()> {
    // SAFETY: concerns later children of this process only, and it is about to end.
    Ok(unsafe { unshare_unsafe(UnshareFlags::NEWPID) }?)
}

fn build(base: &Path) -> io::Result<()> {
    enter_namespace()?;
    // What is mounted on the machine later shows up here; what is mounted here stays here.
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    if OF_A_JOB.iter().all(|name| Path::new("/").join(name).is_dir()) {
        return Ok(());
    }
    let root = base.join("room");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
    mount("room", &root, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(c"mode=755"))?;
    // Otherwise the copy of the directory that holds us would hold a copy of us.
    mount_change(&root, MountPropagationFlags::UNBINDABLE)?;
    for entry in fs::read_dir("/")? {
        copy_in(&entry?, &root)?;
    }
    for name in OF_A_JOB {
        match fs::create_dir(root.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    chdir(&root)?;
    // The old root is put over the new one and let go, as pivot_root(2) describes.
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    Ok(())
}

/// As the superuser a mount namespace will do; everybody else needs a user namespace, in
/// which they keep their own number.
fn enter_namespace() -> io::Result<()> {
    // SAFETY: no file descriptors are unshared, which is what makes the call unsafe; the
    // namespaces concern this process alone.
    match unsafe { unshare_unsafe(UnshareFlags::NEWNS) } {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    // SAFETY: as above.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::NEWUSER) }?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

fn copy_in(entry: &fs::DirEntry, root: &Path) -> io::Result<()> {
    let (from, to): (PathBuf, _) = (entry.path(), root.join(entry.file_name()));
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    if kind.is_dir() {
        fs::create_dir(&to)?;
    } else {
        rustix::fs::mknodat(CWD, &to, rustix::fs::FileType::RegularFile, 0o600.into(), 0)?;
    }
    match mount_bind_recursive(&from, &to) {
        // A directory that we may not enter we may not mount either, and the job could
        // neither.
        Err(rustix::io::Errno::ACCESS) => Ok(()),
        result => Ok(result?),
    }
}
