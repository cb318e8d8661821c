//! What a proxy says of the client whose connection it passes on.

use std::fmt;
use std::net::SocketAddr;

use crate::net::Peer;

/// What a proxy said of the client whose connection it passes on: the contents
/// of a PROXY header. See [`Builder::proxy_protocol`](crate::Builder::proxy_protocol).
#[derive(Clone, PartialEq, Eq)]
pub struct Forwarded {
    client: Peer,
    destination: Option<SocketAddr>,
    proxy: Peer,
    values: Vec<(u8, Box<[u8]>)>,
}

impl Forwarded {
    pub(crate) fn new(
        client: Peer,
        destination: Option<SocketAddr>,
        proxy: Peer,
        values: Vec<(u8, Box<[u8]>)>,
    ) -> Forwarded {
        Forwarded {
            client,
            destination,
            proxy,
            values,
        }
    }

    /// The client that the proxy serves; also what
    /// [`Context::client_address`](crate::Context::client_address) returns.
    pub fn client(&self) -> &Peer {
        &self.client
    }

    /// The address the client connected to, where the header has one.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.destination
    }

    /// The proxy: the other end of the connection itself.
    pub fn proxy(&self) -> &Peer {
        &self.proxy
    }

    /// An additional value of the binary form by its type, such as 1 for the
    /// protocol that ALPN chose and 2 for the host name the client asked for;
    /// the specification of the PROXY protocol lists them in section 2.2.
    pub fn value(&self, kind: u8) -> Option<&[u8]> {
        let found = self.values.iter().find(|(found, _)| *found == kind);
        found.map(|(_, value)| &**value)
    }
}

impl fmt::Debug for Forwarded {
    /// Without the values: they are what clients and proxies chose.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarded")
            .field("client", &self.client)
            .field("destination", &self.destination)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}
