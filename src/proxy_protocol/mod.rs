//! The real client behind a proxy: the PROXY protocol, versions 1 and 2.

mod header;

use std::io::{self, Read};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::error::{Error, Result};
use crate::lifecycle::Forwarded;
use crate::net::{Missed, Overdue, Peer};
use crate::sync::Timeout;

/// Whose PROXY headers are believed, and how long they may take.
///
/// A proxy that passes connections on, such as HAProxy with `send-proxy-v2`,
/// writes who the client is before the client's first byte. A server that
/// [takes such headers](crate::Builder::proxy_protocol) reads the header before
/// the handler begins; the client's address then stands in
/// [`Context::client_address`](crate::Context::client_address), in the names of
/// coroutines and in the log. Both forms are understood: the line of version 1
/// and the bytes of version 2.
///
/// Who may write a header may claim to be anybody, so it is believed from the
/// networks given here alone, and from there it is required: without one the
/// connection is closed. [`Refused`](crate::Refused) counts both.
///
/// ```
/// use greenserve::{Context, ProxyProtocol, TcpServer, net::TcpStream, with_context};
/// use std::io::Write;
///
/// let greet = |client: &mut TcpStream, context: &Context| write!(client, "hello {}", context.client_address());
/// let server = TcpServer::builder(with_context(greet))
///     .proxy_protocol(ProxyProtocol::trusting(["10.0.0.0/8", "127.0.0.1"])?)
///     .bind("127.0.0.1:0")?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProxyProtocol {
    trusted: Vec<IpNet>,
    unix: bool,
    takes_others: bool,
    limit: Duration,
}

impl ProxyProtocol {
    /// Believes proxies in `networks`: addresses, or networks as in
    /// `10.0.0.0/8` and `fd00::/8`. An IPv4 network also covers its clients on
    /// a socket that takes IPv6 and IPv4 alike.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a text that is neither.
    pub fn trusting<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<ProxyProtocol> {
        let trusted = networks.into_iter().map(|network| parse(network.as_ref()));
        Ok(ProxyProtocol {
            trusted: trusted.collect::<Result<_>>()?,
            unix: false,
            takes_others: false,
            limit: Duration::from_secs(5),
        })
    }

    /// Whether whoever reaches a Unix socket is believed. Defaults to false:
    /// the socket's file mode then has to be what keeps others away.
    #[must_use = "this returns the settings"]
    pub fn trust_unix(mut self, trust: bool) -> ProxyProtocol {
        self.unix = trust;
        self
    }

    /// Whether clients from elsewhere are served too, without a header and
    /// under the address they have. Defaults to false: they are closed, since
    /// the port is the proxies'.
    #[must_use = "this returns the settings"]
    pub fn take_others(mut self, take: bool) -> ProxyProtocol {
        self.takes_others = take;
        self
    }

    /// How long the header may take. Defaults to 5 s, which leaves room for one
    /// lost segment to be sent again, as the specification asks. Beyond it the
    /// connection is closed, and counted as [`Overdue::ProxyHeader`].
    #[must_use = "this returns the settings"]
    pub fn header_timeout(mut self, limit: Duration) -> ProxyProtocol {
        self.limit = limit;
        self
    }

    fn trusts(&self, peer: &Peer) -> bool {
        match peer.ip() {
            Some(ip) => self.trusts_ip(ip.to_canonical()),
            None => self.unix,
        }
    }

    fn trusts_ip(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&ip))
    }

    /// Who is really served by a connection from `peer`; `None` for `peer`
    /// itself: a proxy that speaks for itself, as in its health checks, or a
    /// client that [needs no header](ProxyProtocol::take_others). Reads the
    /// header from `stream`, and nothing behind it. A server does this by
    /// itself; call it where you accept by hand.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`] when `peer` is not believed,
    /// [`io::ErrorKind::InvalidData`] for what is no header,
    /// [`io::ErrorKind::UnexpectedEof`] for half a one,
    /// [`io::ErrorKind::TimedOut`] when it takes too long
    /// ([`Overdue::ProxyHeader`]), and those of the stream. All but the last ones
    /// name the peer.
    ///
    /// ```
    /// use greenserve::ProxyProtocol;
    /// use greenserve::net::Peer;
    /// use std::net::SocketAddr;
    ///
    /// let proxy = Peer::from(SocketAddr::from(([10, 0, 0, 1], 5000)));
    /// let mut stream = &b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\nhello"[..];
    /// let forwarded = ProxyProtocol::trusting(["10.0.0.0/8"])?.read(&mut stream, &proxy)?;
    /// assert_eq!(forwarded.expect("a client").client().to_string(), "192.0.2.1:40000");
    /// assert_eq!(stream, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(&self, stream: &mut impl Read, peer: &Peer) -> io::Result<Option<Forwarded>> {
        if !self.trusts(peer) {
            return if self.takes_others {
                Ok(None)
            } else {
                Err(stranger(peer))
            };
        }
        let timeout = Timeout::after(self.limit);
        timeout
            .run(|| header::read(stream, peer))
            .map_err(|err| match timeout.expired(&err) {
                true => late(peer, self.limit),
                false => err,
            })
    }
}

fn parse(network: &str) -> Result<IpNet> {
    let address = || network.parse::<IpAddr>().map(IpNet::from);
    network
        .parse()
        .or_else(|_| address())
        .map_err(|_| Error::InvalidOption {
            option: "a network whose PROXY headers are believed",
            value: format!("{network:?}"),
            reason: "write an address or a network, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8".to_owned(),
        })
}

fn stranger(peer: &Peer) -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{peer} is in none of the networks whose PROXY headers are believed"),
    )
}

fn late(peer: &Peer, limit: Duration) -> io::Error {
    let late = Late {
        peer: peer.clone(),
        limit,
        missed: Overdue::ProxyHeader.missed(),
    };
    io::Error::new(io::ErrorKind::TimedOut, late)
}

/// A header that did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("{peer} sent no whole PROXY header within {limit:?}")]
struct Late {
    peer: Peer,
    limit: Duration,
    #[source]
    missed: Missed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn peer(address: &str) -> Peer {
        Peer::from(address.parse::<SocketAddr>().unwrap())
    }

    #[test]
    fn networks_and_addresses_are_read_and_others_refused_by_name() {
        let proxies = ProxyProtocol::trusting(["10.0.0.0/8", "::1", "192.0.2.7"]).unwrap();
        for inside in ["10.1.2.3:1", "[::1]:1", "192.0.2.7:9", "[::ffff:10.0.0.1]:5"] {
            assert!(proxies.trusts(&peer(inside)), "{inside}");
        }
        for outside in ["11.0.0.1:1", "[::2]:1", "192.0.2.8:9", "[::ffff:11.0.0.1]:5"] {
            assert!(!proxies.trusts(&peer(outside)), "{outside}");
        }
        let refused = ProxyProtocol::trusting(["10.0.0.0/33"]).unwrap_err();
        assert!(refused.is_usage());
        assert!(refused.to_string().contains("10.0.0.0/33"), "{refused}");
    }

    #[test]
    fn a_unix_client_is_believed_only_if_said() {
        let proxies = ProxyProtocol::trusting(["0.0.0.0/0"]).unwrap();
        assert!(!proxies.trusts(&Peer::Unnamed));
        assert!(proxies.trust_unix(true).trusts(&Peer::Unnamed));
    }

    #[test]
    fn a_stranger_is_refused_unread_or_served_as_he_is() {
        let proxies = ProxyProtocol::trusting(["10.0.0.0/8"]).unwrap();
        let mut said = &b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"[..];
        let refused = proxies.read(&mut said, &peer("192.0.2.1:7")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(refused.to_string().contains("192.0.2.1:7"));
        let open = proxies.take_others(true);
        assert_eq!(open.read(&mut said, &peer("192.0.2.1:7")).unwrap(), None);
        assert_eq!(said.len(), 32, "nothing was read");
    }
}
