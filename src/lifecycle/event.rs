//! What happens to a server, as it is told to those who observe it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::{Connection, DrainReport, Phase, ServerHandle};
use crate::limits::Refusal;
use crate::net::Peer;

/// Something that has happened to a server or one of its requests; see
/// [`Observer`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request was accepted, and its handler is about to begin.
    Accepted {
        /// The request. Its peer is the other end of the connection: what a
        /// proxy says of the client is known later.
        connection: &'a Connection,
    },
    /// A request is over and closed, and in flight no longer. One for each
    /// [`Accepted`](Event::Accepted), with the same [`Connection::id`]. It is told
    /// before the server has [drained](Event::Drained).
    Ended {
        /// The request.
        connection: &'a Connection,
        /// What became of it.
        outcome: Outcome<'a>,
        /// From accept to close.
        took: Duration,
        /// Bytes that were read from the client; 0 of a request in a
        /// [forked](crate::Fork) child, which alone knows them.
        received: u64,
        /// Bytes that were written to the client; 0 as above.
        sent: u64,
    },
    /// A request was beyond a limit and is told no, or just closed. One that
    /// is beyond the limit for its client behind a proxy is known to be so
    /// after it was accepted, so this comes between the two above.
    TurnedAway {
        /// Who asked.
        peer: &'a Peer,
        /// The limit.
        limit: Refusal,
    },
    /// [`Hooks::verify_request`](crate::Hooks::verify_request) or
    /// [`process_request`](crate::Hooks::process_request) said no, or failed.
    Refused {
        /// Who asked.
        peer: &'a Peer,
    },
    /// Accepting pauses, because the process has run out of something.
    AcceptPaused {
        /// For how long, unless something ends meanwhile.
        pause: Duration,
        /// What was not to be had.
        cause: &'a (dyn Error + 'static),
    },
    /// The server has come to another phase.
    PhaseChanged {
        /// The new one.
        phase: Phase,
    },
    /// The server has stopped and waited for what was in flight.
    Drained {
        /// What it waited for and what it had to kill.
        report: &'a DrainReport,
    },
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// Its handler returned without an error.
    Finished,
    /// It was closed before its handler began, for a limit.
    TurnedAway,
    /// Its client went away or missed a deadline, or the server ended it; see
    /// [`HandlerError::is_disconnect`](crate::HandlerError::is_disconnect).
    Disconnected(&'a (dyn Error + 'static)),
    /// Its handler failed, panicked or could not be started.
    Failed(&'a (dyn Error + 'static)),
}

impl Outcome<'_> {
    /// The outcome in one word: `finished`, `turned away`, `disconnected`,
    /// `failed`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Finished => "finished",
            Outcome::TurnedAway => "turned away",
            Outcome::Disconnected(_) => "disconnected",
            Outcome::Failed(_) => "failed",
        }
    }

    /// Why, if it did not finish.
    pub fn error(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Outcome::Finished | Outcome::TurnedAway => None,
            Outcome::Disconnected(err) | Outcome::Failed(err) => Some(*err),
        }
    }
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        self.error().map_or(Ok(()), |err| write!(f, ": {err}"))
    }
}

/// Is told of everything that happens to a server; given to
/// [`Builder::observe`](crate::Builder::observe).
///
/// Implemented for every closure `Fn(&Event, &ServerHandle)`, by
/// [`LogEvents`](crate::LogEvents), and with the feature `tracing` by
/// `tracing::RequestSpans`.
///
/// It is called where the thing happens, in the accept loop or in a request's
/// coroutine or thread, which go on when it returns: it must not wait. One
/// that panics is called no more, and the log says so. In the model
/// [`Fork`](crate::Fork) it is called in the parent alone.
///
/// A server that nobody observes pays one look at an empty list for each
/// event.
///
/// ```
/// use greenserve::{Event, ServerHandle, TcpServer, net::TcpStream};
///
/// let server = TcpServer::builder(|_: &mut TcpStream| std::io::Result::Ok(()))
///     .observe(|event: &Event<'_>, _: &ServerHandle| {
///         if let Event::Ended { connection, outcome, took, .. } = event {
///             eprintln!("{connection} {outcome} after {took:?}");
///         }
///     })
///     .bind("127.0.0.1:0")?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub trait Observer: Send + Sync + 'static {
    /// `event` has happened to `server`.
    fn observe(&self, event: &Event<'_>, server: &ServerHandle);
}

impl<F: Fn(&Event<'_>, &ServerHandle) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &Event<'_>, server: &ServerHandle) {
        self(event, server);
    }
}
