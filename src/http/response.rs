//! An answer as a handler makes it.

use std::fmt;
use std::io::{self, Write};

use ::http::header::TRAILER;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use super::body_coding::{BodyCoding, Step};
use super::link::Link;
use super::outbox::Outbox;
use super::value::header_value;
use crate::handler::{Context, Failure};

/// What is written without a size is collected up to so many bytes: an answer
/// that ends before has its size told, a longer one goes in chunks as large.
const COLLECTED: usize = 8 * 1024;

/// The answer to a request.
///
/// Set the [`status`](Response::set_status) (200 otherwise) and headers, then
/// either [`send`](Response::send) a body that is there whole, or write it:
/// [`Write`]. What is written is sent in chunks, to a client of HTTP/1.0 until
/// the end of the connection; with a `Content-Length` that the handler has set,
/// as it is. A handler that does none of it answers with an empty body.
///
/// `HEAD`, 204, 205 and 304 have no body: what is sent or written there is dropped.
/// `Date`, `Content-Length`, `Transfer-Encoding` and `Connection` are the
/// library's; a `Connection: close` of the handler ends the connection after
/// the answer.
///
/// ```
/// use greenserve::http::{self, Request, Response};
/// use std::io::Write;
///
/// fn count(_: &mut Request, response: &mut Response) -> http::Result {
///     response.header("content-type", "text/plain")?;
///     for number in 0..1000 {
///         writeln!(response, "{number}")?;
///     }
///     Ok(())
/// }
/// # let _ = http::serve(count);
/// ```
///
/// Its [`Debug`](fmt::Debug) has no values of headers and no body: they may be
/// secrets, and what is shown so ends up in a log.
pub struct Response<'a> {
    pub(super) link: &'a Link<'a>,
    pub(super) outbox: &'a mut Outbox,
    /// The part of a body that has not become a chunk.
    pub(super) collected: &'a mut Vec<u8>,
    pub(super) headers: &'a mut HeaderMap,
    pub(super) context: &'a Context,
    pub(super) asked: Asked<'a>,
    pub(super) status: StatusCode,
    pub(super) keeps_alive: bool,
    pub(super) stage: Stage,
    pub(super) trailers: &'a mut HeaderMap,
    /// Bytes of the body so far.
    pub(super) written: u64,
    /// What codes the body, if anything shall.
    pub(super) coding: Option<Box<dyn BodyCoding>>,
}

/// What the answer depends on beside the handler.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) is_head: bool,
    pub(super) is_connect: bool,
    pub(super) version: Version,
    pub(super) server: Option<&'a HeaderValue>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(method: &Method, version: Version, server: Option<&'a HeaderValue>) -> Asked<'a> {
        Asked {
            is_head: *method == Method::HEAD,
            is_connect: *method == Method::CONNECT,
            version,
            server,
        }
    }
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No head yet.
    Open,
    /// So many bytes of the body are still to be written.
    Sized(u64),
    Chunked,
    /// Coded, and then in chunks; so many bytes of what the handler makes are
    /// still to come, if it has said.
    Coded(Option<u64>),
    UntilClose,
    /// What is written is dropped.
    Bodiless,
    Done,
    /// The connection is somebody else's.
    TakenOver,
}

impl<'a> Response<'a> {
    /// The status so far; 200 unless it was set.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Sets the status. Without effect once the head is on its way.
    pub fn set_status(&mut self, status: StatusCode) -> &mut Response<'a> {
        self.status = status;
        self
    }

    /// Sets a header, in place of what it was.
    ///
    /// # Errors
    /// When the name or the value cannot be sent, a line feed in it above all;
    /// the error names it. Also when the head is on its way already.
    pub fn header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<&mut Response<'a>, Failure> {
        self.check_open()?;
        let (known, value) = field(name, value.as_ref())?;
        self.headers.insert(known, value);
        Ok(self)
    }

    /// The headers so far.
    pub fn headers(&self) -> &HeaderMap {
        self.headers
    }

    /// The headers so far, to be changed. Without effect once the head is on
    /// its way.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers
    }

    /// Whether the head is on its way, so that status and headers can no longer
    /// be changed.
    pub fn has_begun(&self) -> bool {
        self.stage != Stage::Open
    }

    /// How many bytes of the body the handler has given so far, before any
    /// compression.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Answers with this body. It is the end of the answer.
    ///
    /// # Errors
    /// When something was written or sent before, when the handler has set
    /// another `Content-Length`, or as a write to the connection.
    pub fn send(&mut self, body: impl AsRef<[u8]>) -> Result<(), Failure> {
        let body = body.as_ref();
        self.check_open()?;
        if !self.collected.is_empty() {
            return Err("the answer's body was written before, so it cannot be sent".into());
        }
        self.written = body.len() as u64;
        Ok(self.send_whole(body)?)
    }

    /// Sets a field that is sent behind the body, for a body that goes in
    /// chunks; for any other it is dropped. Its name is told in a `Trailer`
    /// header if the head is not on its way yet.
    ///
    /// # Errors
    /// When the name or the value cannot be sent.
    pub fn trailer(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<&mut Response<'a>, Failure> {
        let (known, value) = field(name, value.as_ref())?;
        if !self.has_begun() {
            self.headers.append(TRAILER, HeaderValue::from_str(known.as_str())?);
        }
        self.trailers.insert(known, value);
        Ok(self)
    }

    fn check_open(&self) -> Result<(), Failure> {
        match self.stage {
            Stage::Open => Ok(()),
            _ => Err("the answer's head is on its way already".into()),
        }
    }
}

/// A header or a trailer as it can be sent.
fn field(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), Failure> {
    let known = HeaderName::from_bytes(name.as_bytes());
    let known = known.map_err(|_| {
        format!("a header cannot be called {name:?}: its name has letters, digits and any of !#$%&'*+-.^_`|~ alone")
    })?;
    Ok((known, header_value(name, value)?))
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("stage", &self.stage)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// See [`Response`]: collected into chunks.
impl Write for Response<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stage {
            Stage::Done => return Err(io::Error::other("the answer has been sent already")),
            Stage::TakenOver => return Err(io::Error::other("the connection was taken over")),
            _ => {}
        }
        self.written += bytes.len() as u64;
        if self.stage == Stage::Bodiless {
            return Ok(bytes.len());
        }
        if self.collected.len() + bytes.len() <= COLLECTED {
            self.collected.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        if self.stage == Stage::Open {
            self.begin_stream()?;
        }
        self.pass_on(bytes, Step::More)?;
        Ok(bytes.len())
    }

    /// Sends what was written so far, and the head before it.
    fn flush(&mut self) -> io::Result<()> {
        if self.stage == Stage::Open {
            self.begin_stream()?;
        }
        self.pass_on(&[], Step::Flush)?;
        self.outbox.send(self.link.transport, &[])
    }
}
