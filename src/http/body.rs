//! The body of a request.

use std::fmt;
use std::io::{self, BufRead, Read};

use ::http::{HeaderMap, StatusCode};

use super::chunked::{Chunked, Step};
use super::fields::Framing;
use super::inbox::Inbox;
use super::limits::Limits;
use super::link::Link;
use super::refusal::Refusal;
use super::source::Source;
use crate::net::MinimumRate;

/// The body of a request, to be read once: use [`Read`] and [`BufRead`] on it.
///
/// It comes from the connection as it is read, so a client can send no faster
/// than its handler reads. A client that waits for `100 Continue` is sent it
/// with the first read. What the handler leaves unread is read and dropped
/// after the answer, up to [`Limits::unread_body`].
///
/// Reads fail with a [`Refusal`](super::Refusal) inside where the client broke
/// a rule or a limit; a handler that returns such an error with `?` has the
/// client told so.
pub struct Body<'a> {
    source: Source<'a>,
    limits: &'a Limits,
    framing: Left,
    most: u64,
    taken: u64,
    trailers: &'a mut HeaderMap,
}

/// What is still to come.
#[derive(Debug)]
enum Left {
    Sized(u64),
    Chunked(Chunked),
}

impl<'a> Body<'a> {
    pub(super) fn new(
        link: &'a Link<'a>,
        inbox: &'a mut Inbox,
        framing: Framing,
        limits: &'a Limits,
        rate: Option<MinimumRate>,
        trailers: &'a mut HeaderMap,
    ) -> Body<'a> {
        let left = match framing {
            Framing::None => Left::Sized(0),
            Framing::Sized(size) => {
                link.set_much_left(size > limits.unread_body);
                Left::Sized(size)
            }
            Framing::Chunked => Left::Chunked(Chunked::default()),
        };
        Body {
            source: Source::new(link, inbox, rate),
            limits,
            framing: left,
            most: limits.body,
            taken: 0,
            trailers,
        }
    }

    /// Allows this body `bytes`, whatever [`Limits::body`] says.
    pub fn set_limit(&mut self, bytes: u64) {
        self.most = bytes;
    }

    /// How much is still to come; `None` where only the end will tell.
    pub fn remaining(&self) -> Option<u64> {
        match &self.framing {
            Left::Sized(left) => Some(*left),
            Left::Chunked(_) => None,
        }
    }

    /// What the client sent behind a chunked body. Empty until the body has
    /// been read to its end.
    pub fn trailers(&self) -> &HeaderMap {
        self.trailers
    }

    /// All of it, at most `limit` bytes.
    ///
    /// # Errors
    /// As a read; with 413 for the client when there is more.
    pub fn bytes(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        self.most = self.most.min(limit.saturating_add(self.taken));
        let mut bytes = Vec::new();
        if let Some(size) = self.remaining() {
            self.check_size(size)?;
            // A client's word alone takes no more than this.
            bytes.reserve(usize::try_from(size).map_or(0, |size| size.min(64 * 1024)));
        }
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// All of it as text, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`bytes`](Body::bytes); with 400 for the client when it is not UTF-8.
    pub fn text(&mut self, limit: u64) -> io::Result<String> {
        String::from_utf8(self.bytes(limit)?).map_err(|_| {
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, "the body is not UTF-8");
            refusal.into_io(io::ErrorKind::InvalidData)
        })
    }

    /// Whether all of it has been taken off the connection.
    pub(super) fn is_read(&mut self) -> bool {
        match &self.framing {
            Left::Sized(left) => *left == 0,
            Left::Chunked(chunked) => chunked.is_done(),
        }
    }

    /// Whether the rest is here already, so that no read of it waits.
    pub(super) fn is_here(&self) -> bool {
        match &self.framing {
            Left::Sized(left) => *left <= self.source.inbox.unread().len() as u64,
            Left::Chunked(chunked) => chunked.is_done(),
        }
    }

    /// Takes what the handler left, up to the limit; false if there is more.
    pub(super) fn drop_rest(&mut self) -> io::Result<bool> {
        if self.is_read() {
            return Ok(true);
        }
        let most = self.limits.unread_body;
        if self.source.broken.is_some() || self.remaining().is_some_and(|left| left > most) {
            return Ok(false);
        }
        self.most = self.taken.saturating_add(most);
        loop {
            match self.fill_buf()?.len() {
                0 => return Ok(true),
                count => self.consume(count),
            }
        }
    }

    /// For whoever takes the connection over.
    pub(super) fn inbox(&mut self) -> &mut Inbox {
        self.source.inbox
    }

    /// Whether the client has sent something behind what was read.
    pub(super) fn has_more_behind(&self) -> bool {
        !self.source.inbox.is_empty()
    }

    fn check_size(&mut self, more: u64) -> io::Result<()> {
        if self.taken.saturating_add(more) <= self.most {
            return Ok(());
        }
        let text = format!("the body has more than {} bytes", self.most);
        self.source.breaks(
            Refusal::final_one(StatusCode::PAYLOAD_TOO_LARGE, text),
            io::ErrorKind::InvalidData,
        )
    }

    /// Makes the inbox begin with bytes of the body; how many there are, 0 at
    /// its end.
    fn available(&mut self) -> io::Result<usize> {
        if let Some(refusal) = &self.source.broken {
            return Err(refusal.clone().into_io(io::ErrorKind::InvalidData));
        }
        match self.framing {
            Left::Sized(0) => Ok(0),
            Left::Sized(left) => self.available_sized(left),
            Left::Chunked(_) => self.available_chunked(),
        }
    }

    fn available_sized(&mut self, left: u64) -> io::Result<usize> {
        self.check_size(left)?;
        if self.source.inbox.is_empty() {
            self.source.fill(self.taken)?;
        }
        let here = self.source.inbox.unread().len();
        Ok(usize::try_from(left).map_or(here, |left| left.min(here)))
    }

    fn available_chunked(&mut self) -> io::Result<usize> {
        loop {
            let Left::Chunked(chunked) = &mut self.framing else {
                return Ok(0);
            };
            match chunked.look(self.source.inbox.unread(), self.limits) {
                Ok(Step::Skip(count)) => {
                    self.source.inbox.consume(count);
                    let size = self.chunk_left();
                    self.check_size(size)?;
                }
                Ok(Step::Data(count)) => return Ok(count),
                Ok(Step::More) => self.source.fill(self.taken)?,
                Ok(Step::End(count, trailers)) => {
                    self.source.inbox.consume(count);
                    *self.trailers = trailers;
                    return Ok(0);
                }
                Ok(Step::Done) => return Ok(0),
                Err(refusal) => return self.source.breaks(refusal, io::ErrorKind::InvalidData),
            }
        }
    }

    fn chunk_left(&self) -> u64 {
        match &self.framing {
            Left::Chunked(chunked) => chunked.data_left(),
            Left::Sized(_) => 0,
        }
    }

    fn took(&mut self, count: usize) {
        let count = count as u64;
        self.taken += count;
        match &mut self.framing {
            Left::Sized(left) => {
                *left -= count.min(*left);
                if *left <= self.limits.unread_body {
                    self.source.link.set_much_left(false);
                }
            }
            Left::Chunked(chunked) => chunked.took(count),
        }
    }

    /// Whether a read of so much had better go past the inbox, and how much it
    /// may take.
    fn directly(&self, room: usize) -> Option<usize> {
        let left = match &self.framing {
            Left::Sized(left) => *left,
            Left::Chunked(chunked) => chunked.data_left(),
        };
        let most = usize::try_from(left).map_or(room, |left| left.min(room));
        (self.source.inbox.is_empty() && most >= 4096 && self.source.broken.is_none()).then_some(most)
    }
}

/// Without its bytes and its trailers, which may be secrets.
impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("taken", &self.taken)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

impl Read for Body<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(most) = self.directly(into.len()) {
            self.check_size(self.remaining().unwrap_or(0))?;
            let count = self.source.read(&mut into[..most], self.taken)?;
            self.took(count);
            return Ok(count);
        }
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Body<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let count = self.available()?;
        Ok(&self.source.inbox.unread()[..count])
    }

    fn consume(&mut self, count: usize) {
        self.source.inbox.consume(count);
        self.took(count);
    }
}
