//! What happens when processes are killed.
