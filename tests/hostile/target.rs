//! Where a server under attack is, and how it is reached.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Target {
    /// From an address as the server tells it.
    pub(crate) fn of(address: &str) -> Target {
        match address.strip_prefix("unix:") {
            Some(path) => Target::Unix(path.into()),
            None => Target::Tcp(address.parse().unwrap()),
        }
    }

    /// A connection, from `source` where clients have addresses.
    ///
    /// # Errors
    /// When the server or this machine has no room for it.
    pub(crate) fn connect(&self, source: Option<[u8; 4]>) -> io::Result<Socket> {
        let (domain, address) = match self {
            Target::Tcp(address) => (Domain::IPV4, SockAddr::from(*address)),
            Target::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
        };
        let socket = Socket::new(domain, Type::STREAM, None)?;
        if domain == Domain::IPV4 {
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(source) = source.filter(|_| domain == Domain::IPV4) {
            // Thousands of ports a second would be used up otherwise.
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        socket.connect_timeout(&address, Duration::from_secs(2))?;
        Ok(socket)
    }
}
