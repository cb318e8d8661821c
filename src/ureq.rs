//! Agents of the crate `ureq` over this crate's sockets; feature `ureq`.
//!
//! ureq is a blocking HTTP client. Over its own sockets an agent blocks the
//! worker of the coroutine that uses it; over these the coroutine is suspended
//! instead, as for any other read, and a kill or a surrounding
//! [`Timeout`](crate::sync::Timeout) ends the request. All else is ureq's: the
//! pool of connections, redirects, limits of time, bodies that are streamed.
//!
//! ```
//! use greenserve::http::{self, Request, Response};
//! use greenserve::{Tcp, testing::TestServer, runtime};
//!
//! fn hello(_: &mut Request, response: &mut Response) -> http::Result {
//!     response.send("hello")
//! }
//!
//! let server = TestServer::<Tcp>::start(http::serve(hello))?;
//! let url = format!("http://{}/", server.address());
//! let agent = greenserve::ureq::agent(ureq::config::Config::default());
//! let asked = runtime::spawn(move || agent.get(url).call()?.body_mut().read_to_string())?;
//! assert_eq!(asked.join()??, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! For `https`, turn on ureq's feature `rustls` and chain its connector behind
//! this one, whose sockets it then reads and writes:
//!
//! ```text
//! let connector = Connector::default().chain(RustlsConnector::default());
//! let agent = Agent::with_parts(config, connector, Unresolved::default());
//! ```
//!
//! ureq keeps its interface for transports apart from its promise of stable
//! versions, so this module follows ureq's minor versions.

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ::ureq::config::Config;
use ::ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ::ureq::unversioned::transport::{
    self, Buffers, ConnectionDetails, Either, LazyBuffers, NextTimeout, ShutdownHandle,
};
use ::ureq::{Agent, Error, Timeout};

use crate::error::WaitError;
use crate::net::TcpStream;

/// An agent for `http` that waits as a coroutine does. It may be shared between
/// coroutines, threads and workers; its clones share one pool of connections.
pub fn agent(config: Config) -> Agent {
    Agent::with_parts(config, Connector::default(), Unresolved::default())
}

/// Connects for ureq, as [`TcpStream::connect`] does: it resolves the name off
/// the worker, and tries the addresses beside each other.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Connector {}

/// Leaves names to the [`Connector`], which has more of them to try than one
/// after the other. ureq's limit `timeout_resolve` means nothing then;
/// `timeout_connect` bounds both.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Unresolved {}

/// A connection of an [`agent`].
pub struct Connection {
    stream: Arc<Socket>,
    buffers: LazyBuffers,
}

#[derive(Debug)]
struct Socket(TcpStream);

impl Resolver for Unresolved {
    fn resolve(&self, _: &::ureq::http::Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        // ureq wants one at least; nobody connects to it.
        addresses.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(addresses)
    }
}

impl<In: transport::Transport> transport::Connector<In> for Connector {
    type Out = Either<In, Connection>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if chained.is_some() {
            return Ok(chained.map(Either::A));
        }
        let stream = connect(details)?;
        if details.config.no_delay() {
            stream.set_nodelay(true)?;
        }
        let stream = Arc::new(Socket(stream));
        let shutdown: Weak<dyn ShutdownHandle> = Arc::downgrade(&stream) as Weak<dyn ShutdownHandle>;
        (details.register_shutdown)(shutdown)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Connection { stream, buffers })))
    }
}

fn connect(details: &ConnectionDetails<'_>) -> Result<TcpStream, Error> {
    let host = details
        .uri
        .host()
        .ok_or_else(|| Error::BadUri(format!("{} has no host", details.uri)))?;
    let port = details.uri.port_u16().unwrap_or(match details.needs_tls() {
        true => 443,
        false => 80,
    });
    let address = format!("{host}:{port}");
    let connected = match details.timeout.not_zero() {
        Some(limit) => TcpStream::connect_timeout(address, *limit),
        None => TcpStream::connect(address),
    };
    connected.map_err(|err| told(err, details.timeout.reason))
}

impl transport::Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        let mut stream = &self.stream.0;
        stream.set_write_deadline(end_of(timeout)?);
        let sent = stream.write_all(&self.buffers.output()[..amount]);
        sent.map_err(|err| told(err, timeout.reason))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        let mut stream = &self.stream.0;
        stream.set_read_deadline(end_of(timeout)?);
        let read = io::Read::read(&mut stream, self.buffers.input_append_buf());
        let count = read.map_err(|err| told(err, timeout.reason))?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    /// Whether it can be used again: it has neither ended nor got what nobody
    /// has asked for.
    fn is_open(&mut self) -> bool {
        let looked = self.stream.0.try_read(&mut [0]);
        looked.is_err_and(|err| err.kind() == io::ErrorKind::WouldBlock)
    }
}

/// When `timeout` is over; `None` for never.
fn end_of(timeout: NextTimeout) -> Result<Option<Instant>, Error> {
    if timeout.after.is_zero() {
        return Err(Error::Timeout(timeout.reason));
    }
    let limit: Option<Duration> = timeout.not_zero().map(|limit| *limit);
    Ok(limit.and_then(|limit| Instant::now().checked_add(limit)))
}

/// ureq's name for an error; those of a kill or a surrounding timeout stay.
fn told(err: io::Error, reason: Timeout) -> Error {
    match WaitError::of(&err) {
        Some(WaitError::Deadline) => Error::Timeout(reason),
        None if err.kind() == io::ErrorKind::TimedOut => Error::Timeout(reason),
        _ => Error::Io(err),
    }
}

impl ShutdownHandle for Socket {
    fn shutdown(&self) {
        // It may be closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
