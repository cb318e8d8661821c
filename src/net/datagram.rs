//! Datagram sockets: what UDP and Unix datagram sockets have in common.
#![allow(unsafe_code, reason = "socket2 receives into uninitialised buffers only")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, recv, send};
use socket2::{MaybeUninitSlice, SockAddr, SockRef};

use super::closing::Closing;
use super::received::{Arrival, Received};
use super::socket::Socket;
use super::socket_file::SocketFile;
use super::time_limits::Bounds;
use super::{Address, Peer};
use crate::runtime::{Direction, Outcome};

/// The system's sockets that a [`DatagramSocket`] can be made of.
///
/// Sealed: implemented for std's two datagram socket types.
pub trait SystemDatagram: AsFd + Send + Sync + std::fmt::Debug + Sized + sealed::Sealed + 'static {
    /// Whether sending to an address waits for room at the receiver, of which
    /// the sending socket's readiness knows nothing.
    #[doc(hidden)]
    const SENDS_WAIT_FOR_THE_RECEIVER: bool;
    #[doc(hidden)]
    fn send_to(&self, bytes: &[u8], peer: &Peer) -> io::Result<usize>;
    /// Receives one datagram, without waiting if the socket does not.
    #[doc(hidden)]
    fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        receive_once(self, buffer)
    }
    /// Sends from the address at which a datagram arrived.
    #[doc(hidden)]
    fn send_from(&self, bytes: &[u8], peer: &Peer, arrival: &Arrival) -> io::Result<usize> {
        let _ = arrival;
        self.send_to(bytes, peer)
    }
    #[doc(hidden)]
    fn sender(address: &SockAddr) -> Peer;
    #[doc(hidden)]
    fn address(&self) -> io::Result<Address>;
    #[doc(hidden)]
    fn duplicate(&self) -> io::Result<Self>;
    #[doc(hidden)]
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::net::UdpSocket {}
    impl Sealed for std::os::unix::net::UnixDatagram {}
}

/// A socket that sends and receives datagrams: a [`UdpSocket`](super::UdpSocket)
/// or a [`UnixDatagram`](super::UnixDatagram).
///
/// Calls suspend in a coroutine and block in a thread. Only one coroutine at a
/// time can wait on one value: give a second one its own with
/// [`try_clone`](DatagramSocket::try_clone). Dropping a bound Unix socket
/// removes its file.
#[derive(Debug)]
pub struct DatagramSocket<S: SystemDatagram> {
    // Dropped before the socket: see `SocketFile`.
    file: Option<SocketFile>,
    closing: Closing,
    socket: Socket<S>,
}

impl<S: SystemDatagram> DatagramSocket<S> {
    pub(super) fn new(system: S, file: Option<SocketFile>) -> Self {
        DatagramSocket {
            file,
            closing: Closing::default(),
            socket: Socket::new(system),
        }
    }

    pub(super) fn system(&self) -> &S {
        self.socket.system()
    }

    /// Waits for a datagram, puts it into `buffer` and tells who sent it and
    /// whether it was cut.
    ///
    /// # Errors
    /// Those of recvmsg(2); [`io::ErrorKind::TimedOut`] when the read timeout
    /// passes; [`WaitError::Closed`](crate::WaitError::Closed) once the socket
    /// is [closed](DatagramSocket::close).
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        self.perform(Direction::Read, |system| {
            let received = system.receive(buffer)?;
            self.is_datagram(received.length).map(|()| received)
        })
    }

    /// As [`receive`](DatagramSocket::receive), in std's form.
    ///
    /// # Errors
    /// As [`receive`](DatagramSocket::receive).
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, Peer)> {
        self.receive(buffer).map(|received| (received.length, received.peer))
    }

    /// Waits for a datagram from the peer this socket is connected to.
    ///
    /// # Errors
    /// As [`receive`](DatagramSocket::receive).
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer).map(|received| received.length)
    }

    /// As [`recv`](DatagramSocket::recv), leaving the datagram in the queue.
    ///
    /// # Errors
    /// As [`receive`](DatagramSocket::receive).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.perform(Direction::Read, |system| {
            let length = recv(system.as_fd().as_raw_fd(), buffer, MsgFlags::MSG_PEEK)?;
            self.is_datagram(length).map(|()| length)
        })
    }

    /// Sends one datagram to `peer`.
    ///
    /// # Errors
    /// Those of sendto(2); [`io::ErrorKind::AddrNotAvailable`] for a Unix
    /// client that bound no path, since nothing can be sent to it.
    pub fn send_to(&self, bytes: &[u8], peer: impl Into<Peer>) -> io::Result<usize> {
        let peer = peer.into();
        let send = |system: &S| system.send_to(bytes, &peer);
        if S::SENDS_WAIT_FOR_THE_RECEIVER {
            let send = |system: &S| self.closing.judge(send(system));
            self.socket.perform_polling(Direction::Write, send)
        } else {
            self.perform(Direction::Write, send)
        }
    }

    /// Answers a datagram: sends one to who sent it, from the address at which
    /// it arrived.
    ///
    /// # Errors
    /// As [`send_to`](DatagramSocket::send_to).
    pub fn reply(&self, bytes: &[u8], to: &Received) -> io::Result<usize> {
        self.send_from(bytes, to.peer.clone(), to.arrival.as_ref())
    }

    pub(crate) fn send_from(&self, bytes: &[u8], peer: Peer, arrival: Option<&Arrival>) -> io::Result<usize> {
        match arrival {
            None => self.send_to(bytes, peer),
            Some(arrival) => self.perform(Direction::Write, |system| system.send_from(bytes, &peer, arrival)),
        }
    }

    /// Sends one datagram to the peer this socket is connected to.
    ///
    /// # Errors
    /// Those of send(2).
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.perform(Direction::Write, |system| {
            Ok(send(system.as_fd().as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)?)
        })
    }

    fn perform<R>(&self, direction: Direction, mut operation: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        self.closing.check()?;
        let judged = |system: &S| self.closing.judge(operation(system));
        self.socket.perform(direction, judged)
    }

    /// From a closed socket the kernel reads nothing at once, which looks like
    /// an empty datagram.
    fn is_datagram(&self, length: usize) -> io::Result<()> {
        if length > 0 { Ok(()) } else { self.closing.check() }
    }

    /// Ends receiving and sending, from anywhere: whoever waits, a coroutine or
    /// a thread, on this handle or one made by
    /// [`try_clone`](DatagramSocket::try_clone), gets
    /// [`WaitError::Closed`](crate::WaitError::Closed) at once, and so does
    /// everybody later. gevent's `close` of a socket that others wait for.
    ///
    /// This is shutdown(2), so it holds where another process shares the socket
    /// too. The address and a socket file are given back when the last handle
    /// is dropped.
    ///
    /// # Errors
    /// When the system refuses; a second call does nothing.
    ///
    /// ```
    /// use greenserve::{WaitError, net::UdpSocket};
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let receiver = socket.try_clone()?;
    /// let receiving = std::thread::spawn(move || receiver.recv(&mut [0; 16]));
    /// socket.close()?;
    /// let err = receiving.join().expect("no panic").expect_err("nothing has come");
    /// assert_eq!(WaitError::of(&err), Some(WaitError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) -> io::Result<()> {
        self.closing.close(&self.socket)
    }

    /// A second handle with its own descriptor, for the same socket. It begins
    /// with the timeouts of this one; a socket file stays with this one.
    ///
    /// # Errors
    /// When the process has no descriptor left (`EMFILE`).
    pub fn try_clone(&self) -> io::Result<Self> {
        let duplicate = self.system().duplicate()?;
        Ok(DatagramSocket {
            file: None,
            closing: self.closing.clone(),
            socket: self.socket.with_duplicate(duplicate),
        })
    }

    /// Where it is bound: with the real port when it was bound to port 0.
    ///
    /// # Errors
    /// When it is bound to nothing, or the system cannot tell.
    pub fn address(&self) -> io::Result<Address> {
        self.system().address()
    }

    /// Limits how long receiving may wait. Defaults to `None`.
    ///
    /// # Errors
    /// When the timeout is zero, as in std.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.limits.set_timeout(Direction::Read, Bounds::Wait, timeout)
    }

    /// Limits how long sending may wait for room. Defaults to `None`.
    ///
    /// # Errors
    /// When the timeout is zero, as in std.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.limits.set_timeout(Direction::Write, Bounds::Wait, timeout)
    }

    /// The next datagram if one waits; `WouldBlock` if none does. Needs
    /// [`prepare`](DatagramSocket::prepare) first.
    pub(crate) fn receive_now(&self, buffer: &mut [u8]) -> io::Result<Received> {
        self.socket
            .attempt(Direction::Read, |system| self.closing.judge(system.receive(buffer)))
    }

    pub(crate) fn wait_or_roused(&self, deadline: u64) -> io::Result<Outcome> {
        self.socket.wait_or_roused(Direction::Read, deadline)
    }

    pub(crate) fn prepare(&self) -> io::Result<()> {
        self.system().set_nonblocking(true)
    }

    /// Forgets the socket file: a forked child must not remove it.
    pub(crate) fn disown_file(&mut self) {
        std::mem::forget(self.file.take());
    }
}

fn receive_once<S: SystemDatagram>(system: &S, buffer: &mut [u8]) -> io::Result<Received> {
    // SAFETY: both kinds of slice have the same layout, and the callee promises
    // to write no uninitialised bytes, so `buffer` stays what it is to be.
    let bytes = unsafe { &mut *(ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) };
    let mut slices = [MaybeUninitSlice::new(bytes)];
    let (length, flags, sender) = SockRef::from(system).recv_from_vectored(&mut slices)?;
    let (truncated, peer) = (flags.is_truncated(), S::sender(&sender));
    Ok(Received::plain(length, truncated, peer))
}

impl<S: SystemDatagram> AsFd for DatagramSocket<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<S: SystemDatagram> AsRawFd for DatagramSocket<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.raw_fd()
    }
}

impl<S: SystemDatagram> From<S> for DatagramSocket<S> {
    /// Takes over a std socket.
    fn from(system: S) -> Self {
        DatagramSocket::new(system, None)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use crate::net::{Peer, UnixDatagram};

    /// Who a socket at `name` in a new directory says that it is.
    fn sender_at(name: &str) -> (Peer, Peer) {
        let directory = tempfile::tempdir().unwrap();
        let server = UnixDatagram::bind(directory.path().join("server")).unwrap();
        let room = 107 - directory.path().as_os_str().as_bytes().len() - 1;
        let path = directory.path().join(&name[..name.len().min(room)]);
        let client = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        client.send_to(b"x", directory.path().join("server")).unwrap();
        (server.recv_from(&mut [0]).unwrap().1, Peer::Unix(path))
    }

    #[test]
    fn a_unix_client_is_known_by_its_path() {
        let (found, expected) = sender_at("client");
        assert_eq!(found, expected);
    }

    #[test]
    fn the_longest_path_is_known_whole() {
        let (found, expected) = sender_at(&"p".repeat(107));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_unix_client_without_a_path_is_unnamed() {
        let (server, client) = UnixDatagram::pair().unwrap();
        client.send(b"x").unwrap();
        assert_eq!(server.recv_from(&mut [0]).unwrap().1, Peer::Unnamed);
    }
}
