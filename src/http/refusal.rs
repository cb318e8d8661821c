//! Answers that say no.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use ::http::StatusCode;

use crate::handler::Failure;
use crate::net::{Missed, Overdue};

/// What a client is told instead of what it wanted: a status and a short text.
///
/// A handler that returns one as its error has the client answered with it.
/// That is no failure of the handler: nothing is logged above level debug, and
/// the connection goes on.
///
/// ```
/// use greenserve::http::{self, Refusal, Request, Response, StatusCode};
///
/// fn article(request: &mut Request, response: &mut Response) -> http::Result {
///     if request.path() != "/article" {
///         return Err(Refusal::new(StatusCode::NOT_FOUND, "there is no such article").into());
///     }
///     response.send("...")
/// }
/// # let _ = http::serve(article);
/// ```
///
/// What the library refuses of its own is one too, inside the [`io::Error`] of
/// the read that came upon it; there the connection ends. Where a client was too
/// slow for it, [`Overdue::of`] finds the deadline in that error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} {text}", .status.as_u16())]
pub struct Refusal {
    status: StatusCode,
    text: Cow<'static, str>,
    closes: bool,
    #[source]
    missed: Option<Missed>,
}

impl Refusal {
    /// With a `text` for the client.
    pub fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            status,
            text: text.into(),
            closes: false,
            missed: None,
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What the client is told.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The refusal that `failure` is, or that is one of its sources, if any:
    /// for what stands around handlers and says no in a form of its own.
    pub fn of(failure: &Failure) -> Option<&Refusal> {
        let mut err: Option<&(dyn Error + 'static)> = Some(failure.as_ref());
        while let Some(now) = err {
            let inside = now.downcast_ref::<io::Error>().and_then(Refusal::inside);
            if let Some(refusal) = inside.or_else(|| now.downcast_ref()) {
                return Some(refusal);
            }
            err = now.source();
        }
        None
    }

    fn inside(err: &io::Error) -> Option<&Refusal> {
        err.get_ref()?.downcast_ref()
    }

    /// Whether nothing that follows on the connection can be trusted.
    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    pub(super) fn final_one(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            closes: true,
            ..Refusal::new(status, text)
        }
    }

    pub(super) fn bad_request(text: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::final_one(StatusCode::BAD_REQUEST, text)
    }

    /// For a client that was too slow, by a deadline of its own or by one of
    /// whoever waited for it.
    pub(super) fn late(text: &'static str, missed: Option<Overdue>) -> Refusal {
        Refusal {
            missed: missed.map(Overdue::missed),
            ..Refusal::final_one(StatusCode::REQUEST_TIMEOUT, text)
        }
    }

    pub(super) fn into_io(self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, self)
    }
}
