//! How much a client may send.

/// The most headers that a request may have, whatever [`Limits::headers`] says.
pub(super) const MOST_HEADERS: usize = 256;
/// The longest request line: `http::Uri` holds no longer target.
const LONGEST_LINE: usize = 65_000;

/// How much a client may send, and how much is done for one connection.
///
/// All of them are on; what they refuse is answered with the status named here,
/// the limit in the text, and the end of the connection.
///
/// ```
/// use greenserve::http;
///
/// let limits = http::Limits::new().body(100 << 20).headers(50);
/// # let _ = limits;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "limits have no effect until `Http::limits` is given them"]
pub struct Limits {
    pub(super) request_line: usize,
    pub(super) header_bytes: usize,
    pub(super) headers: usize,
    pub(super) body: u64,
    pub(super) chunk_extensions: usize,
    pub(super) trailer_bytes: usize,
    pub(super) requests: u64,
    pub(super) unread_body: u64,
    pub(super) buffered_replies: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request_line: 8 * 1024,
            header_bytes: 32 * 1024,
            headers: 100,
            body: 16 << 20,
            chunk_extensions: 4 * 1024,
            trailer_bytes: 8 * 1024,
            requests: 100_000,
            unread_body: 256 * 1024,
            buffered_replies: 64 * 1024,
        }
    }
}

impl Limits {
    /// The defaults, which each method names.
    pub fn new() -> Limits {
        Limits::default()
    }

    /// The request line in bytes, 8 KiB by default, as in most servers; 65,000
    /// at most. Beyond it: 414.
    pub fn request_line(mut self, bytes: usize) -> Limits {
        self.request_line = bytes.clamp(16, LONGEST_LINE);
        self
    }

    /// All header lines together in bytes, 32 KiB by default. Beyond it: 431.
    pub fn header_bytes(mut self, bytes: usize) -> Limits {
        self.header_bytes = bytes.max(16);
        self
    }

    /// The number of header lines, 100 by default, 256 at most. Beyond it: 431.
    pub fn headers(mut self, count: usize) -> Limits {
        self.headers = count.clamp(1, MOST_HEADERS);
        self
    }

    /// The body in bytes, 16 MiB by default. Beyond it: 413 for a handler that
    /// reads it. A handler sets another limit for its request with
    /// [`Body::set_limit`](super::Body::set_limit).
    pub fn body(mut self, bytes: u64) -> Limits {
        self.body = bytes;
        self
    }

    /// What chunks say beside their sizes, all of one body together in bytes;
    /// 4 KiB by default. No handler sees them. Beyond it: 400.
    pub fn chunk_extensions(mut self, bytes: usize) -> Limits {
        self.chunk_extensions = bytes;
        self
    }

    /// The trailers of a body in bytes, 8 KiB by default; their number is
    /// bounded by [`headers`](Limits::headers). Beyond it: 431.
    pub fn trailer_bytes(mut self, bytes: usize) -> Limits {
        self.trailer_bytes = bytes;
        self
    }

    /// Requests on one connection, 100,000 by default: the last one is answered
    /// with `Connection: close`, so that long-lived clients spread anew.
    pub fn requests(mut self, count: u64) -> Limits {
        self.requests = count.max(1);
        self
    }

    /// What is read of a body that the handler did not read, so that the
    /// connection can be used again; 256 KiB by default. Beyond it the
    /// connection is closed.
    pub fn unread_body(mut self, bytes: u64) -> Limits {
        self.unread_body = bytes;
        self
    }

    /// Answers to requests that came together are sent together, up to so many
    /// bytes; 64 KiB by default.
    pub fn buffered_replies(mut self, bytes: usize) -> Limits {
        self.buffered_replies = bytes;
        self
    }
}
