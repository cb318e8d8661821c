//! A client's connection: over TCP or over a Unix stream socket.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use greenserve::net::{TcpStream, UnixStream};
use socket2::SockRef;

/// A connected stream.
#[derive(Debug)]
pub(crate) enum Line {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Line {
    /// Reads what there is into `room`; 0 when the peer has closed.
    pub(crate) fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Tcp(stream) => (&mut &*stream).read(room),
            Line::Unix(stream) => (&mut &*stream).read(room),
        }
    }

    /// Writes all of `bytes`.
    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => (&mut &*stream).write_all(bytes),
            Line::Unix(stream) => (&mut &*stream).write_all(bytes),
        }
    }

    /// Limits how long one read may wait.
    pub(crate) fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => stream.set_read_timeout(Some(limit)),
            Line::Unix(stream) => stream.set_read_timeout(Some(limit)),
        }
    }

    /// Limits how long one write may wait.
    pub(crate) fn set_write_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Line::Tcp(stream) => stream.set_write_timeout(Some(limit)),
            Line::Unix(stream) => stream.set_write_timeout(Some(limit)),
        }
    }

    /// Closes with a reset instead of the farewell that leaves the port in
    /// TIME_WAIT (socket(7), `SO_LINGER` of zero).
    pub(crate) fn abort(self) -> io::Result<()> {
        let fd = match &self {
            Line::Tcp(stream) => stream.as_fd(),
            Line::Unix(stream) => stream.as_fd(),
        };
        SockRef::from(&fd).set_linger(Some(Duration::ZERO))
    }
}
