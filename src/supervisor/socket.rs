//! A socket that the supervisor binds and its workers serve.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};

use nix::sys::socket::{AddressFamily, SockaddrLike, SockaddrStorage, getsockname};

use crate::error::{Error, Result};
use crate::net::{Address, SocketOptions, TcpListener, UdpSocket, UnixDatagram, UnixListener};

/// Which of the two kinds of socket an address is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    Datagram,
}

/// A socket to be bound.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) address: Address,
    pub(super) kind: Kind,
    pub(super) options: SocketOptions,
}

/// A bound socket of any family, and its socket file if it has one: that
/// belongs to the supervisor alone, as a worker's end must not remove it.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
    Udp(UdpSocket),
    UnixDatagram(UnixDatagram),
}

impl Socket {
    pub(super) fn open(wanted: &Wanted) -> Result<Socket> {
        let (address, options) = (wanted.address.clone(), &wanted.options);
        Ok(match (wanted.kind, is_unix(&address)?) {
            (Kind::Stream, false) => Socket::Tcp(TcpListener::bind_with(address, options)?),
            (Kind::Stream, true) => Socket::Unix(UnixListener::bind_with(address, options)?),
            (Kind::Datagram, false) => Socket::Udp(UdpSocket::bind_with(address, options)?),
            (Kind::Datagram, true) => Socket::UnixDatagram(UnixDatagram::bind_with(address, options)?),
        })
    }

    /// Where it is bound, with the real port.
    pub(super) fn address(&self) -> Result<Address> {
        let address = match self {
            Socket::Tcp(listener) => listener.address(),
            Socket::Unix(listener) => listener.address(),
            Socket::Udp(socket) => socket.address(),
            Socket::UnixDatagram(socket) => socket.address(),
        };
        address.map_err(|source| Error::System {
            action: "read the socket's address",
            source,
        })
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(listener) => listener.as_fd(),
            Socket::Unix(listener) => listener.as_fd(),
            Socket::Udp(socket) => socket.as_fd(),
            Socket::UnixDatagram(socket) => socket.as_fd(),
        }
    }
}

/// Of a descriptor only the system can tell.
fn is_unix(address: &Address) -> Result<bool> {
    match address {
        Address::Unix(_) | Address::Abstract(_) => Ok(true),
        Address::Fd(number) => family_of(*number)
            .map(|family| family == Some(AddressFamily::Unix))
            .map_err(|source| Error::Listen {
                action: "adopt",
                address: address.to_string(),
                source,
            }),
        _ => Ok(false),
    }
}

fn family_of(number: RawFd) -> io::Result<Option<AddressFamily>> {
    Ok(getsockname::<SockaddrStorage>(number)?.family())
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, IntoRawFd};

    use super::*;

    fn wanted(address: &str, kind: Kind) -> Wanted {
        Wanted {
            address: address.parse().unwrap(),
            kind,
            options: SocketOptions::default(),
        }
    }

    #[test]
    fn addresses_of_both_kinds_give_sockets_of_all_four_families() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| format!("unix:{}/{name}", directory.path().display());
        let open = |address: &str, kind| Socket::open(&wanted(address, kind)).unwrap();
        assert!(matches!(open("127.0.0.1:0", Kind::Stream), Socket::Tcp(_)));
        assert!(matches!(open("127.0.0.1:0", Kind::Datagram), Socket::Udp(_)));
        assert!(matches!(open(&path("s"), Kind::Stream), Socket::Unix(_)));
        assert!(matches!(open(&path("d"), Kind::Datagram), Socket::UnixDatagram(_)));
    }

    #[test]
    fn a_descriptor_is_what_the_system_says_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let unix = std::os::unix::net::UnixListener::bind(directory.path().join("s")).unwrap();
        let unix = wanted(&format!("fd:{}", unix.into_raw_fd()), Kind::Stream);
        // Open to the end, or the next one would have its number.
        let unix = Socket::open(&unix).unwrap();
        assert!(matches!(unix, Socket::Unix(_)));
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let udp = wanted(&format!("fd:{}", udp.into_raw_fd()), Kind::Datagram);
        assert!(matches!(Socket::open(&udp).unwrap(), Socket::Udp(_)));
        let file = tempfile::tempfile().unwrap();
        let file = wanted(&format!("fd:{}", file.as_raw_fd()), Kind::Stream);
        assert!(Socket::open(&file).unwrap_err().to_string().contains("fd:"));
    }
}
