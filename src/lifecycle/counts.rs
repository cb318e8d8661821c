//! What became of a server's requests, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a server's requests since it was made; see
/// [`ServerHandle::counts`](super::ServerHandle::counts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests whose client went away or that the server ended itself:
    /// [`HandlerError::is_disconnect`](crate::HandlerError::is_disconnect).
    pub disconnected: u64,
    /// Requests that failed for any other reason, also before their handler.
    pub failed: u64,
    /// Datagrams that were received and thrown away, because
    /// [`max_datagrams`](crate::Builder::max_datagrams) were in flight.
    pub dropped: u64,
    /// Datagrams that the kernel threw away because the server's receive buffer
    /// was full ([`SocketOptions::receive_buffer`](crate::net::SocketOptions)).
    /// It tells with the next datagram that finds room. UDP only.
    pub overflowed: u64,
}

/// How a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Disconnected,
    Failed,
    Dropped,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    disconnected: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    overflowed: AtomicU64,
}

impl Tally {
    pub(crate) fn count(&self, ending: Ending) {
        let count = match ending {
            Ending::Disconnected => &self.disconnected,
            Ending::Failed => &self.failed,
            Ending::Dropped => &self.dropped,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// So many more were thrown away by the kernel.
    pub(crate) fn overflowed(&self, more: u64) {
        if more > 0 {
            self.overflowed.fetch_add(more, Ordering::Relaxed);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            disconnected: self.disconnected.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            overflowed: self.overflowed.load(Ordering::Relaxed),
        }
    }
}
