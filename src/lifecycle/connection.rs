//! One request in flight, as everybody may know it.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Forwarded;
use super::idle::IdleMark;
use crate::net::Peer;
use crate::runtime::{NEVER, after, passed};

/// For so long messages that are there are taken from a client that has been
/// told of the drain.
const LAST_REQUESTS: Duration = Duration::from_millis(500);

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
    pub(super) idle: IdleMark,
    /// Until when messages are taken that are there already, once the server
    /// drains.
    last_requests: AtomicU64,
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
            idle: IdleMark::default(),
            last_requests: AtomicU64::new(NEVER),
        }
    }

    /// While the server drains: whether another message is taken if one is
    /// there. The time for that begins when this is asked for the first time.
    pub(crate) fn takes_last_requests(&self) -> bool {
        let until = after(LAST_REQUESTS);
        let begun = self
            .last_requests
            .compare_exchange(NEVER, until, Ordering::Relaxed, Ordering::Relaxed);
        begun.is_ok() || !passed(self.last_requests.load(Ordering::Relaxed))
    }

    /// The server does not drain.
    pub(super) fn has_time_again(&self) {
        if self.last_requests.load(Ordering::Relaxed) != NEVER {
            self.last_requests.store(NEVER, Ordering::Relaxed);
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

    /// How long it has been in flight.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
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
    /// Whether it waits for its client's next message, as its handler has said
    /// ([`Context::idle`](crate::Context::idle)): a drain ends it at once.
    pub idle: bool,
}
