//! What may code a body on its way from the handler to the wire: RFC 9110, 8.4.

use std::fmt::Debug;
use std::io;

use ::http::{HeaderMap, StatusCode, Version};

/// Where coded bytes go.
pub(super) type Sink<'a> = dyn FnMut(&[u8]) -> io::Result<()> + 'a;

/// What is known of an answer when its head is to leave.
#[cfg_attr(
    not(feature = "compression"),
    expect(dead_code, reason = "only what codes bodies reads it")
)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Outline {
    pub(super) status: StatusCode,
    /// Of the request.
    pub(super) version: Version,
    /// Of the whole body as its handler makes it, if it is known.
    pub(super) size: Option<u64>,
}

/// What shall have come out by the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// As much as is ready.
    More,
    /// Enough for all that went in.
    Flush,
    /// The same, and the end.
    End,
}

/// The coding of one answer's body.
pub(super) trait BodyCoding: Debug + Send + Sync {
    /// Whether this body is coded. Has the headers say on what that depends.
    fn begin(&mut self, outline: Outline, headers: &mut HeaderMap) -> bool;

    /// Has the headers say that the body is coded.
    fn tell(&self, headers: &mut HeaderMap);

    /// Whether the client also takes the body as it is.
    fn may_be_plain(&self) -> bool;

    /// Codes a part of the body.
    ///
    /// # Errors
    /// What `sink` fails with, and when the request is killed.
    fn code(&mut self, part: &[u8], step: Step, sink: &mut Sink<'_>) -> io::Result<()>;

    /// Gives back what coding took, at the end of the body or for another
    /// answer in its place.
    fn end(&mut self);
}
