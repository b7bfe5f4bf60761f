//! Outliving the terminal.

use crate::engine::EngineError;

/// Makes this process the leader of a session of its own, which no terminal's end reaches,
/// and gives it the program's name.
///
/// # Errors
/// When the process leads a group already, as one does that a shell started as a job.
pub fn leave_terminal() -> Result<(), EngineError> {
    rustix::process::setsid()
        .map(drop)
        // It was started as /proc/self/exe, and would be `exe` in lists of processes.
        .and_then(|()| rustix::thread::set_name(c"computes"))
        .map_err(|error| EngineError::io("leave the terminal")(error.into()))
}
