//! A datagram as it was received.

use std::net::IpAddr;

use super::Peer;

/// A datagram as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// How many bytes are in the buffer.
    pub length: usize,
    /// True when the datagram was longer than the buffer; the rest is lost.
    pub truncated: bool,
    /// Who sent it.
    pub peer: Peer,
    /// At which of this machine's addresses it arrived, where the socket's own
    /// address does not tell: for a UDP socket bound to a wildcard.
    pub arrival: Option<Arrival>,
    /// How many datagrams the kernel had thrown away when this one arrived,
    /// since the socket was made, for want of room in its receive buffer:
    /// `SO_RXQ_OVFL` of socket(7), which begins anew after 2^32. Zero for Unix
    /// sockets, whose senders wait.
    pub overflowed: u32,
}

impl Received {
    /// Without what only some sockets are told.
    pub(super) fn plain(length: usize, truncated: bool, peer: Peer) -> Received {
        Received {
            length,
            truncated,
            peer,
            arrival: None,
            overflowed: 0,
        }
    }
}

/// Where a datagram arrived; see ip(7) and ipv6(7), `IP_PKTINFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// The address to answer from. An IPv4 address at a socket that takes both
    /// looks like `::ffff:192.0.2.1`.
    pub address: IpAddr,
    /// The number of the interface, as if_indextoname(3) takes it.
    pub interface: u32,
}
