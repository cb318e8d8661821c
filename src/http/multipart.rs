//! Forms that come as `multipart/form-data`, by the feature `forms`: RFC 7578.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use ::bytes::{Buf, Bytes};
use ::futures_core::Stream;
use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use ::multer::{Constraints, Error, Field, Multipart, SizeLimit};

use super::body::Body;
use super::part_limits::PartLimits;
use super::refusal::Refusal;
use super::request::Request;

/// How much of the body is taken at once; the parser keeps no more than this
/// and a boundary.
const PIECE: usize = 8 * 1024;
/// RFC 2046, 5.1.1.
const LONGEST_BOUNDARY: usize = 70;

/// The parts of a form, one after the other, each read as it comes: no part is
/// kept in memory or in a file but by the handler.
///
/// ```
/// use greenserve::http::{self, Parts, Request, Response};
/// use std::io;
///
/// fn upload(request: &mut Request, response: &mut Response) -> http::Result {
///     let mut parts = Parts::of(request)?;
///     let mut said = String::new();
///     while let Some(mut part) = parts.next()? {
///         let name = part.name().unwrap_or_default().to_owned();
///         let size = io::copy(&mut part, &mut io::sink())?;
///         said += &format!("{name}: {size} bytes\n");
///     }
///     response.send(said)
/// }
/// # let _ = http::serve(upload);
/// ```
pub struct Parts<'b> {
    parser: Multipart<'b>,
    limits: PartLimits,
    /// How much the parser may still take to find the next part.
    allowed: Arc<AtomicUsize>,
    /// What was not read to its end.
    open: Option<Field<'b>>,
    count: usize,
}

impl<'b> Parts<'b> {
    /// Of the body of `request`, with the limits of [`PartLimits::new`].
    ///
    /// # Errors
    /// With 415 for the client when its `Content-Type` is not
    /// `multipart/form-data`, or has no boundary.
    pub fn of(request: &'b mut Request<'_>) -> io::Result<Parts<'b>> {
        Parts::with_limits(request, PartLimits::default())
    }

    /// Of the body of `request`, with these limits.
    ///
    /// # Errors
    /// As [`of`](Parts::of).
    pub fn with_limits(request: &'b mut Request<'_>, limits: PartLimits) -> io::Result<Parts<'b>> {
        let kind = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let boundary = ::multer::parse_boundary(kind).map_err(|_| {
            let text = "a form of several parts is sent as multipart/form-data with a boundary";
            refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        })?;
        if !(1..=LONGEST_BOUNDARY).contains(&boundary.len()) {
            let text = format!("a boundary has 1 to {LONGEST_BOUNDARY} characters");
            return Err(refused(StatusCode::BAD_REQUEST, text));
        }
        let allowed = Arc::new(AtomicUsize::new(limits.head_bytes));
        let pieces = Pieces {
            body: request.body(),
            allowed: Arc::clone(&allowed),
            has_given: false,
        };
        let sizes = SizeLimit::new().per_field(limits.part_bytes);
        Ok(Parts {
            parser: Multipart::with_constraints(pieces, boundary, Constraints::new().size_limit(sizes)),
            limits,
            allowed,
            open: None,
            count: 0,
        })
    }

    /// The next part; what is left of the one before is read and dropped.
    /// `None` behind the last one.
    ///
    /// # Errors
    /// With 400 for the client when it is no such form, 413 or 431 at a limit,
    /// which is named; else as a read of the body.
    #[allow(clippy::should_implement_trait, reason = "it may fail, and a part borrows it")]
    pub fn next(&mut self) -> io::Result<Option<Part<'_, 'b>>> {
        while let Some(field) = &mut self.open {
            if next_piece(field)?.is_none() {
                self.open = None;
            }
        }
        self.allowed.store(self.limits.head_bytes, Ordering::Relaxed);
        let Some(field) = wait(|context| self.parser.poll_next_field(context))? else {
            return Ok(None);
        };
        self.count += 1;
        if self.count > self.limits.parts {
            let text = format!("the form has more than {} parts", self.limits.parts);
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        self.allowed.store(usize::MAX, Ordering::Relaxed);
        let field = self.open.insert(field);
        Ok(Some(Part {
            field,
            piece: Bytes::new(),
        }))
    }
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("limits", &self.limits)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// One part of a form; its content is there to [`Read`].
#[derive(Debug)]
pub struct Part<'p, 'b> {
    field: &'p mut Field<'b>,
    piece: Bytes,
}

impl Part<'_, '_> {
    /// The name of its field.
    pub fn name(&self) -> Option<&str> {
        self.field.name()
    }

    /// The name of its file as the client tells it. Never a path to write to:
    /// it may be `../../anything`.
    pub fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// The type of its content as the client tells it.
    pub fn content_type(&self) -> Option<&str> {
        self.field.headers().get(CONTENT_TYPE)?.to_str().ok()
    }

    /// All of it, at most `limit` bytes.
    ///
    /// # Errors
    /// As a read; with 413 for the client when there is more.
    pub fn bytes(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            let text = format!(
                "the field {:?} has more than {limit} bytes",
                self.name().unwrap_or_default()
            );
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Ok(bytes)
    }

    /// All of it as text, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`bytes`](Part::bytes); with 400 for the client when it is not UTF-8.
    pub fn text(&mut self, limit: u64) -> io::Result<String> {
        String::from_utf8(self.bytes(limit)?).map_err(|_| {
            let text = format!("the field {:?} is not UTF-8", self.name().unwrap_or_default());
            refused(StatusCode::BAD_REQUEST, text)
        })
    }
}

/// With the errors of [`Parts::next`].
impl Read for Part<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !into.is_empty() {
            match next_piece(self.field)? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

fn next_piece(field: &mut Field<'_>) -> io::Result<Option<Bytes>> {
    wait(|context| {
        let next = Pin::new(&mut *field).poll_next(context);
        next.map(Option::transpose)
    })
}

/// What the parser reads: a piece, and then nothing for one call, since it
/// takes in all there is before it looks at any of it.
struct Pieces<'b, 'a> {
    body: &'b mut Body<'a>,
    allowed: Arc<AtomicUsize>,
    has_given: bool,
}

impl Stream for Pieces<'_, '_> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.has_given = !self.has_given;
        if !self.has_given {
            return Poll::Pending;
        }
        let allowed = self.allowed.load(Ordering::Relaxed);
        if allowed == 0 {
            let text = "what stands before a part of the form is too long";
            let refusal = refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
            return Poll::Ready(Some(Err(refusal)));
        }
        let mut piece = vec![0; PIECE];
        // Here the coroutine waits, and nobody else has the parser.
        match self.body.read(&mut piece) {
            Ok(0) => Poll::Ready(None),
            Ok(count) => {
                self.allowed.store(allowed.saturating_sub(count), Ordering::Relaxed);
                piece.truncate(count);
                Poll::Ready(Some(Ok(piece.into())))
            }
            Err(err) => Poll::Ready(Some(Err(err))),
        }
    }
}

/// Calls `poll` until it is ready: each call has taken a piece of the body, or
/// follows one that has.
fn wait<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<T, Error>>) -> io::Result<T> {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(ready) = poll(&mut context) {
            return ready.map_err(told);
        }
    }
}

/// An error of the parser for the client.
fn told(err: Error) -> io::Error {
    match err {
        Error::StreamReadFailed(source) => match source.downcast::<io::Error>() {
            Ok(err) => *err,
            Err(source) => io::Error::other(source),
        },
        Error::FieldSizeExceeded { limit, field_name } => {
            let name = field_name.unwrap_or_default();
            let text = format!("the field {name:?} has more than {limit} bytes");
            refused(StatusCode::PAYLOAD_TOO_LARGE, text)
        }
        err => refused(
            StatusCode::BAD_REQUEST,
            format!("the body is not the form that it says: {err}"),
        ),
    }
}

fn refused(status: StatusCode, text: impl Into<std::borrow::Cow<'static, str>>) -> io::Error {
    Refusal::new(status, text).into_io(ErrorKind::InvalidData)
}
