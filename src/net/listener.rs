//! Listening stream sockets: what TCP and Unix listeners have in common.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::limits::Bounds;
use super::socket::Socket;
use super::socket_file::SocketFile;
use super::stream::{Stream, SystemStream};
use super::{Address, Peer};
use crate::runtime::{Direction, Outcome};

/// The system's listeners that a [`Listener`] can be made of.
///
/// Sealed: implemented for std's two listener types.
pub trait SystemListener: AsFd + Send + Sync + std::fmt::Debug + sealed::Sealed + 'static {
    /// What accepting yields.
    type Stream: SystemStream;
    #[doc(hidden)]
    fn accept(&self) -> io::Result<(Self::Stream, Peer)>;
    #[doc(hidden)]
    fn address(&self) -> io::Result<Address>;
    #[doc(hidden)]
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::net::TcpListener {}
    impl Sealed for std::os::unix::net::UnixListener {}
}

/// A socket that accepts connections: a [`TcpListener`](super::TcpListener) or
/// a [`UnixListener`](super::UnixListener).
///
/// [`accept`](Listener::accept) suspends in a coroutine and blocks in a
/// thread. Dropping a Unix listener removes its socket file.
#[derive(Debug)]
pub struct Listener<L: SystemListener> {
    // Dropped before the socket: see `SocketFile`.
    file: Option<SocketFile>,
    socket: Socket<L>,
}

impl<L: SystemListener> Listener<L> {
    pub(super) fn new(system: L, file: Option<SocketFile>) -> Self {
        Listener {
            file,
            socket: Socket::new(system),
        }
    }

    pub(super) fn system(&self) -> &L {
        self.socket.system()
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    /// Those of accept(2): among them `EMFILE` when the process has no
    /// descriptor left, and `ECONNABORTED` when the client is gone already.
    pub fn accept(&self) -> io::Result<(Stream<L::Stream>, Peer)> {
        let (stream, peer) = self.socket.perform(Direction::Read, L::accept)?;
        Ok((Stream::from(stream), peer))
    }

    /// Every connection from now on; the iterator ends never.
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<Stream<L::Stream>>> + '_ {
        std::iter::repeat_with(|| self.accept().map(|(stream, _)| stream))
    }

    /// Limits how long [`accept`](Listener::accept) waits. Defaults to `None`:
    /// as long as it takes.
    ///
    /// # Errors
    /// When the timeout is zero.
    pub fn set_accept_timeout(&self, timeout: Option<std::time::Duration>) -> io::Result<()> {
        self.socket.limits.set_timeout(Direction::Read, Bounds::Wait, timeout)
    }

    /// Where it listens: with the real port when it was bound to port 0.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn address(&self) -> io::Result<Address> {
        self.system().address()
    }

    /// The next connection if one waits; `WouldBlock` if none does. Needs
    /// [`prepare`](Listener::prepare) first.
    pub(crate) fn accept_now(&self) -> io::Result<(Stream<L::Stream>, Peer)> {
        let (stream, peer) = self.socket.attempt(Direction::Read, L::accept)?;
        Ok((Stream::from(stream), peer))
    }

    pub(crate) fn wait_or_roused(&self, deadline: u64) -> io::Result<Outcome> {
        self.socket.wait_or_roused(Direction::Read, deadline)
    }

    /// So that a connection that vanished between a wait and its accept does
    /// not block the accept loop.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        self.system().set_nonblocking(true)
    }

    /// Forgets the socket file: a forked child must not remove it.
    pub(crate) fn disown_file(&mut self) {
        std::mem::forget(self.file.take());
    }
}

impl<L: SystemListener> AsFd for Listener<L> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<L: SystemListener> AsRawFd for Listener<L> {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.raw_fd()
    }
}

impl<L: SystemListener> From<L> for Listener<L> {
    /// Takes over a listening std socket.
    fn from(system: L) -> Self {
        Listener::new(system, None)
    }
}
