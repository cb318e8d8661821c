//! Connections opened, and closed by the server.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many connections there were, as all clients together count them.
#[derive(Debug, Default)]
pub(crate) struct Turnover {
    opened: AtomicU64,
    opened_in_window: AtomicU64,
    closed_by_server: AtomicU64,
    pings: AtomicU64,
}

impl Turnover {
    /// A client has opened a connection, in the measured time or not.
    pub(crate) fn opened(&self, in_window: bool) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.opened_in_window.fetch_add(u64::from(in_window), Ordering::Relaxed);
    }

    /// The server has closed one, or said that it does, and was not asked to.
    pub(crate) fn closed_by_server(&self) {
        self.closed_by_server.fetch_add(1, Ordering::Relaxed);
    }

    /// The server has sent a ping, which is answered.
    pub(crate) fn pinged(&self) {
        self.pings.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn counted(&self) -> Opened {
        Opened {
            in_all: self.opened.load(Ordering::Relaxed),
            in_window: self.opened_in_window.load(Ordering::Relaxed),
            closed_by_server: self.closed_by_server.load(Ordering::Relaxed),
            pings: self.pings.load(Ordering::Relaxed),
        }
    }
}

/// So many connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) in_all: u64,
    pub(crate) in_window: u64,
    pub(crate) closed_by_server: u64,
    /// Pings of the server, over WebSockets.
    pub(crate) pings: u64,
}
