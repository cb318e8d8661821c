//! TLS under any stream server and client: rustls in the client's own
//! coroutine, thread or process.
//!
//! A server's handler is put into [`serve`], and what it is given is a
//! [`TlsStream`] in place of a [`Stream`](crate::net::Stream):
//!
//! ```no_run
//! use greenserve::TcpServer;
//! use greenserve::tls::{self, Certificates, TlsStream};
//! use std::io;
//!
//! fn echo(client: &mut TlsStream<std::net::TcpStream>) -> io::Result<()> {
//!     io::copy(&mut &*client, &mut &*client).map(drop)
//! }
//!
//! let certificates = Certificates::load("chain.pem", "key.pem")?;
//! TcpServer::bind(":8443", tls::serve(certificates, echo))?.serve_forever()?;
//! # Ok::<(), greenserve::Error>(())
//! ```
//!
//! HTTPS is the module `http` within: `tls::serve(certificates,
//! http::serve(hello))`, with both features.
//!
//! A client shakes hands by [`connect`]. TLS 1.3 and 1.2 are spoken, with what
//! is still thought safe of them; there is no setting that makes it less.
//!
//! | Python's `ssl` | here |
//! | --- | --- |
//! | `SSLContext(PROTOCOL_TLS_SERVER)`, `load_cert_chain` | [`Certificates`] |
//! | `create_default_context()`, `load_verify_locations` | [`ClientSettings`] |
//! | `wrap_socket(server_side=True)` in a handler | [`serve`] |
//! | `wrap_socket(server_hostname=...)` | [`connect`] |
//! | `SSLSocket` | [`TlsStream`] |
//! | `SSLError` of a handshake | [`HandshakeError`] |
//! | `SSLEOFError`, `SSLZeroReturnError` | [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof), `Ok(0)` |

mod builder;
mod certificates;
mod client;
mod failure;
mod handshake;
mod identity;
mod in_force;
mod io;
mod names;
mod pem;
mod provider;
mod reading;
mod revocation;
mod serve;
mod session;
mod stream;
mod transport;
mod validity;
mod wire;

pub use builder::CertificatesBuilder;
pub use certificates::{Certificates, Handshakes};
pub use client::{ClientSettings, ClientSettingsBuilder, connect};
pub use failure::HandshakeError;
pub use pem::Pem;
pub use rustls::pki_types::CertificateDer;
pub use serve::{Serve, serve};
pub use stream::{TlsStream, Version};
