//! How long a client may take.

use std::time::Duration;

use crate::error::Result;
use crate::net::{self, MinimumRate};

/// How long a client may take for what it owes. All of them are on.
///
/// Beside them hold those of the server
/// ([`Builder::deadlines`](crate::Builder::deadlines)): of its `first_byte`,
/// `idle`, `write` and `send_rate` these here take the place, its `connection`
/// stays.
///
/// The server counts each that is missed
/// ([`ServerHandle::overdue`](crate::ServerHandle::overdue)), by the names that
/// the methods give.
///
/// ```
/// use greenserve::http;
/// use std::time::Duration;
///
/// let deadlines = http::Deadlines::new().keep_alive(Duration::from_secs(5));
/// # let _ = deadlines;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "deadlines have no effect until `Http::deadlines` is given them"]
pub struct Deadlines {
    pub(super) head: Option<Duration>,
    pub(super) keep_alive: Option<Duration>,
    pub(super) body: Option<MinimumRate>,
    pub(super) write: Option<Duration>,
    pub(super) send: Option<MinimumRate>,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        const SLOWEST: MinimumRate = MinimumRate::new(240, Duration::from_secs(20));
        Deadlines {
            head: Some(Duration::from_secs(30)),
            keep_alive: Some(Duration::from_secs(75)),
            body: Some(SLOWEST),
            write: Some(Duration::from_secs(30)),
            send: Some(SLOWEST),
        }
    }
}

impl Deadlines {
    /// The defaults, which each method names.
    pub fn new() -> Deadlines {
        Deadlines::default()
    }

    /// From the first byte of a request to the end of its head, and from the
    /// accept to the first byte; 30 s by default. Beyond it: 408 if anything
    /// has come ([`RequestHead`](crate::Overdue::RequestHead)), else the
    /// connection is closed ([`FirstByte`](crate::Overdue::FirstByte)).
    pub fn head(mut self, limit: impl Into<Option<Duration>>) -> Deadlines {
        self.head = limit.into();
        self
    }

    /// From an answer to the first byte of the next request, 75 s by default as
    /// in nginx. Beyond it the connection is closed
    /// ([`Idle`](crate::Overdue::Idle)).
    pub fn keep_alive(mut self, limit: impl Into<Option<Duration>>) -> Deadlines {
        self.keep_alive = limit.into();
        self
    }

    /// The least a client may send of a body that is read, 240 bytes a second
    /// after 20 s by default. Beyond it: 408
    /// ([`ReceiveRate`](crate::Overdue::ReceiveRate)).
    pub fn body(mut self, least: impl Into<Option<MinimumRate>>) -> Deadlines {
        self.body = least.into();
        self
    }

    /// For a write of which nothing moves, 30 s by default. Beyond it the
    /// connection is reset ([`Write`](crate::Overdue::Write)).
    pub fn write(mut self, limit: impl Into<Option<Duration>>) -> Deadlines {
        self.write = limit.into();
        self
    }

    /// The least a client may take of an answer, 240 bytes a second after 20 s
    /// by default: [`Deadlines::send_rate`](crate::Deadlines::send_rate)
    /// ([`SendRate`](crate::Overdue::SendRate)).
    pub fn send(mut self, least: impl Into<Option<MinimumRate>>) -> Deadlines {
        self.send = least.into();
        self
    }

    /// Refuses what no client could keep.
    pub(super) fn check(&self) -> Result<()> {
        net::check_limits([
            ("the deadline head", self.head),
            ("the deadline keep_alive", self.keep_alive),
            ("the deadline write", self.write),
        ])?;
        net::check_rates([("the deadline body", self.body), ("the deadline send", self.send)])
    }

    /// What the connection keeps by itself, in place of what the server gave.
    pub(super) fn of_connection(&self, server: net::Deadlines) -> net::Deadlines {
        server
            .first_byte(self.head)
            .idle(self.keep_alive)
            .write(self.write)
            .receive_rate(None)
            .send_rate(self.send)
    }
}
