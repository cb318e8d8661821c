//! Python's `socketserver` and gevent's servers in Rust: write a network
//! handler as plain blocking code and run it on green threads, one a client.
//!
//! ```
//! use greenserve::{TcpServer, net::TcpStream};
//! use std::io::{self, Read, Write};
//!
//! fn echo(client: &mut TcpStream) -> io::Result<()> {
//!     let mut buffer = [0; 1024];
//!     loop {
//!         let count = client.read(&mut buffer)?; // suspends this coroutine, not the thread
//!         if count == 0 {
//!             return Ok(());
//!         }
//!         client.write_all(&buffer[..count])?;
//!     }
//! }
//!
//! fn main() -> greenserve::Result<()> {
//!     let mut server = TcpServer::bind("127.0.0.1:0", echo)?;
//! #   server.handle().shutdown();
//!     server.serve_forever()
//! }
//! ```
//!
//! With one word added the same `echo` runs in threads, forked processes or
//! inline: `.threads()`, `.processes(40)`, `.inline()`.
//!
//! # The tour
//!
//! An **address family** ([`Tcp`], [`Udp`], [`Unix`], [`UnixDatagrams`])
//! yields requests; the **server** ([`Server`]) accepts them under limits and
//! hands each to a **concurrency model** ([`Coroutine`], [`Thread`], [`Fork`],
//! [`Inline`]), which runs a **handler** ([`Handler`]). [`Hooks`] are called
//! on the way. A [`ServerHandle`] ends, pauses and watches it all from
//! anywhere. Below lie the sockets ([`net`]), what handlers wait on ([`sync`])
//! and the coroutines themselves ([`runtime`]), each usable without a server.
//!
//! | you want to | look at |
//! | --- | --- |
//! | serve a closure | [`Server::bind`], [`with_context`] |
//! | serve a type with `setup`, `handle`, `finish` | [`RequestHandler`], [`StreamHandler`], [`DatagramHandler`] |
//! | limit, time out, back off | [`Limits`], [`Deadlines`], [`Builder`], [`StreamOptions`], [`net::Stream`], [`sync::Timeout`] |
//! | change limits and deadlines while it serves | [`ServerHandle::set_limits`], [`ServerHandle::set_deadlines`], `http::Control` |
//! | see what a server does | [`ServerHandle::metrics`], [`runtime::metrics`], [`runtime::census`], the feature `prometheus` |
//! | be told of each request | [`Observer`], [`LogEvents`], the feature `tracing` |
//! | know the client behind a proxy | [`ProxyProtocol`] |
//! | answer HTTP | the feature `http`, its module of that name |
//! | have conversations with browsers | the feature `websocket`, its module of that name |
//! | encrypt | the feature `tls`, its module of that name |
//! | stop well | [`Server::serve_until_signal`], [`Server::stop`], [`ServerHandle::shutdown`], [`Server::handle_signals_within`] |
//! | end between two messages when the server stops | [`Context::wait_for_request`], [`StreamRequest::wait_for_request`], [`Context::idle`] |
//! | know what failed, and how often | [`ServerHandle::counts`], [`Hooks::handle_error`] |
//! | survive a crash, use new programs without a refused client | [`Supervisor`] |
//! | take sockets from systemd | [`net::Address`], [`Supervisor`] |
//! | accept by hand and spawn | [`net::TcpListener`], [`runtime::spawn`] |
//! | call something that blocks | [`runtime::offload`] |
//! | hand work to others, in order, by rank, until it is done | [`sync::channel()`], [`sync::priority`], [`sync::Sender::join`] |
//! | share state between handlers | [`sync::Mutex`], [`sync::RwLock`], or a std lock that nothing waits under |
//! | wait until shared state changes | [`sync::Condvar`], [`sync::Event`] |
//! | do the same for many inputs, a few at a time | [`sync::Pool::imap`], [`sync::Pool::imap_unordered`] |
//! | wait for several things at once | [`sync::wait_any`], [`sync::ready`], [`sync::try_join_all`] |
//! | have several read one result | [`sync::AsyncResult`], [`runtime::JoinHandle::share`] |
//! | know what may live across a wait | [`runtime`] |
//! | choose where and when a coroutine runs | [`runtime::Builder`], [`runtime::spawn_local`], [`runtime::spawn_later`] |
//! | see what every coroutine does, and who stalls | [`runtime::dump()`], [`runtime::stalls`] |
//! | lend to coroutines what they need not own | [`runtime::scope`] |
//! | keep a value for each coroutine | [`runtime::Local`] |
//! | end a coroutine and say why | [`runtime::Task::kill_with`] |
//! | set engine, workers and stacks | [`runtime::Config`] |
//! | test your handler | [`testing::TestServer`] |
//!
//! # From Python
//!
//! | socketserver, gevent | here |
//! | --- | --- |
//! | `TCPServer(address, Handler)`, `StreamServer(address, handle)` | [`Server::bind`]; names in [`socketserver`] |
//! | `bind_and_activate=False`, `server_bind`, `server_activate` | [`Builder::unbound`], [`Server::server_bind`], [`Server::server_activate`] |
//! | `serve_forever`, `handle_request` | the same |
//! | `shutdown` | [`ServerHandle::shutdown`]: at once, never blocks |
//! | `server_close`; `stop(timeout)` | [`Server::server_close`]; [`Server::stop`] |
//! | `stop_accepting`, `start_accepting` | [`ServerHandle::pause`], [`ServerHandle::resume`] |
//! | `ThreadingMixIn`, `ForkingMixIn`, `spawn=` | a [`Model`] |
//! | `spawn=Pool(n)` | [`Builder::max_connections`] |
//! | `get_request` ... `handle_error` | the [`Hooks`] of those names |
//! | `request_queue_size`, `allow_reuse_address` | [`net::SocketOptions`] |
//! | `gevent.spawn`, `sleep`, `Timeout`, `Pool`, `Queue` | [`runtime::spawn`], [`runtime::sleep`], [`sync`] |
//! | `gevent.wait`, `iwait`, `joinall`, `AsyncResult` | [`sync::wait_all`], [`sync::ready`], [`sync::join_all`], [`sync::AsyncResult`] |
//! | `PriorityQueue`, `LifoQueue`, `JoinableQueue`, `Channel` | [`sync::priority`], [`sync::lifo`], [`sync::channel()`] |
//! | `spawn_later`, `kill(exception)`, `local` | [`runtime::spawn_later`], [`runtime::Task::kill_with`], [`runtime::Local`] |
//!
//! # Where defaults differ
//!
//! | | socketserver | here | to get the old one |
//! | --- | --- | --- | --- |
//! | backlog | 5 | 1024 | [`Builder::backlog`] |
//! | `SO_REUSEADDR` | off | on for TCP | [`net::SocketOptions::reuse_address`] |
//! | requests at once | no limit (fork: 40) | what the process can hold (fork: 40) | [`Builder::max_connections`] |
//! | an accept error | spins | pauses 10 ms to 1 s | [`Builder::accept_backoff`] |
//! | `verify_request` fails | ends the server | refuses the request | - |
//! | `shutdown` | waits, up to 0.5 s late | returns at once | [`ServerHandle::wait`] |
//! | datagrams at once | no limit | 1024, more are dropped (Unix: wait) | [`Builder::max_datagrams`] |
//! | nothing written to a datagram's `wfile` | an empty datagram | nothing | [`DatagramOptions`] |
//! | a stale Unix socket file | an error | replaced | - |
//! | reading the end for ever | spins | an error after 100 reads | - |
//! | `timeout` and `wfile` | a whole `sendall` | a whole `write_all`, `write!` or `flush` | - |
//! | `timeout` and `rfile` | each `recv` of a line | a whole `read_line`, `read_exact` or `read_to_end` | [`net::Stream::set_read_timeout`] |
//! | connecting to a name | one address after the other | by turns of the families, the next after 250 ms | - |
//!
//! # Logging
//!
//! Nothing here prints; everything goes through [`log`]: `error` for failed
//! handlers and broken listeners, `warn` for pauses, what had to be killed and
//! workers that stall, `info` for starts and stops, `debug` for clients that went away. The one
//! exception is a coroutine's stack overflow, which writes to standard error
//! because the process ends there. No level contains bytes that clients sent,
//! unless the error of a handler does, or it is the name that a client of TLS
//! asked for.
//!
//! Failures of one handler that read the same are one line a second, with their
//! number ([`Builder::failure_log_period`]); [`ServerHandle::counts`] counts all.
//!
//! Whoever logs calls your logger right there: in a coroutine it holds up the
//! worker for as long as it takes. Standard error is often a pipe, and when
//! nobody reads it fast enough every worker ends in write(2), one after the
//! other. So have the logger put its lines into a bounded queue, from which a
//! thread writes them, and count what finds no room. The README has that in ten
//! lines, `examples/common/logging.rs` with the number in the log itself.
//!
//! # Features
//!
//! `prometheus` shows a server's numbers to Prometheus (module `prometheus`).
//! `http` answers HTTP/1.1 (module `http`), `json` has it read and write JSON,
//! `cookies` cookies, `forms` the forms of pages, in one part or several, and
//! `compression` answer in gzip.
//! `tls` puts TLS under any stream server and client (module `tls`).
//! `tracing` makes a span of each request (module `tracing`).
//! `ureq` has the HTTP client of that name wait as a coroutine (module `ureq`).
//! `websocket` has conversations over HTTP's connections (module `websocket`).
//! `minihttp` makes may_minihttp available to the example of that name.
//!
//! # Platforms
//!
//! Linux. The scheduler knows others, but epoll, eventfd, timerfd and `/proc`
//! are used here.

#![deny(unsafe_code)]

mod concurrency;
mod error;
mod family;
mod handler;
mod hooks;
#[cfg(feature = "http")]
pub mod http;
mod lifecycle;
mod limits;
mod log_events;
pub mod net;
#[cfg(feature = "prometheus")]
pub mod prometheus;
mod proxy_protocol;
#[allow(unsafe_code, reason = "switching stacks and catching their overflow")]
pub mod runtime;
mod server;
pub mod socketserver;
mod supervisor;
pub mod sync;
pub mod testing;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "tracing")]
pub mod tracing;
#[cfg(feature = "ureq")]
pub mod ureq;
#[cfg(feature = "websocket")]
pub mod websocket;

pub use concurrency::{Coroutine, Fork, Inline, Model, Thread};
pub use error::{Error, Result, WaitError};
pub use family::{Datagram, DatagramListener, Family, Request, Tcp, Udp, Unix, UnixDatagrams};
pub use handler::{
    Context, DatagramHandler, DatagramOptions, DatagramRequest, Each, EachDatagram, EachStream, Failure, Handler,
    HandlerError, Reader, RequestHandler, StreamHandler, StreamOptions, StreamRequest, Transport, Wire, WithContext,
    Writer, each, each_datagram, each_stream, with_context,
};
pub use hooks::Hooks;
pub use lifecycle::{
    Connection, ConnectionState, Counts, DrainReport, Event, Forwarded, Metrics, Observer, Outcome, Phase,
    RequestTimes, ServerHandle,
};
pub use limits::{AtLimit, Limits, PeerLoad, Refusal, Refused};
pub use log_events::LogEvents;
pub use net::{Deadlines, MinimumRate, Overdue};
pub use proxy_protocol::ProxyProtocol;
pub use server::{Builder, Running, Server};
pub use supervisor::{Ending, Supervisor, Worker};

/// A TCP server, on coroutines unless another model is named.
pub type TcpServer<M = Coroutine> = Server<Tcp, M>;

/// A UDP server, on coroutines unless another model is named.
pub type UdpServer<M = Coroutine> = Server<Udp, M>;

/// A server on Unix stream sockets, on coroutines unless another model is
/// named.
pub type UnixServer<M = Coroutine> = Server<Unix, M>;

/// A server on Unix datagram sockets, on coroutines unless another model is
/// named.
pub type UnixDatagramServer<M = Coroutine> = Server<UnixDatagrams, M>;

/// The documents' programs compile as they stand.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/PORTING.md")]
    mod porting {}
    #[cfg(all(feature = "cookies", feature = "forms", feature = "tls"))]
    #[doc = include_str!("../docs/HTTP.md")]
    mod http {}
    #[cfg(feature = "json")]
    #[doc = include_str!("../docs/PORTING-HTTP.md")]
    mod http_porting {}
    #[cfg(feature = "websocket")]
    #[doc = include_str!("../docs/WEBSOCKET.md")]
    mod websocket {}
    #[cfg(feature = "tls")]
    #[doc = include_str!("../docs/TLS.md")]
    mod tls {}
}
