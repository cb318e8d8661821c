//! WebSockets over HTTP, with handlers that are plain functions.
//!
//! ```
//! use greenserve::websocket::{self, WebSocket};
//! use greenserve::{TcpServer, http};
//! use std::io;
//!
//! fn echo(socket: &mut WebSocket) -> io::Result<()> {
//!     while let Some(message) = socket.recv()? {
//!         socket.send(message)?;
//!     }
//!     Ok(())
//! }
//!
//! let server = TcpServer::bind("127.0.0.1:0", http::serve(websocket::serve(echo)))?;
//! # Ok::<(), greenserve::Error>(())
//! ```
//!
//! [`serve`] makes a handler of HTTP, for a route or for a whole server, of a
//! function that has a conversation; [`upgrade`] takes one request over within
//! a handler. The protocol is that of RFC 6455, as `tungstenite` reads it,
//! without extensions. Below may be plain TCP, a Unix socket or TLS.
//! `docs/WEBSOCKET.md` is the guide.

mod close;
mod config;
mod conversation;
mod frame;
mod handshake;
mod incoming;
mod line;
mod message;
mod outgoing;
mod room;
mod sender;
mod serve;
mod socket;
mod writer;

pub use tungstenite::{Bytes, Utf8Bytes};

pub use close::{Close, Ended};
pub use config::Config;
pub use message::Message;
pub use room::{Room, Seat};
pub use sender::{SendError, Sender};
pub use serve::{WebSockets, serve, upgrade};
pub use socket::WebSocket;
