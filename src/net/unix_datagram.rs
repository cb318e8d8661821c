//! Unix datagram sockets.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;

use socket2::{Domain, SockAddr, SockRef, Type};

use super::datagram::{DatagramSocket, SystemDatagram};
use super::open::{adopt, bind_abstract, bind_unix, wrong_family};
use super::socket_file::Kind;
use super::unix::unix_address;
use super::{Address, IntoAddress, Peer, SocketOptions};
use crate::error::Result;

/// A Unix datagram socket; see [`DatagramSocket`].
///
/// A client that wants replies must bind a path of its own first.
///
/// ```
/// use greenserve::net::UnixDatagram;
///
/// let (one, other) = UnixDatagram::pair()?;
/// one.send(b"ping")?;
/// let mut buffer = [0; 16];
/// assert_eq!(other.recv(&mut buffer)?, 4);
/// # Ok::<(), std::io::Error>(())
/// ```
pub type UnixDatagram = DatagramSocket<std::os::unix::net::UnixDatagram>;

impl UnixDatagram {
    /// Binds `address`, a path or `unix:/path`, with the default
    /// [`SocketOptions`]. What a crashed server left there is cleared away.
    ///
    /// # Errors
    /// A path that is too long, in a directory that does not exist, taken by a
    /// living server or by something that is no socket.
    pub fn bind(address: impl IntoAddress) -> Result<UnixDatagram> {
        UnixDatagram::bind_with(address, &SocketOptions::default())
    }

    /// Binds `address` with these options; the backlog does not matter.
    ///
    /// # Errors
    /// As [`bind`](UnixDatagram::bind), and options out of range.
    pub fn bind_with(address: impl IntoAddress, options: &SocketOptions) -> Result<UnixDatagram> {
        let address = address.into_address()?;
        match &address {
            Address::Unix(path) => {
                let bound = bind_unix(path, Kind::Datagram, options)?;
                Ok(DatagramSocket::new(bound.socket.into(), bound.file))
            }
            Address::Abstract(name) => {
                let socket = bind_abstract(name, Type::DGRAM, options)?;
                Ok(DatagramSocket::new(socket.into(), None))
            }
            Address::Fd(number) => {
                let socket = adopt(*number, Type::DGRAM)?;
                match socket.domain() {
                    Ok(Domain::UNIX) => Ok(DatagramSocket::new(socket.into(), None)),
                    _ => Err(wrong_family(&address, "unixgram", "a descriptor of a Unix socket")),
                }
            }
            _ => Err(wrong_family(&address, "unixgram", "unix:/PATH or unix-abstract:NAME")),
        }
    }

    /// A socket bound to nothing: it can send, but not be answered.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn unbound() -> io::Result<UnixDatagram> {
        std::os::unix::net::UnixDatagram::unbound().map(Into::into)
    }

    /// Two sockets connected with each other, as socketpair(2) makes them.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((one.into(), other.into()))
    }

    /// Fixes the peer that [`send`](DatagramSocket::send) and
    /// [`recv`](DatagramSocket::recv) speak with.
    ///
    /// # Errors
    /// An address that is no path, or what connect(2) says.
    pub fn connect(&self, address: impl IntoAddress) -> io::Result<()> {
        match address.into_address().map_err(io::Error::other)? {
            Address::Unix(path) => self.system().connect(path),
            Address::Abstract(name) => self.system().connect_addr(&SocketAddr::from_abstract_name(name)?),
            other => {
                let expected = "unix:/PATH or unix-abstract:NAME";
                Err(io::Error::other(wrong_family(&other, "unixgram", expected)))
            }
        }
    }
}

impl SystemDatagram for std::os::unix::net::UnixDatagram {
    const SENDS_WAIT_FOR_THE_RECEIVER: bool = true;

    fn send_to(&self, bytes: &[u8], peer: &Peer) -> io::Result<usize> {
        match peer {
            Peer::Unix(path) => std::os::unix::net::UnixDatagram::send_to(self, bytes, path),
            Peer::Abstract(name) => self.send_to_addr(bytes, &SocketAddr::from_abstract_name(name)?),
            Peer::Unnamed => Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "the client bound no path, so nothing can be sent to it; it must bind(2) before it sends",
            )),
            Peer::Ip(other) => Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("a Unix socket cannot send to {other}"),
            )),
        }
    }

    fn sender(address: &SockAddr) -> Peer {
        match (address.as_pathname(), address.as_abstract_namespace()) {
            (Some(path), _) => Peer::Unix(path.to_owned()),
            (None, Some(name)) => Peer::Abstract(name.to_owned()),
            (None, None) => Peer::Unnamed,
        }
    }

    fn address(&self) -> io::Result<Address> {
        unix_address(&SockRef::from(self).local_addr()?)
    }

    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        std::os::unix::net::UnixDatagram::set_nonblocking(self, nonblocking)
    }
}
