//! What an engine is given to run.

use std::io;

/// The life of a coroutine, from its first step to its last, on its own stack.
pub(in crate::runtime) trait Body: Send + 'static {
    /// Must not unwind.
    fn run(self);
}

/// A body that could not be started, given back.
pub(in crate::runtime) struct Unstarted<B> {
    pub(in crate::runtime) error: io::Error,
    pub(in crate::runtime) body: B,
}
