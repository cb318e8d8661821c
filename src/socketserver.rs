//! socketserver's names for what this crate composes of two types.
//!
//! `ThreadingTCPServer = ThreadingMixIn + TCPServer` is
//! `Server<Tcp, Thread>` here; these aliases are for who ports and searches by
//! the old name. All of them are made with
//! [`Server::builder`](crate::Server::builder) and a model, since the alias
//! fixes the type but the value of the model is still yours:
//!
//! ```
//! use greenserve::socketserver::ThreadingTcpServer;
//! use greenserve::{TcpServer, net::TcpStream};
//!
//! let server: ThreadingTcpServer =
//!     TcpServer::bind("127.0.0.1:0", |_: &mut TcpStream| std::io::Result::Ok(()))?.threads();
//! # Ok::<(), greenserve::Error>(())
//! ```

use crate::concurrency::{Coroutine, Fork, Inline, Thread};
use crate::family::{Tcp, Udp, Unix, UnixDatagrams};
use crate::server::Server;

/// One TCP client after the other: Python's `TCPServer`.
pub type InlineTcpServer = Server<Tcp, Inline>;
/// One datagram after the other: Python's `UDPServer`.
pub type InlineUdpServer = Server<Udp, Inline>;
/// One Unix client after the other: Python's `UnixStreamServer`.
pub type InlineUnixStreamServer = Server<Unix, Inline>;
/// One Unix datagram after the other: Python's `UnixDatagramServer`.
pub type InlineUnixDatagramServer = Server<UnixDatagrams, Inline>;

/// A thread a TCP client: `ThreadingTCPServer`.
pub type ThreadingTcpServer = Server<Tcp, Thread>;
/// A thread a datagram: `ThreadingUDPServer`.
pub type ThreadingUdpServer = Server<Udp, Thread>;
/// A thread a Unix client: `ThreadingUnixStreamServer`.
pub type ThreadingUnixStreamServer = Server<Unix, Thread>;
/// A thread a Unix datagram: `ThreadingUnixDatagramServer`.
pub type ThreadingUnixDatagramServer = Server<UnixDatagrams, Thread>;

/// A process a TCP client: `ForkingTCPServer`.
pub type ForkingTcpServer = Server<Tcp, Fork>;
/// A process a datagram: `ForkingUDPServer`.
pub type ForkingUdpServer = Server<Udp, Fork>;
/// A process a Unix client: `ForkingUnixStreamServer`.
pub type ForkingUnixStreamServer = Server<Unix, Fork>;
/// A process a Unix datagram: `ForkingUnixDatagramServer`.
pub type ForkingUnixDatagramServer = Server<UnixDatagrams, Fork>;

/// A coroutine a TCP client: gevent's `StreamServer`.
pub type CoroutineTcpServer = Server<Tcp, Coroutine>;
/// A coroutine a datagram: gevent's `DatagramServer`.
pub type CoroutineUdpServer = Server<Udp, Coroutine>;
/// A coroutine a Unix client.
pub type CoroutineUnixStreamServer = Server<Unix, Coroutine>;
/// A coroutine a Unix datagram.
pub type CoroutineUnixDatagramServer = Server<UnixDatagrams, Coroutine>;
