//! What can go wrong, each kind with a name that reports may rely on.

use std::io;

use greenserve::WaitError;
use greenserve::tls::HandshakeError;
use nix::errno::Errno;

/// One kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ErrorClass {
    /// Nobody listens.
    Refused,
    /// Connecting took longer than it may.
    Timeout,
    /// No route to the host.
    Unreachable,
    /// The connection was reset before it was established.
    ConnectReset,
    /// The server's certificate is not believed.
    Certificate,
    /// No TLS session came about, or what came broke it.
    Tls,
    /// The client has no descriptor left.
    Emfile,
    /// The client has no port left.
    AddrNotAvail,
    /// The client has no memory left.
    Enomem,
    /// The server reset the connection.
    Reset,
    /// The server closed the connection with no byte of the answer sent.
    ClosedEarly,
    /// The answer did not come in time.
    ReadTimeout,
    /// The message could not be sent in time.
    WriteTimeout,
    /// The server closed the connection in the middle of an answer.
    Short,
    /// The answer has bytes that nobody sent.
    Corrupt,
    /// The answer is another connection's.
    Misrouted,
    /// The answer is an earlier one again.
    Duplicate,
    /// A datagram that was never answered.
    Lost,
    /// A datagram whose answer came when it counted as lost.
    Late,
    /// An answer that an answer to a later message overtook.
    Reordered,
    /// A datagram's answer that is shorter than the datagram.
    Truncated,
    /// What came is no HTTP response.
    BadResponse,
    /// What came does not open a WebSocket.
    BadHandshake,
    /// What came over a WebSocket breaks its protocol.
    BadFrame,
    /// A response with a status from 400 to 499.
    Status4xx,
    /// A response with a status from 500 on.
    Status5xx,
    /// A response whose body, or a message of a WebSocket, has another length than
    /// the expected one.
    Length,
    /// Messages that an open loop did not send because they were too late.
    Shed,
    /// Anything else; the sample says what.
    Other,
}

/// What a client was doing when an operation of the system failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Connecting.
    Connecting,
    /// Making a TLS session over the connection.
    ShakingHands,
    /// Sending a message.
    Sending,
    /// Receiving an answer.
    Receiving,
}

impl ErrorClass {
    /// Every class, in the order of reports.
    pub(crate) const ALL: [ErrorClass; 29] = [
        ErrorClass::Refused,
        ErrorClass::Timeout,
        ErrorClass::Unreachable,
        ErrorClass::ConnectReset,
        ErrorClass::Certificate,
        ErrorClass::Tls,
        ErrorClass::Emfile,
        ErrorClass::AddrNotAvail,
        ErrorClass::Enomem,
        ErrorClass::Reset,
        ErrorClass::ClosedEarly,
        ErrorClass::ReadTimeout,
        ErrorClass::WriteTimeout,
        ErrorClass::Short,
        ErrorClass::Corrupt,
        ErrorClass::Misrouted,
        ErrorClass::Duplicate,
        ErrorClass::Lost,
        ErrorClass::Late,
        ErrorClass::Reordered,
        ErrorClass::Truncated,
        ErrorClass::BadResponse,
        ErrorClass::BadHandshake,
        ErrorClass::BadFrame,
        ErrorClass::Status4xx,
        ErrorClass::Status5xx,
        ErrorClass::Length,
        ErrorClass::Shed,
        ErrorClass::Other,
    ];

    /// The name in reports; it never changes.
    pub(crate) fn id(self) -> &'static str {
        match self {
            ErrorClass::Refused => "refused",
            ErrorClass::Timeout => "timeout",
            ErrorClass::Unreachable => "unreachable",
            ErrorClass::ConnectReset => "connect_reset",
            ErrorClass::Certificate => "certificate",
            ErrorClass::Tls => "tls",
            ErrorClass::Emfile => "emfile",
            ErrorClass::AddrNotAvail => "addr_not_avail",
            ErrorClass::Enomem => "enomem",
            ErrorClass::Reset => "reset",
            ErrorClass::ClosedEarly => "closed_early",
            ErrorClass::ReadTimeout => "read_timeout",
            ErrorClass::WriteTimeout => "write_timeout",
            ErrorClass::Short => "short",
            ErrorClass::Corrupt => "corrupt",
            ErrorClass::Misrouted => "misrouted",
            ErrorClass::Duplicate => "duplicate",
            ErrorClass::Lost => "lost",
            ErrorClass::Late => "late",
            ErrorClass::Reordered => "reordered",
            ErrorClass::Truncated => "truncated",
            ErrorClass::BadResponse => "bad_response",
            ErrorClass::BadHandshake => "bad_handshake",
            ErrorClass::BadFrame => "bad_frame",
            ErrorClass::Status4xx => "status_4xx",
            ErrorClass::Status5xx => "status_5xx",
            ErrorClass::Length => "length",
            ErrorClass::Shed => "shed",
            ErrorClass::Other => "other",
        }
    }

    /// True when the client's machine was at its end and not the server: such
    /// a run measures nothing.
    pub(crate) fn is_client_resource(self) -> bool {
        matches!(self, ErrorClass::Emfile | ErrorClass::AddrNotAvail | ErrorClass::Enomem)
    }

    /// The class of an error of the system.
    pub(crate) fn of(err: &io::Error, doing: Doing) -> ErrorClass {
        if let Some(class) = Self::of_errno(err, doing).or_else(|| Self::of_handshake(err)) {
            return class;
        }
        match (err.kind(), doing) {
            // The one is how the library calls what breaks a session.
            (io::ErrorKind::InvalidData, _) | (_, Doing::ShakingHands) => ErrorClass::Tls,
            (io::ErrorKind::TimedOut, Doing::Connecting) => ErrorClass::Timeout,
            (io::ErrorKind::TimedOut, Doing::Sending) => ErrorClass::WriteTimeout,
            (io::ErrorKind::TimedOut, Doing::Receiving) => ErrorClass::ReadTimeout,
            _ => ErrorClass::Other,
        }
    }

    fn of_errno(err: &io::Error, doing: Doing) -> Option<ErrorClass> {
        let class = match (Errno::from_raw(err.raw_os_error()?), doing) {
            (Errno::EMFILE | Errno::ENFILE, _) => ErrorClass::Emfile,
            (Errno::EADDRNOTAVAIL, _) => ErrorClass::AddrNotAvail,
            (Errno::ENOMEM | Errno::ENOBUFS, _) => ErrorClass::Enomem,
            (Errno::EHOSTUNREACH | Errno::ENETUNREACH, _) => ErrorClass::Unreachable,
            (Errno::ECONNREFUSED, _) => ErrorClass::Refused,
            (Errno::ECONNRESET, Doing::Connecting) => ErrorClass::ConnectReset,
            (Errno::ECONNRESET | Errno::EPIPE, Doing::ShakingHands) => ErrorClass::Tls,
            (Errno::ECONNRESET, _) => ErrorClass::Reset,
            (Errno::EPIPE, _) => ErrorClass::ClosedEarly,
            _ => return None,
        };
        Some(class)
    }

    fn of_handshake(err: &io::Error) -> Option<ErrorClass> {
        match HandshakeError::of(err)? {
            HandshakeError::BadCertificate(_) => Some(ErrorClass::Certificate),
            _ => Some(ErrorClass::Tls),
        }
    }
}

/// One failure of one client.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Its kind.
    pub(crate) class: ErrorClass,
    /// What exactly happened.
    pub(crate) detail: String,
}

impl Fault {
    /// The fault an error of the system is; `None` when the client was told to
    /// stop, which is nobody's fault.
    pub(crate) fn of(err: &io::Error, doing: Doing) -> Option<Fault> {
        if WaitError::of(err) == Some(WaitError::Killed) {
            return None;
        }
        Some(Fault {
            class: ErrorClass::of(err, doing),
            detail: match doing {
                Doing::ShakingHands if HandshakeError::of(err).is_none() => format!("in the TLS handshake: {err}"),
                _ => err.to_string(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_distinct_and_classes_index_their_own_place() {
        let ids: BTreeSet<_> = ErrorClass::ALL.iter().map(|class| class.id()).collect();
        assert_eq!(ids.len(), ErrorClass::ALL.len());
        for (index, class) in ErrorClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, index, "{class:?}");
        }
    }

    #[test]
    fn errors_of_the_system_have_their_class() {
        use Doing::{Connecting, Receiving, Sending, ShakingHands};
        for (errno, doing, class) in [
            (Errno::ECONNREFUSED, Connecting, ErrorClass::Refused),
            (Errno::ETIMEDOUT, Connecting, ErrorClass::Timeout),
            (Errno::ENETUNREACH, Connecting, ErrorClass::Unreachable),
            (Errno::ECONNRESET, Connecting, ErrorClass::ConnectReset),
            (Errno::EMFILE, Connecting, ErrorClass::Emfile),
            (Errno::EADDRNOTAVAIL, Connecting, ErrorClass::AddrNotAvail),
            (Errno::ENOBUFS, Sending, ErrorClass::Enomem),
            (Errno::ECONNRESET, Receiving, ErrorClass::Reset),
            (Errno::ECONNRESET, Sending, ErrorClass::Reset),
            (Errno::EPIPE, Sending, ErrorClass::ClosedEarly),
            (Errno::ECONNRESET, ShakingHands, ErrorClass::Tls),
            (Errno::EPIPE, ShakingHands, ErrorClass::Tls),
            (Errno::ENOBUFS, ShakingHands, ErrorClass::Enomem),
            (Errno::EIO, Receiving, ErrorClass::Other),
        ] {
            let err = io::Error::from(errno);
            assert_eq!(ErrorClass::of(&err, doing), class, "{errno}");
        }
    }

    #[test]
    fn a_passed_deadline_is_named_after_what_was_being_done() {
        let err = io::Error::from(WaitError::Deadline);
        for (doing, class) in [
            (Doing::Connecting, ErrorClass::Timeout),
            (Doing::ShakingHands, ErrorClass::Tls),
            (Doing::Sending, ErrorClass::WriteTimeout),
            (Doing::Receiving, ErrorClass::ReadTimeout),
        ] {
            assert_eq!(ErrorClass::of(&err, doing), class);
        }
    }

    #[test]
    fn being_told_to_stop_is_no_fault() {
        let err = io::Error::from(WaitError::Killed);
        assert!(Fault::of(&err, Doing::Receiving).is_none());
    }
}
