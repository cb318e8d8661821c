//! The limits that a server is given, and what becomes of the rest.

use std::borrow::Cow;

use super::Rate;
use crate::error::{Error, Result};

/// What becomes of a request beyond a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// It stays in the kernel's queue until there is room: nothing is lost
    /// while the queue, the [backlog](crate::Builder::backlog), has room.
    #[default]
    Wait,
    /// It is accepted and closed at once; a datagram is dropped.
    Close,
    /// It is accepted, told this and closed, so that a client knows why and
    /// may try again later. The bytes are sent if the system takes them at
    /// once, and dropped if not: a client that does not read holds up nobody.
    Reply(Cow<'static, [u8]>),
}

impl AtLimit {
    /// [`Reply`](AtLimit::Reply) with `bytes`.
    pub fn reply(bytes: impl Into<Cow<'static, [u8]>>) -> AtLimit {
        AtLimit::Reply(bytes.into())
    }
}

/// How much a server takes on, and what becomes of the rest.
///
/// ```
/// use greenserve::{AtLimit, Limits, TcpServer, net::TcpStream};
///
/// let limits = Limits::new()
///     .connections(10_000)
///     .per_peer(100)
///     .rate(500, 1_000)
///     .at_rate(AtLimit::reply(&b"busy, try again\n"[..]));
/// let server = TcpServer::builder(|_: &mut TcpStream| std::io::Result::Ok(()))
///     .limits(limits)
///     .bind("127.0.0.1:0")?;
/// server.handle().set_limits(Limits::new().connections(20_000))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "limits have no effect until a server is given them"]
pub struct Limits {
    pub(super) connections: Option<usize>,
    pub(super) at_connections: AtLimit,
    pub(super) per_peer: Option<usize>,
    pub(super) at_per_peer: AtLimit,
    pub(super) rate: Option<Rate>,
    pub(super) at_rate: AtLimit,
}

impl Limits {
    /// No limit but what the process can hold.
    pub fn new() -> Limits {
        Limits {
            at_per_peer: AtLimit::Close,
            ..Limits::default()
        }
    }

    /// The most requests in flight at once. Defaults to what the process can
    /// hold in the model; see
    /// [`Builder::max_connections`](crate::Builder::max_connections).
    pub fn connections(mut self, most: usize) -> Limits {
        self.connections = Some(most);
        self
    }

    /// What becomes of a request when as many are in flight as may be, or when
    /// the process has no descriptor left for one. Defaults to
    /// [`AtLimit::Wait`]. Otherwise each accept loop keeps a spare descriptor, to
    /// accept with it whom it turns away.
    pub fn at_connections(mut self, policy: AtLimit) -> Limits {
        self.at_connections = policy;
        self
    }

    /// The most requests in flight of one client. Defaults to none.
    ///
    /// One client is one IPv4 address, one IPv6 network of 64 bits (a client
    /// may choose the other 64 as it likes), or one user of this machine at a
    /// Unix stream socket. Who sends datagrams to a Unix socket is not known,
    /// and not counted. Behind a [believed proxy](crate::ProxyProtocol) it is
    /// the client that the proxy names.
    pub fn per_peer(mut self, most: usize) -> Limits {
        self.per_peer = Some(most);
        self
    }

    /// What becomes of a request of a client that has as many in flight as one
    /// may have. Defaults to [`AtLimit::Close`]. It cannot wait in the kernel's
    /// queue: who it is from is known after it has left it.
    pub fn at_per_peer(mut self, policy: AtLimit) -> Limits {
        self.at_per_peer = policy;
        self
    }

    /// The most new requests a second in the long run, and how many may come at
    /// once after a quiet time. Defaults to none.
    pub fn rate(mut self, per_second: u32, burst: u32) -> Limits {
        self.rate = Some(Rate { per_second, burst });
        self
    }

    /// What becomes of a request that comes too soon. Defaults to
    /// [`AtLimit::Wait`].
    pub fn at_rate(mut self, policy: AtLimit) -> Limits {
        self.at_rate = policy;
        self
    }

    pub(crate) fn most_connections(&self) -> Option<usize> {
        self.connections
    }

    /// Refuses what would serve nobody.
    pub(crate) fn check(&self) -> Result<()> {
        if self.at_per_peer == AtLimit::Wait {
            return Err(Error::InvalidOption {
                option: "at_per_peer",
                value: "AtLimit::Wait".to_owned(),
                reason: "who a request is from is known after it has left the kernel's queue; close it, or reply"
                    .to_owned(),
            });
        }
        let rate = self.rate.unwrap_or(Rate {
            per_second: 1,
            burst: 1,
        });
        for (option, value) in [
            ("max_connections", self.connections.unwrap_or(1)),
            ("per_peer", self.per_peer.unwrap_or(1)),
            ("rate", rate.per_second as usize),
            ("the burst of rate", rate.burst as usize),
        ] {
            if value == 0 {
                return Err(Error::InvalidOption {
                    option,
                    value: "0".to_owned(),
                    reason: "a server must be able to serve one request".to_owned(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_serve_nobody_are_refused_by_name() {
        let refused = |limits: Limits| limits.check().unwrap_err().to_string();
        assert!(refused(Limits::new().connections(0)).contains("max_connections cannot be 0"));
        assert!(refused(Limits::new().per_peer(0)).contains("per_peer cannot be 0"));
        assert!(refused(Limits::new().rate(0, 1)).contains("rate cannot be 0"));
        assert!(refused(Limits::new().rate(1, 0)).contains("burst"));
        assert!(refused(Limits::new().at_per_peer(AtLimit::Wait)).contains("AtLimit::Wait"));
        Limits::new().connections(1).per_peer(1).rate(1, 1).check().unwrap();
    }
}
