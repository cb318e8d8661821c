//! Bodies of answers, compressed for clients that take that.

mod coder;
mod gain;
mod negotiated;
mod shelf;

use std::fmt;
use std::sync::Arc;

use ::http::HeaderMap;

use self::negotiated::Negotiated;
use self::shelf::Shelf;
use super::handler::{Handler, Middleware, Result};
use super::request::Request;
use super::response::Response;

/// What a body must have to be worth it, in bytes. Below it the head and one
/// packet are most of what travels, and gzip alone adds 18 bytes.
const MIN_SIZE: u64 = 1024;
/// Texts become a fortieth larger than with 6, zlib's own choice, in half the
/// time or less.
const LEVEL: u32 = 4;
/// Bodies that are coded at once.
const AT_ONCE: usize = 128;

/// Compresses the bodies of answers with gzip (RFC 1952) for clients that take
/// it: middleware for [`around`](super::around), as `CompressionLayer` is for
/// axum and `gziphandler` for Go.
///
/// ```
/// use greenserve::http::{self, Compression, Request, Response};
///
/// fn page(_: &mut Request, response: &mut Response) -> http::Result {
///     response.header("content-type", "text/html")?;
///     response.send("<p>over and over again".repeat(1_000))
/// }
///
/// let server = http::serve(http::around(Compression::new(), page));
/// # let _ = server;
/// ```
///
/// The client chooses by `Accept-Encoding`, with weights, `*` and `identity` as
/// RFC 9110, 12.5.3, has them. Coded are answers to HTTP/1.1 with a body of at
/// least [`min_size`](Compression::min_size) bytes, or of a length that is not
/// known when their head leaves, of [a kind that gains](Compression::gains),
/// and not: parts (206), what has a `Content-Encoding` already, what says
/// `Cache-Control: no-transform`, and what a digest was made of. A body of up
/// to 64 KiB that is sent whole goes as it is if it became no smaller.
///
/// A coded answer says `Content-Encoding: gzip`, its `Content-Length` is that of
/// the coded body or missing, a strong `ETag` becomes weak (8.8.3.3: it is
/// another sequence of bytes), and `Accept-Ranges` is taken away. All answers
/// that some client could get coded say `Vary: Accept-Encoding`. `HEAD` is
/// answered with the same headers as far as they are known without the body.
///
/// A [flush](std::io::Write::flush) of the handler sends all that was written
/// so far. A handler that fails in the middle leaves a body without its end, in
/// gzip as in HTTP.
///
/// **Secrets beside what a stranger chooses.** The length of a compressed body
/// tells how often its parts repeat. Who can have a victim's browser send
/// requests, put text into the answers and watch their length can guess a
/// secret that stands in them, through TLS (the attack is called BREACH). So
/// nothing is compressed unless you say so: leave out what shows both, by
/// [`when`](Compression::when) or by `Cache-Control: no-transform`.
///
/// **What it costs.** Each coded body takes some 400 KiB from its first byte to
/// its last, for a slow client as long as that takes; see
/// [`at_once`](Compression::at_once). The work is done where the handler runs,
/// and others have their turn after each 4 KiB.
#[doc(alias = "CompressionLayer")]
#[doc(alias = "gzip")]
#[derive(Clone, Debug)]
#[must_use = "it compresses nothing until it stands around a handler"]
pub struct Compression {
    rules: Arc<Rules>,
    shelf: Arc<Shelf>,
}

/// What is coded.
#[derive(Clone)]
struct Rules {
    min_size: u64,
    gains: Arc<dyn Fn(&HeaderMap) -> bool + Send + Sync>,
}

impl Compression {
    /// With the defaults that each method names.
    pub fn new() -> Compression {
        Compression {
            rules: Arc::new(Rules {
                min_size: MIN_SIZE,
                gains: Arc::new(gain::gains),
            }),
            shelf: Arc::new(Shelf::new(LEVEL, AT_ONCE)),
        }
    }

    /// How hard it tries, from 1 (fast) to 9 (small); what is beyond counts as
    /// the nearest. 4 otherwise: zlib's own choice, 6, makes texts a fortieth
    /// smaller and takes two to four times as long, and what is above up to
    /// twenty times.
    pub fn level(mut self, level: u32) -> Compression {
        self.shelf = Arc::new(Shelf::new(level.clamp(1, 9), self.shelf.most));
        self
    }

    /// How many bytes a body must have to be coded, if its length is known when
    /// its head leaves. 1024 otherwise: what is smaller fits into a packet
    /// either way. A client that refuses what is not coded
    /// (`identity;q=0`) gets smaller ones coded too.
    pub fn min_size(mut self, bytes: u64) -> Compression {
        Arc::make_mut(&mut self.rules).min_size = bytes;
        self
    }

    /// Codes answers with these headers only, in place of those of
    /// [a kind that gains](Compression::gains).
    ///
    /// ```
    /// use greenserve::http::{Compression, header};
    ///
    /// // Nothing that comes with a cookie.
    /// let careful = Compression::new()
    ///     .when(|headers| Compression::gains(headers) && !headers.contains_key(header::SET_COOKIE));
    /// # let _ = careful;
    /// ```
    pub fn when(mut self, predicate: impl Fn(&HeaderMap) -> bool + Send + Sync + 'static) -> Compression {
        Arc::make_mut(&mut self.rules).gains = Arc::new(predicate);
        self
    }

    /// How many bodies are coded at once, for this value and its clones; 128
    /// otherwise, which bounds their memory by some 50 MiB. What comes while as
    /// many are on their way goes as it is.
    pub fn at_once(mut self, bodies: usize) -> Compression {
        self.shelf = Arc::new(Shelf::new(self.shelf.level, bodies));
        self
    }

    /// Whether `Content-Type` names what becomes smaller: everything but images
    /// (vectors and bitmaps do), sound, video, archives, office documents, PDF,
    /// web fonts, bytes of which nothing is known (`application/octet-stream`),
    /// gRPC, forms in several parts, and server-sent events, which shall leave
    /// at once and would cost a flush each. Without a type it is taken for text.
    pub fn gains(headers: &HeaderMap) -> bool {
        gain::gains(headers)
    }
}

impl Default for Compression {
    fn default() -> Compression {
        Compression::new()
    }
}

impl Middleware for Compression {
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>, next: &dyn Handler) -> Result {
        if !response.has_begun() {
            response.coding = Some(Box::new(Negotiated::new(&self.rules, &self.shelf, request)));
        }
        next.handle(request, response)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("min_size", &self.min_size).finish()
    }
}
