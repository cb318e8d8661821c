//! HTTP/1.1 and HTTP/1.0 over any stream server, with handlers that are plain
//! functions.
//!
//! ```
//! use greenserve::TcpServer;
//! use greenserve::http::{self, Request, Response};
//!
//! fn hello(_: &mut Request, response: &mut Response) -> http::Result {
//!     response.send("Hello, world!")
//! }
//!
//! fn main() -> greenserve::Result<()> {
//!     let mut server = TcpServer::bind("127.0.0.1:0", http::serve(hello))?;
//! #   server.handle().shutdown();
//!     server.serve_forever()
//! }
//! ```
//!
//! [`serve`] makes a handler of connections of one that answers requests, so
//! it runs in every model and under every family of streams. Messages are read
//! and written by RFC 9110 and RFC 9112, without leniency where two readers of
//! the same bytes could differ. `docs/HTTP.md` is the guide.

mod access_log;
mod answer;
mod body;
mod body_coding;
mod byte_set;
mod chunked;
mod coded;
mod codings;
#[cfg(feature = "compression")]
mod compression;
mod connection;
mod control;
#[cfg(feature = "cookies")]
mod cookies;
mod date;
mod deadlines;
mod due;
mod events;
mod exchange;
mod fields;
mod files;
#[cfg(feature = "forms")]
mod form;
mod handler;
mod head;
mod in_force;
mod inbox;
#[cfg(feature = "json")]
mod json;
mod kit;
mod limits;
mod link;
#[cfg(feature = "forms")]
mod multipart;
mod outbox;
mod params;
#[cfg(feature = "forms")]
mod part_limits;
mod refusal;
mod reply;
mod request;
mod response;
mod router;
mod scan;
mod secrets;
mod sending;
mod serve;
mod settings;
mod source;
mod tags;
mod target;
mod upgraded;
mod value;

pub use ::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};

#[cfg(feature = "cookies")]
pub use ::cookie::{Cookie, CookieBuilder, SameSite};
pub use access_log::AccessLog;
pub use body::Body;
#[cfg(feature = "compression")]
pub use compression::Compression;
pub use control::Control;
pub use deadlines::Deadlines;
pub use events::{Event, EventStream};
pub use files::Files;
#[cfg(feature = "forms")]
pub use form::Form;
pub use handler::{Around, Handler, Middleware, Result, around};
pub use limits::Limits;
#[cfg(feature = "forms")]
pub use multipart::{Part, Parts};
pub use params::Params;
#[cfg(feature = "forms")]
pub use part_limits::PartLimits;
pub use refusal::Refusal;
pub use request::Request;
pub use response::Response;
pub use router::{Router, RouterBuilder};
pub use serve::{Http, serve};
pub use upgraded::Upgraded;
pub use value::header_value;
