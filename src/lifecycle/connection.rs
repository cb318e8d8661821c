//! One request in flight, as everybody may know it.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Forwarded;
use crate::net::Peer;

/// One request in flight, as everybody may know it.
///
/// Its text, `MODEL PEER (HANDLER)`, names the coroutine or thread that runs
/// it and stands in every log line about it.
#[derive(Debug)]
pub struct Connection {
    pub(super) id: u64,
    model: &'static str,
    handler: &'static str,
    peer: Peer,
    forwarded: OnceLock<Box<Forwarded>>,
    pub(super) since: Instant,
}

impl Connection {
    pub(crate) fn new(model: &'static str, handler: &'static str, peer: Peer) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Connection {
            id,
            model,
            handler,
            peer,
            forwarded: OnceLock::new(),
            since: Instant::now(),
        }
    }

    /// A number no other request of this process has or had.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Who is served: the other end of the connection, or the client whose
    /// connection a [believed](crate::ProxyProtocol) proxy passes on.
    pub fn peer(&self) -> &Peer {
        self.forwarded().map_or(&self.peer, Forwarded::client)
    }

    /// What a believed proxy said of the client; `None` without one.
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.forwarded.get().map(|forwarded| &**forwarded)
    }

    /// Records what a proxy said, once.
    pub(crate) fn is_forwarded(&self, forwarded: Forwarded) {
        self.forwarded.get_or_init(|| Box::new(forwarded));
    }

    /// The concurrency model it runs in: `coroutine`, `thread`, `fork` or `inline`.
    pub fn model(&self) -> &'static str {
        self.model
    }

    /// The type name of its handler.
    pub fn handler(&self) -> &'static str {
        self.handler
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.model, self.peer(), self.handler)
    }
}

/// A request in flight as a list shows it; see
/// [`ServerHandle::connections`](super::ServerHandle::connections).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionState {
    /// Its number, for [`ServerHandle::kill`](super::ServerHandle::kill).
    pub id: u64,
    /// Who is served.
    pub peer: Peer,
    /// `MODEL PEER (HANDLER)`.
    pub name: String,
    /// How long it has been in flight.
    pub age: Duration,
}
