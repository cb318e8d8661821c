//! A client's connection: over TCP, with TLS or without, or over a Unix stream
//! socket.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::time::Duration;

use greenserve::net::{TcpStream, UnixStream};
use greenserve::sync::with_timeout;
use socket2::SockRef;

use crate::plan::tls::TlsLine;

/// How long a server is waited for that does not even take a goodbye.
const GOODBYE: Duration = Duration::from_millis(10);

/// A connected stream.
#[derive(Debug)]
pub(crate) enum Line {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over TCP, under TLS.
    Tls(TlsLine),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Line {
    /// Reads what there is into `room`; 0 when the peer has closed. Under TLS an
    /// end that was not said is [`UnexpectedEof`](io::ErrorKind::UnexpectedEof).
    pub(crate) fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Tcp(stream) => (&mut &*stream).read(room),
            Line::Tls(stream) => (&mut &*stream).read(room),
            Line::Unix(stream) => (&mut &*stream).read(room),
        }
    }

    /// Writes all of `bytes`.
    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => (&mut &*stream).write_all(bytes),
            Line::Tls(stream) => (&mut &*stream).write_all(bytes),
            Line::Unix(stream) => (&mut &*stream).write_all(bytes),
        }
    }

    /// Limits how long one read may wait.
    pub(crate) fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => stream.set_read_timeout(Some(limit)),
            Line::Tls(stream) => stream.connection().set_read_timeout(Some(limit)),
            Line::Unix(stream) => stream.set_read_timeout(Some(limit)),
        }
    }

    /// Limits how long one write may wait.
    pub(crate) fn set_write_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => stream.set_write_timeout(Some(limit)),
            Line::Tls(stream) => stream.connection().set_write_timeout(Some(limit)),
            Line::Unix(stream) => stream.set_write_timeout(Some(limit)),
        }
    }

    /// Closes. Under TLS the server is told first, or it would take the end for
    /// one that somebody else made (RFC 8446, section 6.1).
    pub(crate) fn close(self) {
        if let Line::Tls(stream) = self {
            // It may be gone already, and then there is nobody to tell.
            let _ = with_timeout(GOODBYE, || stream.shutdown(Shutdown::Write));
        }
    }

    /// Closes with a reset instead of the farewell that leaves the port in
    /// TIME_WAIT (socket(7), `SO_LINGER` of zero).
    pub(crate) fn abort(self) -> io::Result<()> {
        let fd = match &self {
            Line::Tcp(stream) => stream.as_fd(),
            Line::Tls(stream) => stream.connection().as_fd(),
            Line::Unix(stream) => stream.as_fd(),
        };
        SockRef::from(&fd).set_linger(Some(Duration::ZERO))
    }
}
