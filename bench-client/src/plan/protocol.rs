//! What client and server speak.

use clap::ValueEnum;

/// What is spoken, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Echoes over TCP.
    Tcp,
    /// Echoes of UDP datagrams.
    Udp,
    /// Echoes over Unix stream sockets.
    Unix,
    /// Echoes of Unix datagrams.
    Unixgram,
    /// HTTP/1.1: a small text for `GET /`, an echo for `POST /echo`.
    Http,
}

impl Protocol {
    /// Every one.
    pub(crate) const ALL: [Protocol; 5] = [
        Protocol::Tcp,
        Protocol::Udp,
        Protocol::Unix,
        Protocol::Unixgram,
        Protocol::Http,
    ];

    /// Its name on the command line and in targets.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Unix => "unix",
            Protocol::Unixgram => "unixgram",
            Protocol::Http => "http",
        }
    }

    /// True when a message is a datagram and there are no connections.
    pub(crate) fn is_datagram(self) -> bool {
        matches!(self, Protocol::Udp | Protocol::Unixgram)
    }

    /// True when it runs over TCP, whose connections can be reset.
    pub(crate) fn is_tcp(self) -> bool {
        matches!(self, Protocol::Tcp | Protocol::Http)
    }

    /// True when the address is the path of a socket.
    pub(crate) fn has_path(self) -> bool {
        matches!(self, Protocol::Unix | Protocol::Unixgram)
    }
}
