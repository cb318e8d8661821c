//! Address families: what is listened on, and what a request is.

mod datagram;
mod overflow;
mod stream;

use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, RawFd};
use std::sync::Arc;

pub use datagram::{Datagram, DatagramListener, Udp, UnixDatagrams};
pub use stream::{Tcp, Unix};

use crate::error::Result;
use crate::lifecycle::{Forwarded, Kill};
use crate::net::{Address, Claim, Peer, Rules, SocketOptions};
use crate::proxy_protocol::ProxyProtocol;
use crate::runtime::Outcome;

/// Where requests come from: one of the four kinds of socket a server serves.
///
/// | family | listens on | a request is | Python |
/// | --- | --- | --- | --- |
/// | [`Tcp`] | `HOST:PORT` | a [`TcpStream`](crate::net::TcpStream) | `TCPServer` |
/// | [`Udp`] | `HOST:PORT` | a [`Datagram`] | `UDPServer` |
/// | [`Unix`] | `unix:/PATH` | a [`UnixStream`](crate::net::UnixStream) | `UnixStreamServer` |
/// | [`UnixDatagrams`] | `unix:/PATH` | a [`Datagram`] | `UnixDatagramServer` |
///
/// Sealed: the accept loop relies on what only this crate can promise, such as
/// that a listener may be waited for and interrupted.
pub trait Family: Sized + Send + Sync + Debug + sealed::Sealed + 'static {
    /// The bound socket.
    type Listener: AsFd + Debug + Send + Sync + 'static;
    /// What arrives: a connection or a datagram.
    type Request: Request;
    /// The family's name in logs and addresses: `tcp`, `udp`, `unix`, `unixgram`.
    const NAME: &'static str;
    /// Whether its sockets are files.
    #[doc(hidden)]
    const HAS_PATH: bool;

    /// What becomes of requests beyond
    /// [`max_datagrams`](crate::Builder::max_datagrams).
    #[doc(hidden)]
    const CROWD: Crowd = Crowd::Unlimited;

    /// Binds, without listening yet.
    #[doc(hidden)]
    fn bind(address: &Address, options: &SocketOptions) -> Result<(Self::Listener, BindClaim)>;
    /// Begins to take requests.
    #[doc(hidden)]
    fn activate(listener: &Self::Listener, address: &Address, options: &SocketOptions) -> Result<()>;
    /// Makes [`next_request`](Family::next_request) non-blocking.
    #[doc(hidden)]
    fn prepare(listener: &Self::Listener) -> io::Result<()>;
    /// Where it is bound, with the real port.
    #[doc(hidden)]
    fn address(listener: &Self::Listener) -> io::Result<Address>;
    /// The next request if one waits; [`io::ErrorKind::WouldBlock`] if none
    /// does. `limit` is the longest datagram taken whole.
    fn next_request(listener: &Self::Listener, limit: usize) -> io::Result<(Self::Request, Peer)>;
    /// How many requests the kernel threw away since this was asked last, as
    /// far as the requests that came after them have told.
    #[doc(hidden)]
    fn take_overflowed(_: &Self::Listener) -> u64 {
        0
    }
    /// Suspends the running coroutine until a request may be there or it is
    /// roused.
    #[doc(hidden)]
    fn wait(listener: &Self::Listener, deadline: u64) -> io::Result<WaitOutcome>;
    /// In a forked child: the socket file belongs to the parent.
    #[doc(hidden)]
    fn disown(listener: &mut Self::Listener);
}

/// What holds a Unix path between bind and listen.
#[doc(hidden)]
#[derive(Debug)]
pub struct BindClaim(#[expect(dead_code, reason = "held for its drop")] pub(crate) Option<Claim>);

/// What a family does when too many of its requests are in flight.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// They are connections: other limits hold.
    Unlimited,
    /// They wait in the kernel, and their senders with them.
    Waits,
    /// Their senders never wait: what waits grows old, and is thrown away.
    Dropped,
}

/// Deadlines, and where those are counted that are missed; named in a sealed
/// trait.
#[doc(hidden)]
#[derive(Debug)]
pub struct DeadlineRules(pub(crate) Arc<Rules>);

/// How a wait for the listener ended.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitOutcome(pub(crate) Outcome);

/// A connection or a datagram, on its way through a server.
pub trait Request: Debug + Send + sealed::Sealed + 'static {
    /// Says that no more will be sent, as `shutdown_request` does in Python;
    /// nothing for a datagram.
    fn shutdown(&self);
    /// What ends the request from outside, if anything must.
    #[doc(hidden)]
    fn killer(&self) -> Option<Box<dyn Kill>>;
    /// The descriptor the handler will mostly wait for.
    #[doc(hidden)]
    fn descriptor(&self) -> Option<RawFd>;
    /// The bytes that were received and sent so far, by this handle.
    #[doc(hidden)]
    fn traffic(&self) -> (u64, u64);
    /// Has the client keep deadlines, which count from now.
    #[doc(hidden)]
    fn watch(&self, rules: DeadlineRules) {
        let _ = rules;
    }
    /// Has the close throw away what the peer has had its time to take.
    #[doc(hidden)]
    fn give_up(&self) {}
    /// Tells a client that it is not served; never waits.
    #[doc(hidden)]
    fn turn_away(&self, words: &[u8]);
    /// The user at the other end, where the kernel tells.
    #[doc(hidden)]
    fn user(&self) -> Option<u32> {
        None
    }
    /// What the proxy `peer` says of the client; `None` for `peer` itself.
    #[doc(hidden)]
    fn forwarded(&mut self, proxies: &ProxyProtocol, peer: &Peer) -> io::Result<Option<Forwarded>> {
        let _ = (proxies, peer);
        Ok(None)
    }
}

mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;
