//! Starting a job's command: one `clone` that gives it its own view of the machine.
//!
//! The child shares our memory until it becomes the command (`CLONE_VM | CLONE_VFORK`, as
//! `posix_spawn` does it), so that starting costs the same however large the worker is. In
//! that time it may only make system calls on what was prepared for it.

use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::job::{DEFAULT_PATH, candidates, missing};

/// All that a command needs to start.
pub struct Launch<'a> {
    pub words: &'a [String],
    pub environment: &'a [(String, String)],
    pub directory: &'a Path,
    /// What becomes `/files`, where the worker's room has one.
    pub files: Option<&'a Path>,
    /// What becomes `/source`, likewise.
    pub source: Option<&'a Path>,
    /// What the command reads; nothing if nothing is given.
    pub stdin: Option<BorrowedFd<'a>>,
    pub output: BorrowedFd<'a>,
}

#[derive(Debug)]
pub struct Launched {
    pub pid: u32,
    /// Readable when the command has ended.
    pub handle: OwnedFd,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot {what}: {why}")]
pub struct LaunchError {
    step: Step,
    what: String,
    why: String,
    source: io::Error,
}

impl LaunchError {
    fn new(step: Step, source: io::Error) -> Self {
        Self { step, what: step.to_string(), why: source.to_string(), source }
    }

    /// Names what could not be executed, and says where it was looked for.
    fn of(self, program: &str, path: &str) -> Self {
        if self.step != Step::Execute {
            return self;
        }
        let why = match self.source.kind() {
            io::ErrorKind::NotFound => missing(program, path, &|path| Path::new(path).exists()),
            _ => self.why,
        };
        Self { what: format!("execute `{program}`"), why, ..self }
    }

    /// What shells and container runtimes give for a command that can't be started.
    pub fn exit_code(&self) -> i32 {
        match (self.step, self.source.kind()) {
            (Step::Execute, io::ErrorKind::NotFound) => 127,
            _ => 126,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Prepare,
    Clone,
    Mount,
    MountSource,
    Session,
    Directory,
    Stdin,
    Output,
    Execute,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prepare => "pass the command on",
            Self::Clone => "make a process",
            Self::Mount => "mount the job's directory at /files",
            Self::MountSource => "mount the source at /source",
            Self::Session => "tie the command to its worker",
            Self::Directory => "enter the working directory",
            Self::Stdin => "connect stdin",
            Self::Output => "connect the log",
            Self::Execute => "execute the command",
        })
    }
}

/// Starts commands from one thread, which has to live as long as they: the kernel kills them
/// when it ends.
pub struct Launcher {
    stack: Vec<u8>,
    null: OwnedFd,
    /// The child reads the one end; the other is open as long as this process lives.
    alive: (OwnedFd, OwnedFd),
    isolate: bool,
    /// Those that a command must not inherit from us.
    signals: Vec<c_int>,
}

const STACK: usize = 64 * 1024;

/// What the child works with. All of it outlives the child's time in our memory.
struct Prepared {
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    programs: Vec<CString>,
    directory: CString,
    files: Option<CString>,
    source: Option<CString>,
    stdin: c_int,
    output: c_int,
    alive: (c_int, c_int),
    isolate: bool,
    signals: Vec<c_int>,
    failed: Option<(Step, c_int)>,
}

impl Launcher {
    /// `isolate`: give each command namespaces of its own. The handlers of this process have
    /// to be set by now: those that it has are taken from its commands.
    pub fn new(isolate: bool) -> io::Result<Self> {
        let null = rustix::fs::open(
            "/dev/null",
            rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?;
        let alive = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        Ok(Self { stack: vec![0; STACK], null, alive, isolate, signals: handled_signals() })
    }

    pub fn launch(&mut self, launch: &Launch<'_>) -> Result<Launched, LaunchError> {
        let text = |bytes: &[u8]| {
            CString::new(bytes).map_err(|error| {
                let error = io::Error::new(io::ErrorKind::InvalidInput, error);
                LaunchError::new(Step::Prepare, error)
            })
        };
        let words: Vec<CString> =
            launch.words.iter().map(|word| text(word.as_bytes())).collect::<Result<_, _>>()?;
        let environment: Vec<CString> = launch
            .environment
            .iter()
            .map(|(name, value)| text(format!("{name}={value}").as_bytes()))
            .collect::<Result<_, _>>()?;
        let path = launch.environment.iter().find(|(name, _)| name == "PATH");
        let path = path.map_or(DEFAULT_PATH, |(_, value)| value);
        let program = launch.words.first().map_or("", String::as_str);
        let mut prepared = Prepared {
            argv: pointers(&words),
            envp: pointers(&environment),
            programs: candidates(program, path)
                .iter()
                .map(|program| text(program.as_bytes()))
                .collect::<Result<_, _>>()?,
            directory: text(launch.directory.as_os_str().as_bytes())?,
            files: launch.files.map(|files| text(files.as_os_str().as_bytes())).transpose()?,
            source: launch.source.map(|source| text(source.as_os_str().as_bytes())).transpose()?,
            output: launch.output.as_raw_fd(),
            stdin: launch.stdin.map_or(self.null.as_raw_fd(), |stdin| stdin.as_raw_fd()),
            alive: (self.alive.0.as_raw_fd(), self.alive.1.as_raw_fd()),
            isolate: self.isolate,
            signals: self.signals.clone(),
            failed: None,
        };
        self.clone(&mut prepared).map_err(|error| error.of(program, path))
    }

    fn clone(&mut self, prepared: &mut Prepared) -> Result<Launched, LaunchError> {
        let failed = |step, code| LaunchError::new(step, io::Error::from_raw_os_error(code));
        let mut flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        if prepared.isolate {
            flags |= libc::CLONE_NEWNS | libc::CLONE_NEWPID;
        }
        let mut handle: c_int = -1;
        // SAFETY: The child runs `become_command` on `self.stack`, which nobody else uses:
        // `&mut self` is held, and CLONE_VFORK keeps this thread from running until the child
        // has left our memory by `execve` or `_exit`. `prepared` and what its pointers lead to
        // live in the caller's frame for as long. The stack grows down from an end that is
        // aligned to 16 bytes. All signals are blocked meanwhile, so no handler of ours runs
        // in the child before it has reset them. CLONE_PIDFD writes one `int` to `handle`.
        let pid = unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            let end = self.stack.as_mut_ptr().add(self.stack.len());
            let top = end.sub(end as usize % 16);
            let pid = libc::clone(
                become_command,
                top.cast::<c_void>(),
                flags,
                std::ptr::from_mut(prepared).cast::<c_void>(),
                &raw mut handle,
            );
            let error = *libc::__errno_location();
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
            if pid < 0 {
                return Err(failed(Step::Clone, error));
            }
            pid
        };
        // SAFETY: clone succeeded, so `handle` is a new descriptor that is ours alone.
        let handle = unsafe { OwnedFd::from_raw_fd(handle) };
        if let Some((step, code)) = prepared.failed {
            // The child is ending by itself; take it away.
            let _ = rustix::process::waitid(
                rustix::process::WaitId::PidFd(std::os::fd::AsFd::as_fd(&handle)),
                rustix::process::WaitIdOptions::EXITED,
            );
            return Err(failed(step, code));
        }
        Ok(Launched { pid: pid.unsigned_abs(), handle })
    }
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// The child. It makes system calls only, on prepared memory, and does not return.
extern "C" fn become_command(prepared: *mut c_void) -> c_int {
    // SAFETY: `Launcher::clone` passes a `Prepared` that it holds exclusively, and it does not
    // run until this function has ended.
    let prepared = unsafe { &mut *prepared.cast::<Prepared>() };
    let (step, error) = match enter(prepared) {
        Ok(()) => (Step::Execute, execute(prepared)),
        Err(step) => (step, errno()),
    };
    prepared.failed = Some((step, error));
    // SAFETY: ends this process alone, without running anything of the parent's.
    unsafe { libc::_exit(127) }
}

fn default_action() -> libc::sigaction {
    libc::sigaction {
        sa_sigaction: libc::SIG_DFL,
        // SAFETY: a set of signals is a plain number; none of them is in it.
        sa_mask: unsafe { std::mem::zeroed() },
        sa_flags: 0,
        sa_restorer: None,
    }
}

/// The signals that this process ignores or has a handler for, from the kernel's own words.
/// Where it says nothing all are taken.
fn handled_signals() -> Vec<c_int> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let set = |field: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(field))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    let handled = set("SigIgn:").zip(set("SigCgt:")).map_or(u64::MAX, |(a, b)| a | b);
    (1..=libc::SIGRTMAX()).filter(|signal| handled & (1 << (signal - 1)) != 0).collect()
}

fn errno() -> c_int {
    // SAFETY: the location is valid in every thread; the child borrows the parent's.
    unsafe { *libc::__errno_location() }
}

fn enter(prepared: &Prepared) -> Result<(), Step> {
    let check = |step, result: c_int| if result < 0 { Err(step) } else { Ok(()) };
    // SAFETY: plain system calls; every pointer is to a NUL-terminated text of `Prepared` or a
    // literal, or to a local that outlives the call; the descriptors are open.
    unsafe {
        // Handlers are reset before the mask is lifted; what we ignore the command would too.
        let default = default_action();
        for signal in &prepared.signals {
            libc::sigaction(*signal, &raw const default, std::ptr::null_mut());
        }
        check(Step::Session, libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        // Had the worker died before that line, nobody would kill us: is it there still? Its
        // end of the pipe is open as long as it lives, once our copy is closed.
        libc::close(prepared.alive.1);
        let mut alive = libc::pollfd { fd: prepared.alive.0, events: libc::POLLIN, revents: 0 };
        if libc::poll(&raw mut alive, 1, 0) != 0 {
            return Err(Step::Session);
        }
        check(Step::Session, libc::setsid())?;
        for (step, from, to) in [
            (Step::Mount, &prepared.files, c"/files"),
            (Step::MountSource, &prepared.source, c"/source"),
        ] {
            if let Some(from) = from {
                let (none, bind) = (std::ptr::null(), libc::MS_BIND);
                check(step, libc::mount(from.as_ptr(), to.as_ptr(), none, bind, std::ptr::null()))?;
            }
        }
        if prepared.isolate {
            // So that /proc speaks of the job's own processes. A container may forbid it to
            // us; the job then sees the worker's /proc, which does no harm.
            let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
            let proc = c"proc".as_ptr();
            libc::mount(proc, c"/proc".as_ptr(), proc, flags, std::ptr::null());
        }
        // As in a container, whatever whoever started the worker has set.
        libc::umask(0o022);
        check(Step::Directory, libc::chdir(prepared.directory.as_ptr()))?;
        check(Step::Stdin, libc::dup2(prepared.stdin, 0))?;
        check(Step::Output, libc::dup2(prepared.output, 1))?;
        check(Step::Output, libc::dup2(prepared.output, 2))?;
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
    Ok(())
}

/// Returns only if the command can't be executed: with the most telling error.
fn execute(prepared: &Prepared) -> c_int {
    let mut telling = libc::ENOENT;
    for program in &prepared.programs {
        // SAFETY: both lists end in a null pointer and hold NUL-terminated texts.
        unsafe {
            libc::execve(program.as_ptr(), prepared.argv.as_ptr(), prepared.envp.as_ptr());
        }
        match errno() {
            libc::ENOENT | libc::ENOTDIR => {}
            error => telling = error,
        }
    }
    telling
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    use std::os::fd::AsFd;

    fn run(words: &[&str], directory: &Path) -> Result<(Option<i32>, String), LaunchError> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        let launch = Launch {
            words: &words,
            environment: &[("A".into(), "b c".into())],
            directory,
            files: None,
            source: None,
            stdin: None,
            output: file.as_fd(),
        };
        let launched = Launcher::new(false).expect("a launcher").launch(&launch)?;
        let status = waitid(WaitId::PidFd(launched.handle.as_fd()), WaitIdOptions::EXITED)
            .expect("it ends")
            .expect("a status");
        let output = std::fs::read_to_string(file.path()).expect("text");
        Ok((status.exit_status(), output))
    }

    #[test]
    fn a_command_gets_its_words_environment_and_directory() {
        let script = "pwd; echo \"$A\" $#; cat; ps -o sid= -p $$ 2>/dev/null >&2; exit 3";
        let (code, output) =
            run(&["sh", "-c", script, "zero", "one two"], Path::new("/usr")).expect("it starts");
        assert_eq!(code, Some(3));
        assert!(output.starts_with("/usr\nb c 1\n"), "{output}");
    }

    #[test]
    fn what_can_not_be_started_says_why() {
        let error = run(&["no-such-program"], Path::new("/")).expect_err("not there");
        assert_eq!(error.exit_code(), 127);
        let text = error.to_string();
        assert!(text.starts_with("cannot execute `no-such-program`: it is not on the job's PATH"));
        let error = run(&["/etc/passwd"], Path::new("/")).expect_err("no program");
        assert_eq!(error.exit_code(), 126);
        let error = run(&["true"], Path::new("/no/such")).expect_err("not there");
        assert!(error.to_string().starts_with("cannot enter the working directory"));
    }
}
