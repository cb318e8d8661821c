//! How long a client may take for what it owes.

use std::time::Duration;

use crate::error::{Error, Result};

/// How long a client may take for what it owes: its first byte, its next one,
/// the rest of a message, room for a reply.
///
/// Given to a server ([`Builder::deadlines`](crate::Builder::deadlines)), they
/// hold for each of its connections; a handler changes those of its own by
/// [`Stream::set_deadlines`](super::Stream::set_deadlines). A read or write
/// that a client keeps waiting beyond one fails with
/// [`io::ErrorKind::TimedOut`](std::io::ErrorKind::TimedOut), and
/// [`Overdue`](super::Overdue) tells which one it was.
///
/// There are none by default: a raw protocol may be silent for hours with
/// reason. [`Deadlines::public`] turns all of them on, and whoever faces the
/// open network should begin there.
///
/// ```
/// use greenserve::{Deadlines, TcpServer, net::TcpStream};
/// use std::time::Duration;
///
/// let server = TcpServer::builder(|_: &mut TcpStream| std::io::Result::Ok(()))
///     .deadlines(Deadlines::public().idle(Duration::from_secs(300)))
///     .bind("127.0.0.1:0")?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "deadlines have no effect until a server or a stream is given them"]
pub struct Deadlines {
    pub(super) first_byte: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) write: Option<Duration>,
    pub(super) connection: Option<Duration>,
    pub(super) receive_rate: Option<MinimumRate>,
    pub(super) send_rate: Option<MinimumRate>,
}

/// The least a client may send or take, in bytes a second, once it has had some
/// time to begin.
///
/// After `grace`, each byte buys the time it has at this rate: a client that
/// sends one byte a second is ended soon after the grace, one that pauses
/// within a message may do so as long as it was faster before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinimumRate {
    bytes_per_second: u64,
    grace: Duration,
}

impl MinimumRate {
    /// At least `bytes_per_second` after `grace`.
    pub const fn new(bytes_per_second: u64, grace: Duration) -> MinimumRate {
        MinimumRate {
            bytes_per_second,
            grace,
        }
    }

    /// How long `bytes` may take, in nanoseconds.
    pub(crate) fn time_for(self, bytes: u64) -> u64 {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.max(1));
        u64::try_from(self.grace.as_nanos() + nanos).unwrap_or(u64::MAX)
    }
}

impl Deadlines {
    /// No deadlines: a client may take as long as it likes.
    pub fn none() -> Deadlines {
        Deadlines::default()
    }

    /// All deadlines, with values for clients that nobody knows: the first byte
    /// within 10 s, a next one within 60 s, a write that moves within 30 s, the
    /// whole connection within an hour, and 240 bytes a second after 5 s for a
    /// message that has begun and for a reply that does not fit into the
    /// kernel's buffers.
    pub fn public() -> Deadlines {
        const SLOWEST: MinimumRate = MinimumRate::new(240, Duration::from_secs(5));
        Deadlines {
            first_byte: Some(Duration::from_secs(10)),
            idle: Some(Duration::from_secs(60)),
            write: Some(Duration::from_secs(30)),
            connection: Some(Duration::from_secs(3600)),
            receive_rate: Some(SLOWEST),
            send_rate: Some(SLOWEST),
        }
    }

    /// From the accept to the client's first byte; the header of a
    /// [proxy](crate::ProxyProtocol), which has a deadline of its own, is not
    /// the client's.
    pub fn first_byte(mut self, limit: impl Into<Option<Duration>>) -> Deadlines {
        self.first_byte = limit.into();
        self
    }

    /// For a read that gets nothing at all, also within a message.
    pub fn idle(mut self, limit: impl Into<Option<Duration>>) -> Deadlines {
        self.idle = limit.into();
        self
    }

    /// For a write of which nothing moves. A connection that ends with a write
    /// that came to this deadline or to [`send_rate`](Deadlines::send_rate) is
    /// reset: the kernel would offer what it has for minutes more, in memory that
    /// no limit counts.
    pub fn write(mut self, limit: impl Into<Option<Duration>>) -> Deadlines {
        self.write = limit.into();
        self
    }

    /// From the accept to the end. It is looked at when a read or write waits,
    /// and now and then while none has to.
    pub fn connection(mut self, limit: impl Into<Option<Duration>>) -> Deadlines {
        self.connection = limit.into();
        self
    }

    /// For a message that has begun to come: what one operation reads in
    /// several parts (`read_exact`, `read_line`, `read_to_end`, on the stream
    /// and on `rfile`). A single `read` is no message, since the library cannot
    /// know what it is a part of; [`idle`](Deadlines::idle) and
    /// [`connection`](Deadlines::connection) bound it.
    pub fn receive_rate(mut self, least: impl Into<Option<MinimumRate>>) -> Deadlines {
        self.receive_rate = least.into();
        self
    }

    /// For a client that does not take what is written: from when a write has
    /// to wait until one does not.
    pub fn send_rate(mut self, least: impl Into<Option<MinimumRate>>) -> Deadlines {
        self.send_rate = least.into();
        self
    }

    /// Refuses what no client could keep.
    pub(crate) fn check(&self) -> Result<()> {
        check_limits([
            ("the deadline first_byte", self.first_byte),
            ("the deadline idle", self.idle),
            ("the deadline write", self.write),
            ("the deadline connection", self.connection),
        ])?;
        check_rates([
            ("the deadline receive_rate", self.receive_rate),
            ("the deadline send_rate", self.send_rate),
        ])
    }
}

/// Refuses limits, each with its name, that are over at once.
pub(crate) fn check_limits<const N: usize>(limits: [(&'static str, Option<Duration>); N]) -> Result<()> {
    match limits.into_iter().find(|(_, limit)| *limit == Some(Duration::ZERO)) {
        Some((option, _)) => Err(refused(option, "no client could keep it; None is no deadline")),
        None => Ok(()),
    }
}

/// Refuses rates, each with its name, that ask for nothing.
pub(crate) fn check_rates<const N: usize>(rates: [(&'static str, Option<MinimumRate>); N]) -> Result<()> {
    let asks_nothing = |rate: &Option<MinimumRate>| rate.is_some_and(|rate| rate.bytes_per_second == 0);
    match rates.into_iter().find(|(_, rate)| asks_nothing(rate)) {
        Some((option, _)) => Err(refused(option, "every client keeps it; None is no minimum rate")),
        None => Ok(()),
    }
}

fn refused(option: &'static str, reason: &str) -> Error {
    Error::InvalidOption {
        option,
        value: "0".to_owned(),
        reason: reason.to_owned(),
    }
}
