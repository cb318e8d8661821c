//! TCP.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use socket2::{Domain, SockRef, Type};

use super::listener::{Listener, SystemListener};
use super::open::{adopt, bind_ip, failed, wrong_family};
use super::stream::{Stream, SystemStream};
use super::{Address, IntoAddress, Peer, SocketOptions, connect};
use crate::error::Result;

/// A TCP connection; see [`Stream`].
///
/// ```
/// use greenserve::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.address()?)?;
/// let (mut server, _peer) = listener.accept()?;
/// client.write_all(b"hello")?;
/// let mut heard = [0; 5];
/// server.read_exact(&mut heard)?;
/// assert_eq!(&heard, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type TcpStream = Stream<std::net::TcpStream>;

/// A listening TCP socket; see [`Listener`].
pub type TcpListener = Listener<std::net::TcpListener>;

impl TcpStream {
    /// Connects to `address`; with a name, to whichever of its addresses
    /// answers first.
    ///
    /// A name is resolved without blocking other coroutines. Its addresses are
    /// tried as RFC 8305 ("Happy Eyeballs") says: in the resolver's order, IPv6
    /// and IPv4 by turns, the next one as soon as one fails, or beside it when
    /// it has not answered for 250 ms. The first to succeed is taken, the
    /// others are closed. So one of two families that leads nowhere costs a
    /// quarter of a second.
    ///
    /// # Errors
    /// An address that cannot be read or resolved, or what connect(2) says. For
    /// a name, the text says what came of each address, and the kind is that of
    /// the last.
    pub fn connect(address: impl IntoAddress) -> io::Result<TcpStream> {
        connect::tcp(&given(address)?, None, None)
    }

    /// As [`connect`](TcpStream::connect), giving up after `limit` in all, the
    /// resolver's time included.
    ///
    /// # Errors
    /// As [`connect`](TcpStream::connect); [`io::ErrorKind::TimedOut`] when
    /// the limit passes.
    pub fn connect_timeout(address: impl IntoAddress, limit: Duration) -> io::Result<TcpStream> {
        connect::tcp(&given(address)?, None, Some(limit))
    }

    /// As [`connect`](TcpStream::connect), from this machine's address
    /// `source`, with port 0 from any of its ports: `source_address` of
    /// Python's `create_connection`. For a limit, put a
    /// [`Timeout`](crate::sync::Timeout) around it.
    ///
    /// # Errors
    /// As [`connect`](TcpStream::connect), and what bind(2) says of the source;
    /// [`io::ErrorKind::InvalidInput`] when it is of another family than the
    /// address.
    ///
    /// ```
    /// use greenserve::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect_from("127.0.0.2:0", listener.address()?)?;
    /// assert_eq!(client.local_addr()?.ip().to_string(), "127.0.0.2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect_from(source: impl IntoAddress, address: impl IntoAddress) -> io::Result<TcpStream> {
        connect::tcp(&given(address)?, Some(&given(source)?), None)
    }

    /// The other end's address.
    ///
    /// # Errors
    /// When the connection is gone already (`ENOTCONN`).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().system().peer_addr()
    }

    /// This end's address.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().system().local_addr()
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// When the option cannot be read.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket().system().nodelay()
    }

    /// Sends small writes at once rather than waiting for more
    /// (`TCP_NODELAY`, see tcp(7)). Off by default, as in std.
    ///
    /// # Errors
    /// When the option cannot be set.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket().system().set_nodelay(nodelay)
    }

    /// What happens to unsent data at the close (`SO_LINGER`, see socket(7)):
    /// with zero the connection is reset. A server then leaves away the
    /// orderly end that it would have sent before the close, by which a peer
    /// could take what is cut for all there is.
    ///
    /// # Errors
    /// When the option cannot be set.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(self.socket().system()).set_linger(linger)?;
        self.socket().set_resets(linger == Some(Duration::ZERO));
        Ok(())
    }
}

impl TcpListener {
    /// Listens on `address` with the default [`SocketOptions`].
    ///
    /// # Errors
    /// An address that cannot be read, resolved, bound or listened on.
    pub fn bind(address: impl IntoAddress) -> Result<TcpListener> {
        TcpListener::bind_with(address, &SocketOptions::default())
    }

    /// Listens on `address` with these options.
    ///
    /// # Errors
    /// As [`bind`](TcpListener::bind), and options out of range.
    pub fn bind_with(address: impl IntoAddress, options: &SocketOptions) -> Result<TcpListener> {
        let address = address.into_address()?;
        let listener = TcpListener::open(&address, options)?;
        listener.listen(&address, options)?;
        Ok(listener)
    }

    /// Binds without listening: `server_bind` of Python.
    pub(crate) fn open(address: &Address, options: &SocketOptions) -> Result<TcpListener> {
        options.check()?;
        let socket = match address {
            Address::Fd(number) => adopt(*number, Type::STREAM)?,
            Address::Unix(_) => return Err(wrong_family(address, "tcp", "HOST:PORT")),
            address => bind_ip(address, Type::STREAM, options)?.socket,
        };
        match socket.domain() {
            Ok(Domain::IPV4 | Domain::IPV6) => Ok(Listener::new(socket.into(), None)),
            _ => Err(wrong_family(address, "tcp", "a descriptor of a TCP socket")),
        }
    }

    /// Begins to listen: `server_activate` of Python.
    pub(crate) fn listen(&self, address: &Address, options: &SocketOptions) -> Result<()> {
        if matches!(address, Address::Fd(_)) {
            return Ok(());
        }
        SockRef::from(self.system())
            .listen(options.backlog_for_system())
            .map_err(|source| failed("listen on", address, source))
    }

    /// Where it listens, as std has it.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.system().local_addr()
    }
}

fn given(address: impl IntoAddress) -> io::Result<Address> {
    address.into_address().map_err(io::Error::other)
}

impl SystemListener for std::net::TcpListener {
    type Stream = std::net::TcpStream;

    fn accept(&self) -> io::Result<(std::net::TcpStream, Peer)> {
        std::net::TcpListener::accept(self).map(|(stream, peer)| (stream, Peer::Ip(peer)))
    }

    fn address(&self) -> io::Result<Address> {
        self.local_addr().map(Address::Ip)
    }

    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        std::net::TcpListener::set_nonblocking(self, nonblocking)
    }
}

impl SystemStream for std::net::TcpStream {
    const SHORT_READ_MEANS_EMPTY: bool = true;

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        std::net::TcpStream::shutdown(self, how)
    }

    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn peer(&self) -> io::Result<Peer> {
        self.peer_addr().map(Peer::Ip)
    }

    fn local(&self) -> io::Result<Peer> {
        self.local_addr().map(Peer::Ip)
    }

    fn pending_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }
}
