//! Listening stream sockets: what TCP and Unix listeners have in common.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use super::closing::Closing;
use super::socket::Socket;
use super::socket_file::SocketFile;
use super::stream::{Stream, SystemStream};
use super::time_limits::{Bounds, Due};
use super::{Address, Peer};
use crate::error::WaitError;
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
    fn duplicate(&self) -> io::Result<Self>
    where
        Self: Sized;
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
/// thread. One coroutine at a time can wait on one value: give a second one its
/// own with [`try_clone`](Listener::try_clone), and each connection goes to one
/// of them. Dropping a Unix listener removes its socket file.
#[derive(Debug)]
pub struct Listener<L: SystemListener> {
    // Dropped before the socket: see `SocketFile`.
    file: Option<SocketFile>,
    closing: Closing,
    socket: Socket<L>,
}

impl<L: SystemListener> Listener<L> {
    pub(super) fn new(system: L, file: Option<SocketFile>) -> Self {
        Listener {
            file,
            closing: Closing::default(),
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
    /// [`WaitError::Closed`] once the listener is [closed](Listener::close).
    pub fn accept(&self) -> io::Result<(Stream<L::Stream>, Peer)> {
        self.accept_due(Due::new(Direction::Read))
    }

    /// As [`accept`](Listener::accept), but waits no longer than `limit`; with
    /// zero, takes who is there. The timeout of
    /// [`set_accept_timeout`](Listener::set_accept_timeout) holds too.
    ///
    /// # Errors
    /// As [`accept`](Listener::accept); [`io::ErrorKind::TimedOut`] when the
    /// limit passes.
    ///
    /// ```
    /// use greenserve::net::{TcpListener, TcpStream};
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let nobody = listener.accept_timeout(Duration::from_millis(5)).expect_err("too early");
    /// assert_eq!(nobody.kind(), ErrorKind::TimedOut);
    /// let _client = TcpStream::connect(listener.address()?)?;
    /// listener.accept_timeout(Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept_timeout(&self, limit: Duration) -> io::Result<(Stream<L::Stream>, Peer)> {
        self.accept_due(Due::within(Direction::Read, limit))
    }

    fn accept_due(&self, mut due: Due) -> io::Result<(Stream<L::Stream>, Peer)> {
        self.closing.check()?;
        let accept = |system: &L| self.closing.judge(system.accept());
        let (stream, peer) = self.socket.perform_judged(&mut due, accept, |_| false)?;
        Ok((Stream::from(stream), peer))
    }

    /// Every connection from now on, until the listener is
    /// [closed](Listener::close).
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<Stream<L::Stream>>> + '_ {
        std::iter::from_fn(|| match self.accept() {
            Err(err) if WaitError::of(&err) == Some(WaitError::Closed) => None,
            accepted => Some(accepted.map(|(stream, _)| stream)),
        })
    }

    /// Ends accepting, from anywhere: whoever waits in
    /// [`accept`](Listener::accept), a coroutine or a thread, on this handle or
    /// one made by [`try_clone`](Listener::try_clone), gets
    /// [`WaitError::Closed`] at once, and so does everybody later. gevent's
    /// `close` of a socket that others wait for.
    ///
    /// This is shutdown(2): new clients are refused, also where another process
    /// shares the socket; TCP clients that were not accepted yet are reset. The
    /// address and a socket file are given back when the last handle is
    /// dropped.
    ///
    /// # Errors
    /// When the system refuses; a second call does nothing.
    ///
    /// ```
    /// use greenserve::{WaitError, net::TcpListener, runtime};
    /// use std::sync::Arc;
    ///
    /// let listener = Arc::new(TcpListener::bind("127.0.0.1:0")?);
    /// let accepting = Arc::clone(&listener);
    /// let accepting = runtime::spawn(move || accepting.accept().map(drop))?;
    /// listener.close()?;
    /// let err = accepting.join()?.expect_err("nobody has come");
    /// assert_eq!(WaitError::of(&err), Some(WaitError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) -> io::Result<()> {
        self.closing.close(&self.socket)
    }

    /// A second handle with its own descriptor, for the same socket. It begins
    /// with the timeout of this one; the socket file stays with this one.
    ///
    /// # Errors
    /// When the process has no descriptor left (`EMFILE`).
    pub fn try_clone(&self) -> io::Result<Self> {
        let duplicate = self.system().duplicate()?;
        Ok(Listener {
            file: None,
            closing: self.closing.clone(),
            socket: self.socket.with_duplicate(duplicate),
        })
    }

    /// Limits how long [`accept`](Listener::accept) waits. Defaults to `None`:
    /// as long as it takes.
    ///
    /// # Errors
    /// When the timeout is zero.
    pub fn set_accept_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
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
        let accept = |system: &L| self.closing.judge(system.accept());
        let (stream, peer) = self.socket.attempt(Direction::Read, accept)?;
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
