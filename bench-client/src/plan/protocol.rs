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
    /// The same over TLS.
    Https,
    /// Echoes of WebSocket messages (RFC 6455).
    Ws,
    /// The same over TLS.
    Wss,
}

impl Protocol {
    /// Every one.
    pub(crate) const ALL: [Protocol; 8] = [
        Protocol::Tcp,
        Protocol::Udp,
        Protocol::Unix,
        Protocol::Unixgram,
        Protocol::Http,
        Protocol::Https,
        Protocol::Ws,
        Protocol::Wss,
    ];

    /// Its name on the command line and in targets.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Unix => "unix",
            Protocol::Unixgram => "unixgram",
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Ws => "ws",
            Protocol::Wss => "wss",
        }
    }

    /// The one of that name, in letters of any size (RFC 3986, section 3.1).
    pub(crate) fn of_scheme(scheme: &str) -> Option<Protocol> {
        let is_it = |protocol: &Protocol| protocol.id().eq_ignore_ascii_case(scheme);
        Protocol::ALL.into_iter().find(is_it)
    }

    /// True when a message is a datagram and there are no connections.
    pub(crate) fn is_datagram(self) -> bool {
        matches!(self, Protocol::Udp | Protocol::Unixgram)
    }

    /// True when it runs over TCP, whose connections can be reset.
    pub(crate) fn is_tcp(self) -> bool {
        matches!(
            self,
            Protocol::Tcp | Protocol::Http | Protocol::Https | Protocol::Ws | Protocol::Wss
        )
    }

    /// True when a message is a request, and its answer a response.
    pub(crate) fn is_http(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Https)
    }

    /// True when TLS is below what is spoken.
    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Protocol::Https | Protocol::Wss)
    }

    /// True when a connection begins with a request, which has a path and fields.
    pub(crate) fn has_requests(self) -> bool {
        self.is_http() || self.is_websocket()
    }

    /// True when messages are those of a WebSocket.
    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Protocol::Ws | Protocol::Wss)
    }

    /// The port of targets that name none, where there is a usual one (RFC 9110,
    /// section 4.2; RFC 6455, section 3).
    pub(crate) fn default_port(self) -> Option<u16> {
        match self {
            Protocol::Http | Protocol::Ws => Some(80),
            Protocol::Https | Protocol::Wss => Some(443),
            _ => None,
        }
    }

    /// True when the address is the path of a socket.
    pub(crate) fn has_path(self) -> bool {
        matches!(self, Protocol::Unix | Protocol::Unixgram)
    }
}
