//! Waiting for a file descriptor of ours in the runtime.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Lets the runtime wake us when `fd` can be read.
///
/// # Errors
/// When the machine can't wait for such a descriptor.
pub fn readable(fd: Arc<OwnedFd>) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    // SAFETY: an `OwnedFd` always gives the descriptor that it owns, and the `AsyncFd` keeps
    // a share of it until it has been taken from the runtime again.
    let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    registered.map_err(|error| error.into_parts().1)
}
