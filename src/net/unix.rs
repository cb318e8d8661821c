//! Unix stream sockets.

use std::io;
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Type};

use super::listener::{Listener, SystemListener};
use super::open::{adopt, bind_abstract, bind_unix, failed, wrong_family};
use super::socket_file::{Claim, Kind};
use super::stream::{Stream, SystemStream};
use super::{Address, IntoAddress, Peer, SocketOptions, connect};
use crate::error::{Error, Result};

/// A Unix stream connection; see [`Stream`].
///
/// ```
/// use greenserve::net::{UnixListener, UnixStream};
/// use std::io::{Read, Write};
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("socket");
/// let listener = UnixListener::bind(path.as_path())?;
/// let mut client = UnixStream::connect(path.as_path())?;
/// let (mut server, _peer) = listener.accept()?;
/// client.write_all(b"hello")?;
/// let mut heard = [0; 5];
/// server.read_exact(&mut heard)?;
/// drop(listener);
/// assert!(!path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type UnixStream = Stream<std::os::unix::net::UnixStream>;

/// A listening Unix stream socket; see [`Listener`].
pub type UnixListener = Listener<std::os::unix::net::UnixListener>;

impl UnixStream {
    /// Connects to the server that listens on `address`: a path, or
    /// `unix:/path`.
    ///
    /// # Errors
    /// What connect(2) says: `ENOENT` when there is no such file,
    /// `ECONNREFUSED` when nobody listens.
    pub fn connect(address: impl IntoAddress) -> io::Result<UnixStream> {
        connect::unix(&address.into_address().map_err(io::Error::other)?, None)
    }

    /// As [`connect`](UnixStream::connect), giving up after `limit` where the
    /// server's queue stays full.
    ///
    /// # Errors
    /// As [`connect`](UnixStream::connect); [`io::ErrorKind::TimedOut`] when
    /// the limit passes.
    pub fn connect_timeout(address: impl IntoAddress, limit: Duration) -> io::Result<UnixStream> {
        connect::unix(&address.into_address().map_err(io::Error::other)?, Some(limit))
    }

    /// Two sockets connected with each other, as socketpair(2) makes them.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((one.into(), other.into()))
    }
}

impl UnixListener {
    /// Listens on `address`, a path or `unix:/path`, with the default
    /// [`SocketOptions`]. What a crashed server left there is cleared away; a
    /// living one is an error.
    ///
    /// # Errors
    /// A path that is too long, in a directory that does not exist, taken by a
    /// living server or by something that is no socket.
    pub fn bind(address: impl IntoAddress) -> Result<UnixListener> {
        UnixListener::bind_with(address, &SocketOptions::default())
    }

    /// Listens on `address` with these options.
    ///
    /// # Errors
    /// As [`bind`](UnixListener::bind), and options out of range.
    pub fn bind_with(address: impl IntoAddress, options: &SocketOptions) -> Result<UnixListener> {
        let address = address.into_address()?;
        let (listener, claim) = UnixListener::open(&address, options)?;
        listener.listen(&address, options)?;
        drop(claim);
        Ok(listener)
    }

    /// Binds without listening; the claim is to be kept until it listens.
    pub(crate) fn open(address: &Address, options: &SocketOptions) -> Result<(UnixListener, Option<Claim>)> {
        match address {
            Address::Unix(path) => open_path(path, options),
            Address::Abstract(name) => {
                let socket = bind_abstract(name, Type::STREAM, options)?;
                Ok((Listener::new(socket.into(), None), None))
            }
            Address::Fd(number) => {
                let socket = adopt(*number, Type::STREAM)?;
                match socket.domain() {
                    Ok(Domain::UNIX) => Ok((Listener::new(socket.into(), None), None)),
                    _ => Err(wrong_family(address, "unix", "a descriptor of a Unix socket")),
                }
            }
            _ => Err(wrong_family(address, "unix", "unix:/PATH or unix-abstract:NAME")),
        }
    }

    pub(crate) fn listen(&self, address: &Address, options: &SocketOptions) -> Result<()> {
        if matches!(address, Address::Fd(_)) {
            return Ok(());
        }
        SockRef::from(self.system())
            .listen(options.backlog_for_system())
            .map_err(|source| failed("listen on", address, source))
    }
}

fn open_path(path: &Path, options: &SocketOptions) -> Result<(UnixListener, Option<Claim>), Error> {
    let bound = bind_unix(path, Kind::Stream, options)?;
    Ok((Listener::new(bound.socket.into(), bound.file), bound.claim))
}

impl SystemListener for std::os::unix::net::UnixListener {
    type Stream = std::os::unix::net::UnixStream;

    fn accept(&self) -> io::Result<(Self::Stream, Peer)> {
        std::os::unix::net::UnixListener::accept(self).map(|(stream, peer)| (stream, Peer::from(peer)))
    }

    fn address(&self) -> io::Result<Address> {
        unix_address(&SockRef::from(self).local_addr()?)
    }

    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        std::os::unix::net::UnixListener::set_nonblocking(self, nonblocking)
    }
}

/// The address a Unix socket is bound to; an error for one without a name.
pub(super) fn unix_address(address: &SockAddr) -> io::Result<Address> {
    match (address.as_pathname(), address.as_abstract_namespace()) {
        (Some(path), _) => Ok(Address::Unix(path.to_owned())),
        (None, Some(name)) => Ok(Address::Abstract(name.to_owned())),
        (None, None) => Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "the socket is bound to no path",
        )),
    }
}

impl SystemStream for std::os::unix::net::UnixStream {
    // A read stops early where descriptors were sent along with the bytes,
    // though more bytes may follow.
    const SHORT_READ_MEANS_EMPTY: bool = false;

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        std::os::unix::net::UnixStream::shutdown(self, how)
    }

    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn peer(&self) -> io::Result<Peer> {
        self.peer_addr().map(Peer::from)
    }

    fn local(&self) -> io::Result<Peer> {
        self.local_addr().map(Peer::from)
    }

    fn pending_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }
}
