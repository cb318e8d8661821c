//! A deadline that a client did not keep.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Unfinished;
use crate::error::WaitError;

/// Which deadline a client did not keep: one of its
/// [`Deadlines`](super::Deadlines), or one of the protocol that is spoken with
/// it.
///
/// It is inside the [`io::Error`] of the read or write that it ended, and the
/// server counts it ([`ServerHandle::overdue`](crate::ServerHandle::overdue)):
/// once, whoever looked at the clock. Limits of time that a handler sets for
/// itself, such as a timeout of the stream, are none of these.
///
/// ```
/// use greenserve::Deadlines;
/// use greenserve::net::{Overdue, UnixStream};
/// use std::io::Read;
/// use std::time::Duration;
///
/// let (mut near, _says_nothing) = UnixStream::pair()?;
/// near.set_deadlines(Deadlines::none().first_byte(Duration::from_millis(10)));
/// let err = near.read(&mut [0]).expect_err("nothing comes");
/// assert_eq!(Overdue::of(&err), Some(Overdue::FirstByte));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overdue {
    /// [`Deadlines::first_byte`](super::Deadlines::first_byte)
    FirstByte,
    /// [`Deadlines::idle`](super::Deadlines::idle), in whose place
    /// `http::Deadlines::keep_alive` and `websocket::Config::idle` stand.
    Idle,
    /// [`Deadlines::write`](super::Deadlines::write)
    Write,
    /// [`Deadlines::connection`](super::Deadlines::connection)
    Connection,
    /// [`Deadlines::receive_rate`](super::Deadlines::receive_rate), in whose
    /// place `http::Deadlines::body` and `websocket::Config::message_rate` stand.
    ReceiveRate,
    /// [`Deadlines::send_rate`](super::Deadlines::send_rate)
    SendRate,
    /// [`ProxyProtocol::header_timeout`](crate::ProxyProtocol::header_timeout)
    ProxyHeader,
    /// `tls::CertificatesBuilder::handshake_timeout`
    Handshake,
    /// `http::Deadlines::head`, once the head has begun. Before that it is
    /// [`FirstByte`](Overdue::FirstByte).
    RequestHead,
}

impl Overdue {
    /// All of them: those of [`Deadlines`](super::Deadlines) in their order, then
    /// those of protocols.
    pub const ALL: [Overdue; 9] = [
        Overdue::FirstByte,
        Overdue::Idle,
        Overdue::Write,
        Overdue::Connection,
        Overdue::ReceiveRate,
        Overdue::SendRate,
        Overdue::ProxyHeader,
        Overdue::Handshake,
        Overdue::RequestHead,
    ];

    /// The deadline that ended a read or write, if one did: in the error itself,
    /// or as the source of what is in it.
    pub fn of(err: &io::Error) -> Option<Overdue> {
        let inner = err.get_ref()?;
        if let Some(unfinished) = inner.downcast_ref::<Unfinished>() {
            return unfinished.overdue;
        }
        let missed = inner.downcast_ref().or_else(|| inner.source()?.downcast_ref());
        missed.map(|missed: &Missed| missed.deadline)
    }

    /// Its name, which stays: that of the method which sets it (`first_byte`,
    /// `idle`), or of what was waited for (`proxy_header`, `handshake`,
    /// `request_head`).
    pub fn name(self) -> &'static str {
        match self {
            Overdue::FirstByte => "first_byte",
            Overdue::Idle => "idle",
            Overdue::Write => "write",
            Overdue::Connection => "connection",
            Overdue::ReceiveRate => "receive_rate",
            Overdue::SendRate => "send_rate",
            Overdue::ProxyHeader => "proxy_header",
            Overdue::Handshake => "handshake",
            Overdue::RequestHead => "request_head",
        }
    }

    pub(super) fn into_error(self) -> io::Error {
        let missed = self.missed();
        io::Error::new(missed.why.kind(), missed)
    }

    /// The source of an error that says more; [`of`](Overdue::of) finds it
    /// there.
    pub(crate) fn missed(self) -> Missed {
        Missed {
            deadline: self,
            why: WaitError::Deadline,
        }
    }
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Overdue::FirstByte => "the client did not send its first byte in time",
            Overdue::Idle => "the client sent nothing for too long",
            Overdue::Write => "the client took nothing for too long",
            Overdue::Connection => "the connection is as old as it may become",
            Overdue::ReceiveRate => "the client sends too slowly",
            Overdue::SendRate => "the client takes a reply too slowly",
            Overdue::ProxyHeader => "the proxy did not say in time who the client is",
            Overdue::Handshake => "the client did not shake hands in time",
            Overdue::RequestHead => "the head of the client's request did not come in time",
        })
    }
}

/// What is inside the error: the deadline, and what every ended wait has.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{deadline} (deadline {})", .deadline.name())]
pub(crate) struct Missed {
    deadline: Overdue,
    #[source]
    why: WaitError,
}

/// How often each deadline was missed.
#[derive(Debug, Default)]
pub(crate) struct OverdueCounts([AtomicU64; Overdue::ALL.len()]);

impl OverdueCounts {
    pub(crate) fn count(&self, deadline: Overdue) {
        self.0[deadline as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn of(&self, deadline: Overdue) -> u64 {
        self.0[deadline as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::error::Error;

    use super::*;

    #[test]
    fn each_has_a_name_and_a_count_of_its_own() {
        let counts = OverdueCounts::default();
        for (before, deadline) in Overdue::ALL.into_iter().enumerate() {
            counts.count(deadline);
            let counted = Overdue::ALL.iter().filter(|deadline| counts.of(**deadline) == 1);
            assert_eq!(counted.count(), before + 1, "{deadline:?}");
        }
        let names: HashSet<_> = Overdue::ALL.map(Overdue::name).into();
        assert_eq!(names.len(), Overdue::ALL.len());
    }

    /// As an error of a protocol, which says more.
    #[derive(Debug, thiserror::Error)]
    #[error("no greeting")]
    struct Outer<E: Error + 'static>(#[source] E);

    #[test]
    fn it_is_found_in_an_error_and_as_its_source_and_in_no_other() {
        for deadline in Overdue::ALL {
            assert_eq!(Overdue::of(&deadline.into_error()), Some(deadline));
            let told = io::Error::new(io::ErrorKind::ConnectionAborted, Outer(deadline.missed()));
            assert_eq!(Overdue::of(&told), Some(deadline));
        }
        for err in [
            io::ErrorKind::TimedOut.into(),
            WaitError::Deadline.into(),
            io::Error::other(Outer(WaitError::Deadline)),
        ] {
            assert_eq!(Overdue::of(&err), None, "{err:?}");
        }
    }
}
