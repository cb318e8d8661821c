//! How an answer becomes bytes.

use std::io::{self, Write};

use ::http::header::{ALLOW, CONTENT_TYPE};
use ::http::{HeaderValue, StatusCode, Version};

use super::body_coding::Step;
use super::coded::{too_little, too_much};
use super::refusal::Refusal;
use super::reply::{Length, Reply, stated_length, wants_close};
use super::response::{Response, Stage};

/// A larger body is sent from where it is.
const COPIED: usize = 16 * 1024;

impl Response<'_> {
    fn check_status(&self) -> io::Result<()> {
        self.link.check()?;
        match self.status.is_informational() {
            true => Err(io::Error::other(format!("{} does not end an exchange", self.status))),
            false => Ok(()),
        }
    }

    pub(super) fn send_whole(&mut self, body: &[u8]) -> io::Result<()> {
        // RFC 9110, 15.3.6.
        let body = match self.status {
            StatusCode::RESET_CONTENT => &[],
            _ => body,
        };
        let length = self.length_of(body.len() as u64)?;
        let size = match length {
            Length::Known(size) => Some(size),
            _ => None,
        };
        match (self.is_coded(size), size) {
            (true, Some(size)) => self.send_coded(body, size),
            _ => self.send_plain(body, length),
        }
    }

    pub(super) fn send_plain(&mut self, body: &[u8], length: Length) -> io::Result<()> {
        self.write_head(length);
        self.stage = Stage::Done;
        match length {
            Length::Absent => Ok(()),
            _ if self.asked.is_head => Ok(()),
            _ if body.len() <= COPIED => {
                self.outbox.ready.extend_from_slice(body);
                Ok(())
            }
            _ => self.outbox.send(self.link.transport, &[body]),
        }
    }

    /// How a body of so many bytes is told.
    fn length_of(&self, count: u64) -> io::Result<Length> {
        self.check_status()?;
        if !self.may_have_body() {
            return Ok(Length::Absent);
        }
        // Whatever the handler has stated.
        if self.status == StatusCode::RESET_CONTENT {
            return Ok(Length::Known(0));
        }
        match stated_length(self.headers).map_err(io::Error::other)? {
            // Its size may be known though there is nothing to send.
            Some(stated) if self.asked.is_head => Ok(Length::Known(stated)),
            Some(stated) if stated != count => Err(io::Error::other(format!(
                "the answer's Content-Length is {stated}, its body has {count} bytes"
            ))),
            _ => Ok(Length::Known(count)),
        }
    }

    /// Whether the status and the request allow for one, as far as the client
    /// reads the head: RFC 9112, 6.3.
    fn may_have_body(&self) -> bool {
        !(self.is_tunnel() || self.status == StatusCode::NO_CONTENT || self.status == StatusCode::NOT_MODIFIED)
    }

    /// Whether what follows the head is no HTTP to the client.
    fn is_tunnel(&self) -> bool {
        self.asked.is_connect && self.status.is_success()
    }

    /// The first bytes of a body whose end is not known leave.
    pub(super) fn begin_stream(&mut self) -> io::Result<()> {
        self.check_status()?;
        let stated = stated_length(self.headers).map_err(io::Error::other)?;
        if self.is_coded(stated) {
            self.begin_coded(stated);
            return Ok(());
        }
        let (length, stage) = match stated {
            _ if !self.may_have_body() => (Length::Absent, Stage::Bodiless),
            _ if self.status == StatusCode::RESET_CONTENT => (Length::Known(0), Stage::Bodiless),
            Some(count) if self.asked.is_head => (Length::Known(count), Stage::Bodiless),
            Some(count) => (Length::Known(count), Stage::Sized(count)),
            None if self.asked.version == Version::HTTP_10 => (Length::UntilClose, Stage::UntilClose),
            None => (Length::Chunked, Stage::Chunked),
        };
        self.write_head(length);
        self.stage = match self.asked.is_head {
            true => Stage::Bodiless,
            false => stage,
        };
        Ok(())
    }

    pub(super) fn write_head(&mut self, length: Length) {
        self.link.is_answered();
        let ends = length == Length::UntilClose
            || self.is_tunnel()
            || self.link.is_continue_due()
            || self.link.is_much_left()
            || self.context.is_draining()
            || wants_close(self.headers);
        self.keeps_alive &= !ends;
        let reply = Reply {
            status: self.status,
            length,
            keeps_alive: self.keeps_alive,
            version: self.asked.version,
            server: self.asked.server,
        };
        reply.write(self.headers, &mut self.outbox.ready);
    }

    /// Sends what was collected, and `more` behind it. Only what codes keeps
    /// something back for another `step`.
    pub(super) fn pass_on(&mut self, more: &[u8], step: Step) -> io::Result<()> {
        if let Stage::Coded(left) = self.stage {
            return self.pass_coded(left, more, step);
        }
        let transport = self.link.transport;
        let collected: &[u8] = self.collected;
        let count = collected.len() + more.len();
        let sent = match self.stage {
            _ if count == 0 => Ok(()),
            Stage::Chunked => {
                write!(self.outbox.ready, "{count:x}\r\n")?;
                self.outbox.send(transport, &[collected, more, b"\r\n"])
            }
            Stage::Sized(left) if count as u64 > left => Err(too_much(count as u64 - left)),
            Stage::Sized(left) => {
                self.stage = Stage::Sized(left - count as u64);
                self.outbox.send(transport, &[collected, more])
            }
            Stage::UntilClose => self.outbox.send(transport, &[collected, more]),
            _ => Ok(()),
        };
        self.collected.clear();
        sent
    }

    /// Ends the answer as its handler left it.
    #[inline(never)]
    pub(super) fn finish(&mut self) -> io::Result<()> {
        // The handler may have taken no notice of it.
        self.outbox.check()?;
        match self.stage {
            Stage::Open => {
                let body = std::mem::take(self.collected);
                let sent = self.send_whole(&body);
                *self.collected = body;
                self.collected.clear();
                return sent;
            }
            Stage::Chunked => {
                self.pass_on(&[], Step::End)?;
                self.end_chunks();
            }
            Stage::Coded(left) => {
                self.end_coded(left)?;
                self.end_chunks();
            }
            _ => self.pass_on(&[], Step::End)?,
        }
        if let Stage::Sized(left @ 1..) = self.stage {
            return Err(too_little(left));
        }
        if self.stage != Stage::TakenOver {
            self.stage = Stage::Done;
        }
        Ok(())
    }

    fn end_chunks(&mut self) {
        let ready = &mut self.outbox.ready;
        ready.extend_from_slice(b"0\r\n");
        for (name, value) in self.trailers.iter() {
            ready.extend_from_slice(name.as_str().as_bytes());
            ready.extend_from_slice(b": ");
            ready.extend_from_slice(value.as_bytes());
            ready.extend_from_slice(b"\r\n");
        }
        ready.extend_from_slice(b"\r\n");
    }

    /// Answers with a refusal instead of what the handler began; false if that
    /// is on its way.
    #[inline(never)]
    pub(super) fn refuse(&mut self, refusal: &Refusal) -> io::Result<bool> {
        if self.stage == Stage::TakenOver || !self.outbox.take_back() {
            return Ok(false);
        }
        self.collected.clear();
        if let Some(coding) = &mut self.coding {
            coding.end();
        }
        // An answer of 405 must have it: RFC 9110, 15.5.6.
        let allow = self.headers.remove(ALLOW);
        self.headers.clear();
        if let Some(allow) = allow.filter(|_| refusal.status() == StatusCode::METHOD_NOT_ALLOWED) {
            self.headers.insert(ALLOW, allow);
        }
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        (self.status, self.stage) = (refusal.status(), Stage::Open);
        self.keeps_alive &= !refusal.closes();
        let text = format!("{}\n", refusal.text());
        self.written = text.len() as u64;
        self.send_whole(text.as_bytes()).map(|()| true)
    }
}
