//! Connected byte streams: what TCP and Unix streams have in common.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Weak};
use std::time::Duration;

use nix::sys::socket::{MsgFlags, recv};

use super::Peer;
use super::socket::Socket;
use crate::runtime::Direction;

/// The system's stream sockets that a [`Stream`] can be made of.
///
/// Sealed: implemented for std's two stream types.
pub trait SystemStream: AsFd + Send + Sync + std::fmt::Debug + Sized + sealed::Sealed + 'static {
    /// Whether a read that filled less than its buffer took all there was.
    #[doc(hidden)]
    const SHORT_READ_MEANS_EMPTY: bool;
    #[doc(hidden)]
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;
    #[doc(hidden)]
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    #[doc(hidden)]
    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;
    #[doc(hidden)]
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
    #[doc(hidden)]
    fn duplicate(&self) -> io::Result<Self>;
    #[doc(hidden)]
    fn peer(&self) -> io::Result<Peer>;
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
    /// coroutine may read from one while another writes to the other.
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

    /// Who is at the other end.
    ///
    /// # Errors
    /// When the connection is gone already (`ENOTCONN`).
    pub fn peer(&self) -> io::Result<Peer> {
        self.socket.system().peer()
    }

    /// Reads without taking the bytes out, as `MSG_PEEK` of recv(2) does.
    ///
    /// # Errors
    /// As [`Read::read`].
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.perform(Direction::Read, |system| {
            Ok(recv(system.as_fd().as_raw_fd(), buffer, MsgFlags::MSG_PEEK)?)
        })
    }

    /// Shuts down reading, writing or both, for every handle of the
    /// connection; see shutdown(2).
    ///
    /// # Errors
    /// When the connection is gone already (`ENOTCONN`).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.system().shutdown(how)
    }

    /// How long a read may wait; `None`, the default, for as long as it takes.
    pub fn read_timeout(&self) -> Option<Duration> {
        self.socket.timeout(Direction::Read)
    }

    /// How long a write may wait; `None`, the default, for as long as it takes.
    pub fn write_timeout(&self) -> Option<Duration> {
        self.socket.timeout(Direction::Write)
    }

    /// Limits how long a read may wait; it then fails with
    /// [`io::ErrorKind::TimedOut`]. Applies to this handle only.
    ///
    /// # Errors
    /// When the timeout is zero, as in std.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Direction::Read, timeout)
    }

    /// Limits how long a write may wait; it then fails with
    /// [`io::ErrorKind::TimedOut`]. Applies to this handle only.
    ///
    /// # Errors
    /// When the timeout is zero, as in std.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Direction::Write, timeout)
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

    fn read_into(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let room = buffer.len();
        let count = self.socket.perform_judged(
            Direction::Read,
            |system| system.read(buffer),
            |count| S::SHORT_READ_MEANS_EMPTY && *count > 0 && *count < room,
        )?;
        if count == 0 {
            self.socket.count_end()?;
        } else {
            self.socket.count_data();
        }
        Ok(count)
    }

    fn write_from(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.socket.perform_judged(
            Direction::Write,
            |system| system.write(bytes),
            |count| *count < bytes.len(),
        )
    }

    fn write_slices(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket
            .perform(Direction::Write, |system| system.write_vectored(bytes))
    }
}

/// Ends a connection that somebody else owns.
#[derive(Debug)]
pub(crate) struct Killer<S: SystemStream>(Weak<Socket<S>>);

impl<S: SystemStream> Killer<S> {
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

impl<S: SystemStream> Read for Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_into(buffer)
    }
}

impl<S: SystemStream> Read for &Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_into(buffer)
    }
}

impl<S: SystemStream> Write for Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_from(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_slices(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: SystemStream> Write for &Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_from(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_slices(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
