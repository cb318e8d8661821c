//! Where a server listens, as the kernel lists it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// A TCP listener.
    Tcp(SocketAddr),
    /// A UDP socket.
    Udp(SocketAddr),
    /// A Unix stream listener.
    Unix(PathBuf),
    /// A Unix datagram socket.
    Unixgram(PathBuf),
}

impl Site {
    /// The address, if it has one.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self {
            Site::Tcp(address) | Site::Udp(address) => Some(address.ip()),
            Site::Unix(_) | Site::Unixgram(_) => None,
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Tcp(address) => write!(f, "tcp://{address}"),
            Site::Udp(address) => write!(f, "udp://{address}"),
            Site::Unix(path) => write!(f, "unix:{}", path.display()),
            Site::Unixgram(path) => write!(f, "unixgram:{}", path.display()),
        }
    }
}
