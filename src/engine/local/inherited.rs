//! What whoever started us left open.

use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::io::{Errno, FdFlags, fcntl_setfd};

/// Keeps all open files but stdin, stdout and stderr from the programs that this process
/// starts: a caller's lock or pipe must not live as long as a worker or a job.
///
/// # Errors
/// When the kernel does not tell what is open.
pub fn keep_to_ourselves() -> io::Result<()> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.parse::<RawFd>().ok());
        let Some(number) = number.filter(|number| *number > 2) else { continue };
        // SAFETY: the number was open a moment ago. Were it closed since, or another file's,
        // the flag would be refused or would change nothing: every file that this program
        // opens by itself has it.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        match fcntl_setfd(file, FdFlags::CLOEXEC) {
            Ok(()) | Err(Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
