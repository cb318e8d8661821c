//! Connected byte streams: what TCP and Unix streams have in common.

use std::any::Any;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::socket::Socket;
use super::time_limits::Bounds;
use super::{Peer, calls};
use crate::runtime::Direction;

/// The system's stream sockets that a [`Stream`] can be made of.
///
/// Sealed: implemented for std's two stream types.
pub trait SystemStream: AsFd + Send + Sync + std::fmt::Debug + Sized + sealed::Sealed + 'static {
    /// Whether a read that filled less than its buffer took all there was.
    #[doc(hidden)]
    const SHORT_READ_MEANS_EMPTY: bool;
    #[doc(hidden)]
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
    #[doc(hidden)]
    fn duplicate(&self) -> io::Result<Self>;
    #[doc(hidden)]
    fn peer(&self) -> io::Result<Peer>;
    #[doc(hidden)]
    fn local(&self) -> io::Result<Peer>;
    #[doc(hidden)]
    fn pending_error(&self) -> io::Result<Option<io::Error>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::net::TcpStream {}
    impl Sealed for std::os::unix::net::UnixStream {}
}

/// A connected stream socket with std's interface: a [`TcpStream`](super::TcpStream)
/// or a [`UnixStream`](super::UnixStream).
///
/// In a coroutine its calls suspend the coroutine, in a thread they block the
/// thread; the same value may be used in both. Reads and writes also work
/// through a shared reference: one coroutine at a time may wait to read and
/// another one to write, also on different workers. A second reader is refused
/// ([`WaitError::Busy`](crate::WaitError::Busy)). With the engine `may` the
/// writer needs a handle of its own too: [`try_clone`](Stream::try_clone).
///
/// Reading the end of the stream returns `Ok(0)`, as always; after a hundred
/// such reads in a row it is an error, because a loop that never tests for the
/// end would run for ever.
///
/// # How long something may take
///
/// There is no limit unless you set one. What exceeds it fails with
/// [`io::ErrorKind::TimedOut`] and [`WaitError::Deadline`](crate::WaitError).
///
/// | call | from | bounds |
/// | --- | --- | --- |
/// | [`set_read_timeout`](Stream::set_read_timeout), [`set_write_timeout`](Stream::set_write_timeout) | std | each wait |
/// | [`set_timeout`](Stream::set_timeout) | Python's `settimeout` | each call: a whole `write_all`, a whole `read_exact` |
/// | [`set_deadline`](Stream::set_deadline) | Go | everything after an instant |
/// | [`set_deadlines`](Stream::set_deadlines) | web servers | what a client owes: its next byte, the rest of a message, room for a reply |
/// | [`sync::with_timeout`](crate::sync::with_timeout) | gevent | whatever some code waits for, here or elsewhere |
///
/// A peer that takes a byte now and then keeps `write_all` busy for ever under
/// the first of them, since no single wait is long. Under the second it does
/// not. What reads in many calls, as a [`BufReader`](std::io::BufReader) or a
/// library around the stream does, is many operations to the stream: bound it
/// by a deadline. A failed `write_all` or `read_exact` tells how far it
/// came: [`Unfinished`](super::Unfinished).
///
/// Limits belong to the handle. [`try_clone`](Stream::try_clone) copies those
/// of the moment, later changes reach only the handle they are made on. A wait
/// that has begun keeps the limits it began with, other than in Go: to end one,
/// use [`shutdown`](Stream::shutdown).
#[derive(Debug)]
pub struct Stream<S: SystemStream> {
    socket: Arc<Socket<S>>,
}

impl<S: SystemStream> Stream<S> {
    pub(super) fn from_socket(socket: Socket<S>) -> Self {
        Stream {
            socket: Arc::new(socket),
        }
    }

    pub(super) fn socket(&self) -> &Socket<S> {
        &self.socket
    }

    /// A second handle with its own descriptor, for the same connection: one
    /// coroutine may read from one while another writes to the other. It begins
    /// with the timeouts and deadlines of this one.
    ///
    /// # Errors
    /// When the process has no descriptor left (`EMFILE`).
    pub fn try_clone(&self) -> io::Result<Self> {
        let duplicate = self.socket.system().duplicate()?;
        Ok(Stream {
            socket: Arc::new(self.socket.with_duplicate(duplicate)),
        })
    }

    /// The same handle again, for the two ends of a handler that never read
    /// and write at once.
    pub(crate) fn share(&self) -> Self {
        Stream {
            socket: Arc::clone(&self.socket),
        }
    }

    /// Reads without taking the bytes out, as `MSG_PEEK` of recv(2) does.
    ///
    /// # Errors
    /// As [`Read::read`](io::Read::read).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket
            .perform(Direction::Read, |system| calls::peek(system, buffer))
    }

    /// Shuts down reading, writing or both, for every handle of the
    /// connection; see shutdown(2).
    ///
    /// # Errors
    /// When the connection is gone already (`ENOTCONN`).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.system().shutdown(how)
    }

    /// Has the close reset the connection, where there is such a thing: what
    /// the peer has not taken is thrown away.
    pub(crate) fn reset_at_close(&self) -> io::Result<()> {
        match (self as &dyn Any).downcast_ref::<super::TcpStream>() {
            Some(tcp) => tcp.set_linger(Some(Duration::ZERO)),
            None => Ok(()),
        }
    }

    /// Whether its last write came to its deadline.
    pub(crate) fn is_not_taken(&self) -> bool {
        self.socket.is_not_taken()
    }

    /// Whether the close shall reset the connection.
    pub(crate) fn resets(&self) -> bool {
        self.socket.resets()
    }

    /// The limit for reads that was set last, by
    /// [`set_read_timeout`](Stream::set_read_timeout) or
    /// [`set_timeout`](Stream::set_timeout). Defaults to `None`.
    pub fn read_timeout(&self) -> Option<Duration> {
        self.socket.limits.timeout(Direction::Read)
    }

    /// As [`read_timeout`](Stream::read_timeout), for writes.
    pub fn write_timeout(&self) -> Option<Duration> {
        self.socket.limits.timeout(Direction::Write)
    }

    /// Limits how long a read may wait, as in std: `read_exact` waits as often
    /// as it takes, and as long each time.
    ///
    /// # Errors
    /// When the timeout is zero, as in std.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.limits.set_timeout(Direction::Read, Bounds::Wait, timeout)
    }

    /// Limits how long a write may wait, as in std: `write_all` waits as often
    /// as it takes, and as long each time.
    ///
    /// # Errors
    /// When the timeout is zero, as in std.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.limits.set_timeout(Direction::Write, Bounds::Wait, timeout)
    }

    /// Limits how long each call may take as a whole, however little the peer
    /// gives or takes at a time: Python's `settimeout`, under which `sendall`
    /// ends in time. So a `read`, `read_exact`, `read_to_end`, `write`,
    /// `write_all`, `write!` each has `timeout` in all.
    ///
    /// In place of what [`set_read_timeout`](Stream::set_read_timeout) and
    /// [`set_write_timeout`](Stream::set_write_timeout) have set; the last call
    /// holds for its direction.
    ///
    /// # Errors
    /// When the timeout is zero.
    ///
    /// ```
    /// use greenserve::net::UnixStream;
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    ///
    /// let (mut near, _says_nothing) = UnixStream::pair()?;
    /// near.set_timeout(Some(Duration::from_millis(10)))?;
    /// let err = near.read_exact(&mut [0; 100]).expect_err("nothing comes");
    /// assert_eq!(err.kind(), ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        let limits = &self.socket.limits;
        limits.set_timeout(Direction::Read, Bounds::Operation, timeout)?;
        limits.set_timeout(Direction::Write, Bounds::Operation, timeout)
    }

    /// From `deadline` on, every read and write fails, also where bytes or room
    /// are there: `SetDeadline` of Go. Set it again to go on, with `None` for
    /// as long as it takes. Timeouts hold beside it; the earlier limit counts.
    ///
    /// ```
    /// use greenserve::net::UnixStream;
    /// use std::io::{ErrorKind, Read, Write};
    /// use std::time::{Duration, Instant};
    ///
    /// let (mut near, mut far) = UnixStream::pair()?;
    /// far.write_all(b"late")?;
    /// near.set_deadline(Some(Instant::now()));
    /// let mut heard = [0; 4];
    /// assert_eq!(near.read_exact(&mut heard).expect_err("over").kind(), ErrorKind::TimedOut);
    /// near.set_deadline(Some(Instant::now() + Duration::from_secs(60)));
    /// near.read_exact(&mut heard)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.set_read_deadline(deadline);
        self.set_write_deadline(deadline);
    }

    /// As [`set_deadline`](Stream::set_deadline), for reads alone.
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.socket.limits.set_deadline(Direction::Read, deadline);
    }

    /// As [`set_deadline`](Stream::set_deadline), for writes alone.
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.socket.limits.set_deadline(Direction::Write, deadline);
    }

    /// The error the kernel holds for this socket, `SO_ERROR`, and clears it.
    ///
    /// # Errors
    /// When the option cannot be read.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.system().pending_error()
    }

    /// What can end this connection from outside without keeping it open.
    pub(crate) fn killer(&self) -> Killer<S> {
        Killer(Arc::downgrade(&self.socket))
    }
}

/// Ends a connection that somebody else owns.
#[derive(Debug)]
pub(crate) struct Killer<S: SystemStream>(Weak<Socket<S>>);

impl<S: SystemStream> Killer<S> {
    /// As [`Stream::traffic`]; nothing for a connection that is gone.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        self.0.upgrade().map_or((0, 0), |socket| socket.pace.traffic())
    }

    /// Every operation on the connection fails from now on.
    pub(crate) fn kill(&self) {
        if let Some(socket) = self.0.upgrade() {
            socket.mark_killed();
            // Wakes whoever is blocked in the kernel; a connection that is
            // gone already has nobody to wake.
            let _ = socket.system().shutdown(Shutdown::Both);
        }
    }
}

impl<S: SystemStream> AsFd for Stream<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<S: SystemStream> AsRawFd for Stream<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.raw_fd()
    }
}

impl<S: SystemStream> From<S> for Stream<S> {
    /// Takes over a connected std socket.
    fn from(system: S) -> Self {
        Stream::from_socket(Socket::new(system))
    }
}
