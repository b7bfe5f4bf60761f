//! Outliving the terminal.

use crate::engine::EngineError;

/// Makes this process the leader of a session of its own, which no terminal's end reaches.
///
/// # Errors
/// When the process leads a group already, as one does that a shell started as a job.
pub fn leave_terminal() -> Result<(), EngineError> {
    rustix::process::setsid()
        .map(drop)
        .map_err(|error| EngineError::io("leave the terminal")(error.into()))
}
