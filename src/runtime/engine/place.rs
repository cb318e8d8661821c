//! Where a coroutine begins, and so, with the pinned engine, where it stays.

/// A choice of worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runtime) enum Place {
    /// The caller's worker; from a thread, as [`Anywhere`](Place::Anywhere).
    Here,
    /// The caller's worker and no other: the body must not leave its thread.
    HereOnly(ThisThread),
    /// The worker with the fewest coroutines.
    Anywhere,
    /// This worker, modulo their number.
    Worker(usize),
    /// A client of a server: the worker with the fewest of them. The number is
    /// its descriptor, for an engine that ties it to a worker.
    Client(Option<i32>),
    /// Where nobody computes: for who accepts clients. The number is the
    /// listener.
    Acceptor(Option<i32>),
}

/// The worker whose thread the caller runs on; proof that it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runtime) struct ThisThread {
    index: usize,
    /// Means nothing on another thread.
    not_send: std::marker::PhantomData<*const ()>,
}

impl ThisThread {
    pub(super) fn new(index: usize) -> ThisThread {
        ThisThread {
            index,
            not_send: std::marker::PhantomData,
        }
    }

    pub(super) fn index(self) -> usize {
        self.index
    }
}
