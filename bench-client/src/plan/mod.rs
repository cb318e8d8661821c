//! What is to be measured, and how.

pub(crate) mod accepts;
pub(crate) mod churn;
pub(crate) mod http;
pub(crate) mod model;
pub(crate) mod origin;
pub(crate) mod pace;
pub(crate) mod payload;
pub(crate) mod places;
pub(crate) mod protocol;
pub(crate) mod rate;
pub(crate) mod sampling;
pub(crate) mod site;
pub(crate) mod sizes;
pub(crate) mod source;
pub(crate) mod target;
pub(crate) mod template;
pub(crate) mod tls;
pub(crate) mod verify;
pub(crate) mod websocket;
pub(crate) mod workload;

use std::net::SocketAddr;
use std::time::Duration;

use accepts::VerdictOptions;
use churn::{Churn, Linger};
use http::Request;
use pace::Loop;
use payload::Content;
use protocol::Protocol;
use sampling::Sampling;
use site::Site;
use sizes::Sizes;
use source::Sources;
use target::Endpoint;
use tls::Tls;
use verify::Verify;
use websocket::Opening;

/// More connections than this come from more than one address: the kernel
/// looks through half of an address's ports before it tries the other half.
const MANY: u32 = 10_000;

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What is spoken.
    pub(crate) protocol: Protocol,
    /// The server.
    pub(crate) endpoint: Endpoint,
    /// For HTTP, what is asked.
    pub(crate) request: Option<Request>,
    /// For WebSockets, how they are opened.
    pub(crate) opening: Option<Opening>,
    /// How TLS is spoken, where it is.
    pub(crate) tls: Option<Tls>,
    /// Where the clients connect from, if it matters.
    pub(crate) sources: Option<Sources>,
    /// How many simulated clients.
    pub(crate) clients: u32,
    /// With how many of them connected the server's memory is read first; it is
    /// not looked at if that is all of them.
    pub(crate) few: u32,
    /// Over how long the clients' connecting is spread.
    pub(crate) ramp: Duration,
    /// How long they work before anything counts.
    pub(crate) warmup: Duration,
    /// How long what they do counts, at most.
    pub(crate) duration: Duration,
    /// Answers after which it is over all the same.
    pub(crate) requests: Option<u64>,
    /// Errors beyond which it is over.
    pub(crate) most_errors: Option<u64>,
    /// What decides when they send.
    pub(crate) pace: Loop,
    /// Messages a client may have on their way.
    pub(crate) depth: u32,
    /// Bytes in a message.
    pub(crate) sizes: Sizes,
    /// What messages are made of.
    pub(crate) content: Content,
    /// What the messages are a function of.
    pub(crate) seed: u64,
    /// How far answers are checked.
    pub(crate) verify: Verify,
    /// How long a connection is used.
    pub(crate) churn: Churn,
    /// How a client closes.
    pub(crate) linger: Linger,
    /// Whether the clients only hold their connections.
    pub(crate) idle: bool,
    /// What is set on sockets.
    pub(crate) network: Network,
    /// How long connecting may take.
    pub(crate) connect_timeout: Duration,
    /// How long a write may take, and a whole answer: from when it is the oldest
    /// on its way over its connection, or its datagram was sent.
    pub(crate) timeout: Duration,
    /// How often what happens is taken down.
    pub(crate) sampling: Sampling,
    /// What the user accepts.
    pub(crate) accepts: VerdictOptions,
    /// Where the client's ceiling is looked up.
    pub(crate) calibration: accepts::Source,
}

impl Plan {
    /// What is counted.
    pub(crate) fn unit(&self) -> &'static str {
        match self.churn {
            _ if self.protocol.is_http() => "requests",
            Churn::PerRequest => "connections",
            _ => "echoes",
        }
    }

    /// The server, as a URL without its path.
    pub(crate) fn target(&self) -> String {
        format!("{}://{}", self.protocol.id(), self.endpoint)
    }

    /// Where the server listens, as the kernel lists it.
    pub(crate) fn site(&self) -> Site {
        match (&self.endpoint, self.protocol) {
            (Endpoint::Ip(address), Protocol::Udp) => Site::Udp(*address),
            (Endpoint::Ip(address), _) => Site::Tcp(*address),
            (Endpoint::Path(path), Protocol::Unixgram) => Site::Unixgram(path.clone()),
            (Endpoint::Path(path), _) => Site::Unix(path.clone()),
        }
    }

    /// The same plan against the server at `address`.
    pub(crate) fn at(self, address: SocketAddr) -> Plan {
        let endpoint = address.into();
        Plan { endpoint, ..self }.with_sources()
    }

    /// The same plan with the source addresses it needs, if none were chosen:
    /// many connections to this machine do not fit on one.
    pub(crate) fn with_sources(self) -> Plan {
        let many = self.churn != Churn::Never || self.clients > MANY;
        let own = (self.endpoint.is_loopback_v4() && many).then_some(Sources::LOOPBACK);
        Plan {
            sources: self.sources.or(own),
            ..self
        }
    }
}

/// What is set on the clients' sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    /// `TCP_NODELAY`.
    pub(crate) nodelay: bool,
    /// `SO_RCVBUF` in bytes.
    pub(crate) receive_buffer: Option<usize>,
    /// `SO_SNDBUF` in bytes.
    pub(crate) send_buffer: Option<usize>,
}

impl Default for Network {
    fn default() -> Network {
        Network {
            nodelay: true,
            receive_buffer: None,
            send_buffer: None,
        }
    }
}
