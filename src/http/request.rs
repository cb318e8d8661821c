//! A request as a handler sees it.

use std::borrow::Cow;
use std::fmt;

use ::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use super::body::Body;
use super::head::Head;
use super::link::Link;
use super::params::Params;
use crate::handler::{Context, Transport};
use crate::net::Peer;

/// A request: its head has come, its body comes as it is read.
///
/// ```
/// use greenserve::http::{self, Request, Response};
///
/// fn shout(request: &mut Request, response: &mut Response) -> http::Result {
///     let text = request.body().text(10_000)?;
///     response.send(text.to_uppercase())
/// }
/// # let _ = http::serve(shout);
/// ```
///
/// Its [`Debug`](fmt::Debug) has no values of headers, no query and no body:
/// they may be secrets, and what is shown so ends up in a log.
pub struct Request<'a> {
    pub(super) head: &'a mut Head,
    pub(super) body: Body<'a>,
    pub(super) link: &'a Link<'a>,
    pub(super) context: &'a Context,
    pub(super) params: &'a mut Params,
    pub(super) extensions: Extensions,
}

impl<'a> Request<'a> {
    /// What is to be done: one of the known methods, or whatever token the
    /// client sent.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The target as the client wrote it.
    pub fn target(&self) -> &str {
        self.head.target()
    }

    /// The target's path as the client wrote it, `%XX` included; `/` for an
    /// absolute target without one, `*` for `OPTIONS *`, empty for `CONNECT`.
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// What stands behind the question mark of the target, as the client wrote
    /// it.
    pub fn query(&self) -> Option<&str> {
        self.head.query()
    }

    /// Which host is asked, as `HOST` or `HOST:PORT`: of the target where it
    /// has one, else of the `Host`. A client chooses it freely.
    pub fn authority(&self) -> Option<&str> {
        self.head.authority()
    }

    /// The target as an [`Uri`], which is made with the first call.
    pub fn uri(&self) -> &Uri {
        self.head.uri()
    }

    /// `HTTP/1.1` or `HTTP/1.0`.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The first header of that name as text, in any case; `None` also if it is
    /// not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.head.value(name)?).ok()
    }

    /// The value of a header; of several lines what they say together. Bytes
    /// that are not ASCII become U+FFFD, which is part of nothing that is known:
    /// a condition that cannot be read is a condition all the same.
    pub(super) fn joined(&self, name: &HeaderName) -> Option<Cow<'_, str>> {
        // Without a map as long as the header is not there.
        self.head.value(name.as_str())?;
        let mut lines = self.headers().get_all(name).iter().map(ascii);
        let mut value = lines.next()?;
        for line in lines {
            let together = value.to_mut();
            together.push_str(", ");
            together.push_str(&line);
        }
        Some(value)
    }

    /// All headers, as a map that is made with the first call:
    /// [`header`](Request::header) needs none.
    pub fn headers(&self) -> &HeaderMap {
        self.head.map()
    }

    /// The headers, to be changed by what stands around a handler.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.head.map_mut()
    }

    /// Who asks: behind a proxy whose
    /// [PROXY header](crate::Builder::proxy_protocol) is believed, its client.
    pub fn peer(&self) -> &Peer {
        self.context.client_address()
    }

    /// This end of the connection; `None` if the system cannot tell.
    pub fn local(&self) -> Option<Peer> {
        self.link.transport.local().ok()
    }

    /// Whether it came encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.link.transport.is_encrypted()
    }

    /// The connection below, for its options and to look at it. What is read
    /// from it directly is missing in the body. Its deadline for reading is set
    /// and lifted by each read of the body: whoever wants one of his own uses
    /// [`with_timeout`](crate::sync::with_timeout).
    pub fn transport(&self) -> &dyn Transport {
        self.link.transport
    }

    /// The server, and what it knows of this connection.
    pub fn context(&self) -> &'a Context {
        self.context
    }

    /// What a [`Router`](super::Router) has found in the path.
    pub fn params(&self) -> &Params {
        self.params
    }

    /// The part of the path that a route calls `name`.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name)
    }

    /// Values that those around a handler leave for it.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Those values, to be changed.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// The body, to be read.
    pub fn body(&mut self) -> &mut Body<'a> {
        &mut self.body
    }
}

fn ascii(value: &HeaderValue) -> Cow<'_, str> {
    let shown = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' };
    match value.to_str() {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().iter().map(shown).collect(),
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.method())
            .field("path", &self.path())
            .field("version", &self.version())
            .field("peer", self.peer())
            .field("headers", &self.headers().keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
